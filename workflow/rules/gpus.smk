# `snakemake --resources gpu=0`: nothing asks for a GPU, wherever it runs.
from snakemake.resources import Resources

GPU_RULES = ("train", "evaluate", "analyse")
if "gpu" in workflow.global_resources and workflow.global_resources["gpu"].value == 0:
    # The limit is known here and not in the jobs of a cluster, which would ask for the GPUs that the rules name.
    by_rule = dict(workflow.resource_settings.overwrite_resources)
    for name in GPU_RULES:
        by_rule[name] = Resources({**by_rule.get(name, {}), **Resources.from_mapping({"gpu": 0})})
    workflow.resource_settings.overwrite_resources = by_rule
