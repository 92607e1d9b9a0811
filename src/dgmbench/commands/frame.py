"""Finished results as a data frame of pandas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgmbench.commands.archive import opened
from dgmbench.commands.kept import Kept, place_of, read_kept, understood, without_warnings
from dgmbench.data.catalogue import title_of
from dgmbench.errors import UserError
from dgmbench.report.cells import Run

if TYPE_CHECKING:
    import pandas as pd

_KEYS = ("place", "task", "dataset", "model", "seed")


def results(places: str | Path | Sequence[str | Path], *, by_example: bool = False) -> pd.DataFrame:
    """The runs of some results, a row each, of every status: ``ok``, ``diverged``, ``failed`` or ``missing``.

    Columns: place, task, dataset, model, seed, status, reason (why it failed), a column a metric by its name in the
    record, ``train_seconds``, ``evaluation_seconds``, ``settings.<name>``, ``options.<name>``, commit (of the
    training), run (its id). What a run does not have is missing in its row.

    Args:
        places: a folder of results, an archive that ``dgmbench publish`` made, the name of a preset in ``results``, or
            several of them.
        by_example: a row a test example instead: place, task, dataset, model, seed, example (its place in the test
            data, from 0) and the values by their names, for instance ``log_likelihood``, or ``labels`` and
            ``predictions``.

    Raises:
        UserError: there is no such place, or no run in it.

    Example:
        >>> import dgmbench
        >>> frame = dgmbench.results("results/default")  # doctest: +SKIP
        >>> frame.groupby(["dataset", "model"])["log_likelihood"].mean()  # doctest: +SKIP
    """
    import pandas as pd

    named = [places] if isinstance(places, str | Path) else list(places)
    if not named:
        raise UserError("results: give a folder of results, an archive, or the name of a preset")
    frames = []
    for name in map(str, named):
        with opened(place_of(name), name) as folder, without_warnings(), understood(name):
            kept = read_kept(folder, name)
            found = [(run, _keys(kept, run)) for run in map(kept.run, kept.plan.runs)]
            if by_example:
                frames += [_examples(run, keys) for run, keys in found if run.arrays]
            else:
                frames.append(pd.DataFrame([{**keys, **_facts(run)} for run, keys in found]))
    if not frames:
        return pd.DataFrame(columns=[*_KEYS, "example"])
    whole = pd.concat(frames, ignore_index=True)
    return whole if by_example else whole[_in_order(list(whole.columns))]


def _keys(kept: Kept, run: Run) -> dict[str, Any]:
    spec = run.spec
    return dict(zip(_KEYS, (kept.label, spec.task, title_of(spec.dataset), spec.model, spec.seed), strict=True))


def _facts(run: Run) -> dict[str, Any]:
    spec = run.spec.to_dict()
    training = run.get("training") or {}
    return {
        "status": run.status,
        "reason": run.reason,
        **{name: value for name, value in (run.get("metrics") or {}).items() if name not in _KEYS},
        "train_seconds": training.get("train_seconds", training.get("seconds")),
        "evaluation_seconds": run.get("evaluation", "measure_seconds"),
        **{f"settings.{name}": value for name, value in spec["settings"].items()},
        **{f"options.{name}": value for name, value in spec["options"].items()},
        "commit": run.get("training", "code", "commit"),
        "run": run.spec.run_id,
    }


def _in_order(columns: Sequence[str]) -> list[str]:
    """The columns in their groups: rows of several tasks bring their metrics one after another."""
    last = ("train_seconds", "evaluation_seconds")
    groups = (
        [name for name in columns if "." not in name and name not in (*last, "commit", "run")],
        [name for name in columns if name in last],
        [name for name in columns if name.startswith("settings.")],
        [name for name in columns if name.startswith("options.")],
        [name for name in columns if name in ("commit", "run")],
    )
    return [name for group in groups for name in group]


def _examples(run: Run, keys: dict[str, Any]) -> pd.DataFrame:
    """The arrays of a run that have a value an example, side by side."""
    import pandas as pd

    frame = pd.DataFrame({name: pd.Series(array) for name, array in run.arrays.items() if array.ndim == 1})
    frame.insert(0, "example", range(len(frame)))
    for name, value in reversed(keys.items()):
        frame.insert(0, name, value)
    return frame
