# Training. What resumes an interrupted one lies in {ROOT}/state, which no rule declares: Snakemake deletes declared
# outputs before it starts a job.
import os

# Shown in MLflow meanwhile; machines of a cluster must not share a database file, a server takes their runs.
TRACKED = PLAN.tracking and (not workflow.remote_exec or bool(os.environ.get("MLFLOW_TRACKING_URI")))


rule train:
    input:
        data=data_markers,
        before=trained_before("training"),
    output:
        trained=directory(f"{ROOT}/trained/{{run}}"),
    log:
        f"{LOGS}/train/{{run}}.log",
    benchmark:
        f"{BENCHMARKS}/train/{{run}}.jsonl"
    priority: training_rank
    threads: cores
    resources:
        mem_mb=memory,
        runtime=1440,
        gpu=gpus,
    params:
        arguments=arguments("training"),
        code=code("training"),
        results=folder_above,
    message:
        "train {wildcards.run}"
    shell:
        "dgmbench train {params.arguments} --results {params.results:q} --devices {resources.gpu} --threads {threads} "
        f"{'--track ' if TRACKED else ''}"
        "2> {log:q}"
