"""The figure of images that a model generates class by class."""

from __future__ import annotations

from pathlib import Path

from dgmbench.data.load.images import load_images
from dgmbench.names import file_name
from dgmbench.report.cells import Cells, Run
from dgmbench.report.image_strips import draw_images
from dgmbench.report.sheet import Figure
from dgmbench.run.records import read_arrays
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.few_labels.settings import few_first, few_labels_settings, label_name

FILE = "samples.npz"


def class_samples(cells: Cells, workspace: Workspace) -> list[Figure]:
    """A figure of each dataset and each model that generates: ten images of every class, of the first label set.

    Of several numbers of labels the smallest and the largest are shown. Where the trainings are not on disk it is the
    one that was drawn of them, if there is one.
    """
    found = []
    for cell in cells:
        recorded = [run for run in cell.runs if run.record]
        trained = [run for run in recorded if (workspace.trained(run.spec) / FILE).is_file()]
        path = workspace.figures / f"{cells.task.name}_classes-{file_name(cell.dataset)}-{file_name(cell.model)}.png"
        if trained:
            _draw(trained[0], workspace, path.with_suffix(""))
        if not recorded or not path.is_file():
            continue
        text = (
            f"Images that {cell.model} generates of each class of {cell.dataset}, not chosen, with as many labelled "
            f"training images as stands above (label set {(trained or recorded)[0].spec.seed})."
        )
        found.append(Figure(path, f"Images of each class: {cell.model}, {cell.dataset}", text))
    return found


def _draw(run: Run, workspace: Workspace, path: Path) -> None:
    images = read_arrays(workspace.trained(run.spec) / FILE)
    there = [name for name in map(label_name, few_first(few_labels_settings(run.spec).labels)) if name in images]
    data = load_images(run.spec.dataset)
    classes = data.classes or tuple(map(str, range(len(images[there[0]]))))
    blocks = {
        f"{name} labels": {str(label): of_class / 255 for label, of_class in zip(classes, images[name], strict=True)}
        for name in dict.fromkeys((there[0], there[-1]))
    }
    draw_images(blocks, data.shape, path)
