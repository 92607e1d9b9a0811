# A deeper look at the trained density models; a target of its own: snakemake --cores all analysis


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
