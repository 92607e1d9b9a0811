"""The deeper analysis: what it writes about trained models, what it leaves out, and an oracle that it must meet."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from dgmbench.data import load_images
from dgmbench.errors import UserError
from dgmbench.models.images.linear_gaussian import LinearGaussian
from dgmbench.run import stages
from dgmbench.run.config import read_plan
from dgmbench.run.plan import Plan
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.density.analysis.analyse import analyse
from dgmbench.tasks.density.analysis.bounds import bound_table
from dgmbench.tasks.density.analysis.imputation import imputation_masks, imputation_tables
from dgmbench.tasks.density.analysis.slots import slot_tables
from dgmbench.tasks.density.analysis.trained import Trained, evenly, examples, trained_models
from dgmbench.tasks.density.settings import DensityAnalysisSettings
from dgmbench.tasks.density.task import DENSITY

TABLES = ("imputation", "bound_vs_k", "memory_slots", "memory_summary")
SIZES = {"imputation_images": 12, "imputation_passes": 3, "bound_images": 4, "bound_k": 20}


def tiny(models: Any, **analysis: int) -> Plan:
    settings = {"epochs": 1, "batch_size": 50, "train_limit": 200}
    options = {"hidden": [12, 12], "latent": 3}
    section = {
        "settings": settings,
        "datasets": ["ocr-letters"],
        "models": {name: {"options": options} for name in models},
        "analysis": SIZES | analysis,
    }
    return read_plan({"preset": "tiny", "density": section}, {"density": DENSITY})


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """With trained models, the memory models first, so that a base comes after its variants."""
    where = Workspace(tmp_path_factory.mktemp("results") / "tiny")
    for spec in tiny(["mem-vae-softmax", "mem-vae", "vae"]).runs:
        stages.train(DENSITY, spec, where)
    return where


def trained(workspace: Workspace, *names: str) -> list[Trained]:
    return trained_models(tiny(names), workspace, "cpu")


def test_the_oracle_s_bound_rises_to_its_exact_value() -> None:
    table = bound_table([], DensityAnalysisSettings(bound_k=500))
    assert table["k"].tolist() == [1, 5, 50, 500]
    gains = table.iloc[1:3]  # from 50 to 500 samples there is hardly anything left to gain
    assert (gains["gain"] > 3 * gains["gain_error"]).all()
    gaps = table["exact"] - table["bound"]
    assert gaps.iloc[0] > 1
    assert abs(gaps.iloc[-1]) < 0.05


def test_places_are_spread_over_all_images_and_examples_over_the_classes() -> None:
    np.testing.assert_array_equal(evenly(10, 5), [0, 2, 4, 6, 8])
    np.testing.assert_array_equal(evenly(3, 0), [0, 1, 2])
    np.testing.assert_array_equal(evenly(3, 9), [0, 1, 2])
    assert len(set(evenly(10_000, 333))) == 333
    np.testing.assert_array_equal(examples(np.array([3, 3, 0, 5, 0]), 2), [2, 0])


def test_the_sizes_are_checked_like_every_setting_and_name_no_run() -> None:
    assert tiny(["vae"], bound_k=7).runs == tiny(["vae"]).runs
    for wrong, line in (
        ({"bounds": 1}, "config.density.analysis.bounds: unknown setting 'bounds'"),
        ({"bound_k": 0}, "config.density.analysis.bound_k: 0 is too small; give at least 1"),
        ({"bound_images": "all"}, "config.density.analysis.bound_images: 'all' is not a whole number"),
    ):
        with pytest.raises(UserError, match=line):
            tiny(["vae"], **wrong)  # type: ignore[arg-type]


def test_the_masks_of_mnist_are_the_published_ones() -> None:
    masks = imputation_masks((28, 28), 500)
    assert masks["square"].sum() == 144 and masks["left half"].sum() == 28 * 14
    assert masks["random"].mean() == pytest.approx(0.6, abs=0.01)


@pytest.mark.network
def test_every_trained_model_is_in_the_tables_and_the_others_are_named(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    stale = workspace.figures / "imputation-removed.png"
    stale.parent.mkdir(exist_ok=True)
    stale.touch()
    with caplog.at_level(logging.INFO, "dgmbench"):
        analyse(tiny(["mem-vae-softmax", "mem-vae", "vae", "iwae-5"]), workspace)
    assert "iwae-5 on ocr-letters, seed 0: not trained, left out" in caplog.text
    tables = {name: pd.read_csv(workspace.tables / f"{name}.csv") for name in TABLES}
    assert set(tables["imputation"]["model"]) == {"mem-vae-softmax", "mem-vae", "vae"}
    assert set(tables["bound_vs_k"]["model"]) == {"linear-gaussian", "mem-vae-softmax", "mem-vae", "vae"}
    assert set(tables["memory_slots"]["model"]) == {"mem-vae-softmax", "mem-vae", "paper"}
    assert not stale.exists()
    drawn = (
        "imputation",
        "bound_vs_k",
        *(f"{n}-ocr-letters" for n in ("imputation", "samples", "slots", "slot_images")),
    )
    for name in drawn:
        for suffix in ("png", "pdf", "csv"):
            assert (workspace.figures / f"{name}.{suffix}").stat().st_size > 500, name
    pixels = pd.read_csv(workspace.figures / "imputation-ocr-letters.csv")
    assert pixels.shape[1] == 3 + 128
    assert pixels["row"].unique().tolist() == ["data", "corrupted", "vae", "mem-vae-softmax"]


@pytest.mark.network
def test_a_variant_is_compared_with_its_base_wherever_that_stands(workspace: Workspace) -> None:
    sizes = DensityAnalysisSettings(imputation_images=40, imputation_passes=2)
    table, errors = imputation_tables(trained(workspace, "mem-vae-softmax", "mem-vae", "vae"), sizes)
    means = table.set_index(["model", "mask"])
    for (model, mask), row in means.iterrows():
        curve = errors[(errors["model"] == model) & (errors["mask"] == mask)]
        assert curve["pass"].tolist() == [0, 1, 2]
        assert row["error"] == curve["error"].iloc[-1]
        if model == "vae":
            assert pd.isna(row["difference"])
        else:
            assert row["twin"] == "vae"
            assert row["difference"] == pytest.approx(row["error"] - means.loc[("vae", mask), "error"])
            assert row["low"] < row["difference"] < row["high"]


@pytest.mark.network
def test_two_analyses_give_the_same_numbers(workspace: Workspace) -> None:
    sizes = DensityAnalysisSettings(**SIZES)
    models = trained(workspace, "mem-vae", "vae")
    for make in (imputation_tables, lambda m, s: (bound_table(m, s), *slot_tables(m))):
        for first, second in zip(make(models, sizes), make(models, sizes), strict=True):
            pd.testing.assert_frame_equal(first, second)


@pytest.mark.network
def test_slot_tables_hold_each_class_and_the_paper(workspace: Workspace) -> None:
    preferences, summary = slot_tables(trained(workspace, "mem-vae-softmax", "vae"))
    ours = preferences[preferences["model"] == "mem-vae-softmax"]
    sums = ours.groupby(["layer", "class"])["preference"].sum()
    np.testing.assert_allclose(sums, 1)
    assert len(sums) == 2 * 26
    assert ours.groupby("layer")["slot"].nunique().to_dict() == {"next to x": 70, "next to z": 30}
    paper = summary[summary["model"] == "paper"].iloc[0]
    assert (paper["mean_entropy"], paper["active_slots"], paper["correlation 7-9"]) == (2.5, 53, 0.91)
    # letters have no digits to compare
    assert summary[summary["model"] != "paper"]["correlation 7-9"].isna().all()


@pytest.mark.network
def test_without_memory_there_are_no_slots_to_tell_of(workspace: Workspace) -> None:
    preferences, summary = slot_tables(trained(workspace, "vae"))
    assert len(preferences) == len(summary) == 0
    analyse(tiny(["vae"]), workspace)
    assert not list(workspace.figures.glob("slot*"))
    assert len(pd.read_csv(workspace.tables / "memory_slots.csv")) == 0


class Own(LinearGaussian):
    """A user-defined model whose ``encode`` is something else."""

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return z @ self.weight.T


@pytest.mark.network
@pytest.mark.parametrize("kind", [LinearGaussian, Own])
def test_a_model_that_only_gives_log_weights_has_its_bound_and_no_more(
    kind: type[LinearGaussian], workspace: Workspace
) -> None:
    (vae,) = trained(workspace, "vae")
    pixels = load_images("ocr-letters").train.shape[1]
    own = Trained(
        vae.spec, vae.row, kind(torch.randn(pixels, 2, generator=torch.Generator().manual_seed(0)) * 0.1), "ok"
    )
    assert vae.is_autoencoder and not own.is_autoencoder
    sizes = DensityAnalysisSettings(**SIZES)
    table, errors = imputation_tables([own], sizes)
    assert len(table) == len(errors) == 0
    assert len(slot_tables([own])[0]) == 0
    assert bound_table([own], sizes)["dataset"].tolist().count("ocr-letters") == 3


def test_nothing_trained_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no density model of preset 'tiny' is trained in .*snakemake"):
        analyse(tiny(["vae"]), Workspace(tmp_path))
