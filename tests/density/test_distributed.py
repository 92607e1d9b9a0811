"""Several processes that train one model: real ones, on the CPU, connected by gloo."""

from __future__ import annotations

import logging
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import shared_work
import torch

from dgmbench.errors import UserError
from dgmbench.models.images.sampling import sample
from dgmbench.run.spec import DensitySettings, RunSpec
from dgmbench.tasks.density import stages as density
from dgmbench.tasks.density.building import build_model
from dgmbench.training.processes import run_processes
from dgmbench.run.workspace import Workspace

OPTIONS = {"hidden": [12, 10], "latent": 3, "memory": True, "slots": [4, 3]}


def small(model: str = "vae", factory: str = "", **settings: object) -> RunSpec:
    """303 grey images in 7 batches of 43 and 44, which two processes share unevenly."""
    values = {"epochs": 2, "batch_size": 45, "importance_samples": 3, "learning_rate": 0.01, "k": 5, **settings}
    return RunSpec("density", "shared_work:blobs", model, 1, factory, DensitySettings(**values), OPTIONS)  # type: ignore[arg-type]


def curve(spec: RunSpec, workspace: Workspace) -> np.ndarray:
    """(epochs,) the bounds that a training has written down."""
    return np.loadtxt(workspace.trained(spec) / "curve.csv", delimiter=",", skiprows=1, usecols=1, ndmin=1)


def weights(spec: RunSpec, workspace: Workspace) -> dict[str, torch.Tensor]:
    return torch.load(workspace.trained(spec) / "model.pt", weights_only=True)


@pytest.mark.parametrize("settings", [{}, {"estimator": "dreg", "weight_average": 0.3}], ids=["iwae", "dreg, averaged"])
def test_two_processes_train_as_one_does(settings: dict[str, object], tmp_path: Path) -> None:
    spec = small(**settings)
    one, two = Workspace(tmp_path / "one"), Workspace(tmp_path / "two")
    density.train(spec, one)
    record = density.train(spec, two, processes=2)
    assert (record["processes"], record["device"], record["status"]) == (2, "cpu", "ok")
    np.testing.assert_allclose(curve(spec, two), curve(spec, one), rtol=1e-5)
    untrained = build_model(spec, 20).state_dict()
    for name, value in weights(spec, one).items():
        torch.testing.assert_close(weights(spec, two)[name], value, rtol=1e-3, atol=1e-4, msg=name)
    # that they agree means something only if they have moved
    assert not torch.allclose(weights(spec, one)["output.weight"], untrained["output.weight"], atol=1e-2)


def test_a_training_of_two_processes_resumes_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = small("mortal", "shared_work:Mortal")
    whole, killed = Workspace(tmp_path / "whole"), Workspace(tmp_path / "killed")
    density.train(spec, whole, processes=2)
    monkeypatch.setenv("DIES_AT", "10")  # in the second epoch
    with pytest.raises(RuntimeError, match="the planned end"):
        density.train(spec, killed, processes=2)
    monkeypatch.delenv("DIES_AT")
    assert density.train(spec, killed, processes=2)["resumed_from_epoch"] == 1
    for name, value in weights(spec, whole).items():
        assert torch.equal(weights(spec, killed)[name], value), name


def test_a_divergence_stops_all_processes(tmp_path: Path) -> None:
    record = density.train(small(learning_rate=1e30, schedule="constant"), Workspace(tmp_path), processes=2)
    assert (record["status"], record["diverged_at"]) == ("diverged", 0)


def test_fewer_images_than_devices_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a batch of 2 images is too small for 3 devices"):
        density.train(small(batch_size=2, train_limit=4), Workspace(tmp_path), processes=3)


def test_devices_that_are_not_there_are_said_and_recorded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="dgmbench")
    spec = small(devices=2, precision="bf16", compile=True, epochs=1)
    record = density.train(spec, Workspace(tmp_path))
    assert (record["devices_asked"], record["processes"], record["precision"], record["compiled"]) == (
        2,
        1,
        "32",
        False,
    )
    assert "devices is 2, but it trains on the CPU, in 1 process(es)" in caplog.text
    assert "precision bf16 is for a GPU" in caplog.text
    assert "compile is for a GPU" in caplog.text


def test_shared_batch_norm_is_that_of_all_rows() -> None:
    assert max(run_processes(shared_work.batch_norm_gaps, 3)) < 1e-12


def test_a_row_has_the_noise_that_it_has_in_a_single_process() -> None:
    torch.manual_seed(5)
    alone = sample(torch.zeros(7, 2), torch.zeros(7, 2), 3)[0]
    assert torch.equal(run_processes(shared_work.noise_of_all_rows, 2), alone)


def test_a_process_of_several_can_be_compiled() -> None:
    assert run_processes(shared_work.compiled_gap, 2) < 1e-12


def test_a_mistake_in_one_process_ends_all_in_one_line() -> None:
    with pytest.raises(UserError, match=r"^no such thing; give another$"):
        run_processes(shared_work.one_makes_a_mistake, 2)


def test_a_killed_process_ends_all_and_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"process 1 of 2 was killed by SIGKILL; was there enough memory\?"):
        run_processes(shared_work.one_is_killed, 2)


def test_a_process_does_not_call_the_command_line_again() -> None:
    runpy.run_module("dgmbench.__main__", run_name="__mp_main__")


def test_no_process_outlives_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
if __name__ == "__main__":
    import shared_work
    from dgmbench.training.processes import run_processes
    run_processes(shared_work.tell_number_and_stay, 2)
""")
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert parent.stdout is not None
    try:
        children = [psutil.Process(int(parent.stdout.readline())) for _ in range(2)]
    finally:
        parent.kill()
        parent.wait(timeout=30)
    alive = psutil.wait_procs(children, timeout=30)[1]
    for process in alive:
        process.kill()
    assert not alive
