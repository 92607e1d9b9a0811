"""A training is shown in MLflow while it runs, and its run is the one that is completed from the files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dgmbench.commands import follow as following
from dgmbench.commands.track import sync
from dgmbench.commands.tracking import Store
from dgmbench.errors import UserError
from dgmbench.files import write_text
from dgmbench.report import mlflow_view
from dgmbench.run import journal
from dgmbench.run.progress import Step
from dgmbench.run.spec import RunSpec
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import find_task

TRAINING = "0123456789ab"  # the fingerprint of trainings that the tests write


@dataclass
class Place:
    """A results folder, and a training in it."""

    results: Path
    spec: RunSpec
    workspace: Workspace = field(init=False)

    def __post_init__(self) -> None:
        self.workspace = Workspace(self.results / "trial")
        self.workspace.state(self.spec).mkdir(parents=True)

    @property
    def journal(self) -> Path:
        return self.workspace.state(self.spec) / journal.NAME

    def begin(self, *epochs: int, fingerprint: str = TRAINING, what: str = "epoch") -> journal.Journal:
        """A journal with these epochs."""
        facts = {"training_id": self.spec.training_id, "fingerprint": fingerprint, "spec": self.spec.to_dict()}
        notes = journal.begin(self.journal, facts | {"data": {"source": "somewhere", "array:train": "bb"}})
        for epoch in epochs:
            notes(Step(what, epoch, 9, {"bound": -1.0 / epoch} if what == "epoch" else {}))
        return notes

    def runs(self) -> list[Any]:
        with Store(self.results).client() as client:
            experiment = client.get_experiment_by_name("dgmbench/trial")
            return list(client.search_runs([experiment.experiment_id])) if experiment else []

    def curve(self, run: Any, name: str = "bound") -> list[tuple[int, float]]:
        with Store(self.results).client() as client:
            return sorted((point.step, point.value) for point in client.get_metric_history(run.info.run_id, name))

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Within the body the training is followed; it ends with it."""
        read, write = os.pipe()
        caught: list[BaseException] = []

        def work() -> None:
            try:
                with os.fdopen(read, "rb") as alive:
                    following.follow(self.workspace.root, self.spec.training_id, alive)
            except BaseException as error:
                caught.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        self.wait_for(lambda: not thread.is_alive() or any(run.info.status == "RUNNING" for run in self.runs()))
        try:
            yield
        finally:
            os.close(write)
            thread.join()
        if caught:
            raise caught[0]

    @contextmanager
    def followed_by(self, notes: journal.Journal, end: str | None = "finished") -> Iterator[None]:
        """It is followed until its end, which is one without a word for None."""
        with self.followed():
            yield
            if end:
                notes.end(end, "it broke" if end == "failed" else "")

    def wait_for(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < until
            time.sleep(0.02)


@pytest.fixture
def place(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(following, "EVERY_SECONDS", 0.02)
    monkeypatch.setattr(mlflow_view, "_SETTLE_SECONDS", 0.0)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    results = tmp_path / "results"
    results.mkdir()
    shutil.copy(empty_database, results)
    task = find_task("density")
    return Place(results, RunSpec("density", "mnist", "vae", task.settings.model_validate({"epochs": 4})))


def test_a_curve_grows_while_a_training_runs(place: Place) -> None:
    notes = place.begin(1, 2)
    with place.followed():
        (run,) = place.runs()
        assert (run.info.run_name, run.info.status) == ("mnist vae seed 0", "RUNNING")
        assert run.data.params["epochs"] == "4"
        place.wait_for(lambda: len(place.curve(run)) == 2)
        notes(Step("epoch", 3, 9, {"bound": -0.25}))
        place.wait_for(lambda: len(place.curve(run)) == 3)
        notes.end("finished")
    (run,) = place.runs()
    assert run.info.status == "FINISHED"
    assert place.curve(run) == [(1, -1.0), (2, -0.5), (3, -0.25)]
    with Store(place.results).client() as client:
        (given,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert given.dataset.name == "mnist"


@pytest.mark.parametrize(
    ("end", "status", "error"),
    [
        (("finished", ""), "FINISHED", None),
        (("failed", "too little memory"), "FAILED", "too little memory"),
        (("failed", "x" * 20_000), "FAILED", "x" * 7_500),
        (("failed", ""), "FAILED", None),
        (None, "KILLED", None),
    ],
)
def test_the_final_state_is_right(place: Place, end: tuple[str, str] | None, status: str, error: str | None) -> None:
    notes = place.begin(1)
    with place.followed():
        if end:
            notes.end(*end)
    (run,) = place.runs()
    assert (run.info.status, run.data.tags.get("error")) == (status, error)


@pytest.mark.parametrize(
    ("first", "end", "then"),
    [
        ((1, 2), None, (3, 4)),
        ((1, 2, 3), None, (2, 3, 4)),  # those after the last checkpoint are done again
        ((1, 2), "failed", (3, 4)),
        ((), None, (1, 2, 3, 4)),
        ((1, 2, 3, 4), None, ()),
    ],
)
def test_one_run_goes_on_when_a_training_is_resumed(
    place: Place, first: tuple[int, ...], end: str | None, then: tuple[int, ...]
) -> None:
    notes = place.begin(*first)
    with place.followed():
        if end:
            notes.end(end, "it broke")
    (before,) = place.runs()
    notes = place.begin(*then)
    with place.followed():
        notes.end("finished")
    (run,) = place.runs()
    assert (run.info.run_id, run.info.status) == (before.info.run_id, "FINISHED")
    assert "error" not in run.data.tags
    assert place.curve(run) == [(epoch, -1.0 / epoch) for epoch in (1, 2, 3, 4)]


def test_a_training_of_other_code_or_data_is_another_run(place: Place) -> None:
    for fingerprint in ("before", TRAINING):
        with place.followed_by(place.begin(1, fingerprint=fingerprint)):
            pass
    assert len(place.runs()) == 2


@pytest.mark.parametrize(
    ("curve", "same"),
    [
        ("epoch,bound,learning_rate,seconds\n1,-1.0,0.1,1\n2,-0.5,0.1,2\n3,-0.25,0.1,3\n", True),
        ("epoch,bound,learning_rate,seconds\n1,-1.0,0.1,1\n2,-0.5,0.1,2\n", True),
        ("", True),
        ("epoch,bound,seconds\n1,-1.0,1\n2,-0.6,2\n", False),  # not what was seen during the training
        ("epoch,bound,seconds\n1,-1.0,1\n", False),
    ],
)
def test_the_run_that_was_begun_is_completed_from_the_files(
    place: Place, write_run: Callable[..., None], curve: str, same: bool
) -> None:
    with place.followed_by(place.begin(1, 2)):
        pass
    (begun,) = place.runs()
    metrics = {"log_likelihood": -90.0, "standard_error": 0.5, "images": 10, "k": 5000, "final_bound": -91.0}
    write_run(place.spec, place.workspace, metrics, {}, curve=curve, training={"parameters": 12})
    for _ in range(2):
        assert sync(place.results, "trial") == 1
        pipeline, run = sorted(place.runs(), key=lambda run: run.info.run_name != "pipeline")
        assert (run.info.run_id == begun.info.run_id) == same
        assert run.data.tags["mlflow.parentRunId"] == pipeline.info.run_id
        assert (run.data.metrics["log_likelihood"], run.data.params["parameters"]) == (-90.0, "12")
        expected = [(int(line.split(",")[0]), float(line.split(",")[1])) for line in curve.splitlines()[1:]]
        assert place.curve(run) == (expected or [(1, -1.0), (2, -0.5)])
        assert (run.data.metrics["paper"], run.data.metrics["delta"]) == (-85.69, pytest.approx(-4.31))


def test_sweeps_of_a_fit_are_shown_from_its_journal_when_the_view_is_made_again(
    place: Place, write_run: Callable[..., None], empty_database: Path
) -> None:
    with place.followed_by(place.begin(1, 2, 3, what="LDA: sweep")):
        pass
    write_run(place.spec, place.workspace, {"log_likelihood": -90.0}, {})
    shutil.copy(empty_database, place.results)
    assert sync(place.results, "trial") == 1
    (run,) = (run for run in place.runs() if run.info.run_name != "pipeline")
    assert [step for step, _ in place.curve(run, "LDA sweep seconds")] == [1, 2, 3]


@pytest.mark.parametrize("how", ["killed with what followed it", "failed", "under way", "files gone"])
def test_what_has_no_record_yet(place: Place, how: str) -> None:
    """The run of an interrupted training waits for its resumption; one whose files are gone goes."""
    with place.followed_by(place.begin(1), "failed" if how == "failed" else None):
        pass
    (run,) = place.runs()
    with Store(place.results).client() as client:
        if how != "failed":
            client.update_run(run.info.run_id, status="RUNNING")
    place.workspace.tables.mkdir()
    if how == "files gone":
        shutil.rmtree(place.workspace.state(place.spec))
    if how == "under way":
        with place.workspace.claim(place.spec, "training"):
            sync(place.results, "trial")
    else:
        sync(place.results, "trial")
    states = {run.info.run_name: run.info.status for run in place.runs() if run.info.run_name != "pipeline"}
    expected = {"killed with what followed it": "KILLED", "failed": "FAILED", "under way": "RUNNING"}
    assert states == ({"mnist vae seed 0": expected[how]} if how in expected else {})


def test_a_failed_training_keeps_its_curve(place: Place, write_failure: Callable[..., None]) -> None:
    with place.followed_by(place.begin(1, 2), "failed"):
        pass
    (begun,) = place.runs()
    write_failure(place.spec, place.workspace, "it broke")
    run = {"run_id": place.spec.run_id, "training_id": place.spec.training_id, "spec": place.spec.to_dict()}
    write_text(place.workspace.root / "plan.json", json.dumps({"runs": [run]}))
    assert sync(place.results, "trial") == 1
    (found,) = (run for run in place.runs() if run.info.run_name != "pipeline")
    assert (found.info.run_id, found.info.status, found.data.tags["error"]) == (begun.info.run_id, "FAILED", "it broke")
    assert place.curve(found) == [(1, -1.0), (2, -0.5)]


@pytest.mark.parametrize("times", [1, 3])
def test_a_database_that_is_locked_for_a_while_is_waited_for(
    place: Place, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, add = [], mlflow_view.add_points

    def locked(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) <= times:
            raise RuntimeError("database is locked")
        add(*arguments)

    monkeypatch.setattr(mlflow_view, "add_points", locked)
    with place.followed_by(place.begin(1, 2)):
        pass
    (run,) = place.runs()
    assert (run.info.status, len(calls)) == ("FINISHED", times + 1)
    assert place.curve(run) == [(1, -1.0), (2, -0.5)]


def test_a_training_that_is_over_before_mlflow_has_loaded_is_left_to_what_comes_at_the_end(place: Place) -> None:
    place.begin(1, 2).end("finished")
    read, write = os.pipe()
    os.close(write)
    with os.fdopen(read, "rb") as alive:
        following.follow(place.workspace.root, place.spec.training_id, alive)
    assert place.runs() == []


def test_no_journal_is_one_line(place: Place) -> None:
    with pytest.raises(UserError, match="is no journal of a training"), place.followed():
        pass


def test_what_is_over_before_mlflow_is_loaded_opens_nothing(place: Place) -> None:
    place.begin(1)
    (place.results / "mlflow.db").unlink()
    command = [sys.executable, "-m", "dgmbench.commands.follow", str(place.workspace.root), place.spec.training_id]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (place.results / "mlflow.db").exists()


def test_mlflow_is_loaded_while_the_training_runs() -> None:
    code = (
        "import sys\nfrom dgmbench.commands.follow import load_mlflow\n"
        "load_mlflow(sys.stdin.buffer)\nprint('mlflow.tracking' in sys.modules)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.read() == b"True\n"
    assert process.returncode == 0
