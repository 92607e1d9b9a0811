"""Each format holds every value, and no cell is ever blank or zero for want of a number."""

import csv
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from fake_results import fill, plan, write_density, write_failure

from dgmbench.errors import UserError
from dgmbench.commands.tabulate import tabulate
from dgmbench.run.workspace import Workspace
from dgmbench.report.formats import latex_text

COLUMNS = {
    "density": "dataset model n_seeds k ll_mean ll_se ll_sd_seeds paper delta epochs parameters train_seconds status",
    "classification": "corpus method n_seeds precision recall f1 f1_sd_seeds paper_precision paper_recall paper_f1 "
    "delta_f1 embeddings features seconds status",
}


class Page(HTMLParser):
    """Text of the table cells, addresses that the page names, and whether every element is closed."""

    VOID = frozenset({"meta", "img", "br", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ("href", "src")]
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open or "th" in self.open:
            self.cells[-1] += data


@pytest.mark.parametrize("task", COLUMNS)
def test_csv_has_the_columns_and_pandas_reads_it(whole, task):
    path = whole[1].tables / f"{task}.csv"
    with path.open(encoding="utf-8") as file:
        assert next(csv.reader(file)) == COLUMNS[task].split()
    frame = pd.read_csv(path)
    assert len(frame) == {"density": 14, "classification": 20}[task]
    assert set(frame["status"]) == {"ok"}
    ours, paper, delta = {
        "density": ("ll_mean", "paper", "delta"),
        "classification": ("f1", "paper_f1", "delta_f1"),
    }[task]
    known = frame[frame[paper].notna()]
    np.testing.assert_allclose(known[ours] - known[paper], known[delta], atol=2e-6)


@pytest.mark.parametrize("task", COLUMNS)
def test_every_number_of_the_csv_stands_in_each_format(whole, task):
    folder = whole[1].tables
    texts = {suffix: (folder / f"{task}.{suffix}").read_text(encoding="utf-8") for suffix in ("md", "html", "tex")}
    page = Page(texts["html"])
    assert not page.open
    texts["html"] = "\n".join(page.cells)
    frame = pd.read_csv(folder / f"{task}.csv")
    digits = 2 if task == "density" else 1
    names = ("ll_mean", "ll_se", "paper") if task == "density" else ("precision", "recall", "f1", "paper_f1")
    for name in names:
        for value in frame[name].dropna():
            for suffix, text in texts.items():
                assert f"{value:.{digits}f}" in text, (suffix, name, value)
    for value in frame["delta" if task == "density" else "delta_f1"].dropna():
        for suffix, text in texts.items():
            assert f"{value:+.{digits}f}" in text, (suffix, value)


def test_the_page_stands_alone(whole):
    for task in COLUMNS:
        page = Page((whole[1].tables / f"{task}.html").read_text(encoding="utf-8"))
        assert "script" not in page.tags
        assert all(a.startswith("data:image/png;base64,") or not re.match(r"\w+:|//", a) for a in page.addresses)
        for address in page.addresses:
            if not address.startswith("data:"):
                assert (whole[1].tables / address).is_file(), address


def test_what_was_measured_how_stands_under_the_table(whole):
    text = (whole[1].tables / "density.md").read_text(encoding="utf-8")
    for fact in (
        *("Preset trial", "k = 100", "paper's 5000", "200 test images", "binarisation", "batch norm", "epochs 20"),
        *("paper: 3000", "seeds 0", "commit ffffffffff", "a registry archive 1.0", "ICML 2016"),
    ):
        assert fact in text, fact
    text = (whole[1].tables / "classification.md").read_text(encoding="utf-8")
    for fact in (
        *("Preset trial", "glove-50d", "inductive", "SVM converged", "1 training and 2 held-out", "subject line"),
        *("ten largest", "ACL 2016", "commit ffffffffff"),
    ):
        assert fact in text, fact


def test_missing_and_failed_cells_show_as_such_everywhere(workspace):
    asked = plan()
    vae, mem_vae = asked.of("density")[:2]
    write_density(vae, workspace, np.array([-80.0, -90.0]))
    write_failure(mem_vae, workspace, "ValueError: 50% of a_b | c & <d>\nnext line")
    tabulate(asked, workspace)
    frame = pd.read_csv(workspace.tables / "density.csv").set_index(["dataset", "model"])
    assert frame.loc[("mnist", "mem-vae"), "status"] == "failed"
    assert frame.loc[("mnist", "iwae-5"), "status"] == "missing"
    assert frame.loc[[("mnist", "mem-vae"), ("mnist", "iwae-5")], ["ll_mean", "ll_se", "delta"]].isna().all(axis=None)
    with (workspace.tables / "density.csv").open(encoding="utf-8") as file:
        rows = {(row["dataset"], row["model"]): row for row in csv.DictReader(file)}
    assert rows["mnist", "iwae-5"]["ll_mean"] == "nan"
    markdown = (workspace.tables / "density.md").read_text(encoding="utf-8")
    table = {line.split("|")[1].strip(): line.split("|")[2].strip() for line in markdown.splitlines()[2:11]}
    assert table["mem-vae"] == "failed (-84.41)" and table["iwae-5"] == "missing (-84.43)"
    assert table["large-vae"] == "missing (–)"
    assert "Failed: mem-vae on mnist, seed 0: training: ValueError: 50% of a_b \\| c & &lt;d> next line" in markdown
    cells = Page((workspace.tables / "density.html").read_text(encoding="utf-8")).cells
    assert any("failed" in cell and "-84.41" in cell for cell in cells)
    assert not any(cell.strip() in ("", "0", "0.00", "nan", "None") for cell in cells[:24])
    latex = (workspace.tables / "density.tex").read_text(encoding="utf-8")
    assert "failed ($-84.41$)" in latex
    assert r"ValueError: 50\% of a\_b \textbar{} c \& \textless{}d\textgreater{} next line" in latex
    assert not (workspace.figures / "classification.png").exists()


def test_a_subset_is_said_not_to_be_comparable(workspace):
    asked = plan(
        density={"settings": {"train_limit": 2000, "test_limit": 200}, "datasets": ["mnist"], "models": ["vae"]}
    )
    write_density(asked.of("density")[0], workspace, np.array([-80.0, -90.0]))
    tabulate(asked, workspace)
    for suffix in ("md", "html", "tex"):
        text = (workspace.tables / f"density.{suffix}").read_text(encoding="utf-8")
        assert "not comparable with the published number" in text
        assert "trained on 2,000 images, tested on 200 images" in text
        assert ("$\\dagger$" if suffix == "tex" else "†") in text


def test_a_cell_that_nobody_published_or_planned_is_a_dash(workspace, tmp_path, monkeypatch):
    (tmp_path / "my_data.py").write_text("def faces(): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    asked = plan(density={"datasets": ["mnist", "my_data:faces"], "models": ["vae"]})
    tabulate(asked, workspace)
    lines = (workspace.tables / "density.md").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines[:12] if line.startswith("| iwae-5 "))
    assert [field.strip() for field in line.strip("|").split("|")] == ["iwae-5", "missing (-84.43)", "–"]
    assert "iwae-5 & missing ($-84.43$) & -- \\\\" in (workspace.tables / "density.tex").read_text(encoding="utf-8")
    assert not Page((workspace.tables / "density.html").read_text(encoding="utf-8")).open


@pytest.mark.parametrize(
    ("task", "settings", "other"),
    [
        ("density", {"datasets": ["mnist"], "models": ["vae", "large-vae"]}, "ocr-letters"),
        ("classification", {"corpora": ["20news"], "methods": ["bow"]}, "reuters"),
    ],
)
def test_what_the_configuration_leaves_out_is_no_column_but_a_note(workspace, task, settings, other):
    asked = plan(**{task: settings})
    fill(asked, workspace)
    tabulate(asked, workspace)
    for suffix in ("md", "html", "tex"):
        text = (workspace.tables / f"{task}.{suffix}").read_text(encoding="utf-8")
        assert text.count(other) == 1 and f"Not in this configuration: {other}." in text
    csv_rows = pd.read_csv(workspace.tables / f"{task}.csv").iloc[:, 0]
    assert other in set(csv_rows)  # the data keeps every published cell


def test_a_task_that_the_configuration_leaves_out_says_so(workspace):
    tabulate(plan(classification=None), workspace)
    text = (workspace.tables / "classification.md").read_text(encoding="utf-8")
    assert "asks for nothing of this table" in text and "missing (76.1)" in text and "## Runs" not in text
    page = Page((workspace.tables / "density.html").read_text(encoding="utf-8"))
    assert "classification.html" not in page.addresses  # there is nothing to see


def test_latex_is_well_formed(whole):
    for task, columns in (("density", 3), ("classification", 7)):
        text = (whole[1].tables / f"{task}.tex").read_text(encoding="utf-8")
        assert text.isascii()
        body = re.sub(r"(?m)^%.*$", "", text)
        bare = re.sub(r"\\[\\%&#_{}$]", lambda m: "\\\\" if m[0] == "\\\\" else "", body)
        assert bare.count("$") % 2 == 0 and "%" not in bare and "#" not in bare and "_" not in bare
        depth = 0
        for character in bare:
            depth += {"{": 1, "}": -1}.get(character, 0)
            assert depth >= 0
        assert depth == 0
        environments: list[str] = []
        for kind, name in re.findall(r"\\(begin|end)\{([a-z*]+)\}", body):
            assert kind == "begin" or environments.pop() == name
            environments += [name] if kind == "begin" else []
        assert not environments
        tabular = bare[bare.index("\\begin{tabular}") : bare.index("\\end{tabular}")]
        rows = [line for line in tabular.splitlines() if line.endswith("\\\\")]
        for row in rows:
            spanned = sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d)\}", row))
            assert row.count("&") + spanned == columns - 1, row


def test_latex_escapes_every_special_character():
    assert latex_text(r"a\b{c}_$%&#~^") == (r"a\textbackslash{}b\{c\}\_\$\%\&\#\textasciitilde{}\textasciicircum{}")
    assert latex_text("λ → 1") == "? ? 1"


def test_the_same_records_give_the_same_bytes(whole, tmp_path):
    asked, first = whole
    second = Workspace(tmp_path / "trial")
    shutil.copytree(first.root, second.root)
    before = {path: path.read_bytes() for path in second.root.rglob("*") if path.parent.name in ("tables", "figures")}
    assert len(before) == 8 + 9
    shutil.rmtree(second.tables)
    shutil.rmtree(second.figures)
    tabulate(asked, second)
    assert {path: path.read_bytes() for path in before} == before


def test_a_figure_shows_the_data_beside_it(whole):
    folder = whole[1].figures
    table = pd.read_csv(whole[1].tables / "density.csv")
    shown = pd.read_csv(folder / "density.csv")
    assert list(shown["model"]) == list(table["model"])
    np.testing.assert_allclose(shown["ours"], table["ll_mean"], atol=1e-6)
    np.testing.assert_allclose(shown["error"], table["ll_se"], atol=1e-6)
    curves = pd.read_csv(folder / "curves.csv")
    assert len(curves) == 14 * 20
    spec = whole[0].of("density")[0]
    written = pd.read_csv(whole[1].trained(spec) / "curve.csv")["bound"]
    drawn = curves[(curves["dataset"] == spec.dataset) & (curves["model"] == spec.model)]["bound"]
    np.testing.assert_array_equal(drawn, written)


def test_figures_of_an_earlier_configuration_go(workspace):
    asked = plan()
    write_density(asked.of("density")[0], workspace, np.array([-80.0, -90.0]))
    tabulate(asked, workspace)
    assert (workspace.figures / "density.pdf").exists()
    tabulate(plan(density={"settings": {"epochs": 7}, "datasets": ["mnist"], "models": ["vae"]}), workspace)
    assert not list(workspace.figures.glob("density.*")) and not list(workspace.figures.glob("curves.*"))


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "trial").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot write .*; free some space or choose another folder"):
        tabulate(plan(), Workspace(tmp_path / "trial"))
