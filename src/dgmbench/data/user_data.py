"""User-defined datasets: a function that returns the same objects as the built-in names do.

It is named in a configuration by ``module:function``, by an entry point in the group ``dgmbench.datasets``, by its
files (see `dgmbench.data.user_files` and `dgmbench.data.image_files`), or as `dgmbench.data.corpus_names` says.
"""

from __future__ import annotations

import importlib.metadata
from typing import Any

from dgmbench.data.corpora import Corpus
from dgmbench.data.corpus_names import form_of
from dgmbench.data.image_files import holds_images, read_images
from dgmbench.data.images import ImageSplits
from dgmbench.data.points import PointSplits, checked_points
from dgmbench.data.text import CorpusSplits
from dgmbench.data.user_corpus import check_corpus
from dgmbench.data.user_files import PREFIX, read_corpus
from dgmbench.data.user_functions import failed, load_function
from dgmbench.data.user_images import checked_images
from dgmbench.errors import UserError

ENTRY_POINT_GROUP = "dgmbench.datasets"


def entry_points() -> dict[str, str]:
    """Datasets of other installed packages: ``module:function`` by name."""
    return {point.name: point.value for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)}


def user_splits(name: str, *kinds: type[ImageSplits] | type[CorpusSplits] | type[PointSplits]) -> Any:
    """What a user-defined function returns, or the user's files hold, checked; two corpora are a `CorpusSplits`.

    Raises:
        UserError: the function fails; or what it returns is of none of these kinds, or its parts do not fit together.
    """
    form = form_of(name)
    if form:
        found: Any = form.read(name)
    elif name.startswith(PREFIX):
        of_images = ImageSplits in kinds and (CorpusSplits not in kinds or holds_images(name))
        found = read_images(name) if of_images else read_corpus(name)
    else:
        found = _returned(name)
    if isinstance(found, tuple) and len(found) == 2 and all(isinstance(part, Corpus) for part in found):
        found = CorpusSplits(*found)
    if not isinstance(found, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise UserError(f"{name} returned {type(found).__name__}; return a dgmbench.data.{wanted}")
    if isinstance(found, CorpusSplits):
        check_corpus(name, found, labelled=form is None or form.labelled)
        return found
    if isinstance(found, PointSplits):
        return checked_points(name, found)
    return found if name.startswith(PREFIX) else checked_images(name, found)


def _returned(name: str) -> Any:
    function = load_function(entry_points().get(name, name), name)
    try:
        return function()
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's own code raises
        raise failed(name, error) from error
