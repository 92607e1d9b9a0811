"""Where compiled code is kept between runs: beside the modules, or in another folder where these cannot be written."""

from __future__ import annotations

import functools
import logging
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

from filelock import FileLock

from dgmbench.data.download.store import cache_folder
from dgmbench.errors import UserError

log = logging.getLogger("dgmbench")

VARIABLE = "NUMBA_CACHE_DIR"
_BESIDE = Path(__file__).with_name("__pycache__")


def keep_compiled_code() -> Path:
    """The folder where Numba keeps compiled code; it is told so, by its environment variable, where it is another one.

    Numba ends an import with a traceback where neither this package's folder nor the user's cache can be written, as in
    a container that is read-only. Tried in order: what ``NUMBA_CACHE_DIR`` says, the folder of the modules, this
    package's cache, the folder for temporary files.

    Raises:
        UserError: none can be written.
    """
    chosen = os.environ.get(VARIABLE, "")
    if chosen and is_writable(Path(chosen)):
        return Path(chosen)
    found = _BESIDE  # where Numba then looks by itself
    if not is_writable(_BESIDE):
        others = (place for place in (cache_folder() / "numba", _temporary()) if place)
        found = next(filter(is_writable, others), _BESIDE)
        if found == _BESIDE:
            raise UserError(
                f"no place for compiled code: neither {_BESIDE} nor {cache_folder()} can be written; "
                f"set {VARIABLE} or DGMBENCH_CACHE to a folder that can"
            )
        os.environ[VARIABLE] = str(found)
        if "numba" in sys.modules:
            sys.modules["numba"].config.CACHE_DIR = str(found)
    if chosen or found != _BESIDE:
        unwritable = f"{VARIABLE}={chosen}" if chosen else _BESIDE
        log.warning("%s cannot be written: compiled code is kept in %s", unwritable, found)
    return found


def save_one_at_a_time() -> None:
    """Let one process at a time add to a folder of compiled code, and none end because it cannot.

    Numba reads the index of a function's compiled versions, takes the next free name and writes both: of two processes
    that do so at once, the code of one can come under the types of the other, for good.
    """
    from numba.core.caching import IndexDataCacheFile

    save = IndexDataCacheFile.save
    if hasattr(save, "__wrapped__"):
        return

    @functools.wraps(save)
    def save_alone(self: Any, key: Any, data: Any) -> None:
        try:
            with FileLock(Path(self._index_path).with_name(".lock")):
                save(self, key, data)
        except (OSError, NotImplementedError) as error:  # a full disk; a file system without locks
            log.warning("compiled code is not kept in %s: %s", Path(self._index_path).parent, error)

    IndexDataCacheFile.save = save_alone  # type: ignore[method-assign]


def is_writable(folder: Path) -> bool:
    """Whether a file can be made in a folder, which is made where it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _temporary() -> Path | None:
    """A folder of this user alone among the temporary files: compiled code is executed when it is read."""
    try:
        folder = Path(tempfile.gettempdir()) / f"dgmbench-numba-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        state = folder.lstat()
    except OSError:
        return None
    private = stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid() and not state.st_mode & 0o077
    return folder if private else None
