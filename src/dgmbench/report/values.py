"""The values by example that a table's intervals come from, in one small file beside it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dgmbench.errors import UserError
from dgmbench.report.cells import Cells

# Bits of a float32's fraction that are kept: an error of 1e-4 of the value at most, far less in a mean, and the rest
# of the bits compress to nothing.
_BITS = 13
RELATIVE_ERROR = 2.0 ** -(_BITS + 1)
"""Of a rounded value, at most."""


def values_file(cells: Cells) -> bytes:
    """A compressed ``.npz`` of the arrays of every run that the plan names, rounded, each different one once.

    Its array ``index`` is JSON: of every run dataset, model, seed, id, and under which key each of its arrays is.
    """
    arrays: dict[str, np.ndarray] = {}
    keys: dict[tuple[object, ...], str] = {}
    index = []
    for cell in cells:
        for run in (run for run in cell.runs if run.arrays):
            own = {}
            for name, exact in run.arrays.items():
                values = rounded(exact)
                key = keys.setdefault((values.tobytes(), values.dtype.str, values.shape), str(len(keys)))
                arrays[key], own[name] = values, key
            about = {"dataset": cell.dataset, "model": cell.model, "seed": run.spec.seed, "run": run.spec.run_id}
            index.append(about | {"arrays": own})
    buffer = io.BytesIO()
    np.savez_compressed(buffer, index=np.array(json.dumps(index)), **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def rounded(values: np.ndarray) -> np.ndarray:
    """The same shape in few bytes: whole numbers in the smallest type that holds them, others to 13 bits."""
    if values.dtype.kind in "iu" and values.size:
        return values.astype(np.result_type(np.min_scalar_type(values.min()), np.min_scalar_type(values.max())))
    if values.dtype.kind != "f":
        return values
    single = values.astype(np.float32)
    bits = single.view(np.uint32) + np.uint32(1 << (22 - _BITS))  # to nearest; a carry goes into the exponent
    near = (bits & np.uint32((0xFFFFFFFF << (23 - _BITS)) & 0xFFFFFFFF)).view(np.float32)
    return np.where(np.isfinite(near) & np.isfinite(single), near, single)


def same_values(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    """Whether two runs have the same arrays, to the last bit; NaN equals NaN."""
    return one.keys() == other.keys() and all(
        np.array_equal(values, other[name], equal_nan=values.dtype.kind == "f") for name, values in one.items()
    )


def read_values(path: Path) -> dict[tuple[str, str, int], dict[str, np.ndarray]]:
    """By dataset, model and seed the arrays of a run by name, as `values_file` left them.

    Raises:
        UserError: there is no such file, or it is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {
                (run["dataset"], run["model"], run["seed"]): {name: file[key] for name, key in run["arrays"].items()}
                for run in json.loads(str(file["index"]))
            }
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"{path} cannot be read ({error}); dgmbench tabulate makes it from the runs") from error
