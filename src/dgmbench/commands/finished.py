"""The commands about results that are finished: each takes a preset or its folder, and trains nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgmbench.commands.completion import results as of_results
from dgmbench.commands.parameters import Results
from dgmbench.errors import counted

Place = Annotated[
    str,
    typer.Argument(metavar="PLACE", help="a preset, or a folder of results", autocompletion=of_results),
]


def verify(place: Place, results: Results = Path("results")) -> None:
    """Check that the numbers of records and tables follow from the values by example; each that does not is a line."""
    from dgmbench.commands.kept import place_of
    from dgmbench.commands.verify import verify as findings_of

    found, checked = findings_of(place_of(place, results), place)
    for finding in found:
        print(f"- {finding}")
    print(f"{place}: {checked}: {counted(len(found), 'finding') if found else 'every number follows from its values'}")
    if found:
        raise SystemExit(1)


def compare(
    first: Place,
    second: Place,
    results: Results = Path("results"),
    to: Annotated[
        Path | None, typer.Option(help="write a page, Markdown and CSV into this folder, in place of printing")
    ] = None,
) -> None:
    """Compare two results: paired differences, and what changed in settings, data, code and machine.

    PLACE@COMMIT means those runs of a place that the code of a commit trained or evaluated.
    """
    from dgmbench.commands import compare as comparing
    from dgmbench.commands.kept import place_of, read_kept

    sides = []
    for name in (first, second):
        place, commit = comparing.at_commit(name)
        sides.append(comparing.of_commit(read_kept(place_of(place, results), place), commit))
    found = comparing.compare(*sides)
    print(comparing.write(found, to) if to else comparing.to_text(found))


def merge(
    places: Annotated[
        list[str], typer.Argument(metavar="PLACE...", help="presets, or folders of results", autocompletion=of_results)
    ],
    name: Annotated[str, typer.Option(help="of the merged results")],
    results: Results = Path("results"),
) -> None:
    """Merge results of several machines or seeds into one preset's folder, with its tables and report.

    Rows that differ in settings, data or split are refused, in a line that names the row.
    """
    from dgmbench.commands.kept import place_of, read_kept
    from dgmbench.commands.merge import merge as merged
    from dgmbench.run.config import checked_preset

    target = results / checked_preset(name, "--name")
    for remark in merged([read_kept(place_of(place, results), place) for place in places], target):
        print(f"- {remark}")
    print(target / "report.html")
