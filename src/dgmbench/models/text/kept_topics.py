"""Topics of all tokens in files of a folder: of each worker its own, so that nobody has to hold all of them."""

from __future__ import annotations

import glob
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dgmbench.errors import UserError
from dgmbench.files import atomic_write, remove_unfinished, writing


class KeptTopics(NamedTuple):
    """What (tokens, 1 + proposals) was after so many sweeps, in files of one folder that every worker sees.

    A file holds the tokens of some documents; its name says which. Whoever reads may ask for other runs of tokens than
    were written. Other sweeps may be in the same folder, of the same fit.
    """

    folder: Path
    sweeps: int

    def write(self, begin: int, tokens: np.ndarray) -> None:
        """Keep some tokens, of which the first one has this number.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        with atomic_write(self.folder / f"{self.sweeps}-{begin}-{begin + len(tokens)}.npy", "wb") as file:
            np.lib.format.write_array(file, tokens, allow_pickle=False)

    def read(self, begin: int, end: int) -> np.ndarray:
        """The tokens from ``begin`` to before ``end``.

        Raises:
            UserError: they are not there, or a file is damaged.
        """
        if begin == end:
            return self.read(0, 1)[:0]
        found, at = [], begin
        while at < end:
            path, first, after = self._file_of(at)
            try:
                tokens = np.load(path, mmap_mode="r", allow_pickle=False)
            except (OSError, ValueError, EOFError) as error:
                raise UserError(f"{path} is no file of topics ({error}); fit again") from error
            if len(tokens) != after - first:
                raise UserError(f"{path} has {len(tokens)} tokens, and its name says {after - first}; fit again")
            found.append(np.array(tokens[at - first : end - first]))
            at = after
        return np.concatenate(found)

    def is_whole(self, n_tokens: int) -> bool:
        """Whether the files of all tokens are there."""
        at = 0
        try:
            while at < n_tokens:
                _, _, at = self._file_of(at)
        except UserError:
            return False
        return True

    def copy(self, folder: Path) -> None:
        """The files in another folder, too.

        Raises:
            UserError: they cannot be written there.
        """
        with writing(folder):
            folder.mkdir(parents=True)
            for path, _, _ in self._files():
                try:
                    os.link(path, folder / path.name)  # nothing changes a file that is whole
                except OSError:
                    shutil.copyfile(path, folder / path.name)

    def remove(self) -> None:
        """Remove the files of these sweeps."""
        for path, _, _ in self._files():
            path.unlink(missing_ok=True)

    def remove_others(self) -> None:
        """Remove the files of all other sweeps, and what killed workers left; nobody may be writing."""
        remove_unfinished(self.folder)
        for path in set(self.folder.glob("*.npy")) - {path for path, _, _ in self._files()}:
            path.unlink(missing_ok=True)

    def _file_of(self, token: int) -> tuple[Path, int, int]:
        for path, first, after in self._files():
            if first <= token < after:
                return path, first, after
        raise UserError(f"{self.folder} lacks topics of token {token} after {self.sweeps} sweeps; fit again")

    def _files(self) -> list[tuple[Path, int, int]]:
        """Those of these sweeps, with their first token and the one after their last."""
        found = []
        for path in sorted(self.folder.glob(f"{self.sweeps}-*-*.npy")):
            first, after = path.stem.split("-")[1:]
            found.append((path, int(first), int(after)))
        return found


def copied_beside(path: Path, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A state whose files are copied into a new folder beside a saved model, whose name begins as that of the model.

    Raises:
        UserError: they cannot be written there.
    """
    folder = path.absolute().with_name(f"{path.name}.{secrets.token_hex(4)}.topics")
    in_files(state).copy(folder)
    return {**state, "folder": np.array(str(folder))}


def remove_copies(path: Path, but: str) -> None:
    """Remove the folders beside a saved model that belong to earlier models of that name."""
    for folder in path.parent.glob(f"{glob.escape(path.name)}.{'[0-9a-f]' * 8}.topics"):
        if folder.name != but:
            shutil.rmtree(folder, ignore_errors=True)


def in_files(state: Mapping[str, np.ndarray]) -> KeptTopics:
    """Where the topics of a sampler's state are."""
    return KeptTopics(Path(str(state["folder"])), int(state["sweeps"]))
