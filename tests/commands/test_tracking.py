"""Where MLflow keeps its runs: a database in the results, or a server, which may be away or slow."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from dgmbench.commands.track import sync
from dgmbench.commands.tracking import Store
from dgmbench.errors import UserError


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "results/trial").mkdir(parents=True)
    return tmp_path / "results"


@pytest.mark.parametrize(
    ("variable", "server", "name", "keeps_files"),
    [
        (None, "", "results/mlflow.db", True),
        ("", "", "results/mlflow.db", True),
        (" http://box:5000 ", "http://box:5000", "http://box:5000", False),
        ("https://me:secret@box:5000/ml", "https://me:secret@box:5000/ml", "https://box:5000/ml", False),
        ("http://token@box", "http://token@box", "http://box", False),
        ("sqlite:////data/runs.db", "sqlite:////data/runs.db", "sqlite:////data/runs.db", True),
        ("postgresql://me:secret@box/runs", "postgresql://me:secret@box/runs", "postgresql://box/runs", True),
    ],
)
def test_the_usual_variable_names_a_server(
    variable: str | None, server: str, name: str, keeps_files: bool, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if variable is not None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", variable)
    store = Store.of(results)
    assert store.server == server and store.name.endswith(name) and "secret" not in store.name
    assert store.artifacts("trial") == (results / "mlartifacts/trial" if keeps_files else None)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.mark.parametrize(
    "address", ["http://me:secret@127.0.0.1:{0}", "https://127.0.0.1:{0}", "nonsense://{0}", "file:///x"]
)
def test_a_server_that_cannot_be_used_is_one_line(
    address: str, results: Path, impatient: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address.format(unused.getsockname()[1]))
        with pytest.raises(UserError, match="look at MLFLOW_TRACKING_URI and the server") as caught:
            sync(results, "trial")
    assert "\n" not in str(caught.value) and "the tables do not need it" in str(caught.value)
    assert "secret" not in str(caught.value) and "move it away" not in str(caught.value)
    assert "secret" not in "".join(capfd.readouterr())
    assert not (results / "mlflow.db").exists()


def test_a_server_that_does_not_answer_is_given_up(
    results: Path, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(UserError, match="MLflow cannot use") as caught:
            sync(results, "trial")
    assert "\n" not in str(caught.value)


def test_another_database_is_used_when_it_is_named(
    results: Path, empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(empty_database, tmp_path / "elsewhere.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/elsewhere.db")
    assert sync(results, "trial") == 0
    assert not (results / "mlflow.db").exists()
    with Store.of(results).client() as client:
        assert client.get_experiment_by_name("dgmbench/trial") is not None


def test_others_can_work_once_the_database_is_open(results: Path, empty_database: Path) -> None:
    shutil.copy(empty_database, results)
    store = Store(results)
    with store.client(alone=False) as first, store.client(alone=False) as second:
        for client in (first, second):
            assert client.search_experiments(max_results=1)
