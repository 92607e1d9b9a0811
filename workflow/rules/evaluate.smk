# Evaluation: one record per run, the only thing that tables are made from.


rule evaluate:
    input:
        trained=trained,
        before=trained_before("evaluation"),
    output:
        run=directory(f"{ROOT}/runs/{{run}}"),
    log:
        f"{LOGS}/evaluate/{{run}}.log",
    benchmark:
        f"{BENCHMARKS}/evaluate/{{run}}.jsonl"
    threads: PLAN.threads
    resources:
        mem_mb=memory,
        runtime=240,
        gpu=evaluation_gpus,
    params:
        arguments=arguments("evaluation"),
        code=code("evaluation"),
        results=folder_above,
    message:
        "evaluate {wildcards.run}"
    shell:
        "dgmbench evaluate {params.arguments} --results {params.results:q} --devices {resources.gpu} --threads {threads} 2> {log:q}"
