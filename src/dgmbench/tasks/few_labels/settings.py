"""Settings of a run with few labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from dgmbench.run.settings import evaluation_field
from dgmbench.run.spec import RunSpec
from dgmbench.training.settings import TrainingSettings

Numbers = Annotated[list[Annotated[int, Field(ge=0)]], AfterValidator(lambda numbers: sorted(set(numbers)))]


HELD_OUT = 6
"""One training image of so many is for validation, where a dataset has no validation part."""


class FewLabelsSettings(TrainingSettings):
    """How many labels a run sees, and how a classifier is trained with them."""

    labels: Numbers = Field(
        [20, 50, 100, 200],
        min_length=1,
        description="numbers of labelled training images; a classifier is trained with each; 0 is all of them",
    )
    labelled_batch: int = Field(100, ge=1, description="labelled images in a step, beside those without; all if fewer")
    epochs: int = Field(1000, ge=1, description="passes over the training images, with and without labels")
    test_limit: int = evaluation_field(0, ge=0, description="evaluate on this many test images; 0 is all")
    split: Literal["test", "valid"] = evaluation_field("test", description="what is evaluated")


def few_labels_settings(spec: RunSpec) -> FewLabelsSettings:
    """The settings of a run with few labels."""
    assert isinstance(spec.settings, FewLabelsSettings)
    return spec.settings


def too_many(number: int, images: int) -> str:
    """What is wrong with a number of labels of so many training images, empty for nothing."""
    return f"{number:,} labels asked for, and there are {images:,} training images; lower labels" * (number > images)


def too_few(number: int, classes: int) -> str:
    """What is wrong with a number of labels, empty for nothing."""
    if not 0 < number < classes:
        return ""
    return f"{number} labels for {classes} classes: each class needs one; give labels of at least {classes}"


def few_first(numbers: Iterable[int]) -> list[int]:
    """Numbers of labels in the order of the table: 0, which is all, is last."""
    return sorted(numbers, key=lambda number: (not number, number))


def label_name(number: int) -> str:
    """What a number of labels is called in names of metrics and files."""
    return str(number) if number else "all"
