"""MLflow shows what the files hold, no more and no less, however often and by however many it is asked."""

import json
import multiprocessing
import os
import shutil
import sqlite3
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest

from dgmbench.commands.tabulate import tabulate
from dgmbench.commands.track import sync
from dgmbench.commands.tracking import Store, quiet_mlflow
from dgmbench.errors import UserError
from dgmbench.report.mlflow_page import view_of
from dgmbench.run.workspace import Workspace

PLAIN, VARIANT, RIVAL = (f"here {name} seed 0" for name in ("plain", "variant", "rival"))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, plan_of, write, write_failure, empty_database) -> Path:
    """A results folder with three runs, of which one failed, their tables, and an empty database; to be copied."""
    results = tmp_path_factory.mktemp("prepared") / "results"
    results.mkdir()
    shutil.copy(empty_database, results)
    assert sync(results) == 0
    plan, workspace = plan_of(datasets=["here"]), Workspace(results / "trial")
    plain, variant, rival = plan.runs
    words = {"solver": "newton", "converged": True, "embeddings": None}
    write(plain, workspace, [0, 100], training={"parameters": 12})
    write(variant, workspace, [0, 50], words=words, status="diverged")
    write_failure(rival, workspace, "RuntimeError: out of memory")
    tabulate(plan, workspace)
    return results


@pytest.fixture
def results(prepared, tmp_path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "results"))


def client_of(results: Path):
    quiet_mlflow()
    from mlflow.tracking import MlflowClient

    address = f"sqlite:///{results}/mlflow.db"
    return MlflowClient(address, address)


def shown(results: Path):
    client = client_of(results)
    experiment = client.get_experiment_by_name("dgmbench/trial")
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def record_of(results: Path, model: str) -> Path:
    return next((results / "trial/runs").glob(f"here.{model}.*/run.json"))


def test_every_run_is_shown_below_its_pipeline(results):
    assert sync(results) == 3
    runs = shown(results)
    assert set(runs) == {"pipeline", PLAIN, VARIANT, RIVAL}
    pipeline = runs.pop("pipeline")
    assert {run.data.tags["mlflow.parentRunId"] for run in runs.values()} == {pipeline.info.run_id}
    assert (pipeline.info.status, pipeline.data.tags["runs.ok"], pipeline.data.tags["runs.failed"]) == (
        *("FAILED", "1", "1"),
    )
    status = {name: (run.data.tags["status"], run.info.status) for name, run in runs.items()}
    assert status == {PLAIN: ("ok", "FINISHED"), VARIANT: ("diverged", "FINISHED"), RIVAL: ("failed", "FAILED")}
    assert runs[RIVAL].data.tags["error"] == "RuntimeError: out of memory"
    plain, variant = runs[PLAIN].data, runs[VARIANT].data
    record = json.loads(record_of(results, "plain").read_text())
    assert (plain.tags["fingerprint"], plain.tags["code.commit"]) == (record["fingerprint"], "f" * 40)
    params = [plain.params[name] for name in ("task", "epochs", "seed", "parameters", "threads")]
    assert params == ["toy", "4", "0", "12", "1"]  # what is constant in a run is no metric
    assert not {"parameters", "threads"} & plain.metrics.keys()
    expected = {"error": 50.0, "score": 0.5, "measure_seconds": 3.0, "peak_memory_mb": 512.0, "training_seconds": 600.0}
    assert expected.items() <= plain.metrics.items()
    words = ("solver", "converged", "embeddings")
    assert [variant.tags[word] for word in words] == ["newton", "True", "None"]


def test_curves_and_files_are_shown_and_lie_inside_the_results(results):
    sync(results)
    client, runs = client_of(results), shown(results)
    identity = runs[PLAIN].info.run_id
    history = [(m.step, m.value, m.timestamp) for m in client.get_metric_history(identity, "loss")]
    start = runs[PLAIN].info.start_time
    assert history == [(epoch, 2.5 / epoch, start + 1500 * epoch) for epoch in range(1, 5)]
    assert {file.path for file in client.list_artifacts(identity)} == {"run.json", "curve.csv"}
    identity = runs["pipeline"].info.run_id
    tables = {file.path for file in client.list_artifacts(identity, "tables")}
    assert tables == {f"tables/toy.{suffix}" for suffix in ("csv", "md", "html", "tex")}
    assert "figures/toy.png" in {file.path for file in client.list_artifacts(identity, "figures")}
    assert all(str(results / "mlartifacts") in run.info.artifact_uri for run in runs.values())


@pytest.fixture
def known(toy, monkeypatch) -> None:
    """The task is among those that there are."""
    monkeypatch.setattr("dgmbench.commands.track.all_tasks", lambda: {"toy": toy})


def test_paper_and_difference_stand_beside_our_number(known, results):
    sync(results)
    runs = shown(results)
    plain, variant, pipeline = runs[PLAIN].data, runs[VARIANT].data, runs["pipeline"].data
    assert (plain.metrics["error"], plain.metrics["paper"], plain.metrics["delta"]) == (50.0, 12.0, 38.0)
    assert not {"paper", "delta"} & variant.metrics.keys()  # nothing was published for it
    assert {name: pipeline.metrics[name] for name in pipeline.metrics} == {"best here error": 25.0}
    assert pipeline.tags["best here error"] == "variant"  # the lower error is the better one


def test_descriptions_say_how_to_read_it(known, results):
    sync(results)
    client, runs = client_of(results), shown(results)
    experiment = client.get_experiment_by_name("dgmbench/trial")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    note = experiment.tags["mlflow.note.content"]
    for said in (
        "Preset `trial`",
        "| `error` | error rate (%) |",
        "| `paper` | the published error |",
        "`peak_memory_mb`",
    ):
        assert said in note
    note = runs[PLAIN].data.tags["mlflow.note.content"]
    assert "**error rate (%): 50.0**; lower is better; published 12.0, difference +38.0" in note
    assert "A paper; table 1" in note and "Toys: the plain one." in note
    assert "| plain " in runs["pipeline"].data.tags["mlflow.note.content"]  # the table
    assert "out of memory" in runs[RIVAL].data.tags["mlflow.note.content"]


def test_a_run_without_one_of_the_numbers_is_shown_without_it(known, results):
    path = record_of(results, "plain")
    record = json.loads(path.read_text())
    record["metrics"]["score"] = None
    path.write_text(json.dumps(record))
    assert sync(results) == 3
    plain, pipeline = shown(results)[PLAIN].data, shown(results)["pipeline"].data
    assert plain.metrics["error"] == 50.0 and "score" not in {**plain.metrics, **plain.tags, **plain.params}
    assert "error rate" in plain.tags["mlflow.note.content"] and "**score" not in plain.tags["mlflow.note.content"]
    assert pipeline.tags["runs.missing"] == "0"


def test_the_address_of_the_page_opens_a_view_that_is_there(known, results):
    sync(results)
    experiment = client_of(results).get_experiment_by_name("dgmbench/trial")
    page = Store(results).page("trial")
    asked = parse_qs(page.partition("?")[2])
    assert page.startswith(f"http://127.0.0.1:5000/#/experiments/{experiment.experiment_id}/runs?")
    assert asked["workflowType"] == ["machine_learning"]
    view = json.loads(experiment.tags[f"mlflow.sharedViewState.{asked['viewStateShareKey'][0]}"])
    numbers = [f"metrics.`{name}`" for name in ("error", "paper", "delta", "training_seconds")]
    assert view["selectedColumns"] == numbers
    order = f"{view['orderByKey']} {'ASC' if view['orderByAsc'] else 'DESC'}"
    names = [run.info.run_name for run in client_of(results).search_runs([experiment.experiment_id], order_by=[order])]
    assert names == sorted(names)
    assert Store(results).page("other") == "" == Store(results, "http://localhost:1").page("trial")


@pytest.mark.parametrize(
    ("published", "names"),
    [
        ([False, True, True], ["b", "paper", "delta", "c", "a", "training_seconds"]),
        ([False, False, False], ["a", "b", "c", "training_seconds"]),
    ],
)
def test_many_tasks_leave_room_for_the_published_numbers(published, names):
    known = [
        SimpleNamespace(main=SimpleNamespace(name=name), papers={"x": 1} if there else {})
        for name, there in zip("abc", published, strict=True)
    ]
    assert json.loads(view_of(known))["selectedColumns"] == [f"metrics.`{name}`" for name in names]


def test_a_run_takes_as_long_as_its_training(results):
    sync(results)
    record, run = json.loads(record_of(results, "plain").read_text()), shown(results)[PLAIN].info
    assert run.end_time == 1000 * datetime.fromisoformat(record["training"]["finished"]).timestamp()


def test_the_dataset_of_a_run_is_its_input(results):
    sync(results)
    inputs = client_of(results).get_run(shown(results)[PLAIN].info.run_id).inputs.dataset_inputs
    (dataset,) = (each.dataset for each in inputs)
    assert (dataset.name, json.loads(dataset.source)) == ("here", {"tags": {"source": "a registry archive 1.0"}})
    assert len(dataset.digest) == 12


@pytest.mark.parametrize(
    ("tag", "value", "kept"),
    [
        ("mlflow.experimentKind", "genai_development", True),
        ("mlflow.experimentKind", "genai_development_inferred", False),
        ("mlflow.experimentKind", "no_inferred_type", False),
        ("mlflow.note.content", "my own words", True),
        ("mlflow.note.content", "", False),
        ("mine", "anything", True),
    ],
)
def test_what_a_user_said_of_an_experiment_stays(results, tag, value, kept):
    client = client_of(results)
    name = "dgmbench/trial"
    identity = client.create_experiment(name, artifact_location=(results / "mlartifacts/trial").as_uri())
    client.set_experiment_tag(identity, tag, value)
    sync(results)
    experiment = client.get_experiment_by_name(name)
    assert experiment.experiment_id == identity and (experiment.tags[tag] == value) == kept


def test_what_shows_the_same_already_is_left_as_it_is(results):
    sync(results)
    before = {name: run.info.run_id for name, run in shown(results).items()}
    path = record_of(results, "plain")
    path.write_text(path.read_text().replace('"score": 0.5', '"score": 0.25'))
    sync(results)
    after = {name: run.info.run_id for name, run in shown(results).items()}
    assert {name for name in before if before[name] != after[name]} == {PLAIN}


def test_a_slow_server_is_given_up_in_one_line_and_the_next_call_goes_on(results, monkeypatch):
    clock = iter(range(0, 100_000, 100))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    with pytest.raises(UserError, match=r"MLflow is slow: it has taken [12] of 3 runs; run 'dgmbench sync-mlflow'"):
        sync(results, "trial", 250)
    before = {name: run.info.run_id for name, run in shown(results).items()}
    assert 1 < len(before) < 4
    assert sync(results, "trial") == 3
    after = {name: run.info.run_id for name, run in shown(results).items()}
    assert len(after) == 4 and before.items() <= after.items()


def test_a_final_value_is_the_latest_though_a_curve_has_its_name(results):
    curve = next((results / "trial/trained").glob("here.plain.*/curve.csv"))
    curve.write_text("epoch,error\n1,9.0\n2,inf\n3,7.0\n")
    sync(results)
    assert shown(results)[PLAIN].data.metrics["error"] == 50.0


def test_again_shows_the_same_and_keeps_nothing_of_before(results):
    sync(results)
    before = {name: run.data.to_dictionary() for name, run in shown(results).items()}
    (results / "trial/tables/tracked").touch()  # a workflow's marker is no table
    assert sync(results, "trial") == 3
    again = shown(results)
    for run in (each for name, each in again.items() if name != "pipeline"):
        assert run.data.tags["mlflow.parentRunId"] == again["pipeline"].info.run_id
    without_parents = [
        {name: {**data, "tags": {**data["tags"], "mlflow.parentRunId": ""}} for name, data in found.items()}
        for found in (before, {name: run.data.to_dictionary() for name, run in again.items()})
    ]
    assert without_parents[0] == without_parents[1]
    with sqlite3.connect(results / "mlflow.db") as database:
        assert database.execute("SELECT COUNT(*) FROM runs").fetchone() == (4,)
        assert database.execute("SELECT COUNT(DISTINCT run_uuid) FROM metrics").fetchone() == (2,)


def test_what_changed_is_shown_and_what_is_gone_goes(results):
    sync(results)
    path = record_of(results, "plain")
    path.write_text(path.read_text().replace('"error": 50.0', '"error": 40.0'))
    shutil.rmtree(record_of(results, "variant").parent)
    assert sync(results) == 2
    runs = shown(results)
    assert set(runs) == {"pipeline", PLAIN, RIVAL} and runs[PLAIN].data.metrics["error"] == 40.0
    parents = {run.data.tags["mlflow.parentRunId"] for name, run in runs.items() if name != "pipeline"}
    assert parents == {runs["pipeline"].info.run_id}
    folders = {path.name for path in (results / "mlartifacts/trial").iterdir()}
    assert folders == {runs[name].info.run_id for name in ("pipeline", PLAIN)}  # a failed run has no files


def test_runs_of_another_plan_stand_beside_the_pipeline(results, plan_of):
    sync(results)
    tabulate(plan_of(datasets=["here"], models=["plain"]), Workspace(results / "trial"))
    assert sync(results) == 2
    runs = shown(results)
    assert runs[PLAIN].data.tags["mlflow.parentRunId"] == runs["pipeline"].info.run_id
    assert "mlflow.parentRunId" not in runs[VARIANT].data.tags


def test_a_further_run_of_a_row_is_named_by_what_is_unlike_the_planned_one(results, plan_of, write):
    (other,) = plan_of(datasets=["here"], models=["plain"], epochs=7).runs
    write(other, Workspace(results / "trial"), [0, 100])
    assert sync(results) == 4
    assert {PLAIN, f"{PLAIN} (epochs=7)"} <= set(shown(results))


def test_a_run_cut_off_while_it_was_written_goes(results):
    sync(results)
    client = client_of(results)
    experiment = client.get_experiment_by_name("dgmbench/trial").experiment_id
    client.create_run(experiment, tags={"dgmbench.content": ""}, run_name="half")
    sync(results)
    assert set(shown(results)) == {"pipeline", PLAIN, VARIANT, RIVAL}


def test_runs_of_users_stay(results):
    sync(results)
    client = client_of(results)
    own = client.create_run(client.get_experiment_by_name("dgmbench/trial").experiment_id, run_name="mine")
    sync(results)
    assert shown(results)["mine"].info.run_id == own.info.run_id


def test_the_view_is_made_again_from_the_files_when_the_database_is_new_or_the_folder_moved(prepared, results):
    sync(results)
    shutil.copy(prepared / "mlflow.db", results)
    assert sync(results) == 3 and len(shown(results)) == 4
    moved = results.rename(results.with_name("elsewhere"))
    assert sync(moved) == 3
    runs = shown(moved)
    assert len(runs) == 4 and all(str(moved) in run.info.artifact_uri for run in runs.values())


@pytest.mark.parametrize("text", ["{", '{"metrics": {}}', '{"training": 1, "evaluation": 2, "metrics": 3}'])
def test_a_broken_record_is_left_out_and_said(results, caplog, text):
    record_of(results, "plain").write_text(text)
    assert sync(results) == 2
    assert "is broken" in caplog.text


def test_a_broken_database_is_one_line_and_leaves_the_tables_alone(results, plan_of):
    before = {path: path.read_bytes() for path in (results / "trial/tables").iterdir()}
    (results / "mlflow.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(UserError, match="not a database") as caught:
        sync(results)
    assert "\n" not in str(caught.value) and "sync-mlflow" in str(caught.value)
    Workspace(results / "trial").tables.joinpath("toy.csv").unlink()
    tabulate(plan_of(datasets=["here"]), Workspace(results / "trial"))
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("name", ["a%20b", "what?", "no #1", "100%", "a & ü={b}; new"])
def test_everything_lies_inside_a_folder_with_an_odd_name(prepared, tmp_path, name, monkeypatch):
    """Also when the folder's name means another one as part of an address; nothing is left in the current folder."""
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    results = Path(shutil.copytree(prepared, tmp_path / name / "results"))
    if name.endswith("new"):
        (results / "mlflow.db").unlink()
    assert sync(results) == 3
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert [path.name for path in (tmp_path / name).iterdir()] == ["results"]
    with sqlite3.connect(results / "mlflow.db") as database:
        assert database.execute("SELECT COUNT(*) FROM runs").fetchone() == (4,)
        assert database.execute("SELECT COUNT(*) FROM experiments WHERE name LIKE 'dgmbench%'").fetchone() == (1,)
    kept = sorted(path.name for path in (results / "mlartifacts/trial").rglob("*") if path.is_file())
    assert kept.count("run.json") == 2 and "toy.png" in kept


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("database is locked", "another program has locked it: close that or wait, then run 'dgmbench sync-mlflow'"),
        ("database or disk is full", "free some space, then run"),
        ("attempt to write a readonly database", "make it and its folder writable, then run"),
        ("disk I/O error", "look whether the disk is full or damaged, then run"),
        ("database disk image is malformed", "move it away and run"),
    ],
)
def test_what_to_do_depends_on_what_is_wrong(results, monkeypatch, said, advice):
    from sqlalchemy.exc import OperationalError

    def fail(*_):
        raise OperationalError("UPDATE", {}, sqlite3.OperationalError(said))

    monkeypatch.setattr("dgmbench.report.mlflow_view.show", fail)
    with pytest.raises(UserError) as caught:
        sync(results)
    assert said in str(caught.value) and advice in str(caught.value) and "\n" not in str(caught.value)
    assert ("move it away" in str(caught.value)) == (said == "database disk image is malformed")


def test_a_locked_database_is_waited_for_and_not_called_damaged(results):
    with sqlite3.connect(results / "mlflow.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match=r"locked.*close that or wait") as caught:
            sync(results)
        other.execute("ROLLBACK")
    assert "move it away" not in str(caught.value)
    assert sync(results) == 3


def test_a_database_of_another_version_is_one_line(results):
    with sqlite3.connect(results / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'abcdef'")
    with pytest.raises(UserError, match="MLflow cannot use") as caught:
        sync(results)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("how", ["no permission", "no file"])
def test_an_unwritable_database_is_one_line(results, how):
    (results / "mlflow.db").chmod(0o444)
    if how == "no file":
        (results / "mlflow.db").unlink()
        (results / "mlflow.db").mkdir()
    elif os.access(results / "mlflow.db", os.W_OK):
        pytest.skip("this user writes everywhere")
    with pytest.raises(UserError, match="cannot write"):
        sync(results)


def test_a_folder_in_the_way_is_one_line(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(UserError, match="is no folder of results; give one by --results"):
        sync(tmp_path / "results")


def test_an_unknown_preset_is_one_line_that_names_those_there_are(results):
    with pytest.raises(UserError, match=r"no results of preset 'tril'.* there are: trial"):
        sync(results, "tril")


def _sync_when_all_are_ready(barrier, results: Path) -> None:
    barrier.wait(60)
    sync(results)


def test_processes_that_start_at_once_on_a_fresh_database(results):
    (results / "mlflow.db").unlink()
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    processes = [context.Process(target=_sync_when_all_are_ready, args=(barrier, results)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(shown(results)) == 4
    with sqlite3.connect(results / "mlflow.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT COUNT(*) FROM runs").fetchone() == (4,)
