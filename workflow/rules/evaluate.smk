# Evaluation: one record per run, the only thing that tables are made from.


rule evaluate_density:
    input:
        model=trained("model.pt"),
        record=trained("training.json"),
    output:
        record=f"{ROOT}/runs/{{run}}/run.json",
        values=f"{ROOT}/runs/{{run}}/per_example.npz",
    log:
        f"{LOGS}/evaluate/{{run}}.log",
    benchmark:
        f"{BENCHMARKS}/evaluate/{{run}}.jsonl"
    wildcard_constraints:
        run=one_of(run.run_id for run in PLAN.of("density")),
    threads: PLAN.threads
    resources:
        mem_mb=2500,
        runtime=240,
        gpu=1,
    params:
        arguments=arguments("evaluation"),
        code=code("evaluation"),
        results=folder_above,
    message:
        "evaluate {wildcards.run}"
    shell:
        "dgmbench evaluate {params.arguments} --results {params.results} --devices {resources.gpu} --threads {threads} 2> {log}"


rule evaluate_documents:
    input:
        features=trained("features.npz"),
        record=trained("training.json"),
    output:
        record=f"{ROOT}/runs/{{run}}/run.json",
        predictions=f"{ROOT}/runs/{{run}}/per_example.npz",
    log:
        f"{LOGS}/evaluate/{{run}}.log",
    benchmark:
        f"{BENCHMARKS}/evaluate/{{run}}.jsonl"
    wildcard_constraints:
        run=one_of(run.run_id for run in DOCUMENT_RUNS),
    threads: PLAN.threads
    resources:
        mem_mb=2500,
        runtime=240,
    params:
        arguments=arguments("evaluation"),
        code=code("evaluation"),
        results=folder_above,
    message:
        "classify by {wildcards.run}"
    shell:
        "dgmbench evaluate {params.arguments} --results {params.results} --threads {threads} 2> {log}"
