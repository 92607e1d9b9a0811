"""MLflow shows what the files hold, no more and no less, however often and by however many it is asked."""

import json
import multiprocessing
import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from fake_results import plan, write_classification, write_density, write_failure

from dgmbench.errors import UserError
from dgmbench.commands.tabulate import tabulate
from dgmbench.commands.track import create_store, quiet_mlflow, sync
from dgmbench.run.workspace import Workspace

PLAN = {
    "density": {"settings": {"epochs": 4, "k": 10}, "datasets": ["mnist"], "models": ["vae", "mem-vae", "iwae-5"]},
    "classification": {"corpora": ["reuters"], "methods": ["bow"]},
}


def write_runs(results: Path) -> None:
    """Two finished density runs, one that failed, one classification; their tables."""
    asked, workspace = plan(**PLAN), Workspace(results / "trial")
    vae, mem_vae, iwae = asked.of("density")
    write_density(vae, workspace, np.array([-80.0, -90.0]))
    write_density(mem_vae, workspace, np.array([-81.0, -93.0]), status="diverged")
    write_failure(iwae, workspace, "RuntimeError: out of memory")
    labels = np.array([0, 1, 1, 0])
    write_classification(asked.of("classification")[0], workspace, labels, labels, embeddings=None)
    tabulate(asked, workspace)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """A results folder with runs and an empty database; to be copied."""
    results = tmp_path_factory.mktemp("prepared") / "results"
    create_store(results)
    write_runs(results)
    return results


@pytest.fixture
def results(prepared, tmp_path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "results"))


def client_of(results: Path):
    quiet_mlflow()
    from mlflow.tracking import MlflowClient

    address = f"sqlite:///{results}/mlflow.db"
    return MlflowClient(address, address)


def shown(results: Path, preset: str = "trial"):
    client = client_of(results)
    experiment = client.get_experiment_by_name(f"dgmbench/{preset}")
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def test_every_run_is_shown_below_its_pipeline(results):
    assert sync(results) == 4
    runs = shown(results)
    (pipeline,) = (run for name, run in runs.items() if name.startswith("pipeline"))
    assert len(runs) == 5
    children = [run for run in runs.values() if run is not pipeline]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {pipeline.info.run_id}
    status = {name: (run.data.tags.get("status"), run.info.status) for name, run in runs.items()}
    assert status["mnist vae seed 0"] == ("ok", "FINISHED")
    assert status["mnist mem-vae seed 0"] == ("diverged", "FINISHED")
    assert status["mnist iwae-5 seed 0"] == ("failed", "FAILED")
    assert runs["mnist iwae-5 seed 0"].data.tags["error"] == "RuntimeError: out of memory"
    vae = runs["mnist vae seed 0"]
    record = json.loads(next((results / "trial/runs").glob("mnist.vae.*/run.json")).read_text())
    assert vae.data.tags["fingerprint"] == record["fingerprint"]
    assert vae.data.tags["code.commit"] == "f" * 40
    assert (vae.data.params["epochs"], vae.data.params["k"], vae.data.params["seed"]) == ("4", "10", "0")
    assert vae.data.metrics["log_likelihood"] == -85.0
    assert runs["mnist mem-vae seed 0"].data.params["options.memory"] == "True"
    bow = runs["reuters bow seed 0"]
    assert (bow.data.metrics["f1"], bow.data.tags["embeddings"], bow.data.tags["converged"]) == (90.0, "None", "True")


def test_curves_and_files_are_shown_and_lie_inside_the_results(results):
    sync(results)
    client, runs = client_of(results), shown(results)
    vae = runs["mnist vae seed 0"]
    lines = next((results / "trial/trained").glob("mnist.vae.*/curve.csv")).read_text().splitlines()[1:]
    history = client.get_metric_history(vae.info.run_id, "bound")
    assert [(m.step, m.value) for m in history] == [
        (int(epoch), float(bound)) for epoch, bound, *_ in (line.split(",") for line in lines)
    ]
    assert {file.path for file in client.list_artifacts(vae.info.run_id)} == {"run.json", "curve.csv"}
    pipeline = next(run for name, run in runs.items() if name.startswith("pipeline"))
    tables = {file.path for file in client.list_artifacts(pipeline.info.run_id, "tables")}
    assert {"tables/density.html", "tables/density.csv", "tables/classification.md"} <= tables
    assert "figures/density.png" in {f.path for f in client.list_artifacts(pipeline.info.run_id, "figures")}
    assert all(str(results / "mlartifacts") in run.info.artifact_uri for run in runs.values())


def test_again_changes_nothing(results):
    sync(results)
    before = {name: run.info.run_id for name, run in shown(results).items()}
    (results / "trial/tables/tracked").touch()  # a workflow's marker is no table
    assert sync(results, "trial") == 4
    assert {name: run.info.run_id for name, run in shown(results).items()} == before


def test_what_changed_is_replaced_and_what_is_gone_goes(results):
    sync(results)
    before = {name: run.info.run_id for name, run in shown(results).items()}
    path = next((results / "trial/runs").glob("mnist.vae.*/run.json"))
    record = json.loads(path.read_text())
    record["metrics"]["log_likelihood"] = -70.0
    path.write_text(json.dumps(record))
    shutil.rmtree(next((results / "trial/runs").glob("reuters.*")))
    assert sync(results) == 3
    runs = shown(results)
    assert runs["mnist vae seed 0"].data.metrics["log_likelihood"] == -70.0
    assert "reuters bow seed 0" not in runs
    changed = {name for name in runs if runs[name].info.run_id != before[name]}
    assert changed == {"mnist vae seed 0", *(name for name in runs if name.startswith("pipeline"))}
    (parent,) = (run.info.run_id for name, run in runs.items() if name.startswith("pipeline"))
    assert {run.data.tags.get("mlflow.parentRunId", parent) for run in runs.values()} == {parent}


def test_another_plan_is_another_pipeline_and_old_runs_stand_beside_it(results):
    sync(results)
    config = dict(PLAN, classification=None)
    tabulate(plan(**config), Workspace(results / "trial"))
    assert sync(results) == 4
    runs = shown(results)
    (pipeline,) = (run for name, run in runs.items() if name.startswith("pipeline"))
    assert runs["mnist vae seed 0"].data.tags["mlflow.parentRunId"] == pipeline.info.run_id
    assert "mlflow.parentRunId" not in runs["reuters bow seed 0"].data.tags


def test_a_run_cut_off_while_it_was_written_is_written_again(results):
    sync(results)
    run_id = shown(results)["mnist vae seed 0"].info.run_id
    client_of(results).delete_tag(run_id, "dgmbench.content")
    sync(results)
    assert shown(results)["mnist vae seed 0"].info.run_id != run_id
    assert len(shown(results)) == 5


def test_runs_of_a_users_own_stay(results):
    sync(results)
    client = client_of(results)
    own = client.create_run(client.get_experiment_by_name("dgmbench/trial").experiment_id, run_name="mine")
    sync(results)
    assert shown(results)["mine"].info.run_id == own.info.run_id


def test_the_view_is_made_again_from_the_files_when_the_database_is_new_or_the_folder_moved(prepared, results):
    sync(results)
    (results / "mlflow.db").unlink()
    shutil.copy(prepared / "mlflow.db", results)
    assert sync(results) == 4
    assert len(shown(results)) == 5
    moved = results.rename(results.with_name("elsewhere"))
    assert sync(moved) == 4
    runs = shown(moved)
    assert len(runs) == 5 and all(str(moved) in run.info.artifact_uri for run in runs.values())


def test_a_broken_record_is_left_out_and_said(results, caplog):
    next((results / "trial/runs").glob("mnist.vae.*/run.json")).write_text("{")
    assert sync(results) == 3
    assert "is broken" in caplog.text


def test_a_broken_database_is_one_line_and_leaves_the_tables_alone(results):
    before = {path: path.read_bytes() for path in (results / "trial/tables").iterdir()}
    (results / "mlflow.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(UserError, match="not a database") as caught:
        sync(results)
    assert "\n" not in str(caught.value) and "sync-mlflow" in str(caught.value)
    Workspace(results / "trial").tables.joinpath("density.csv").unlink()
    tabulate(plan(**PLAN), Workspace(results / "trial"))
    assert {path: path.read_bytes() for path in before} == before


def test_a_database_of_another_version_is_one_line(results):
    with sqlite3.connect(results / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'abcdef'")
    with pytest.raises(UserError, match="MLflow cannot use") as caught:
        sync(results)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("how", ["no permission", "no file"])
def test_an_unwritable_database_is_one_line(results, how):
    if how == "no permission":
        (results / "mlflow.db").chmod(0o444)
        if os.access(results / "mlflow.db", os.W_OK):
            pytest.skip("this user writes everywhere")
    else:
        (results / "mlflow.db").unlink()
        (results / "mlflow.db").mkdir()
    with pytest.raises(UserError, match="cannot write"):
        sync(results)


def test_a_folder_in_the_way_is_one_line(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(UserError, match="cannot write"):
        create_store(tmp_path / "results")


def test_an_unknown_preset_is_one_line_that_names_those_there_are(results):
    with pytest.raises(UserError, match=r"no results of preset 'tril'.* there are: trial"):
        sync(results, "tril")


def _sync_when_all_are_ready(barrier, results: Path) -> None:
    barrier.wait(60)
    sync(results)


def test_processes_that_start_at_once_on_a_fresh_database(results):
    (results / "mlflow.db").unlink()
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    processes = [context.Process(target=_sync_when_all_are_ready, args=(barrier, results)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(shown(results)) == 5
    with sqlite3.connect(results / "mlflow.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT COUNT(*) FROM runs").fetchone() == (5,)
