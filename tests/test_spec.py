"""A run's name comes from what it is: not from the order or the completeness of how it was written down."""

from __future__ import annotations

import dataclasses
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgmbench.errors import UserError
from dgmbench.run.spec import SETTINGS, DensitySettings, RunSpec, build_settings, canonical_hash, slug

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [(task, field) for task, cls in SETTINGS.items() for field in dataclasses.fields(cls)]


@given(st.dictionaries(st.text(), JSON, max_size=6), st.randoms())
def test_the_order_of_keys_does_not_change_a_hash(value: dict[str, object], rng: random.Random) -> None:
    items = list(value.items())
    rng.shuffle(items)
    assert canonical_hash(dict(items)) == canonical_hash(value)


def test_a_defaulted_key_does_not_change_a_name() -> None:
    bare = RunSpec("density", "mnist", "vae")
    written = RunSpec("density", "mnist", "vae", 0, "", DensitySettings(epochs=3000, k=5000), {})
    assert written.run_id == bare.run_id
    assert written.training_id == bare.training_id


@pytest.mark.parametrize(
    "change",
    [{"dataset": "ocr-letters"}, {"model": "iwae-5"}, {"seed": 1}, {"factory": "a:B"}, {"options": {"hidden": [8]}}],
)
def test_whatever_differs_makes_another_run(change: dict[str, object]) -> None:
    run = RunSpec("density", "mnist", "vae")
    assert dataclasses.replace(run, **change).run_id != run.run_id  # type: ignore[arg-type]


@pytest.mark.parametrize("field", dataclasses.fields(DensitySettings), ids=lambda f: f.name)
def test_settings_of_the_evaluation_share_a_training(field: dataclasses.Field[object]) -> None:
    run = RunSpec("density", "mnist", "vae")
    other = (field.metadata["choices"] or (None, None))[1] or field.default + 1  # type: ignore[operator]
    if field.name in ("decay", "warm_up"):
        other = 0.5
    changed = dataclasses.replace(run, settings=dataclasses.replace(run.settings, **{field.name: other}))
    assert changed.run_id != run.run_id
    assert (changed.training_id == run.training_id) == (field.metadata["stage"] == "evaluation")


@pytest.mark.parametrize(("task", "field"), FIELDS, ids=lambda value: getattr(value, "name", value))
def test_every_setting_refuses_what_is_out_of_range(task: str, field: dataclasses.Field[object]) -> None:
    limits = field.metadata
    wrong: list[object] = [None, [1], {"a": 1}]
    if limits["at_least"] is not None:
        wrong.append(type(field.default)(limits["at_least"] - 1))
    if limits["above"] is not None:
        wrong.append(limits["above"])
    if limits["at_most"] is not None:
        wrong.append(limits["at_most"] + 0.5)
    if limits["choices"]:
        wrong.append("no-such-choice")
    if isinstance(field.default, float):
        wrong += [math.nan, math.inf, "much"]
    if isinstance(field.default, bool):
        wrong += [1, "true"]
    elif isinstance(field.default, int):
        wrong += [True, 1.5, "12"]
    for value in wrong:
        with pytest.raises(UserError, match=f"^here.{field.name}: ") as caught:
            build_settings(task, {field.name: value}, "here")  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)


def test_numbers_as_yaml_writes_them() -> None:
    settings = build_settings("density", {"learning_rate": "1e-4", "adam_eps": 1, "precision": 32}, "here")
    assert settings == DensitySettings(learning_rate=1e-4, adam_eps=1.0, precision="32")


def test_an_unknown_setting_names_the_one_meant() -> None:
    with pytest.raises(UserError, match="unknown setting 'epoch'; did you mean 'epochs'"):
        build_settings("density", {"epoch": 3}, "here")


@given(st.text())
def test_a_slug_is_one_file_name(name: str) -> None:
    assert "/" not in slug(name)
    assert not slug(name).startswith(".")
    assert slug(slug(name)) == slug(name)
