"""Checkpoints of a fit: what it has learned so far, in plain arrays, for a process that is killed and started again."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dgmbench.errors import UserError
from dgmbench.run.records import write_arrays

log = logging.getLogger("dgmbench")

CHECKPOINT_SECONDS = 15.0
"""Between two checkpoints at least: what a killed fit loses."""
CHECKPOINT_SHARE = 0.01
"""Of the time of a fit, for writing checkpoints at most: large ones on a slow disk are further apart."""
_FINGERPRINT, _TIMES = "checkpoint.fingerprint", "checkpoint.times"


@dataclass
class _Clock:
    """Time of a fit, which its parts share: when it started, seconds of earlier processes, when to save next.

    By the clock, and of the processor.
    """

    started: float = field(default_factory=lambda: time.perf_counter())
    cpu_started: float = field(default_factory=lambda: time.process_time())
    earlier: float = 0.0
    cpu_earlier: float = 0.0
    due: float = field(default_factory=lambda: time.perf_counter() + CHECKPOINT_SECONDS)


class Checkpoint:
    """Where a fit keeps its state at ends of sweeps or epochs, and finds that of a process that was killed.

    A file holds arrays, and nothing that is executed when it is read. It appears under its name only when it is whole.

    Args:
        folder: where the files lie; None keeps nothing and finds nothing.
        fingerprint: names the fit, its data, options and code: the state of another one is not taken up.

    Example:
        >>> checkpoint = Checkpoint(Path("state"), "reuters, 50 topics")
        >>> saved = checkpoint.load()
        >>> topics, done = (saved["topics"], int(saved["done"])) if saved else (first_topics, 0)
        >>> for sweep in range(done, n_sweeps):
        ...     resample(topics)
        ...     checkpoint.save(topics=topics, done=sweep + 1)
    """

    def __init__(self, folder: Path | None = None, fingerprint: str = "") -> None:
        self._folder, self._fingerprint, self._name, self._clock = folder, fingerprint, "fit", _Clock()

    def __repr__(self) -> str:
        return f"Checkpoint({'' if self._folder is None else repr(str(self._folder))})"

    def part(self, name: str) -> Checkpoint:
        """That of a fit within this fit, in a file of its own; both together save as often as one."""
        part = Checkpoint(self._folder, self._fingerprint)
        part._name, part._clock = name, self._clock
        return part

    @property
    def earlier_seconds(self) -> float:
        """What the fit had taken in earlier processes, up to the state that was loaded."""
        return self._clock.earlier

    @property
    def earlier_cpu_seconds(self) -> float:
        """Likewise, processor seconds."""
        return self._clock.cpu_earlier

    @property
    def earlier(self) -> tuple[float, float]:
        """Both: seconds by the clock, and of processors."""
        return self.earlier_seconds, self.earlier_cpu_seconds

    def folder_of(self, name: str) -> Path | None:
        """A folder for what the fit keeps in files of its own; None where nothing is kept."""
        return None if self._folder is None else self._folder / f"{self._name}.{name}"

    def load(self) -> dict[str, np.ndarray]:
        """The arrays that were saved last, by name; none at the start of a fit, or where the file is damaged."""
        path = self._path
        if path is None or not path.exists():
            return {}
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            belongs = str(arrays.pop(_FINGERPRINT)) == self._fingerprint
            seconds, cpu_seconds = arrays.pop(_TIMES).astype(float).tolist()
        except Exception as error:  # a damaged file can raise any error of the archive reader
            log.warning("checkpoint %s does not load (%s): starting afresh", path, error)
            return {}
        if not belongs:
            log.info("checkpoint %s belongs to other settings, data, code or threads: starting afresh", path)
            return {}
        log.info("checkpoint %s: going on after %.0f s of work", path, seconds)
        self._clock.earlier = max(self._clock.earlier, seconds)
        self._clock.cpu_earlier = max(self._clock.cpu_earlier, cpu_seconds)
        return arrays

    def save(self, **arrays: Any) -> None:
        """Keep arrays, numbers or lists of numbers, if the last time is `CHECKPOINT_SECONDS` ago; call it often.

        What cannot be written is logged, and the fit goes on without.

        Raises:
            UserError: something else is given, which a file of plain arrays cannot hold.
        """
        if self._path is not None:
            plain = {name: _plain(name, values) for name, values in arrays.items()}
            self.save_from(lambda: plain)

    def save_from(self, state: Callable[[], Mapping[str, np.ndarray]]) -> None:
        """As `save`, of arrays that take long to put together: the function is called when it is time to save."""
        path, clock = self._path, self._clock
        begun = time.perf_counter()
        if path is None or begun < clock.due:
            return
        times = [clock.earlier + begun - clock.started, clock.cpu_earlier + time.process_time() - clock.cpu_started]
        facts = {_FINGERPRINT: np.array(self._fingerprint), _TIMES: np.array(times)}
        try:
            write_arrays(path, **state(), **facts)
        except UserError as error:
            log.warning("no checkpoint: %s", error)
        now = time.perf_counter()
        clock.due = now + max(CHECKPOINT_SECONDS, (now - begun) / CHECKPOINT_SHARE)

    def remove(self) -> None:
        """Remove the files of all parts, once what was fitted is kept elsewhere."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _path(self) -> Path | None:
        return None if self._folder is None else self._folder / f"{self._name}.npz"


def _plain(name: str, values: Any) -> np.ndarray:
    """As an array of numbers or text."""
    try:
        plain = np.asarray(values)
    except ValueError:  # lists of different lengths
        plain = np.empty(0, object)
    if plain.dtype.hasobject:
        raise UserError(f"checkpoint: {name} is a {type(values).__name__}; give arrays of numbers or text")
    return plain


NOT_KEPT = Checkpoint()
"""Keeps nothing: for a fit that nobody takes up again."""
