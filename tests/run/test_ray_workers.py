"""Workers by Ray: the topics of one process, deaths, an end without traces, and mistakes in one line."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from dgmbench.data import write_corpus_folder
from dgmbench.errors import UserError
from dgmbench.models.text import LDA
from dgmbench.run import ray_workers
from dgmbench.run.ray_workers import RayWorkers
from dgmbench.run.workers import Died
from tests.planted import draw_corpus, planted_topics

# looked for, not imported: Ray is to be imported as the workers do it
with_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the extra 'ray' is not installed")
CORPUS = draw_corpus(planted_topics(5, 100), documents=80, length=25)


def processes() -> list[psutil.Process]:
    """Those of Ray that this process has started."""
    return psutil.Process().children(recursive=True)


def workers() -> list[psutil.Process]:
    alive = [child for child in processes() if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in alive if child.name().startswith("ray::_Holder")]


def listens_at() -> set[str]:
    """Addresses at which those processes can be reached."""
    found: set[str] = set()
    for child in processes():
        with suppress(psutil.NoSuchProcess):  # a worker of an earlier fit
            found |= {one.laddr.ip for one in child.net_connections("inet") if one.status == psutil.CONN_LISTEN}
    return {address.removeprefix("::ffff:") for address in found}


@pytest.fixture(scope="module")
def ray_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Ray on this machine for all tests; it must leave nothing, in the home folder nor in that of temporary files."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        before, environment, handler = set(os.listdir(tempfile.gettempdir())), set(os.environ), signal.getsignal(15)
        with ray_workers._started(2, 0):
            assert signal.getsignal(15) == handler
            yield
        assert not processes()
        assert not [name for name in set(os.listdir(tempfile.gettempdir())) - before if name.startswith("dgmbench-")]
        assert not list(home.iterdir())
        assert set(os.environ) == environment


@with_ray
def test_the_topics_are_those_of_warp_whoever_is_killed(ray_here: None, tmp_path: Path) -> None:
    random, killed = np.random.default_rng(0), []

    def kill(sweep: int, of: int, seconds: float) -> None:
        if sweep in (2, 3, 5):
            killed.append(workers()[int(random.integers(2))])
            killed[-1].kill()

    options: dict[str, Any] = {"alpha": 0.3, "optimise_alpha": True, "n_sweeps": 61, "seed": 3}
    one, several = LDA(5, engine="warp", **options), LDA(5, engine="ray", progress=kill, **options)
    one.fit(CORPUS)
    several.fit(CORPUS)
    assert len(killed) == 3
    np.testing.assert_array_equal(several.topics_, one.topics_)
    np.testing.assert_array_equal(several.alpha_, one.alpha_)
    assert several.joint_log_likelihood_ == one.joint_log_likelihood_
    several.save(tmp_path / "lda.npz")
    resumed = LDA.load(tmp_path / "lda.npz").resume(CORPUS, 2)
    np.testing.assert_array_equal(resumed.topics_, one.resume(CORPUS, 2).topics_)


@with_ray
def test_documents_in_a_folder_are_read_and_kept_by_the_workers(ray_here: None, tmp_path: Path) -> None:
    folder = write_corpus_folder(tmp_path / "corpus", [CORPUS.select_documents(np.arange(a, a + 40)) for a in (0, 40)])

    def kill(sweep: int, of: int, seconds: float) -> None:
        if sweep in (2, 50):
            workers()[sweep % 2].kill()

    options: dict[str, Any] = {"alpha": 0.3, "optimise_alpha": True, "n_sweeps": 61, "seed": 3}
    one = LDA(5, engine="warp", **options).fit(CORPUS)
    several = LDA(5, engine="ray", progress=kill, **options).fit(folder)
    np.testing.assert_array_equal(several.topics_, one.topics_)
    np.testing.assert_array_equal(several.alpha_, one.alpha_)
    assert several.joint_log_likelihood_ == pytest.approx(one.joint_log_likelihood_, rel=1e-12)
    several.save(tmp_path / "lda.npz")
    resumed = LDA.load(tmp_path / "lda.npz").resume(folder, 2)
    np.testing.assert_array_equal(resumed.topics_, one.resume(CORPUS, 2).topics_)
    os.utime(tmp_path / "corpus" / "part-000001.parquet", ns=(1, 1))
    with pytest.raises(
        UserError, match=r"^.*part-000001.parquet changed after its words were counted: open the folder"
    ):
        LDA(5, engine="ray").fit(folder)


@with_ray
def test_ray_listens_on_this_machine_alone(ray_here: None) -> None:
    assert listens_at() == {"127.0.0.1"}


@with_ray
def test_workers_end_with_a_fit_that_fails(ray_here: None) -> None:
    def fail(sweep: int, of: int, seconds: float) -> None:
        assert len(workers()) == 2
        raise ArithmeticError

    lda = LDA(5, engine="ray", progress=fail)
    with pytest.raises(ArithmeticError):
        lda.fit(CORPUS)
    _, alive = psutil.wait_procs(workers(), 10)
    assert not alive
    with pytest.raises(UserError, match="nothing to resume"):
        lda.resume(CORPUS, 1)


class Broken:
    """A worker with all that can go wrong."""

    def fine(self, value: int) -> list[int]:
        return [value, os.getpid()]

    def memory(self) -> list[int]:
        raise MemoryError("Unable to allocate 9.09 TiB")

    def mistake(self) -> list[int]:
        raise ZeroDivisionError("division by zero")

    def correctable(self) -> list[int]:
        raise UserError("a line for the user")

    def death(self) -> list[int]:
        os._exit(3)


@with_ray
def test_what_goes_wrong_in_a_worker(ray_here: None) -> None:
    working = RayWorkers([Broken, Broken])
    try:
        found = working.call("fine", {0: [1], 1: [working.put(2)]}, 2)
        assert [working.values(found[i])[0] for i in (0, 1)] == [1, 2]
        with pytest.raises(UserError, match=r"ran out of memory .*9\.09 TiB.*ask for more workers"):
            working.call("memory", {1: []})
        with pytest.raises(UserError, match=r"^a line for the user$"):
            working.call("correctable", {0: []})
        with pytest.raises(ZeroDivisionError):
            working.call("mistake", {1: []})
        found = working.call("death", {0: []}) | working.call("fine", {1: [5]}, 2)
        assert isinstance(found[0], Died)
        working.replace(0)
        assert working.values(working.call("fine", {0: [6]}, 2)[0])[0] == 6
    finally:
        working.close()
        working.close()  # again is nothing


INTERRUPTED = """
import os, signal
from dgmbench.models.text import LDA
from tests.run.test_ray_workers import CORPUS, processes

def stop(sweep, of, seconds):
    print(*[child.pid for child in processes()], flush=True)
    os.kill(os.getpid(), signal.SIGINT)

LDA(5, engine="ray", n_sweeps=10**6, progress=stop).fit(CORPUS)
"""


@with_ray
def test_no_process_outlives_an_interrupted_fit() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=300)
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")
    started = [int(pid) for pid in done.stdout.splitlines()[0].split()]
    assert len(started) > 4
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in started if psutil.pid_exists(pid)], 10)
    assert not alive


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "no Ray cluster answers at 127.0.0.1:1 ("),
        ("127.0.0.1:99999", "no Ray cluster answers at 127.0.0.1:99999 ("),
        ("cluster.invalid:6379", "no Ray cluster answers at cluster.invalid:6379 ("),
        ("127.0.0.1", "is '127.0.0.1'; it must be host:port of its head, or auto"),
        (":6379", "is ':6379'; it must be host:port"),
        ("ray://127.0.0.1:10001", "is 'ray://127.0.0.1:10001'; it must be host:port"),
        ("head:port", "is 'head:port'; it must be host:port"),
    ],
)
def test_a_cluster_that_cannot_be_reached(address: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ray:
        """Of the library no more than is used before a connection."""

        @staticmethod
        def is_initialized() -> bool:
            return False

    monkeypatch.setattr(ray_workers, "_ray", Ray)
    with pytest.raises(UserError) as raised:
        LDA(2, engine="ray", address=address).fit(CORPUS)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("address", ["", "auto", "127.0.0.1:6379"])
def test_without_ray(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"^Ray is not installed: pip install 'dgmbench\[ray\]'$"):
        LDA(2, engine="ray", address=address).fit(CORPUS)
