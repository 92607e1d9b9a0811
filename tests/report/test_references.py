"""BibTeX of what was run: every row and dataset has its papers, and a call names those of its runs alone."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from dgmbench import cli
from dgmbench.data.catalogue import CATALOGUE
from dgmbench.errors import UserError
from dgmbench.report.cells import Run
from dgmbench.report.published import published
from dgmbench.report.references import bibliography, references, software
from dgmbench.run.config import build_run
from dgmbench.tasks import all_tasks
from dgmbench.version import __version__

REPOSITORY = Path(__file__).parents[2]
DATA = "dgmbench.data.datasets"
PACKAGES = {**{name: task.package for name, task in all_tasks().items()}, "data": DATA}


def run_of(task, dataset, model, **record):
    spec = build_run(all_tasks()[task], dataset, model, 0, [], "here")
    return Run(spec, "ok", {"training": {}, "evaluation": {}} | record)


@pytest.mark.parametrize("task", list(all_tasks()))
def test_every_row_has_the_papers_that_the_list_names(task):
    entries = bibliography(all_tasks()[task].package)
    for name, row in all_tasks()[task].rows.items():
        years = {re.search(r"year = \{(\d+)\}", entry.text)[1] for entry in entries if name in entry.names}
        assert set(re.findall(r"\b(?:19|20)\d\d\b", row.about)) <= years, name


def test_every_dataset_that_is_not_drawn_here_has_a_source():
    entries = bibliography(DATA)
    for name, dataset in CATALOGUE.items():
        years = {re.search(r"year = \{(\d+)\}", entry.text)[1] for entry in entries if name in entry.names}
        assert bool(years) == ("drawn here" not in dataset.citation), name
        cited = set(re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d|\.)", dataset.citation))
        assert cited <= years, name


@pytest.mark.parametrize("package", PACKAGES)
def test_a_bibliography_is_whole(package):
    known = {*CATALOGUE} if package == "data" else {*all_tasks()[package].rows, "published numbers"}
    entries = bibliography(PACKAGES[package])
    assert len({entry.key for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.names and set(entry.names) <= known, entry.key
        assert entry.text.count("{") == entry.text.count("}") and "keywords" not in entry.text
        assert all(f"\n  {field} = {{" in entry.text for field in ("title", "author", "year"))
    if package in all_tasks() and published(all_tasks()[package]):
        assert any("published numbers" in entry.names for entry in entries)


@pytest.mark.parametrize("key", ["kingma2014auto", "li2016learning", "burda2016importance"])
def test_a_paper_of_two_tasks_is_the_same_entry(key):
    texts = {e.text for package in PACKAGES.values() for e in bibliography(package) if e.key == key}
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("runs", "keys"),
    [
        ([("density", "ocr-letters", "vae")],
         ["kingma2014auto", "li2016learning", "kassel1995comparison", "taskar2003max", "larochelle2011neural"]),
        ([("density", "fashion-mnist", "vae")], ["kingma2014auto", "xiao2017fashion"]),
        ([("density", "two-moons", "mixture-of-gaussians")], ["dempster1977maximum"]),
        ([("classification", "reuters", "bow")],
         ["li2016generative", "cachopo2007improving", "lewis1997reuters", "pennington2014glove"]),
        ([("representation", "mnist", "pca"), ("density", "mnist", "iwae-5")],
         ["burda2016importance", "li2016learning", "pearson1901lines", "lecun1998gradient"]),
        ([("representation", "mnist", "pixels")], ["lecun1998gradient"]),
    ],
)  # fmt: skip
def test_what_was_run_is_cited_and_nothing_else(runs, keys):
    found = references(all_tasks().values(), [run_of(*run) for run in runs])
    assert re.findall(r"^@\w+\{(.*),$", found, re.MULTILINE) == [*keys, "dgmbench"]


def test_what_has_no_entry_is_named():
    run = run_of("density", "operator:add", "fractions:Fraction")
    assert references(all_tasks().values(), [run]).splitlines()[-3:] == [
        "% fractions:Fraction has no entry here: cite its authors",
        "",
        "% operator:add has no entry here: cite its authors",
    ]


def test_the_software_has_version_commits_and_year():
    stage = {"finished": "2026-01-02T03:04:05+00:00", "code": {"version": "0.3.0", "commit": "f" * 40}}
    text = software([run_of("density", "mnist", "vae", training=stage, evaluation=stage)])
    assert "version = {0.3.0}" in text and "year = {2026}" in text and "note = {commit ffffffffff}" in text
    assert f"version = {{{__version__}}}" in software()


def test_the_citation_file_names_this_version():
    import yaml

    content = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert content["version"] == __version__ and content["cff-version"] == "1.2.0" and content["license"] == "MIT"


@pytest.mark.parametrize("text", ["@book{a,\n  title = {T}\n", "@book{a, title = {T}}\n", "@book{,\n}\n"])
def test_an_entry_that_cannot_be_read_is_one_line(text, tmp_path, monkeypatch):
    (tmp_path / "toy_bib").mkdir()
    (tmp_path / "toy_bib/__init__.py").touch()
    (tmp_path / "toy_bib/references.bib").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError, match=r"references\.bib: 0 of 1 entries can be read; end each with a line }"):
        bibliography("toy_bib")


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        cli.app(["cite", *arguments], prog_name="dgmbench")
    return stop.value.code or 0, "".join(capsys.readouterr())


def test_the_command_cites_a_folder_or_the_software(plan_of, write, known_toy, workspace, capsys):
    assert call(capsys) == (0, software() + "\n")
    plan = plan_of(datasets=["here"])
    for number, spec in enumerate(plan.runs):
        write(spec, workspace, np.full(3, float(number)))
    code, text = call(capsys, str(workspace.root))
    assert code == 0 and text.startswith("@software{dgmbench,") and "% here has no entry here" in text
