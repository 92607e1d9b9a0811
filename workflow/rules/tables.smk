# Tables and figures from the run records, and MLflow's view of them.


rule write_config:
    output:
        config=f"{ROOT}/config.json",
    log:
        f"{LOGS}/write_config.log",
    priority: 1000
    localrule: True
    threads: 1
    params:
        content=json.dumps(config, indent=1),
    message:
        "write down the configuration"
    shell:
        "printf '%s\\n' {params.content:q} > {output.config} 2> {log}"


rule tables:
    input:
        config=rules.write_config.output.config,
        records=run_records(),
    output:
        density=multiext(f"{TABLES}/density", ".csv", ".md", ".html", ".tex"),
        classification=multiext(f"{TABLES}/classification", ".csv", ".md", ".html", ".tex"),
        # says that no run is missing in them
        complete=touch(f"{TABLES}/complete"),
    log:
        f"{LOGS}/tables.log",
    benchmark:
        f"{BENCHMARKS}/tables.jsonl"
    localrule: True
    threads: 1
    params:
        code=package_hash("tables", "report", "stages/tabulate.py"),
        results=folder_above,
    message:
        "make the tables in {TABLES}"
    shell:
        "dgmbench tabulate --config {input.config} --results {params.results} 2> {log}"


rule mlflow:
    input:
        config=rules.write_config.output.config,
        records=run_records(),
        tables=rules.tables.output,
    output:
        marker=touch(f"{TABLES}/tracked"),
    log:
        f"{LOGS}/mlflow.log",
    benchmark:
        f"{BENCHMARKS}/mlflow.jsonl"
    localrule: True
    threads: 1
    params:
        results=folder_above,
    message:
        "show the results in MLflow"
    # The files are the truth and MLflow is a view of them: when it fails, the benchmark has not. It is said aloud.
    shell:
        "dgmbench track --config {input.config} --results {params.results} 2> {log} || "
        'echo "MLflow was not updated: $(tail -n 1 {log})" >&2'
