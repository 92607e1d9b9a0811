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
