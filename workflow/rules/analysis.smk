# A deeper look at the models; two targets of their own: snakemake --cores all analysis, and topic_analysis


rule analysis:
    input:
        config=rules.write_config.output.config,
        models=[trained_file(run, name) for run in PLAN.of("density") for name in ("model.pt", "training.json")],
    output:
        imputation=f"{TABLES}/imputation.csv",
        bounds=f"{TABLES}/bound_vs_k.csv",
        slots=f"{TABLES}/memory_slots.csv",
        summary=f"{TABLES}/memory_summary.csv",
    log:
        f"{LOGS}/analysis.log",
    benchmark:
        f"{BENCHMARKS}/analysis.jsonl"
    threads: PLAN.threads
    resources:
        mem_mb=2500,
        runtime=240,
        gpu=1,
    params:
        code=package_hash("evaluation", "report", "stages/analysis.py", "stages/slots.py", "stages/trained.py"),
        results=folder_above,
    message:
        "analyse the density models of {ROOT}"
    shell:
        "dgmbench analyse --config {input.config} --results {params.results} --devices {resources.gpu} --threads {threads} 2> {log}"


rule topic_analysis:
    input:
        config=rules.write_config.output.config,
        data=[f"{ROOT}/data/{slug(name)}.json" for name in sorted({n for r in DOCUMENT_RUNS for n in data_of(r)})],
        curve=[f"{ROOT}/runs/{run.run_id}/run.json" for run in PLAN.topic_curve()],
    output:
        topics=f"{TABLES}/topics.csv",
        words=f"{TABLES}/top_words.csv",
        curve=f"{TABLES}/f1_vs_topics.csv",
    log:
        f"{LOGS}/topic_analysis.log",
    benchmark:
        f"{BENCHMARKS}/topic_analysis.jsonl"
    threads: PLAN.threads
    resources:
        mem_mb=3500,
        runtime=240,
    params:
        code=package_hash(
            "evaluation",
            "report",
            "models/topics",
            *(f"stages/topic_{name}.py" for name in ("analysis", "models", "projection")),
        ),
        results=folder_above,
    message:
        "analyse the topic models of {ROOT}"
    shell:
        "dgmbench analyse classification --config {input.config} --results {params.results} --threads {threads} 2> {log}"
