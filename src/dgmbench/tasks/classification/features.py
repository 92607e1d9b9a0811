"""The features of training and held-out documents, and their labels, as one file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from dgmbench.errors import UserError
from dgmbench.run.records import read_arrays, write_arrays


class Features(NamedTuple):
    """Of one part of the documents.

    Attributes:
        values: (documents, features), dense or sparse.
        labels: (documents,) numbers of classes.
    """

    values: np.ndarray | sparse.csr_matrix
    labels: np.ndarray


def write_features(path: Path, parts: Mapping[str, Features]) -> None:
    """All parts as one .npz, a sparse matrix by its three arrays."""
    arrays: dict[str, np.ndarray] = {}
    for part, (values, labels) in parts.items():
        arrays[f"{part}_labels"] = labels
        if isinstance(values, np.ndarray):
            arrays[f"{part}_dense"] = values
        else:
            arrays[f"{part}_values"], arrays[f"{part}_columns"] = values.data, values.indices
            arrays[f"{part}_offsets"], arrays[f"{part}_shape"] = values.indptr, np.array(values.shape)
    write_arrays(path, **arrays)


def read_features(path: Path, part: str) -> Features:
    """One part of what `write_features` wrote.

    Raises:
        UserError: the file is missing or broken.
    """
    found = read_arrays(path, f"{part}_")
    try:
        labels = found[f"{part}_labels"]
        if f"{part}_dense" in found:
            return Features(found[f"{part}_dense"], labels)
        content = (found[f"{part}_values"], found[f"{part}_columns"], found[f"{part}_offsets"])
        return Features(sparse.csr_matrix(content, shape=tuple(found[f"{part}_shape"])), labels)
    except (ValueError, KeyError) as error:
        raise UserError(f"{path} is broken ({error}); remove its folder and run again") from error
