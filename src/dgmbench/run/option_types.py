"""Whether options have the types that a class annotates its arguments with, asked before anything is trained.

Annotations of users' classes are often rough (``alpha: int = 1`` where 0.5 does as well), so of them only what cannot
be meant is told: text for a number, a number for a list. Arguments without an annotation, or with one that plain values
say nothing about, are not judged.
"""

from __future__ import annotations

import collections.abc
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

_LISTS = {list, tuple, set, frozenset, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection}
_MAPPINGS = {dict, collections.abc.Mapping, collections.abc.MutableMapping}
_NUMBERS = (int, float, complex)
_ONE, _SEVERAL = (
    {int: f"{a}whole number{s}", float: f"{a}number{s}", complex: f"{a}number{s}", str: text, bool: "true or false"}
    for a, s, text in (("a ", "", "text"), ("", "s", "texts"))
)
_BEHIND = ("__value__", "__supertype__")  # of ``type Name = ...``, of NewType


def misfits(factory: Callable[..., Any], options: Mapping[str, Any], exact: bool) -> Iterator[tuple[str, str]]:
    """The options whose value is not of the type that the class names, each with what is meant, in words.

    Args:
        options: plain values, as JSON has them; those that the class does not take are passed over.
        exact: whether the annotations are exact, so that a number with a fraction is no whole number.
    """
    for name, parameter in inspect.signature(factory).parameters.items():
        if name not in options:
            continue
        hint = _hint(factory, parameter.annotation)
        if not _fits(options[name], hint, exact) and not _is_as(parameter.default, options[name], hint, exact):
            yield name, _words(hint)


def of_one_type(value: Any, other: Any) -> bool:
    """Whether two values have the same type; lists and tuples count as one, if their elements have the same types."""
    if isinstance(value, list | tuple) and isinstance(other, list | tuple):
        return {*map(type, value)} <= {*map(type, other)}
    return type(value) is type(other)


def _is_as(default: Any, value: Any, hint: Any, exact: bool) -> bool:
    """Whether a value is the default, or of its type where annotations are rough; those that list values are not."""
    return of_one_type(value, default) and (value == default or not (exact or get_origin(hint) is Literal))


def _hint(factory: Callable[..., Any], annotation: Any) -> Any:
    """An annotation as a type; ``Any`` where there is none, or where it cannot be read."""
    if annotation is inspect.Parameter.empty:
        return Any
    function = inspect.unwrap(factory.__init__ if isinstance(factory, type) else factory)  # type: ignore[misc]
    try:
        known = getattr(function, "__globals__", {})
        found = get_type_hints(types.SimpleNamespace(__annotations__={"it": annotation}), known)["it"]
    except Exception:  # a name that is there for type checkers alone, or whatever the annotation's own code raises
        return Any
    for name in _BEHIND:
        found = getattr(found, name, found)
    return found


def _fits(value: Any, hint: Any, exact: bool) -> bool:
    origin, arguments = get_origin(hint) or hint, get_args(hint)
    if origin is Annotated:
        return _fits(value, arguments[0], exact)
    if origin in (Union, types.UnionType):
        return any(_fits(value, each, exact) for each in arguments)
    if origin is Literal:
        return value in arguments
    if origin in (None, type(None)):
        return value is None
    if origin is bool:  # 0 and 1 are as good
        return isinstance(value, bool | int)
    if origin in _NUMBERS:
        allowed = (int,) if origin is int else (int, float)
        return type(value) in allowed if exact else isinstance(value, int | float)
    if origin is str:
        return isinstance(value, str) or (not exact and isinstance(value, bool | int | float))
    if origin in _LISTS:
        if isinstance(value, str):  # is a sequence of texts
            return str in arguments
        of_elements = [each for each in arguments if each is not Ellipsis]
        return isinstance(value, list) and (not of_elements or _each_fits(value, of_elements, exact))
    if origin in _MAPPINGS:
        return isinstance(value, dict) and (not arguments or _each_fits(value.values(), arguments[1:], exact))
    return origin is not np.ndarray or isinstance(value, list | int | float)


def _each_fits(values: collections.abc.Iterable[Any], hints: collections.abc.Sequence[Any], exact: bool) -> bool:
    return all(any(_fits(value, hint, exact) for hint in hints) for value in values)


def _words(hint: Any, words: Mapping[Any, str] = _ONE) -> str:
    """What is meant by a type."""
    origin, arguments = get_origin(hint) or hint, get_args(hint)
    if origin is Annotated:
        return _words(arguments[0], words)
    if origin in (Union, types.UnionType):
        return " or ".join(_words(each, words) for each in arguments)
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin in (None, type(None)):
        return "null"
    if origin in _LISTS or origin is np.ndarray:
        of_elements = dict.fromkeys(_words(each, _SEVERAL) for each in arguments if each is not Ellipsis)
        return f"a list of {' or '.join(of_elements)}" if of_elements and origin is not np.ndarray else "a list"
    if origin in _MAPPINGS:
        return "a mapping of names to values"
    return words.get(origin, str(getattr(origin, "__name__", hint)))
