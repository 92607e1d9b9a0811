"""Records on disk: JSON that is whole or not there, read with checks, and arrays beside it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgmbench.errors import UserError
from dgmbench.files import atomic_write

if TYPE_CHECKING:
    import numpy as np

FORMAT = 1
"""Of the records; another one was written by another version of this package."""


def write_json(path: Path, value: Any) -> None:
    """JSON, indented, atomically; NaN and infinity are refused."""
    text = json.dumps(value, indent=1, sort_keys=False, allow_nan=False, default=_plain)
    with atomic_write(path) as file:
        file.write(text + "\n")


def _plain(value: Any) -> Any:
    """A numpy scalar or array as plain values."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        UserError: the file is missing, unreadable, broken, or from another version of this package.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"no file {path}") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is broken ({error}); remove it and run again") from error
    if not isinstance(value, dict) or value.get("format", FORMAT) != FORMAT or not _is_record(value):
        raise UserError(f"{path} was written by another version of dgmbench; remove its folder and run again")
    return value


def _is_record(value: dict[str, Any]) -> bool:
    """Whether what every stage looks up has the form in which it was written."""
    products, data = value.get("products", {}), value.get("data", {})
    return (
        isinstance(data, dict)
        and isinstance(products, dict)
        and all(isinstance(each, dict) and {"bytes", "sha256"} <= each.keys() for each in products.values())
    )


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Arrays as .npz, atomically; the same arrays are the same bytes, which `numpy.savez` stamps with the time."""
    import numpy as np

    with atomic_write(path, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def read_arrays(path: Path, beginning: str = "") -> dict[str, np.ndarray]:
    """The arrays of an .npz file whose names begin so, by name.

    Raises:
        UserError: the file is missing or broken.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files if name.startswith(beginning)}
    except FileNotFoundError as error:
        raise UserError(f"no file {path}; remove its folder and run again") from error
    except Exception as error:  # a damaged archive can raise any error of its reader
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} is broken ({reason}); remove its folder and run again") from error
