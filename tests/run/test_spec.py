"""A run's name comes from what it is: not from the order or the completeness of how it was written down."""

from __future__ import annotations

import dataclasses
import math
import random
import typing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgmbench.errors import UserError
from dgmbench.run.settings import Settings, checked
from dgmbench.run.spec import RunSpec, canonical_hash
from dgmbench.tasks import all_tasks
from dgmbench.tasks.density.settings import DensitySettings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PLAIN = (int, float, bool, str)
FIELDS = [
    (cls, name)
    for task in all_tasks().values()
    for cls in (task.settings, *((task.analysis.settings,) if task.analysis else ()))
    for name, field in cls.model_fields.items()
    if field.annotation in PLAIN or typing.get_origin(field.annotation) is typing.Literal
]
SPEC = RunSpec("density", "mnist", "vae", DensitySettings())


@given(st.dictionaries(st.text(), JSON, max_size=6), st.randoms())
def test_the_order_of_keys_does_not_change_a_hash(value: dict[str, object], rng: random.Random) -> None:
    items = list(value.items())
    rng.shuffle(items)
    assert canonical_hash(dict(items)) == canonical_hash(value)


def test_a_defaulted_key_does_not_change_a_name() -> None:
    written = RunSpec("density", "mnist", "vae", DensitySettings(epochs=3000, k=5000), 0, "", {})
    assert written.run_id == SPEC.run_id
    assert written.training_id == SPEC.training_id


@pytest.mark.parametrize(
    "change",
    [{"dataset": "ocr-letters"}, {"model": "iwae-5"}, {"seed": 1}, {"factory": "a:B"}, {"options": {"hidden": [8]}}],
)
def test_whatever_differs_makes_another_run(change: dict[str, Any]) -> None:
    assert dataclasses.replace(SPEC, **change).run_id != SPEC.run_id


@pytest.mark.parametrize("name", DensitySettings.model_fields)
def test_settings_of_the_evaluation_share_a_training(name: str) -> None:
    field = DensitySettings.model_fields[name]
    other = typing.get_args(field.annotation)[1:2] or (field.default + 1,)
    value = 0.5 if name in ("decay", "warm_up", "weight_average") else True if field.annotation is bool else other[0]
    changed = dataclasses.replace(SPEC, settings=DensitySettings(**{name: value}))
    assert changed.run_id != SPEC.run_id
    assert (changed.training_id == SPEC.training_id) == (DensitySettings.stage_of(name) == "evaluation")


@pytest.mark.parametrize(("cls", "name"), FIELDS, ids=lambda value: getattr(value, "__name__", value))
def test_every_setting_refuses_what_is_out_of_range(cls: type[Settings], name: str) -> None:
    field = cls.model_fields[name]
    wrong: list[object] = [None, [1], {"a": 1}]
    for limit in field.metadata:
        wrong += [limit.ge - 1] if hasattr(limit, "ge") else []
        wrong += [limit.gt] if hasattr(limit, "gt") else []
        wrong += [limit.le + 1] if hasattr(limit, "le") else []
    if typing.get_origin(field.annotation) is typing.Literal:
        wrong.append("no-such-choice")
    if field.annotation is float:
        wrong += [math.nan, math.inf, "much"]
    elif field.annotation is bool:
        wrong += [1, "true"]
    elif field.annotation is int:
        wrong += [True, 1.5, "12"]
    for value in wrong:
        with pytest.raises(UserError, match=f"^here.{name}: ") as caught:
            checked(cls, {name: value}, "here")
        assert "\n" not in str(caught.value)


def test_numbers_as_yaml_writes_them() -> None:
    settings = checked(DensitySettings, {"learning_rate": "1e-4", "adam_eps": 1, "precision": 32}, "here")
    assert settings == DensitySettings(learning_rate=1e-4, adam_eps=1.0, precision="32")


def test_an_unknown_setting_names_the_one_meant() -> None:
    with pytest.raises(UserError, match=r"^here.epoch: unknown setting 'epoch'; did you mean 'epochs'\?"):
        checked(DensitySettings, {"epoch": 3}, "here")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("file:数据.csv", "file:文本.csv"),
        ("file:a/b.csv", "file:a-b.csv"),
        ("file:A.csv", "file:a.csv"),
        ("data", "Data"),
        (f"file:{'x' * 300}a.csv", f"file:{'x' * 300}b.csv"),
        ("数据", "文本"),
    ],
)
def test_datasets_whose_names_read_alike_have_runs_of_their_own(one: str, other: str) -> None:
    ids = [dataclasses.replace(SPEC, dataset=name).run_id for name in (one, other)]
    assert len({name.casefold() for name in ids}) == 2
    assert all(len(name) < 200 and not name.startswith(".") for name in ids)


def test_built_in_names_are_shown_as_they_are() -> None:
    assert SPEC.run_id.startswith("mnist.vae.s0.")
