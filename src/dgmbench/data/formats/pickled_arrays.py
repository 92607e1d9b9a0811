"""Numpy arrays in a pickle, read without unpickling: nothing that the file names is imported or called.

A pickle is a program for a stack machine. Here the machine knows the few instructions that lists, dictionaries, tuples,
text, numbers and arrays of numbers take, and makes the arrays itself from checked shapes, types and bytes.
"""

from __future__ import annotations

import math
import pickletools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

_VALUES = frozenset(
    ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "SHORT_BINSTRING", "BINSTRING", "SHORT_BINBYTES", "BINBYTES")
) | {"BINUNICODE", "SHORT_BINUNICODE"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_NUMBER = re.compile(r"[biufc]\d{1,2}")
_MOST_AXES, _LONGEST = 8, 1 << 32
_MARK = object()


@dataclass(frozen=True)
class _Name:
    """A class or function that the file names."""

    name: str


_ARRAY, _TYPE = _Name("numpy ndarray"), _Name("numpy dtype")
_EMPTY_ARRAY = (_Name("numpy.core.multiarray _reconstruct"), _Name("numpy._core.multiarray _reconstruct"))


@dataclass
class _Object:
    """What a call in the file stands for; its state follows, and other parts of the file may refer to it before."""

    value: np.dtype[Any] | np.ndarray | None = None


def unpickle_arrays(content: bytes, limit: int) -> Any:
    """Containers, text, numbers and arrays of numbers, from a pickle of protocol 2 to 4 (Python 2's text as Latin-1).

    Args:
        content: the pickle.
        limit: the most bytes that all arrays together may have.

    Raises:
        ValueError: the pickle is damaged, asks for anything else, or holds more.
    """
    try:
        return _Machine(limit).run(content)
    except (LookupError, TypeError, AttributeError, OverflowError) as error:
        # the stack lacks what an instruction takes, or holds something else
        raise ValueError(f"a damaged pickle ({type(error).__name__})") from error


class _Machine:
    """The stack, and what was put aside by number."""

    def __init__(self, limit: int) -> None:
        self.left = limit
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, content: bytes) -> Any:
        """What is on the stack at the end."""
        stack, memo = self.stack, self.memo
        for opcode, argument, _ in pickletools.genops(content):
            match opcode.name:
                case name if name in _VALUES:
                    stack.append(argument)
                case name if name in _CONSTANTS:
                    stack.append(_CONSTANTS[name])
                case name if name in _TUPLES:
                    stack.append(tuple(self._pop(_TUPLES[name])))
                case "MARK":
                    stack.append(_MARK)
                case "TUPLE":
                    stack.append(tuple(self._pop_to_mark()))
                case "EMPTY_LIST":
                    stack.append([])
                case "EMPTY_DICT":
                    stack.append({})
                case "APPEND" | "APPENDS" as name:
                    items = self._pop(1) if name == "APPEND" else self._pop_to_mark()
                    _require(stack[-1], list).extend(items)
                case "SETITEM" | "SETITEMS" as name:
                    items = self._pop(2) if name == "SETITEM" else self._pop_to_mark()
                    keys = [_require(key, str) for key in items[::2]]
                    _require(stack[-1], dict).update(zip(keys, items[1::2], strict=True))
                case "BINPUT" | "LONG_BINPUT":
                    memo[_require(argument, int)] = stack[-1]
                case "MEMOIZE":
                    memo[len(memo)] = stack[-1]
                case "BINGET" | "LONG_BINGET":
                    stack.append(memo[_require(argument, int)])
                case "GLOBAL":
                    stack.append(_Name(_require(argument, str)))
                case "STACK_GLOBAL":
                    stack.append(_Name(" ".join(_require(part, str) for part in self._pop(2))))
                case "REDUCE":
                    stack.append(_called(*self._pop(2)))
                case "BUILD":
                    (state,) = self._pop(1)
                    self._complete(_require(stack[-1], _Object), _require(state, tuple))
                case "PROTO" | "FRAME":
                    pass
                case "STOP":
                    (result,) = self._pop(1)
                    return result
                case other:
                    raise ValueError(f"refused the instruction {other} in a pickle: only numpy arrays are allowed")
        raise ValueError("a pickle without an end")

    def _pop(self, n: int) -> list[Any]:
        """The last ``n`` of the stack."""
        if n > len(self.stack):
            raise ValueError("a damaged pickle")
        items = self.stack[len(self.stack) - n :]
        del self.stack[len(self.stack) - n :]
        return [_finished(item) for item in items]

    def _pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(_finished(item))
        return items[::-1]

    def _complete(self, made: _Object, state: tuple[Any, ...]) -> None:
        """Give an array its shape, type and bytes, or a type its byte order."""
        if isinstance(made.value, np.dtype):
            _, order, subarray, names, fields, *_ = state
            if order not in ("<", ">", "|", "=") or (subarray, names, fields) != (None, None, None):
                raise ValueError("refused an array type that is no plain number")
            made.value = made.value.newbyteorder(order)
            return
        _, shape, kind, fortran, data = state
        packed = data.encode("latin-1") if isinstance(data, str) else _require(data, bytes)
        sizes = [_require(size, int) for size in _require(shape, tuple)[: _MOST_AXES + 1]]
        kind = _require(kind, np.dtype)
        if len(sizes) > _MOST_AXES or not all(0 <= size <= _LONGEST for size in sizes):
            raise ValueError("an array in a pickle has more axes or longer ones than expected")
        if math.prod(sizes) * kind.itemsize != len(packed):
            raise ValueError(f"an array of shape {tuple(sizes)} and type {kind} has {len(packed):,} bytes in a pickle")
        self.left -= len(packed)
        if self.left < 0:
            raise ValueError("the arrays of a pickle have more bytes than expected")
        made.value = np.frombuffer(packed, kind).reshape(sizes, order="F" if fortran else "C")


def _called(function: Any, arguments: Any) -> _Object:
    """What one of the two calls makes that an array in a pickle consists of."""
    if not isinstance(function, _Name):
        raise ValueError("a damaged pickle")
    if function == _TYPE:
        code = _require(_require(arguments, tuple)[0], str)
        if not _NUMBER.fullmatch(code):
            raise ValueError(f"refused an array of type {code[:40]!r}: only numbers are allowed")
        return _Object(np.dtype(code))
    if function in _EMPTY_ARRAY and _require(arguments, tuple)[0] == _ARRAY:
        return _Object()
    raise ValueError(f"refused to call {function.name[:80].replace(' ', '.')}: only numpy arrays are allowed")


def _finished(item: Any) -> Any:
    """An object as containers hold it."""
    if item is _MARK:
        raise ValueError("a damaged pickle")
    if not isinstance(item, _Object):
        return item
    if item.value is None:
        raise ValueError("an array without its values in a pickle")
    return item.value


def _require(value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{type(value).__name__} in place of {kind.__name__} in a pickle")
    return value
