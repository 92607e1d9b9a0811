# Training. What resumes an interrupted one lies in {ROOT}/state, which no rule declares: Snakemake deletes declared
# outputs before it starts a job.


rule train_density:
    input:
        data=data_markers,
    output:
        model=f"{ROOT}/trained/{{run}}/model.pt",
        record=f"{ROOT}/trained/{{run}}/training.json",
        curve=f"{ROOT}/trained/{{run}}/curve.csv",
    log:
        f"{LOGS}/train/{{run}}.log",
    benchmark:
        f"{BENCHMARKS}/train/{{run}}.jsonl"
    wildcard_constraints:
        run=one_of(run.training_id for run in PLAN.of("density")),
    priority: training_rank
    threads: cores
    resources:
        mem_mb=2500,
        runtime=1440,
        gpu=gpus,
    params:
        arguments=arguments("training"),
        code=code("training"),
        results=folder_above,
    message:
        "train {wildcards.run}"
    shell:
        "dgmbench train {params.arguments} --results {params.results} --devices {resources.gpu} --threads {threads} 2> {log}"


rule fit_documents:
    input:
        data=data_markers,
    output:
        features=f"{ROOT}/trained/{{run}}/features.npz",
        record=f"{ROOT}/trained/{{run}}/training.json",
    log:
        f"{LOGS}/train/{{run}}.log",
    benchmark:
        f"{BENCHMARKS}/train/{{run}}.jsonl"
    wildcard_constraints:
        run=one_of(run.training_id for run in DOCUMENT_RUNS),
    threads: PLAN.threads
    resources:
        mem_mb=3500,
        runtime=240,
    params:
        arguments=arguments("training"),
        code=code("training"),
        results=folder_above,
    message:
        "fit {wildcards.run}"
    shell:
        "dgmbench train {params.arguments} --results {params.results} --threads {threads} 2> {log}"
