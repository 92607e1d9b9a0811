"""Settings: names, types, ranges and help in one place, and one clear line for each mistake in them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from dgmbench.errors import UserError
from dgmbench.names import did_you_mean

Stage = Literal["training", "evaluation"]


class Settings(BaseModel):
    """The base of every group of settings; their defaults are the published protocol.

    A field is declared with pydantic's ``Field``: default, range (``ge``, ``gt``, ``le``), ``description``. What only
    the evaluation depends on is declared with `evaluation_field`: runs that differ in nothing else share a trained
    model. Their values are a part of a run's specification; their module holds nothing that a run executes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _read_yaml(cls, values: Any) -> Any:
        """Numbers that YAML reads as text (1e-4), and text that it reads as a number (a precision of 32)."""
        if not isinstance(values, Mapping):
            return values
        read = dict(values)
        for name, value in values.items():
            kind = cls.model_fields[name].annotation if name in cls.model_fields else None
            if kind is float and isinstance(value, str):
                with contextlib.suppress(ValueError):
                    read[name] = float(value)
            elif kind not in (int, float, bool) and type(value) is int:
                read[name] = str(value)
        return read

    @classmethod
    def stage_of(cls, name: str) -> Stage:
        """Whether the training depends on a setting, or the evaluation alone."""
        extra = cls.model_fields[name].json_schema_extra
        return "evaluation" if isinstance(extra, dict) and extra.get("stage") == "evaluation" else "training"

    def departures(self) -> dict[str, Any]:
        """The settings that differ from their defaults."""
        return {name: value for name, value in self if value != type(self).model_fields[name].default}


def evaluation_field(default: Any, **rules: Any) -> Any:
    """A field that only the evaluation depends on."""
    return Field(default, json_schema_extra={"stage": "evaluation"}, **rules)


S = TypeVar("S", bound=Settings)


def checked(cls: type[S], values: Mapping[str, Any], where: str) -> S:
    """Settings from plain values, each checked for name, type and range.

    Raises:
        UserError: names the setting, where it stands, and what would be right.
    """
    try:
        return cls.model_validate(dict(values))
    except ValidationError as error:
        raise UserError(_line(error.errors()[0], cls, where)) from None


_NOT = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "dict": "a mapping of names to values",
    "list": "a list",
    "tuple": "a list",
}


def _line(error: ErrorDetails, cls: type[Settings], where: str) -> str:
    """What pydantic found, in our words."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    place = ".".join([where, *(str(part) for part in error["loc"] if part != "[key]")])
    if kind == "extra_forbidden":
        return f"{place}: unknown setting {error['loc'][-1]!r}{did_you_mean(str(error['loc'][-1]), cls.model_fields)}"
    if kind == "finite_number":
        return f"{place}: {value} is not a finite number"
    if kind == "literal_error":
        choices = _choices(cls.model_fields[str(error["loc"][0])])
        return f"{place}: {value!r} is unknown; choose one of {choices}{_as_yaml_reads(value)}"
    if kind == "too_short":
        return f"{place}: {value!r} is too short; give at least {context['min_length']}"
    if kind == "greater_than_equal":
        return f"{place}: {value} is too small; give at least {context['ge']:g}"
    if kind == "greater_than":
        return f"{place}: {value} is too small; give more than {context['gt']:g}"
    if kind in ("less_than_equal", "less_than"):
        return f"{place}: {value} is too large; give at most {next(iter(context.values())):g}"
    if kind == "value_error":
        return f"{place}: {context['error']}"
    wanted = _NOT.get(kind.split("_")[0])
    remark = _as_yaml_reads(value) if wanted == "text" else f"; write [{value}]" if wanted == "a list" else ""
    return f"{place}: {value!r} is not {wanted}{remark}" if wanted else f"{place}: {error['msg']}"


def _as_yaml_reads(value: Any) -> str:
    """A remark on a value that stood, perhaps, as a word in a file."""
    words = {True: "true, yes or on", False: "false, no or off"}
    return f" (the words {words[value]} are {value} in YAML, unless they are in quotes)" if type(value) is bool else ""


def _choices(field: FieldInfo) -> str:
    return ", ".join(map(str, getattr(field.annotation, "__args__", ())))
