"""Workers: objects that do their parts of a task side by side, in this process or, by Ray, in others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Maker = Callable[[], Any]
"""Makes a worker; it must be possible to call it again, for a worker that died."""


class LostError(Exception):
    """Results that handles stand for are lost: all must be done again from what was kept elsewhere."""


@dataclass(frozen=True)
class Died:
    """What there is of a worker that died, instead of results: why, in words."""

    why: str


class Workers(Protocol):
    """Objects whose methods return lists; what stands in these is known by handles."""

    def call(
        self, method: str, arguments: Mapping[int, Sequence[Any]], results: int = 1
    ) -> dict[int, list[Any] | Died]:
        """Call a method of some workers at the same time, and wait for all.

        Args:
            arguments: by the number of the worker; a handle stands for its value.
            results: the length of the list that the method returns.

        Returns:
            By the number of the worker the handles of its results, or why there are none.

        Raises:
            LostError: what a handle among the arguments stands for is lost.
        """

    def put(self, value: Any) -> Any:
        """A handle of a value, for an argument that many workers get."""

    def values(self, handles: Iterable[Any]) -> list[Any]:
        """What handles stand for.

        Raises:
            LostError: it is lost.
        """

    def replace(self, worker: int) -> None:
        """Make a worker anew."""

    def close(self) -> None:
        """End all of them."""


class InProcess:
    """Workers in this process, one after another; a handle is the value itself."""

    def __init__(self, makers: Sequence[Maker]) -> None:
        self._makers = makers
        self._workers = [make() for make in makers]

    def call(
        self, method: str, arguments: Mapping[int, Sequence[Any]], results: int = 1
    ) -> dict[int, list[Any] | Died]:
        return {i: getattr(self._workers[i], method)(*given) for i, given in arguments.items()}

    def put(self, value: Any) -> Any:
        return value

    def values(self, handles: Iterable[Any]) -> list[Any]:
        return list(handles)

    def replace(self, worker: int) -> None:
        self._workers[worker] = self._makers[worker]()

    def close(self) -> None:
        self._workers.clear()
