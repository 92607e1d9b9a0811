# Tables and figures from the run records, the report of them, and MLflow's view of them.


rule write_config:
    output:
        config=f"{ROOT}/config.json",
    log:
        f"{LOGS}/write_config.log",
    priority: 1000
    localrule: True
    threads: 1
    params:
        content=configuration,
    message:
        "write down the configuration"
    script:
        "../scripts/write_config.py"


rule tables:
    input:
        config=rules.write_config.output.config,
        runs=runs_of_task,
    output:
        tables=[f"{TABLES}/{{task}}.{suffix}" for suffix in ("csv", "md", "tex", "npz")],
        page=report(
            f"{TABLES}/{{task}}.html",
            caption="../report/table.rst",
            category=title_of_task,
            labels=labels_of_table,
        ),
        # says that no run is missing in them
        complete=touch(f"{TABLES}/{{task}}.complete"),
    log:
        f"{LOGS}/tables/{{task}}.log",
    benchmark:
        f"{BENCHMARKS}/tables/{{task}}.jsonl"
    localrule: True
    threads: 1
    params:
        code=tables_code,
        rows=described_rows,
        results=folder_of_presets,
    message:
        f"make the table {TABLES}/{{wildcards.task}}.html"
    shell:
        "dgmbench tabulate --task {wildcards.task:q} --config {input.config:q} --results {params.results:q} 2> {log:q}"


rule page:
    input:
        config=rules.write_config.output.config,
        tables=expand(rules.tables.output, task=PLAN.tasks),
    output:
        page=report(
            f"{ROOT}/report.html",
            caption="../report/page.rst",
            category="Report",
            labels={"page": PLAN.preset, "shows": "every table, figure and record"},
        ),
        figures=[
            report(
                directory(f"{ROOT}/report/tables/{name}"),
                patterns=["{figure}.png"],
                caption="../report/figure.rst",
                category=task.title,
                labels=words_of_figure,
            )
            for name, task in PLAN.tasks.items()
        ],
    log:
        f"{LOGS}/page.log",
    benchmark:
        f"{BENCHMARKS}/page.jsonl"
    localrule: True
    threads: 1
    params:
        code=code_of_page(PLAN),
        rows=[description_of_rows(task) for task in PLAN.tasks.values()],
        results=folder_of_results,
    message:
        f"make the report {ROOT}/report.html"
    shell:
        "dgmbench report --config {input.config:q} --results {params.results:q} 2> {log:q}"


rule mlflow:
    input:
        config=rules.write_config.output.config,
        tables=expand(rules.tables.output, task=PLAN.tasks),
    output:
        marker=touch(f"{TABLES}/tracked"),
    log:
        f"{LOGS}/mlflow.log",
    benchmark:
        f"{BENCHMARKS}/mlflow.jsonl"
    localrule: True
    threads: 1
    params:
        results=folder_of_presets,
    message:
        "show the results in MLflow"
    # The files are the truth and MLflow is a view of them: when it fails, the benchmark has not. It is said on the terminal, too.
    shell:
        "dgmbench track --config {input.config:q} --results {params.results:q} 2> {log:q} || "
        'echo "MLflow was not updated: $(tail -n 1 {log:q})" >&2'
