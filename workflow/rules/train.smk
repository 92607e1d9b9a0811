# Training. What resumes an interrupted one lies in {ROOT}/state, which no rule declares: Snakemake deletes declared
# outputs before it starts a job.


rule train:
    input:
        data=data_markers,
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
