"""The figure of images that a model generates class by class."""

from __future__ import annotations

from dgmbench.data.load.images import load_images
from dgmbench.names import file_name
from dgmbench.report.cells import Cells, Run
from dgmbench.report.image_strips import draw_images
from dgmbench.report.sheet import Figure
from dgmbench.run.records import read_arrays
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.few_labels.settings import few_labels_settings, label_name

FILE = "samples.npz"


def class_samples(cells: Cells, workspace: Workspace) -> list[Figure]:
    """A figure of each dataset and each model that generates: ten images of every class, of the first label set.

    Of several numbers of labels the smallest and the largest are shown. Nothing where the trainings are not on disk.
    """
    found = []
    for cell in cells:
        there = [run for run in cell.runs if run.record and (workspace.trained(run.spec) / FILE).is_file()]
        if there:
            found.append(_drawn(cell.dataset, cell.model, there[0], cells.task.name, workspace))
    return found


def _drawn(dataset: str, model: str, run: Run, task: str, workspace: Workspace) -> Figure:
    images = read_arrays(workspace.trained(run.spec) / FILE)
    numbers = sorted(few_labels_settings(run.spec).labels, key=lambda number: (not number, number))  # 0 is all
    there = [name for name in map(label_name, numbers) if name in images]
    shown = dict.fromkeys((there[0], there[-1]))
    data = load_images(run.spec.dataset)
    classes = data.classes or tuple(map(str, range(len(images[there[0]]))))
    blocks = {
        f"{name} labels": {str(label): of_class / 255 for label, of_class in zip(classes, images[name], strict=True)}
        for name in shown
    }
    path = workspace.figures / f"{task}_classes-{file_name(dataset)}-{file_name(model)}"
    png = draw_images(blocks, data.shape, path)
    text = (
        f"Images that {model} generates of each class of {dataset}, not chosen, with the labels of "
        f"{' and of '.join(shown)} training images (label set {run.spec.seed})."
    )
    return Figure(png, f"Images of each class: {model}, {dataset}", text)
