"""``run``, ``plan`` and ``status``: what they select, what they pass on to Snakemake, and what they say."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from dgmbench import cli
from dgmbench.commands import run as runs
from dgmbench.commands.estimates import estimates
from dgmbench.commands.passed_on import check_files, understood
from dgmbench.commands.plan import duration
from dgmbench.commands.run import summary
from dgmbench.commands.selection import Selection, configuration_of
from dgmbench.commands.status import states
from dgmbench.errors import UserError
from dgmbench.run import provenance, timings
from dgmbench.run.config import plan_of, read_plan
from dgmbench.run.config_files import read_files
from dgmbench.run.plan import Plan
from dgmbench.run.spec import RunSpec
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks

REPOSITORY = Path(__file__).parents[2]


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        cli.app(list(arguments), prog_name="dgmbench")
    return int(stop.value.code or 0)


def plan(**selected: Any) -> Plan:
    return plan_of(configuration_of(Selection(**selected))[0], all_tasks())


def densities(plan: Plan) -> list[RunSpec]:
    """Those of a table, or those that are trained for others."""
    return [run for run in plan.whole if run.task == "density"]


@pytest.mark.parametrize(
    ("selected", "cells", "seeds"),
    [
        ({"datasets": ["ocr-letters"], "rows": ["vae,iwae-5"]}, {"ocr-letters/vae", "ocr-letters/iwae-5"}, [0]),
        ({"rows": ["bow"], "seeds": "0-2"}, {"20news/bow", "reuters/bow"}, [0, 1, 2]),
        ({"rows": ["vae", "lda"], "datasets": ["mnist,reuters"], "seeds": "5"}, {"mnist/vae", "reuters/lda"}, [5]),
        ({"preset": "five-seeds", "rows": ["bow"], "seeds": "0,3,7-8"}, {"20news/bow", "reuters/bow"}, [0, 3, 7, 8]),
        ({"preset": "three-seeds", "rows": ["iwae-50"], "datasets": ["mnist"]}, {"mnist/iwae-50"}, [0, 1, 2]),
        ({"rows": ["large-vae"], "datasets": ["fashion-mnist"]}, {"fashion-mnist/large-vae"}, [0]),
        ({"preset": "five-seeds", "rows": ["vae"], "datasets": ["mnist"]}, {"mnist/vae"}, [0]),
        ({"preset": "paper", "rows": ["vae"], "datasets": ["mnist"], "seeds": "3"}, {"mnist/vae"}, [3]),
        ({"preset": "overnight", "tasks": ["classification"], "rows": ["bow"]}, {"20news/bow", "reuters/bow"}, [0]),
        ({"datasets": ["mnist"], "rows": ["fractions:Fraction"]}, {"mnist/fractions:Fraction"}, [0]),
        # a row with datasets of its own
        ({"preset": "lecture", "rows": ["dynamic-topics"]}, {"reuters-dated/dynamic-topics"}, [0]),
        (
            {"preset": "lecture", "rows": ["dynamic-topics"], "datasets": ["reuters"], "seeds": "3"},
            {"reuters/dynamic-topics"},
            [3],
        ),
        ({"preset": "lecture", "rows": ["ctm"], "datasets": ["20news"]}, {"20news/ctm"}, [0]),
    ],
)  # fmt: skip
def test_a_selection_is_these_cells_with_these_seeds(
    selected: dict[str, Any], cells: set[str], seeds: list[int], checkout: Path
) -> None:
    found = plan(**selected)
    assert {f"{run.dataset}/{run.model}" for run in found.runs} == cells
    assert {run.seed for run in found.runs} == set(seeds)


REFERENCES = ("training-images", "noise")
TAKEN = ("vae", "mem-vae", "iwae-50")
GENERATORS = ("gmmn", "gmmn+ae", "cgmmn", "gan", "gan-r1", "triple-gan", "pmd")


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ({"rows": ["vae"]}, {"density/vae"}),
        ({"rows": ["gmmn"]}, {"generation/gmmn"}),
        ({"rows": ["vae", "gmmn"]}, {"density/vae", "generation/gmmn"}),
        ({"tasks": ["generation"], "rows": ["vae"]}, {"density/vae", "generation/vae"}),
        ({"tasks": ["generation"], "rows": ["mixture"]}, {"density/mixture-of-bernoullis", "generation/mixture"}),
        ({"tasks": ["generation"], "rows": ["noise"]}, {"generation/noise"}),
        (
            {"tasks": ["density,generation"], "rows": ["vae,mixture"]},
            {"density/vae", "density/mixture-of-bernoullis", "generation/vae", "generation/mixture"},
        ),
        (
            {"preset": "smoke", "tasks": ["generation"]},
            {
                *(f"density/{model}" for model in (*TAKEN, "mixture-of-bernoullis")),
                *(f"generation/{model}" for model in (*REFERENCES, *TAKEN, "mixture", *GENERATORS, "pmd-exact")),
            },
        ),
    ],
)
def test_what_a_selected_row_takes_is_selected_with_it(
    selected: dict[str, Any], expected: set[str], checkout: Path
) -> None:
    """And a task that is not in the configuration is for rows that no other task has."""
    found = plan(**({"datasets": ["ocr-letters"]} | selected), seeds="2")
    runs = [run for run in found.whole if run.model != "classifier"]
    assert {f"{run.task}/{run.model}" for run in runs} == expected
    assert {run.seed for run in runs} == {2} and {run.dataset for run in runs} == {"ocr-letters"}
    tasks = {run.task for run in found.runs}
    assert tasks == ({"generation"} if selected.get("tasks") == ["generation"] else {run.task for run in runs})


def test_what_is_trained_for_other_rows_alone_has_no_table(checkout: Path) -> None:
    found = plan(preset="lecture", tasks=["generation"], datasets=["mnist"])
    assert set(found.tasks) == {"generation"} and set(found.behind) == {"density"}
    assert {run.task for run in found.runs} == {"generation"}
    assert {run.model for run in found.parts} == {*TAKEN, "mixture-of-bernoullis", "classifier"}
    assert all(found.task_of(run).name == run.task for run in found.whole)
    whole = plan(preset="lecture")
    assert "density" in whole.tasks and not whole.behind and len(whole.parts) == 2, "the classifiers"


def test_a_task_without_a_table_can_be_asked_for(checkout: Path) -> None:
    section = {"datasets": ["mnist"], "models": ["vae", "iwae-5"], "table": False}
    taking = {"datasets": ["mnist"], "models": ["vae"]}
    Path("part.yaml").write_text(json.dumps({"density": section, "generation": taking}))

    def tasks(**selected: Any) -> tuple[set[str], set[str]]:
        found = plan_of(configuration_of(Selection(**selected), [Path("part.yaml")])[0], all_tasks())
        return set(found.tasks), {run.model for run in densities(found)}

    assert tasks() == ({"generation"}, {"vae"})
    assert tasks(tasks=["density"]) == ({"density"}, {"vae", "iwae-5"})
    assert tasks(tasks=["generation"]) == ({"generation"}, {"vae"})
    assert tasks(rows=["vae"]) == ({"generation"}, {"vae"})
    assert tasks(rows=["iwae-5"], datasets=["mnist"]) == ({"density"}, {"iwae-5"})
    assert tasks(tasks=["density,generation"]) == ({"density", "generation"}, {"vae", "iwae-5"})


def test_what_is_trained_for_other_rows_alone_has_their_seeds(checkout: Path) -> None:
    """In the preset `vae` has five, for the label sets of few labels."""

    def seeds_of(**selected: Any) -> dict[str, list[int]]:
        runs = densities(plan(preset="lecture", datasets=["mnist"], **selected))
        return {name: [run.seed for run in runs if run.model == name] for name in {run.model for run in runs}}

    one = {"vae": [0], "mem-vae": [0], "iwae-50": [0], "mixture-of-bernoullis": [0]}
    assert seeds_of(tasks=["generation"]) == one
    assert seeds_of(tasks=["few-labels"]) == {"vae": [0, 1, 2, 3, 4]}
    assert seeds_of(tasks=["generation", "few-labels"]) == one | {"vae": [0, 1, 2, 3, 4]}
    assert seeds_of(tasks=["generation"], rows=["vae"], seeds="7") == {"vae": [7]}
    assert seeds_of(tasks=["density"], rows=["vae"]) == {"vae": [0, 1, 2, 3, 4]}


def test_what_is_trained_for_other_rows_alone_is_for_their_datasets(checkout: Path) -> None:
    rows = {"vae": {"datasets": ["mnist"]}, "iwae-50": None}
    Path("part.yaml").write_text(json.dumps({"generation": {"datasets": ["mnist", "ocr-letters"], "models": rows}}))
    found = densities(plan(files=[Path("part.yaml")], tasks=["generation"]))
    assert {(run.model, run.dataset) for run in found} == {
        ("vae", "mnist"),
        *(("iwae-50", name) for name in ("mnist", "ocr-letters")),
    }


IMAGES = ("mnist", "ocr-letters")


def test_each_dataset_of_a_row_that_is_taken_has_the_seeds_of_its_takers_alone(checkout: Path) -> None:
    found = densities(plan(preset="lecture", tasks=["generation", "few-labels"]))
    of_vae = {name: [run.seed for run in found if (run.model, run.dataset) == ("vae", name)] for name in IMAGES}
    assert of_vae == {"mnist": [0, 1, 2, 3, 4], "ocr-letters": [0]}


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ({}, {"mnist": [5, 6], "ocr-letters": [0]}),
        ({"seeds": "7"}, {"mnist": [7], "ocr-letters": [7]}),
        ({"datasets": ["mnist"]}, {"mnist": [5, 6]}),
        ({"datasets": ["mnist"], "rows": ["vae"]}, {"mnist": [5, 6]}),
        ({"datasets": ["mnist"], "rows": ["vae"], "seeds": "7"}, {"mnist": [7]}),
        ({"datasets": ["fashion-mnist"], "rows": ["vae"]}, {"fashion-mnist": [0]}),
        ({"rows": ["vae"], "settings": ["epochs=9"]}, {"mnist": [5, 6], "ocr-letters": [0]}),
        ({"datasets": ["mnist"], "seeds": "7", "settings": ["epochs=9"]}, {"mnist": [7]}),
        ({"tasks": ["generation"]}, {"mnist": [6]}),
        ({"tasks": ["generation"], "seeds": "7"}, {"mnist": [7]}),
        ({"tasks": ["generation,density"]}, {"mnist": [5, 6], "ocr-letters": [0]}),
        ({"tasks": ["generation,density"], "seeds": "7"}, {"mnist": [7], "ocr-letters": [7]}),
    ],
)
def test_a_selection_of_a_row_with_settings_for_one_dataset(
    selected: dict[str, Any], expected: dict[str, list[int]], checkout: Path
) -> None:
    cells = {"mnist": {"seeds": [5, 6], "epochs": 2}, "ocr-letters": None, "fashion-mnist": False}
    rows = {"vae": {"epochs": 3, "datasets": cells}}
    taking = {"datasets": ["mnist"], "models": ["vae"], "seeds": [6]}
    content = {"density": {"datasets": [*IMAGES, "fashion-mnist"], "models": rows}, "generation": taking}
    Path("part.yaml").write_text(json.dumps(content))
    configuration, _ = configuration_of(Selection(**({"tasks": ["density"]} | selected)), [Path("part.yaml")])
    seeds: dict[str, list[int]] = {}
    for run in densities(plan_of(configuration, all_tasks())):
        seeds.setdefault(run.dataset, []).append(run.seed)
        given = {"mnist": 2}.get(run.dataset, 3) if "settings" not in selected else 9
        assert run.settings.departures()["epochs"] == given
    assert seeds == expected


@pytest.mark.parametrize("further", [{}, {"seeds": "1"}, {"settings": ["train_limit=50"]}, {"datasets": ["reuters"]}])
def test_a_task_that_is_left_out_is_as_below_when_it_is_asked_for(further: dict[str, Any], checkout: Path) -> None:
    of_default = {(run.dataset, run.model) for run in plan().of("classification")}
    found = plan(preset="points", tasks=["classification"], **further)
    asked = further.get("datasets", ["20news", "reuters"])
    assert {(run.dataset, run.model) for run in found.runs} == {cell for cell in of_default if cell[0] in asked}
    assert {run.seed for run in found.runs} == {int(further.get("seeds", 0))}
    limits = {run.settings.departures().get("train_limit") for run in found.runs}
    assert limits == {50 if "settings" in further else None}


def test_nothing_is_trained_for_a_row_that_is_for_other_datasets(checkout: Path) -> None:
    rows = {"vae": {"datasets": ["ocr-letters"]}, "noise": None}
    Path("part.yaml").write_text(json.dumps({"generation": {"datasets": list(IMAGES), "models": rows}}))
    found = plan(files=[Path("part.yaml")], tasks=["generation"], datasets=["mnist"])
    assert [(run.task, run.model) for run in found.runs] == [("generation", "noise")] and not densities(found)


def test_settings_are_for_the_selected_task_alone(checkout: Path) -> None:
    found = plan(tasks=["generation"], rows=["vae"], datasets=["mnist"], settings=["samples=70"])
    assert [run.settings.departures().get("samples") for run in found.of("generation")] == [70]
    (source,) = densities(found)
    (usual,) = (run for run in plan().of("density") if (run.dataset, run.model) == ("mnist", "vae"))
    assert source == usual


def test_a_selection_keeps_the_settings_and_the_runs(checkout: Path) -> None:
    every = {run.run_id for run in plan().runs}
    assert {run.run_id for run in plan(datasets=["mnist"], rows=["vae"]).runs} < every
    assert {run.run_id for run in plan(tasks=["classification"]).runs} < every
    small = {run.run_id for run in plan(preset="smoke").runs}
    assert {run.run_id for run in plan(preset="smoke", rows=["lda"]).runs} < small
    (left_out,) = plan(preset="three-seeds", rows=["vae"], datasets=["mnist"], seeds="0").runs
    assert left_out.run_id in every, "what a preset leaves out has the settings of the default when it is asked for"
    (changed,) = plan(datasets=["mnist"], rows=["vae"], settings=["epochs=2", "k=7"]).runs
    assert {"epochs": 2, "k": 7}.items() <= changed.settings.model_dump().items()


@pytest.mark.parametrize(("key", "value"), [("seeds", 3), ("seeds", [[1]]), ("datasets", "mnist"), ("datasets", False)])
def test_what_is_no_list_in_a_row_is_refused_where_it_stands(key: str, value: Any, checkout: Path) -> None:
    rows = {"vae": {key: value}}
    Path("part.yaml").write_text(json.dumps({"generation": {"datasets": ["mnist"], "models": rows}}))
    with pytest.raises(UserError, match=rf"generation\.models\.vae\.{key}: .* is not a list"):
        plan(files=[Path("part.yaml")], tasks=["generation"])


def test_a_row_for_none_of_the_datasets_takes_nothing(checkout: Path) -> None:
    rows = {"vae": {"datasets": ["mnist"]}, "iwae-50": None}
    Path("part.yaml").write_text(json.dumps({"generation": {"datasets": ["ocr-letters"], "models": rows}}))
    assert {run.model for run in plan(files=[Path("part.yaml")], tasks=["generation"]).runs} == {"iwae-50"}


@pytest.mark.parametrize(("name", "option"), [("seeds", "seeds"), ("datasets", "dataset"), ("corpora", "dataset")])
def test_what_is_selected_is_no_setting(name: str, option: str, checkout: Path) -> None:
    with pytest.raises(UserError, match=f"^--set {name}: it is no setting; say it with --{option}$"):
        configuration_of(Selection(settings=[f"{name}=[1]"]))


def test_a_setting_stands_alone(checkout: Path) -> None:
    with pytest.raises(
        UserError, match=r"^--set density\.models\.vae\.epochs: write the setting alone, epochs=\.\.\., and"
    ):
        configuration_of(Selection(settings=["density.models.vae.epochs=3"]))


def test_a_dataset_without_settings_is_said(checkout: Path) -> None:
    (remark,) = configuration_of(Selection(datasets=["fashion-mnist"], rows=["vae"]))[1]
    assert re.match(
        r"fashion-mnist: the configuration has no .*epochs.* for it, so the published protocol's hold", remark
    )
    assert configuration_of(Selection(datasets=["mnist"], rows=["vae"]))[1] == []
    settings = ["epochs=3", "k=5", "batch_size=10", "learning_rate=0.1"]
    assert configuration_of(Selection(datasets=["fashion-mnist"], settings=settings))[1] == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("-m vea", "--model vea: there is none of this name; did you mean 'vae'?"),
        ("-d minst", "--dataset minst: there is none of this name; did you mean 'mnist'?"),
        ("-t densty", "unknown task 'densty'; did you mean 'density'?"),
        ("-t density -d 20news", "--dataset 20news: there is none of this name of density; known: "),
        ("-d mnist -m bow", "no task has both mnist and bow; see 'dgmbench list'"),
        ("-m a:B -d b:c", "--dataset b:c: density or classification? Say it with --task"),
        ("--seeds 3-1", "--seeds 3-1: write numbers and ranges with commas between, as 0-4 or 0,3,7"),
        ("--seeds all", "--seeds all: write numbers and ranges with commas between, as 0-4 or 0,3,7"),
        ("-m vae --set epochs", "'epochs' is not KEY=VALUE"),
        ("-m vae --set epoch=3", "command line: config.density.models.vae.epoch: unknown setting 'epoch'; did you"),
        ("-m vae,iwae-5 --set importance_samples=2", "command line: config.density.models.iwae-5: iwae-5 has import"),
        ("--preset smok", "unknown preset 'smok'; did you mean 'smoke'?"),
        ("--configfile nosuch.yaml", "no configuration file nosuch.yaml"),
        ("--configfile smoke.yaml", "no configuration file smoke.yaml; did you mean workflow/presets/smoke.yaml"),
        ("--configfile smoke", "no configuration file smoke; did you mean workflow/presets/smoke.yaml?"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_mistake_is_one_line(
    command: str, arguments: str, line: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(command, *arguments.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"dgmbench: error: {line}")
    assert error.count("\n") == 1
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("arguments", "passed_on"),
    [
        ("", "--cores all"),
        ("-n", "--cores all -n"),
        ("--cores 2", "--cores 2"),
        ("-j4 --resources gpu=0", "-j4 --resources gpu=0"),
        ("density", "--cores all -- density"),
        ("--preset smoke", "--cores all --configfile workflow/presets/smoke.yaml"),
        ("--preset smoke density", "--cores all --configfile workflow/presets/smoke.yaml -- density"),
        ("-m vae -n --keep-going", "--cores all --configfile results/default/selection.json -n --keep-going"),
        ("-m vae --name mine", "--cores all --configfile results/mine/selection.json"),
        ("--profile workflow/profiles/slurm", "--profile workflow/profiles/slurm"),
    ],
)
def test_snakemake_gets_what_is_not_ours(
    arguments: str, passed_on: str, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []

    def stand_in(command: list[str]) -> SimpleNamespace:
        commands.append(command)
        return SimpleNamespace(wait=lambda: 3)

    monkeypatch.setattr(runs.subprocess, "Popen", stand_in)
    assert call("run", *arguments.split()) == 3, "the exit status is that of Snakemake"
    assert commands == [[sys.executable, "-m", "snakemake", *passed_on.split()]]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--config", "preset=x"), "--config is Snakemake's; here give --preset NAME"),
        ((), "there is no Snakefile in this"),
    ],
)
def test_a_call_of_run_that_cannot_be_is_one_line(
    arguments: tuple[str, ...], line: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not arguments:
        (checkout / "Snakefile").unlink()
        (checkout / "workflow").unlink()
    assert call("run", *arguments) == 2
    assert capsys.readouterr().err.startswith(f"dgmbench: error: {line}")


def test_a_file_of_a_rule_that_the_user_added_is_asked_for(checkout: Path) -> None:
    rule = '\nrule own:\n    output:\n        "results/own.txt",\n    shell:\n        "touch {output}"\n'
    whole = (REPOSITORY / "Snakefile").read_text(encoding="utf-8") + rule
    (checkout / "Snakefile").unlink()
    (checkout / "Snakefile").write_text(whole, encoding="utf-8")
    configuration = read_files([Path("config.yaml")])
    default = plan_of(configuration, all_tasks())
    check_files(["results/own.txt"], default, configuration.content, ["--cores", "1", "--", "results/own.txt"])
    with pytest.raises(UserError, match=r"no rule makes results/owm\.txt; "):
        check_files(["results/owm.txt"], default, configuration.content, ["--cores", "1", "--", "results/owm.txt"])


def test_a_rule_that_the_user_added_is_a_target_wherever_it_stands(checkout: Path) -> None:
    (checkout / "own.rules").write_text('rule elsewhere:\n    output: "results/elsewhere.txt"\n')
    more = """
if True:
    rule inner:
        output: "results/inner.txt"

include: "own.rules"

use rule elsewhere as derived with:
    output: "results/derived.txt"
"""
    whole = (REPOSITORY / "Snakefile").read_text(encoding="utf-8") + more
    (checkout / "Snakefile").unlink()
    (checkout / "Snakefile").write_text(whole, encoding="utf-8")
    default = plan_of(read_files([Path("config.yaml")]), all_tasks())
    targets = ["inner", "elsewhere", "derived"]
    assert list(understood(["--cores", "1", "--", *targets], default).targets) == targets
    with pytest.raises(UserError, match=r"there is no target 'innner'; did you mean 'inner'\?"):
        understood(["--cores", "1", "--", "innner"], default)


def test_a_rule_of_ours_is_known_without_asking_snakemake(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("this takes seconds"))
    default = plan_of(read_files([Path("config.yaml")]), all_tasks())
    targets = ["all", "analysis", "page", "density"]
    assert list(understood(["--cores", "1", "--", *targets], default).targets) == targets


def test_snakemake_reads_the_selection_as_we_do(checkout: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "dgmbench",
        "run",
        "--preset",
        "three-seeds",
        "-m",
        "vae",
        "-d",
        "mnist",
        "--seeds",
        "0-1",
    ]
    done = subprocess.run([*command, "-n"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    expected = plan(preset="three-seeds", rows=["vae"], datasets=["mnist"], seeds="0-1").runs
    assert set(re.findall(r"evaluate (mnist\.\S+)$", done.stderr + done.stdout, flags=re.MULTILINE)) == {
        run.run_id for run in expected
    }


CONFIG = {
    "preset": "p",
    "density": {"datasets": ["mnist"], "models": ["vae", "mem-vae", "iwae-5", "iwae-50", "cnn-vae"]},
}


def test_status_tells_what_is_done_at_work_and_failed(
    tmp_path: Path, write_run: Callable[..., None], write_failure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = read_plan(CONFIG, all_tasks())
    workspace = Workspace(Path("results/p"))
    done, diverged, failed, at_work, waiting = asked.runs
    for run, status in ((done, "ok"), (diverged, "diverged")):
        write_run(run, workspace, {"ll": -90.0}, {"ll": np.zeros(3)}, status=status)
    write_failure(failed, workspace, "it\nbroke")
    for run, text in ((failed, "Traceback\n"), (at_work, "epoch 1/8  loss 9\nepoch 2/8  loss 8\n\n")):
        log = workspace.root / "logs/train" / f"{run.training_id}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text)
    workspace.state(at_work).mkdir(parents=True)
    with FileLock(workspace.state(at_work) / "lock"):
        found = {state.run.model: (state.word, state.detail) for state in states(asked, workspace)}
        with pytest.raises(UserError, match="another process works on it"), workspace.claim(at_work, "training"):
            pass
    assert found[done.model] == ("done", "") and found[diverged.model] == ("diverged", "")
    assert found[failed.model] == ("failed", f"it broke (results/p/logs/train/{failed.training_id}.log)")
    assert found[at_work.model][0] == "training" and found[at_work.model][1].startswith(
        "epoch 2/8  loss 8 (results/p/logs/train/"
    )
    assert found[waiting.model] == ("waiting", "")
    assert {state.run.model: state.word for state in states(asked, workspace)}[at_work.model] == "waiting", (
        "the lock is free again"
    )

    (workspace.tables).mkdir()
    (workspace.tables / "density.html").touch()
    first, *rest = summary(asked, workspace, started=0)
    assert first.startswith("1 done, 1 diverged, 1 failed, 2 waiting of 5 runs, after ")
    assert rest == [f"failed {failed.run_id}: {found[failed.model][1]}", "table: results/p/tables/density.html"]
    assert summary(asked, workspace, started=4e9)[-1] == "table: results/p/tables/density.html, as it was"


@pytest.mark.parametrize(
    ("change", "seconds"),
    [
        ({}, 600),
        ({"seed": 9}, 600),
        ({"epochs": 16}, 1200),
        ({"epochs": 4}, 300),
        ({"model": "mem-vae"}, None),
        ({"dataset": "ocr-letters"}, None),
    ],
)
def test_times_come_from_records_of_such_runs(
    change: dict[str, Any], seconds: float | None, tmp_path: Path, write_run: Callable[..., None]
) -> None:
    asked = read_plan({"density": {"datasets": {"mnist": {"epochs": 8}}, "models": ["vae"]}}, all_tasks())
    (run,) = asked.runs
    here = {"host": provenance.host()}
    evaluation = {"evaluation": {"seconds": 60.0, "peak_memory_mb": 700.0, **here}}
    write_run(run, Workspace(tmp_path / "other"), {"ll": 0.0}, {}, training=here, **evaluation)
    settings = {key: value for key, value in change.items() if key == "epochs"}
    fields = {key: value for key, value in change.items() if key != "epochs"}
    wanted = dataclasses.replace(run, settings=run.settings.model_copy(update=settings), **fields)
    found = estimates(asked, [wanted], tmp_path)
    if seconds is None:
        assert found == {}
        return
    training = found[wanted.run_id, "training"]
    assert (training.seconds, training.memory_mb) == (pytest.approx(seconds), 512)
    assert found[wanted.run_id, "evaluation"].seconds == pytest.approx(60)


def test_times_of_what_takes_a_trained_model_come_from_such_records(
    tmp_path: Path, write_run: Callable[..., None]
) -> None:
    """It has less work than its settings tell."""
    config = {task: {"datasets": ["mnist"], "models": ["vae"]} for task in ("density", "generation")}
    asked = read_plan(config, all_tasks())
    (run,) = asked.of("generation")
    write_run(run, Workspace(tmp_path / "other"), {"mmd": 0.0}, {}, training={"host": provenance.host()})
    wanted = dataclasses.replace(run, seed=9)
    assert estimates(asked, [wanted], tmp_path)[wanted.run_id, "training"].seconds == pytest.approx(600)
    record = tmp_path / "other/runs" / run.run_id / "run.json"
    content = json.loads(record.read_text())
    content["spec"]["source"] = "vae"  # of another version
    record.write_text(json.dumps(content))
    assert estimates(asked, [wanted], tmp_path)[wanted.run_id, "training"].rough


def test_a_training_that_others_wait_for_is_told_until_it_is_done(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = plan(preset="lecture", tasks=["generation"], rows=["vae"], datasets=["mnist"])
    workspace = Workspace(Path("results/lecture"))
    source, judge = asked.parts
    assert [(state.run.task, state.word) for state in states(asked, workspace)] == [
        ("density", "waiting"),
        ("generation", "waiting"),
        ("generation", "waiting"),
    ]
    for run in (source, judge):
        workspace.trained(run).mkdir(parents=True)
        (workspace.trained(run) / "training.json").touch()
    assert [state.run for state in states(asked, workspace)] == list(asked.runs)
    assert call("plan", "--preset", "lecture", "-t", "generation", "-m", "vae", "-d", "mnist") == 0
    assert source.run_id in capsys.readouterr().out, "its folder alone is no product of Snakemake's"


def test_records_of_another_machine_and_broken_ones_do_not_count(
    tmp_path: Path, write_run: Callable[..., None]
) -> None:
    asked = read_plan({"density": {"datasets": ["mnist"], "models": ["vae"]}, "seeds": [0, 1]}, all_tasks())
    write_run(asked.runs[0], Workspace(tmp_path / "p"), {"ll": 0.0}, {})
    broken = tmp_path / "p/runs" / asked.runs[1].run_id / "run.json"
    broken.parent.mkdir()
    broken.write_text("{")
    assert estimates(asked, asked.runs, tmp_path) == {}


@pytest.mark.parametrize("dataset", ["mnist", "ocr-letters", "fashion-mnist"])
def test_smoke_has_every_model_of_images_on_the_dataset_that_is_chosen(dataset: str, checkout: Path) -> None:
    chosen = plan(preset="smoke", tasks=["density"], datasets=[dataset]).runs
    assert {run.dataset for run in chosen} == {dataset}
    assert {"vae", "mem-iwae-50", "zhusuan-vae", "mixture-of-bernoullis"} <= {run.model for run in chosen}
    runs = plan(preset="smoke", rows=["large-vae"]).runs
    assert {(run.dataset, run.model) for run in runs} == {("mnist", "large-vae"), ("ocr-letters", "large-vae")}


def test_published_runs_of_other_machines_count_where_this_one_has_none(
    tmp_path: Path, write_run: Callable[..., None]
) -> None:
    asked = read_plan({"density": {"datasets": ["mnist"], "models": ["vae"]}}, all_tasks())
    (run,) = asked.runs
    elsewhere = {"cpu_seconds": 30.0, "seconds": 90.0, "peak_memory_mb": 700.0, "host": {"processor": "another"}}
    write_run(run, Workspace(tmp_path / "reference/p"), {"ll": 0.0}, {}, training=elsewhere, evaluation=elsewhere)
    found = estimates(asked, [run], tmp_path)[run.run_id, "training"]
    assert (found.seconds, found.memory_mb, found.elsewhere) == (pytest.approx(30), 700, True)

    def with_epochs(times: float) -> RunSpec:
        return dataclasses.replace(run, settings=run.settings.model_copy(update={"epochs": round(times * 1000)}))

    far, here = with_epochs(1000), {"seconds": 5.0, "peak_memory_mb": 600.0, "host": provenance.host()}
    write_run(far, Workspace(tmp_path / "q"), {"ll": 0.0}, {}, training=here, evaluation=here)
    assert estimates(asked, [run], tmp_path)[run.run_id, "training"].elsewhere
    near = with_epochs(run.settings.epochs / 1000 * 2)  # type: ignore[attr-defined]
    write_run(near, Workspace(tmp_path / "q"), {"ll": 0.0}, {}, training=here, evaluation=here)
    found = estimates(asked, [run], tmp_path)[run.run_id, "training"]
    assert (found.seconds, found.elsewhere) == (pytest.approx(2.5), False)


def test_a_plan_says_what_is_left_and_what_it_takes(
    checkout: Path, write_run: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("two.yaml").write_text("tracking: false\ndensity: {datasets: [mnist], models: [vae, iwae-5]}\n")
    (done, left) = plan_of(read_files([Path("two.yaml")]), all_tasks()).runs
    assert call("plan", "--config", "two.yaml") == 0
    lines, said = capsys.readouterr()
    assert [line.split()[:3] for line in lines.splitlines()] == [
        [run.run_id, "train", "unknown"] for run in (done, left)
    ]
    assert (
        "2 runs in preset default, 0 of them done\nsnakemake would start 9 jobs: 1 fetch, 1 write_config, 2 tr" in said
    )
    assert "no estimate of time and memory: there are no records of such runs" in said

    here = {"host": provenance.host()}
    evaluation = {"evaluation": {"seconds": 60.0, "peak_memory_mb": 700.0, **here}}
    write_run(done, Workspace(Path("results/default")), {"ll": 0.0}, {}, training=here, **evaluation)
    Path("results/default/trained", done.training_id).mkdir(parents=True)
    Path("results/default/data").mkdir()
    Path("results/default/data/mnist.json").write_text("{}")
    os.utime("results/default/data/mnist.json", (1, 1))
    assert call("plan", "--config", "two.yaml") == 0
    lines, said = capsys.readouterr()
    assert [line.split()[1] for line in lines.splitlines()] == ["done", "train"]
    assert "2 runs in preset default, 1 of them done" in said


@pytest.mark.parametrize(
    ("epochs", "words"),
    [
        (8, "from records of such runs on this machine"),
        (70, "from records of such runs on this machine"),
        (90, "from records of runs of another size on this machine, and rough"),
        (3000, "from records of runs of another size on this machine, and rough"),
    ],
)
def test_a_plan_says_when_it_knows_runs_of_another_size_alone(
    epochs: int, words: str, checkout: Path, write_run: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    text = "tracking: false\ndensity: {{datasets: {{mnist: {{epochs: {}}}}}, models: [vae]}}\nclassification: false\n"
    Path("one.yaml").write_text(text.format(8))
    (known,) = plan_of(read_files([Path("one.yaml")]), all_tasks()).runs
    here = {"host": provenance.host()}
    write_run(known, Workspace(Path("results/other")), {"ll": 0.0}, {}, training=here)
    Path("one.yaml").write_text(text.format(epochs))
    assert call("plan", "--config", "one.yaml") == 0
    said = capsys.readouterr().err.splitlines()
    assert said[2].endswith(words) and said[3].startswith("without 1 of 2 jobs")
    # the time of tables, report and analyses counts, too
    timings.note("tables.density", {"host": provenance.host(), "seconds": 7.2e6})
    assert call("plan", "--config", "one.yaml") == 0
    days = re.match(r"about (\d+\.\d) days with ", capsys.readouterr().err.splitlines()[2])
    assert days and 83 < float(days[1]) < 90


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59, "59 s"), (100, "2 min"), (5900, "98 min"), (7260, "2 h 1 min"), (4e5, "4.6 days")],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("dgmbench run --preset sm", ["smoke"]),
        ("dgmbench run -d ocr", ["ocr-letters"]),
        ("dgmbench run -m vae,iwae-5", ["vae,iwae-5", "vae,iwae-50"]),
        ("dgmbench train dens", ["density"]),
        ("dgmbench run -t cl", ["classification"]),
        ("dgmbench run -m vae,iwae-50,vae-1", ["vae,iwae-50,vae-1d"]),
        ("dgmbench run -m va", ["vae", "vae-1d", "vae-features"]),
        ("dgmbench run -t density -m va", ["vae", "vae-1d"]),
        ("dgmbench train classification reuters l", ["lda", "lftm"]),
        ("dgmbench check few-labels m", ["mnist"]),
        ("dgmbench fetch glove-1", ["glove-100d"]),
        ("dgmbench create m", ["model", "method"]),
        ("dgmbench sync-mlflow tr", ["trial"]),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_names_are_completed(
    shell: str,
    words: str,
    completed: list[str],
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = {
        "bash": {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1), "_DGMBENCH_COMPLETE": "complete_bash"},
        "zsh": {"_TYPER_COMPLETE_ARGS": words, "_DGMBENCH_COMPLETE": "complete_zsh"},
        "fish": {"_TYPER_COMPLETE_ARGS": words, "_DGMBENCH_COMPLETE": "complete_fish"},
    }  # fmt: skip
    Path("results/trial").mkdir(parents=True)
    Path("results/trial/plan.json").write_text("{}")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    for name, value in asked[shell].items():
        monkeypatch.setenv(name, value)
    assert call() == 0
    text = capsys.readouterr().out
    names = re.findall(r'"(.+)"', text.replace("((", "\n")) if shell == "zsh" else text.split()
    assert names == completed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_shown_for_each_shell(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_DGMBENCH_COMPLETE", f"source_{shell}")
    assert call() == 0


def test_the_selection_is_a_file_that_can_be_read(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs.subprocess, "Popen", lambda command: SimpleNamespace(wait=lambda: 0))
    assert call("run", "-m", "vae", "--seeds", "1", "--name", "mine", "-n") == 0
    written = json.loads(Path("results/mine/selection.json").read_text())
    assert written["preset"] == "mine" and written["seeds"] == [1] and written["classification"] is False


def test_an_example_adds_one_row_and_runs_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "examples"))
    (run,) = plan_of(read_files([REPOSITORY / "config.yaml", REPOSITORY / "examples/one_row.yaml"]), all_tasks()).runs
    default = plan_of(read_files([REPOSITORY / "config.yaml"]), all_tasks()).runs
    assert (run.dataset, run.model) == ("ocr-letters", "my_model:LinearVAE")
    assert run.settings in [other.settings for other in default if other.dataset == "ocr-letters"]
