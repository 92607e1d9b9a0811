"""The generation table: distances to held-out images, and what part of them is covered."""

from __future__ import annotations

from dgmbench.report.cells import Cell, Cells
from dgmbench.report.estimates import Metric
from dgmbench.report.notes import variants
from dgmbench.report.table import MetricTable


def _drawn(name: str, label: str = "", *, digits: int = 3, higher: bool = True) -> Metric:
    return Metric(name, label, digits=digits, higher_is_better=higher, drawn=f"{name}_drawn")


class GenerationTable(MetricTable):
    """Every metric with the interval of its bootstrap draws; references are never the best."""

    def notes(self, cells: Cells) -> list[str]:
        return [
            *super().notes(cells),
            "MMD², sliced Wasserstein-2, Wasserstein-1 and Parzen are of pixels from 0 to 1; the others of the last "
            "hidden layer of one classifier, trained for the dataset. Errors and intervals are of 200 bootstrap draws "
            "of the test images, the same for every model, and of the generated ones; of Wasserstein-1 over sets of "
            "2,000 pairs. "
            "Parzen is the historical measure and says little about images (Theis et al., ICLR 2016).",
            "A Fréchet distance and a Wasserstein distance of finite samples are above 0 for equal distributions, too: "
            "training-images shows by how much. A model of binary pixels gives the probabilities of grey ones.",
        ]

    def notes_on(self, dataset: str, cells: list[Cell]) -> list[str]:
        runs = [(cell.model, run) for cell in cells for run in cell.measured("mmd")]
        if not runs:
            return []

        def each(*keys: str) -> str:
            return variants((model, run.get(*keys)) for model, run in runs)

        smaller = [model for model, run in runs if run.get("spec", "options").get("network") == "reduced"]
        reduced = f"; with a reduced network: {', '.join(dict.fromkeys(smaller))}" if smaller else ""
        errors = variants((model, f"{run.get('protocol', 'classifier_error'):.2f} %") for model, run in runs)
        return [
            f"{dataset}: {each('metrics', 'samples')} samples, {each('metrics', 'images')} {each('protocol', 'split')} "
            f"images; test error of the classifier {errors}; epochs {each('training', 'epochs')} (0: trained by "
            f"another task, or nothing to train); entropy of the mean prediction "
            f"{variants((model, format(run.get('metrics', 'entropy'), '.2f')) for model, run in runs)} nats{reduced}."
        ]


TABLE = GenerationTable(
    (
        _drawn("frechet_distance", "Fréchet", digits=2, higher=False),
        _drawn("kernel_distance", "kernel distance", higher=False),
        _drawn("mmd", "MMD²", digits=4, higher=False),
        _drawn("sliced_wasserstein", "sliced W2", digits=4, higher=False),
        Metric("wasserstein", "W1", digits=3, higher_is_better=False, per_example="wasserstein"),
        _drawn("precision"),
        _drawn("recall"),
        _drawn("density"),
        _drawn("coverage"),
        _drawn("classes", digits=1),
        Metric("parzen", "Parzen", unit="nats", digits=1, per_example="parzen"),
    ),
    about=(
        "Images that a model generates beside test images. Lower is better: Fréchet, kernel distance, MMD², sliced W2, "
        "W1. Higher is better: precision, recall, density, coverage, classes covered, Parzen log-likelihood."
    ),
    needs=("metrics.images", "metrics.samples", "metrics.entropy", "training.epochs", "protocol.split"),
)
