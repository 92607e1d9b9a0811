"""The commands about results that are finished: each takes a preset or its folder, and trains nothing."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from dgmbench.commands.completion import results as of_results
from dgmbench.commands.parameters import Results
from dgmbench.errors import counted

Place = Annotated[
    str,
    typer.Argument(
        metavar="PLACE", help="a preset, a folder of results, or an archive of them", autocompletion=of_results
    ),
]


def verify(place: Place, results: Results = Path("results")) -> None:
    """Check that the numbers of records and tables follow from the values by example; each that does not is a line."""
    from dgmbench.commands.archive import opened
    from dgmbench.commands.kept import place_of
    from dgmbench.commands.verify import verify as findings_of

    with opened(place_of(place, results), place, checked=False) as folder:
        found, checked = findings_of(folder, place)
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
    from dgmbench.commands.archive import opened
    from dgmbench.commands.kept import place_of, read_kept, require_apart

    with ExitStack() as stack:
        sides, places = [], []
        for name in (first, second):
            place, commit = comparing.at_commit(name, results)
            places.append((place_of(place, results), commit))
            folder = stack.enter_context(opened(places[-1][0], place))
            sides.append(comparing.of_commit(read_kept(folder, place), commit))
        require_apart((first, second), places)
        found = comparing.compare(*sides)
    print(comparing.write(found, to) if to else comparing.to_text(found))


def merge(
    places: Annotated[
        list[str], typer.Argument(metavar="PLACE...", help="presets, folders or archives", autocompletion=of_results)
    ],
    name: Annotated[str, typer.Option(help="of the merged results")],
    results: Results = Path("results"),
) -> None:
    """Merge results of several machines or seeds into one preset's folder, with its tables and report.

    Rows that differ in settings, data or split are refused, in a line that names the row.
    """
    from dgmbench.commands.archive import opened
    from dgmbench.commands.kept import place_of, read_kept, require_apart
    from dgmbench.commands.merge import merge as merged
    from dgmbench.run.config import checked_preset

    target = results / checked_preset(name, "--name")
    with ExitStack() as stack:
        paths = [place_of(place, results) for place in places]
        require_apart(places, [(path, "") for path in paths])
        folders = [stack.enter_context(opened(path, place)) for path, place in zip(paths, places, strict=True)]
        for remark in merged([read_kept(*each) for each in zip(folders, places, strict=True)], target):
            print(f"- {remark}")
    print(target / "report.html")


def publish(
    place: Place,
    to: Annotated[
        Path | None, typer.Option(help="where: a file that ends in .zip, or a folder", show_default="PRESET.zip")
    ] = None,
    partial: Annotated[bool, typer.Option("--partial", help="although runs are not done; it says which")] = False,
    results: Results = Path("results"),
) -> None:
    """Write everything that others need to check some results into one small file; nothing is sent anywhere.

    It has records, values by example, tables, figures and the report, and no trained models. Runs that failed are named
    in it; where runs are not done yet, nothing is published without --partial.
    """
    from dgmbench.commands.kept import place_of
    from dgmbench.commands.publish import publish as published

    folder = place_of(place, results)
    to = to or Path(f"{folder.resolve().name}.zip")
    for remark in published(folder, place, to, partial):
        print(f"- {remark}")
    print(to)


def cite(
    place: Annotated[
        str | None,
        typer.Argument(metavar="PLACE", help="this software alone without one", autocompletion=of_results),
    ] = None,
    results: Results = Path("results"),
) -> None:
    """Print BibTeX of what was run: the papers of its rows, its data, the published numbers, and this software."""
    from dgmbench.commands.archive import opened
    from dgmbench.commands.kept import place_of, read_kept
    from dgmbench.report.references import references, software

    if place is None:
        print(software())
        return
    with opened(place_of(place, results), place) as folder:
        kept = read_kept(folder, place)
        print(references(kept.plan.tasks.values(), kept.done()), end="")
