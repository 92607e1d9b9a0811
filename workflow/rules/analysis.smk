# A deeper look at what was trained, task by task; no part of the benchmark: snakemake --cores all analysis


def analysed_runs(wildcards):
    """What the analysis of a task needs to be trained, or evaluated, before."""
    needed = ANALYSES[wildcards.task].runs(PLAN)
    folders = {"training": "trained", "evaluation": "runs"}
    names = {
        "training": [run.training_id for run in needed.get("training", ())],
        "evaluation": [run.run_id for run in needed.get("evaluation", ())],
    }
    return sorted({f"{ROOT}/{folders[stage]}/{name}" for stage, ids in names.items() for name in ids})


def analysed_data(wildcards):
    """The data that the runs of a task read."""
    task = PLAN.tasks[wildcards.task]
    names = {name for run in PLAN.of(wildcards.task) for name in task.reads(run)}
    return [f"{ROOT}/data/{file_name(name)}.json" for name in sorted(names)]


def analysis_code(wildcards):
    """A hash of the code of a task's analysis."""
    return [package_hash("report"), source_hash(ANALYSES[wildcards.task].run.partition(":")[0])]


def analysis_gpus(wildcards):
    """GPUs that the analysis can use."""
    return ANALYSES[wildcards.task].gpus


rule analyse:
    input:
        config=rules.write_config.output.config,
        data=analysed_data,
        runs=analysed_runs,
    output:
        marker=touch(f"{ROOT}/analysis/{{task}}"),
    log:
        f"{LOGS}/analysis/{{task}}.log",
    benchmark:
        f"{BENCHMARKS}/analysis/{{task}}.jsonl"
    threads: PLAN.threads
    resources:
        mem_mb=3500,
        runtime=240,
        gpu=analysis_gpus,
    params:
        code=analysis_code,
        results=RESULTS,
    message:
        "analyse {wildcards.task}"
    shell:
        "dgmbench analyse {wildcards.task} --config {input.config:q} --results {params.results:q} "
        "--devices {resources.gpu} --threads {threads} 2> {log:q}"


rule analysis:
    input:
        expand(f"{ROOT}/analysis/{{task}}", task=ANALYSES),
    localrule: True
    message:
        f"the analyses are in {TABLES} and {ROOT}/figures"
