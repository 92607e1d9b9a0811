"""Each format holds every value, and no cell is ever blank or zero for want of a number."""

import dataclasses
import re
from html.parser import HTMLParser

import pandas as pd

from dgmbench.commands.tabulate import tabulate
from dgmbench.report.formats import latex_text, to_csv

SUFFIXES = ("md", "html", "tex")


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


def read(workspace, suffix):
    return (workspace.tables / f"toy.{suffix}").read_text(encoding="utf-8")


def test_csv_tells_not_measured_from_does_not_apply_and_quotes():
    rows = [{"a": "x, y", "b": None, "c": float("nan")}, {"a": 'a "b"', "b": 1.23456789, "c": 2}]
    assert to_csv(rows) == 'a,b,c\n"x, y",,nan\n"a ""b""",1.234568,2\n'


def test_every_number_of_the_csv_stands_in_each_format(whole):
    texts = {suffix: read(whole[1], suffix) for suffix in SUFFIXES}
    page = Page(texts["html"])
    assert not page.open
    texts["html"] = "\n".join(page.cells)
    frame = pd.read_csv(whole[1].tables / "toy.csv")
    assert len(frame) == 6 and set(frame["status"]) == {"ok"}
    for suffix, text in texts.items():
        for name, digits in (("error", 1), ("paper_error", 1), ("score", 2)):
            for value in frame[name].dropna():
                assert f"{value:.{digits}f}" in text, (suffix, name, value)
        for value in (frame["error"] - frame["paper_error"]).dropna():
            assert f"{value:+.1f}" in text, (suffix, value)


def test_the_page_stands_alone(whole):
    page = Page(read(whole[1], "html"))
    assert "script" not in page.tags
    assert sum(address.startswith("data:image/png;base64,") for address in page.addresses) == 2
    for address in page.addresses:
        if not address.startswith("data:"):
            assert not re.match(r"\w+:|//", address) and (whole[1].tables / address).is_file(), address


def test_pages_of_a_plan_link_to_each_other(plan_of, toy, workspace):
    plan = plan_of()
    other = dataclasses.replace(toy, name="other", title="Others")
    runs = (*plan.runs, dataclasses.replace(plan.runs[0], task="other"))
    tabulate(dataclasses.replace(plan, tasks={"toy": toy, "other": other}, runs=runs), workspace)
    assert "other.html" in Page(read(workspace, "html")).addresses
    assert "toy.html" in Page((workspace.tables / "other.html").read_text(encoding="utf-8")).addresses


def test_missing_and_failed_cells_show_as_such_everywhere(plan_of, workspace, write_failure):
    plan = plan_of()
    write_failure(plan.runs[0], workspace, "ValueError: 50% of a_b | c & <d>\nnext line")
    tabulate(plan, workspace)
    frame = pd.read_csv(workspace.tables / "toy.csv")
    assert list(frame["status"]) == ["failed"] + ["missing"] * 5
    assert frame["error"].isna().all() and (frame["n_seeds"] == 0).all()
    assert "| failed (12.0) " in read(workspace, "md") and "a_b \\| c & &lt;d>" in read(workspace, "md")
    assert "failed ($12.0$)" in read(workspace, "tex")
    assert r"ValueError: 50\% of a\_b \textbar{} c \& \textless{}d\textgreater{} next line" in read(workspace, "tex")
    page = Page(read(workspace, "html"))
    assert "failed" in "".join(page.cells) and "d" not in page.tags and not page.open
    assert not workspace.figures.exists()


def test_a_part_of_the_data_is_said_not_to_be_comparable(plan_of, workspace, write):
    plan = plan_of(train_limit=2000, test_limit=200)
    write(plan.runs[0], workspace, [0, 100])
    tabulate(plan, workspace)
    for suffix in SUFFIXES:
        text = read(workspace, suffix)
        assert "not comparable with the published number" in text
        assert "trained on 2,000 toys, tested on 200 toys" in text
        assert ("$\\dagger$" if suffix == "tex" else "†") in text


def test_a_cell_that_nobody_published_or_planned_is_a_dash(plan_of, workspace):
    runs = [run for run in plan_of().runs if (run.dataset, run.model) != ("there", "variant")]
    tabulate(dataclasses.replace(plan_of(), runs=tuple(runs)), workspace)
    (line,) = (line for line in read(workspace, "md").splitlines()[:12] if line.startswith("| variant "))
    fields = [field.strip() for field in line.strip("|").split("|")]
    assert fields == ["variant", "missing (–)", "missing", "–", "–"]
    assert "variant & missing (--) & missing & -- & -- \\\\" in read(workspace, "tex")
    assert not Page(read(workspace, "html")).open


def test_where_no_shown_row_is_published_no_cell_has_brackets(plan_of, workspace):
    runs = [run for run in plan_of().runs if run.model == "variant"]
    tabulate(dataclasses.replace(plan_of(), runs=tuple(runs)), workspace)
    for suffix in ("md", "tex", "html"):
        text = read(workspace, suffix)
        assert "(–)" not in text and "(--)" not in text and "nothing was published" not in text
    assert "the paper's number" not in read(workspace, "md")


def test_what_the_configuration_leaves_out_is_no_column_but_a_note(plan_of, workspace):
    tabulate(plan_of(datasets=["here"]), workspace)
    for suffix in SUFFIXES:
        assert read(workspace, suffix).count("there") == 1
        assert "Published, but not in this configuration: there." in read(workspace, suffix)
    assert "there" in set(pd.read_csv(workspace.tables / "toy.csv")["place"])  # the data keeps every published cell


def test_a_task_without_published_numbers_does_not_speak_of_a_paper(plan_of, toy, workspace, write):
    plan = plan_of(models=["plain"])
    plan = dataclasses.replace(plan, tasks={"toy": dataclasses.replace(toy, package="dgmbench.report")})
    for run in plan.runs:
        write(run, workspace, [0, 100])
    tabulate(plan, workspace)
    for suffix in ("csv", *SUFFIXES):
        assert not re.search("paper|[Pp]ublished", re.sub("<style>.*</style>", "", read(workspace, suffix)))
    assert "| plain   | 50.0 ± 50.0 " in read(workspace, "md")


def test_latex_is_well_formed(whole):
    text = read(whole[1], "tex")
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
    assert len(rows) == 5
    for row in rows:
        spanned = sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d)\}", row))
        assert row.count("&") + spanned == 4, row
    assert "Paired differences: here, variant minus plain: " in text


def test_latex_escapes_every_special_character():
    assert latex_text(r"a\b{c}_$%&#~^") == (r"a\textbackslash{}b\{c\}\_\$\%\&\#\textasciitilde{}\textasciicircum{}")
    assert latex_text("λ → 1") == "? ? 1"


def test_a_name_cannot_break_a_format(plan_of, workspace, write):
    plan, names = plan_of(datasets=["here"]), ["plain|x", "<b>plain</b>", "my_module:C&D"]
    runs = [dataclasses.replace(plan.runs[0], model=name, factory="a:B") for name in names]
    for run in runs:
        write(run, workspace, [0, 100])
    tabulate(dataclasses.replace(plan, runs=tuple(runs)), workspace)
    page = Page(read(workspace, "html"))
    assert not page.open and set(names) <= set(page.cells) and "b" not in page.tags
    lines = [line.replace("\\|", "") for line in read(workspace, "md").splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines[:5]} == {4}
    for name in names:
        assert latex_text(name) + " & " in read(workspace, "tex")
