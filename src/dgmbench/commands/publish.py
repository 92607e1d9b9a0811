"""Publish results: everything that another person needs to check them, in a small file; nothing is sent anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from dgmbench.commands.archive import MANIFEST, manifest_of, write_archive, write_folder
from dgmbench.commands.kept import Kept, read_kept, without_warnings
from dgmbench.commands.verify import verify
from dgmbench.errors import UserError, counted
from dgmbench.report.page import linking_to
from dgmbench.report.references import FILE, references
from dgmbench.version import __version__

_PAGE = "report.html"
_WHOLE = ("plan.json", "config.json", "merged.json", "summary.json", _PAGE)
_PARTS = {
    "tables": (".csv", ".md", ".html", ".tex", ".npz"),
    "figures": (".csv", ".png", ".pdf"),
    "data": (".json",),
}
_OTHER_ARCHIVES = (".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")
_README = """Results of dgmbench, preset {preset}: open report.html. references.bib has what to cite.

runs/*/run.json says of each run its settings, seed, commit, libraries, machine, times and the checksums of its data;
per_example.npz has every test example's value. The tables are computed from these. To check that they are:

    pip install -e .      # in a clone of dgmbench; made by version {version}
    dgmbench verify PLACE         # of this file, or of the folder with all of it

Trained models are not in here. To train them again, use the settings and the commit in the records.
"""
_WITHOUT = "\nThese are not all results of the preset. Runs of plan.json without a result:\n\n{runs}\n"


def publish(folder: Path, label: str, to: Path, partial: bool = False) -> list[str]:
    """Write records, values by example, tables, figures and report of some results; remarks, a line each.

    Args:
        to: a file where it ends in ``.zip``, else a folder; it must not be there.
        partial: whether runs may have no result and have not failed either; the archive says which.

    Raises:
        UserError: the results are not whole, do not agree with their values by example, or ``to`` is there or cannot
            be written.
    """
    if folder.is_file():
        raise UserError(f"{label} is an archive already, which can be handed on as it is")
    if (ending := "".join(to.suffixes).lower()).endswith(_OTHER_ARCHIVES):
        raise UserError(f"{to}: an archive is a .zip file, not {ending}; give such a name, or a folder's")
    if to.exists():
        raise UserError(f"{to} exists; give another place by --to, or remove it")
    kept = read_kept(folder, label)
    done = kept.done()
    without = [spec for spec in kept.plan.runs if not (kept.workspace.run(spec) / "run.json").is_file()]
    waiting = [spec for spec in without if kept.workspace.failure(spec) is None]
    if waiting and not partial:
        raise UserError(
            f"{label} cannot be published: {len(waiting)} of {counted(len(kept.plan.runs), 'run')} have no result yet, "
            f"{waiting[0].run_id} the first of them; finish them, or give --partial to publish the others"
        )
    found, _ = verify(folder, label)
    if found:
        raise UserError(f"{label} cannot be published: {found[0]}; dgmbench verify tells all that does not agree")
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted({*_files(kept)})}
    if page := contents.get(_PAGE):
        contents[_PAGE] = linking_to(page.decode(), contents.__contains__).encode()
    words = {"preset": kept.plan.preset, "version": __version__}
    contents[FILE] = references(kept.plan.tasks.values(), done).encode()
    runs = "\n".join(f"    {spec.run_id}   {'not done' if spec in waiting else 'failed'}" for spec in without)
    contents["README.txt"] = (_README.format(**words) + (_WITHOUT.format(runs=runs) if without else "")).encode()
    manifest = json.dumps(manifest_of(contents, words), indent=1).encode() + b"\n"
    contents = {MANIFEST: manifest, **contents}
    if to.suffix.lower() == ".zip":
        write_archive(contents, to)
    else:
        write_folder(contents, to)
    return list(_remarks(kept))


def _files(kept: Kept) -> Iterator[Path]:
    """What is published: no trained models, no logs, nothing of runs that the plan does not name."""
    root = kept.workspace.root
    yield from (root / name for name in _WHOLE if (root / name).is_file())
    for part, suffixes in _PARTS.items():
        yield from (path for path in (root / part).glob("*") if path.suffix in suffixes and path.is_file())
    for spec in kept.plan.runs:
        yield from kept.files_of(spec)


def _remarks(kept: Kept) -> Iterator[str]:
    """What a reader of the results should know and may not expect."""
    with without_warnings():
        runs = [kept.run(spec) for spec in kept.plan.runs]
    missing = sum(not run.record for run in runs)
    if missing:
        yield f"{missing} of {counted(len(runs), 'run')} have no result, as README.txt says"
    if rounded := sum(bool(kept.rounded(spec)) for spec in kept.plan.runs):
        yield f"{counted(rounded, 'run')} have rounded values by example alone, beside the table"
    stages = [run.get(stage, "code") or {} for run in runs if run.record for stage in ("training", "evaluation")]
    if any(code.get("dirty") for code in stages):
        yield "files differed from the commit that is named: others cannot get this code"
    if not all(code.get("commit") for code in stages):
        yield "the commit of some runs is not known"
    if not (kept.workspace.root / _PAGE).is_file():
        yield "there is no report; dgmbench report makes it"
