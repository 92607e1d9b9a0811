# Functions of single rules: what a job of theirs needs.
import json

from dgmbench.run.needs import needed


def trained_before(stage):
    """What the trainings of other runs leave that a stage of a run reads."""

    def of_run(wildcards):
        run = run_of(wildcards)
        return [f"{ROOT}/trained/{each.spec.training_id}" for each in needed(PLAN.task_of(run), run, stage)]

    return of_run


def configuration(wildcards):
    """The configuration as the commands read it; behind a function, so that its braces are no wildcards."""
    return json.dumps(CONFIGURATION.content, indent=1)


def analysed_runs(wildcards):
    """What the analysis of a task needs to be trained, or evaluated, before."""
    needed = PLAN.runs_before(wildcards.task)
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
    return code_of_analysis(ANALYSES[wildcards.task])


def analysis_gpus(wildcards):
    """GPUs that the analysis can use."""
    return ANALYSES[wildcards.task].gpus


def runs_of_task(wildcards):
    """The evaluated runs that a table is made from."""
    return [f"{ROOT}/runs/{run.run_id}" for run in PLAN.of(wildcards.task)]


def tables_code(wildcards):
    """A hash of the code that makes a task's table."""
    return code_of_table(PLAN.tasks[wildcards.task])


def described_rows(wildcards):
    """A hash of what a table says of its rows besides their runs."""
    return description_of_rows(PLAN.tasks[wildcards.task])


def folder_of_results(wildcards, output):
    """The folder of all presets, from the report of one."""
    return Path(output[0]).parents[1]


def title_of_task(wildcards):
    """What people call a task."""
    return PLAN.tasks[wildcards.task].title


def words_of_figure(wildcards, output):
    """Title and caption of a figure, which lies beside its caption in one of a rule's outputs."""
    folder = next(folder for folder in map(Path, output) if (folder / f"{wildcards.figure}.png").is_file())
    return json.loads((folder / "captions.json").read_text(encoding="utf-8"))[wildcards.figure]


def labels_of_table(wildcards):
    """What Snakemake's report says of a table."""
    return {"table": title_of_task(wildcards), "shows": "ours beside the published numbers"}
