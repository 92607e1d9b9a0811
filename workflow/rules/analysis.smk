# A deeper look at what was trained, task by task: part of the benchmark where the configuration says `analyses: true`;
# snakemake --cores all analysis


rule analyse:
    input:
        config=rules.write_config.output.config,
        data=analysed_data,
        runs=analysed_runs,
    output:
        marker=touch(f"{ROOT}/analysis/{{task}}"),
        figures=report(
            directory(f"{ROOT}/report/analysis/{{task}}"),
            patterns=["{figure}.png"],
            caption="../report/analysis.rst",
            category=title_of_task,
            labels=words_of_figure,
        ),
    log:
        f"{LOGS}/analyse/{{task}}.log",
    benchmark:
        f"{BENCHMARKS}/analyse/{{task}}.jsonl"
    wildcard_constraints:
        task="|".join(map(re.escape, ANALYSES)) or "(?!)",  # where no task has one, nothing
    threads: PLAN.threads
    resources:
        mem_mb=3500,
        runtime=240,
        gpu=analysis_gpus,
    params:
        code=analysis_code,
        results=folder_of_presets,
    message:
        "analyse {wildcards.task}"
    shell:
        "dgmbench analyse {wildcards.task:q} --config {input.config:q} --results {params.results:q} "
        "--devices {resources.gpu} --threads {threads} 2> {log:q}"


rule analysis:
    input:
        expand(f"{ROOT}/analysis/{{task}}", task=ANALYSES),
    localrule: True
    message:
        f"the analyses are in {ROOT}/report.html, {TABLES} and {ROOT}/figures"
