"""Options are of the types that a class annotates; what an annotation does not decide is not judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType, Optional, TypeVar

import numpy as np
import pytest

from dgmbench.names import load_object
from dgmbench.run.option_types import misfits
from dgmbench.tasks import all_tasks

if TYPE_CHECKING:
    from nowhere import Unknown

T = TypeVar("T")
ZEROS = np.zeros(3)
Width = NewType("Width", int)


class Model:
    def __init__(
        self,
        hidden: Sequence[int] = (200, 200),
        n_topics: int = 50,
        alpha: float | None = None,
        prior: float | np.ndarray | None = None,
        memory: bool = False,
        engine: Literal["auto", "warp"] = "auto",
        name: str = "",
        weights: Mapping[str, float] | None = None,
        old: Optional[int] = None,  # noqa: UP045
        width: Width = Width(3),
        limit: Annotated[int, "at most"] = 3,
        words: Sequence[str] = (),
        shape: tuple[int, int] = (8, 8),
        path: Path = Path(),
        any_: Any = 0,
        generic: T | None = None,
        unknown: Unknown = 0,
        function: Callable[[int], int] | bool = False,
        unannotated=0,
        rough: int = None,  # noqa: RUF013
        array=ZEROS,
    ) -> None: ...


@dataclass
class Data:
    hidden: list[int]
    depth: int = 2


@pytest.mark.parametrize(
    ("option", "value", "meant"),
    [
        ("hidden", "x", "a list of whole numbers"),
        ("hidden", 5, "a list of whole numbers"),
        ("hidden", [5, "x"], "a list of whole numbers"),
        ("hidden", {"a": 1}, "a list of whole numbers"),
        ("n_topics", "two", "a whole number"),
        ("n_topics", "50", "a whole number"),
        ("n_topics", None, "a whole number"),
        ("n_topics", [50], "a whole number"),
        ("alpha", "x", "a number or null"),
        ("prior", "x", "a number or a list or null"),
        ("memory", "no", "true or false"),
        ("engine", "fast", "one of auto, warp"),
        ("name", ["a"], "text"),
        ("weights", [1.0], "a mapping of names to values or null"),
        ("weights", {"a": "b"}, "a mapping of names to values or null"),
        ("old", "x", "a whole number or null"),
        ("width", "x", "a whole number"),
        ("limit", "x", "a whole number"),
        ("words", [["a"]], "a list of texts"),
        ("shape", "8x8", "a list of whole numbers"),
    ],
)
def test_what_no_annotation_can_mean_is_told_in_words(option: str, value: Any, meant: str) -> None:
    for exact in (False, True):
        assert [*misfits(Model, {option: value}, exact)] == [(option, meant)]


@pytest.mark.parametrize(
    "options",
    [
        {"hidden": [5], "n_topics": 5, "alpha": 1, "prior": [0.1, 0.2], "memory": 1, "engine": "warp", "name": "a"},
        {"hidden": [], "alpha": None, "prior": 0.5, "weights": {"a": 1}, "old": None, "words": "abc", "rough": None},
        {"path": "a/b", "any_": ["x"], "generic": "x", "unknown": "x", "function": "x", "unannotated": "x"},
        {"array": [1.0, 2.0], "shape": [8, 8], "not_taken": 3},
    ],
)
def test_what_fits_or_is_not_decided_is_not_told(options: dict[str, Any]) -> None:
    for exact in (False, True):
        assert not [*misfits(Model, options, exact)]


@pytest.mark.parametrize(
    "options", [{"n_topics": 2.5}, {"hidden": [2.5]}, {"n_topics": True}, {"name": 3}, {"shape": [8.0, 8.0]}]
)
def test_numbers_stand_for_each_other_unless_annotations_are_exact(options: dict[str, Any]) -> None:
    assert not [*misfits(Model, options, exact=False)]
    assert [*misfits(Model, options, exact=True)]


def test_a_default_tells_more_than_a_rough_annotation() -> None:
    def model(hidden: list[int] = 5, *, seed: int = 0) -> None: ...  # type: ignore[assignment]

    assert not [*misfits(model, {"hidden": 7}, exact=False)]
    assert [*misfits(model, {"seed": "x"}, exact=False)] == [("seed", "a whole number")]


def test_dataclasses_and_what_they_are_derived_from_are_read() -> None:
    class Derived(Data):
        """Its arguments are those of the class above."""

    for factory in (Data, Derived):
        found = [*misfits(factory, {"hidden": "x", "depth": "y"}, exact=True)]
        assert found == [("hidden", "a list of whole numbers"), ("depth", "a whole number")]


def test_the_options_of_every_row_fit_its_class() -> None:
    for task in all_tasks().values():
        for name, row in task.rows.items():
            for options in [row.options, *row.by_dataset.values()]:
                plain = {key: [*value] if isinstance(value, tuple) else value for key, value in options.items()}
                assert not [*misfits(load_object(row.factory), plain, exact=True)], f"{task.name} {name}"
