"""The task, as dgmbench's core sees it; the entry point in pyproject.toml names it."""

from dgmbench.run.task import Row, Task
from image_classes.settings import ClassifierSettings

ROWS = {
    "linear": Row("image_classes.classifiers:Linear", "linear least squares"),
    "nearest-neighbours": Row(
        "image_classes.classifiers:NearestNeighbours",
        "k-nearest neighbours",
        options={"k": 3},
        compared_with=("linear",),
    ),
}

IMAGE_CLASSES = Task(
    name="image-classes",
    title="Image classification",
    about="error rate of classifiers on test images, in percent",
    package="image_classes",
    kind="images",
    settings=ClassifierSettings,
    rows=ROWS,
    train="image_classes.training:train",
    evaluate="image_classes.evaluation:evaluate",
    check="image_classes.check:findings",
    table="image_classes.table:TABLE",
    libraries=("image-classes", "numpy"),
)
