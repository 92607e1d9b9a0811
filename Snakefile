# dgmbench: download real data, train every model, evaluate all alike, put our numbers beside the published ones.
#
#   snakemake --cores all                                             the benchmark of config.yaml
#   snakemake --cores 2 --configfile workflow/presets/smoke.yaml      the tables in minutes, on a part of the data
#   snakemake --cores all density                                     the table of one task, here density, alone
#   snakemake --cores all --resources gpu=0                           on the CPU, whatever the machine has


include: "workflow/rules/configuration.smk"


configfile: "config.yaml"


# Used with --software-deployment-method apptainer only; docs/clusters.md says how to build it.
container: "workflow/dgmbench.sif"


# The front page of `snakemake --report`.
report: "workflow/report/workflow.rst"


include: "workflow/rules/gpus.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/analysis.smk"


rule all:
    default_target: True
    input:
        expand(rules.tables.output, task=PLAN.tasks),
        rules.page.output,
        rules.mlflow.output if PLAN.tracking else [],
        rules.analysis.input if PLAN.analysed else [],
    localrule: True
    message:
        "the tables are in {TABLES}, and all of it is in {ROOT}/report.html"


include: "workflow/rules/targets.smk"


onerror:
    # What finished is shown, and what failed is named; without their markers the next call makes the tables again.
    shell(
        "rm -f {0}/*.complete; for step in tabulate report {3}; do "
        "dgmbench $step --config {1}/config.json --results {2} > /dev/null 2>&1 || true; done".format(
            *map(shlex.quote, (TABLES, ROOT, RESULTS)), "track" if PLAN.tracking else ""
        )
    )
