"""A cluster of Ray that a fit joins by its address: several nodes on this machine, some of which are killed."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from dgmbench.data import write_corpus_folder
from dgmbench.errors import UserError
from dgmbench.models.text import LDA
from dgmbench.run import checkpoint, ray_workers
from dgmbench.run.checkpoint import Checkpoint
from dgmbench.run.ray_workers import START_SECONDS
from tests.run.test_ray_workers import CORPUS, listens_at, processes, with_ray, workers

pytestmark = with_ray
OPTIONS: dict[str, Any] = {"engine": "ray", "alpha": 0.3, "n_sweeps": 8, "seed": 3}
SYSTEM = {
    # a node that died is known after two seconds, not half a minute
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 3,
    # results stay in the store of the node where they are made, and are lost with it, however small they are
    "max_direct_call_object_size": 0,
}
NODE: dict[str, Any] = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 80 * 2**20}


class Nodes:
    """A head and some further nodes, on the loopback address, each with one core and a store of its own."""

    def __init__(self, further: int) -> None:
        from ray.cluster_utils import Cluster

        self.cluster = Cluster(initialize_head=True, head_node_args={**NODE, "_system_config": SYSTEM})
        self.address = self.cluster.address
        self._further = [self._raylet(self.cluster.add_node(**NODE)) for _ in range(further)]

    def of_workers(self) -> set[int]:
        """Process numbers of the nodes that have workers; the head's is 0."""
        parents = {worker.ppid() for worker in workers()}
        return {pid if pid in {node.pid for node in self._further} else 0 for pid in parents}

    def kill_one(self) -> int:
        """Kill a node that has a worker and is not the head, with its worker and its store."""
        pid = max(self.of_workers())
        psutil.Process(pid).kill()
        return pid

    @staticmethod
    def _raylet(node: Any) -> Any:
        return node.all_processes["raylet"][0].process


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True))
        named = {
            "RAY_TMPDIR": folder,
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # else Ray listens on all addresses
            "RAY_worker_niceness": "0",  # as this process; else workers come last on a machine that does other work
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": ray_workers._token(),
        }
        stack.enter_context(ray_workers._environment(**ray_workers._QUIET, **named))
        stack.enter_context(ray_workers._constant("ENABLE_RAY_CLUSTER", False))
        handler = signal.getsignal(signal.SIGTERM)  # Ray takes it
        try:
            found = Nodes(2)
        finally:
            signal.signal(signal.SIGTERM, handler)
        stack.callback(found.cluster.shutdown)
        yield found
    assert not processes()


def test_the_nodes_listen_on_this_machine_alone(nodes: Nodes) -> None:
    assert listens_at() == {"127.0.0.1"}


def test_workers_of_a_node_that_dies_go_to_another(nodes: Nodes, caplog: pytest.LogCaptureFixture) -> None:
    before: set[int] = set()
    after: set[int] = set()
    killed = []

    def kill(sweep: int, of: int, seconds: float) -> None:
        if sweep == 3:
            before.update(nodes.of_workers())
            killed.append(nodes.kill_one())
        if sweep == 4:
            after.update(nodes.of_workers())

    one = LDA(5, **OPTIONS | {"engine": "warp"}).fit(CORPUS)
    several = LDA(5, address=nodes.address, progress=kill, **OPTIONS).fit(CORPUS)
    assert len(before) == len(after) == 2
    assert killed[0] in before - after
    assert "results of workers are lost (Failed to retrieve object" in caplog.text
    assert "3 sweeps again" in caplog.text
    np.testing.assert_array_equal(several.topics_, one.topics_)
    assert several.joint_log_likelihood_ == one.joint_log_likelihood_


def test_without_room_for_a_worker_a_fit_ends_and_goes_on_with_fewer(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Kept(Checkpoint):
        """Of every sweep; a node is killed before the fifth is written."""

        saved = 0

        def save_from(self, state: Callable[[], Any]) -> None:
            self.saved += 1
            if self.saved == 5:
                nodes.kill_one()  # the head, which has one core, is left
                monkeypatch.setattr(ray_workers, "START_SECONDS", 3.0)
            super().save_from(state)

    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SHARE", 1e6)
    folder = write_corpus_folder(tmp_path / "corpus", CORPUS)
    one = LDA(5, **OPTIONS | {"engine": "warp"}).fit(CORPUS)
    of_fit, without_room = (tmp_path / "state", "a fit"), "Ray has no core for 1 of 2 workers, after 3 s: each needs"
    with pytest.raises(UserError, match=f"^{without_room}"):
        LDA(5, address=nodes.address, checkpoint=Kept(*of_fit), **OPTIONS).fit(folder)
    assert f"no checkpoint: {without_room}" in caplog.text
    monkeypatch.setattr(ray_workers, "START_SECONDS", START_SECONDS)
    swept: list[int] = []
    options = OPTIONS | {"workers": 1, "progress": lambda sweep, of, seconds: swept.append(sweep)}
    fewer = LDA(5, address=nodes.address, checkpoint=Checkpoint(*of_fit), **options).fit(folder)
    assert swept == list(range(5, 9))
    np.testing.assert_array_equal(fewer.topics_, one.topics_)
