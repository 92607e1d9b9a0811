"""Names, options and reasons of failure are text in every format: nothing in them is run, linked or marked up."""

import csv
import dataclasses
import io
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from dgmbench.names import load_object
from dgmbench.report.csv_text import as_text, csv_text
from dgmbench.report.figures import figure_style, panels
from dgmbench.report.formats import latex_text, markdown_text, to_csv, to_html, to_latex, to_markdown, write_frame

FORMULAS = [
    *("=1+1", '=HYPERLINK("http://x.y")', "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1+1"),
    *("-mem", "-", "+", "=", "@"),
]
MARKUP = [
    "[click](javascript:alert(1))",
    "![x](data:text/html;base64,AAAA)",
    "[x]: javascript:alert(1)",
    "[x][y]",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    "&lt;b&gt;",
    "a|b||c",
    "**bold** `code` ~~gone~~ __strong__ _em_",
    "https://example.org/x www.example.org",
    "two\nlines | # heading\n- item",
    "\\input{/etc/passwd}",
    "100% of a_b & $c$ #1 {d} ~ ^",
    "\\\\[2cm]",
    "[2cm]",
    "* starred",
]


def kept(text):
    """With an apostrophe; a carriage return is a line feed."""
    return "'" + text.replace("\r", "\n")


@pytest.mark.parametrize("text", FORMULAS)
def test_a_spreadsheet_takes_it_for_text(text, tmp_path):
    for written in (to_csv([{"model": text, text: 1.5}]), csv_text(pd.DataFrame({"model": [text], text: [1.5]}))):
        header, row = csv.reader(io.StringIO(written, newline=""))
        assert header[1] == row[0] == kept(text) and row[1] == "1.5"
    write_frame(pd.DataFrame({"word": [text], "p": [-1.23456789]}), tmp_path / "words.csv")
    with (tmp_path / "words.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1] == [kept(text), "-1.23457"]


@pytest.mark.parametrize(
    "value", ["-1.5", "+0.3", "-1e-5", "-inf", -1.5, -3, None, True, "mem-vae", "a=b", "'=1", "", "–"]
)
def test_numbers_and_other_words_stay_as_they_are(value):
    assert as_text(value) is value


class Page(HTMLParser):
    """Tags, their attributes, and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.addresses, self.text = set(), set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def sheet_of(toy, plan_of, cells_of, workspace, write, write_failure):
    """A function that gives a sheet with this text in a name, a reason of failure, and a title."""

    def make(text):
        plan = plan_of(datasets=["here"], models=["plain"], seeds=[0, 1])
        run = dataclasses.replace(plan.runs[0], model=text, factory="a:B")
        failed = dataclasses.replace(plan.runs[1], model="other", factory="a:B")
        write(run, workspace, [0, 100], data={"checksums": {}, "source": text})
        write_failure(failed, workspace, text)
        cells = cells_of(dataclasses.replace(plan, runs=(run, failed)), workspace)
        table = load_object(toy.table)
        sheet = table.sheet(cells)
        return dataclasses.replace(sheet, title=text, name="toy"), table.rows(cells)

    return make


def plain_markdown(text):
    """The text without what stands for a character by itself, which marks nothing up."""
    return re.sub(r"\\[!-/:-@\[-`{-~]|&(amp|lt|#\d+);", "", text)


@pytest.mark.parametrize("text", [*FORMULAS, *MARKUP])
def test_markdown_prints_it(sheet_of, text):
    sheet, _ = sheet_of(text)
    page = plain_markdown(to_markdown(sheet))
    assert not re.search(r"\]\s*[(\[:]|<|`|\*|~~|(?i:https?:\S|javascript:|data:\S|www\.)|(?<!\w)_|_(?!\w)", page)
    tables = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables[:4]} == {4}
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert len(headings) == 3 and page.startswith("# ")


@pytest.mark.parametrize("text", [*FORMULAS, *MARKUP])
def test_html_prints_it(sheet_of, text):
    sheet, _ = sheet_of(text)
    page = Page(to_html(sheet, [], [dataclasses.replace(sheet, name="javascript:alert(1)//")]))
    assert not page.tags & {"script", "img", "b", "iframe", "object"}
    assert not any(name.startswith("on") for name in page.attributes)
    assert page.addresses == ["toy.csv", "toy.md", "toy.tex", "javascript%3Aalert%281%29//.html"]
    assert text.strip() in "".join(page.text) or "\r" in text


@pytest.mark.parametrize("text", [*FORMULAS, *MARKUP])
def test_latex_prints_it(sheet_of, text):
    sheet, _ = sheet_of(text)
    page = to_latex(dataclasses.replace(sheet, name="a}\\input{b"))
    body = "\n".join(line for line in page.splitlines() if not line.startswith("%"))
    assert "\\input" not in body and "\\label{tab:a--input-b}" in body
    bare = re.sub(r"\\[\\%&#_{}$]", lambda found: "\\\\" if found[0] == "\\\\" else "", body)
    assert not re.search("[%#_~^]", bare) and bare.count("$") % 2 == 0 and bare.count("{") == bare.count("}")
    assert not re.search(r"\\\\\n[\[*]", body)  # an argument of the line break
    commands = set(re.findall(r"\\([a-zA-Z]+)", bare))
    known = "providecommand toprule midrule bottomrule hline begin end centering footnotesize scriptsize setlength "
    known += "tabcolsep caption par medskip smallskip label multicolumn textwidth textbf mathbf pm times dagger dots "
    known += "textbackslash textasciitilde textasciicircum textless textgreater textbar"
    assert commands <= set(known.split())


@pytest.mark.parametrize("text", [*FORMULAS, *MARKUP])
def test_csv_holds_it(sheet_of, text):
    _, rows = sheet_of(text)
    table = list(csv.DictReader(io.StringIO(to_csv(rows), newline="")))
    assert as_text(text) in [row["entrant"] for row in table]
    assert not any(value.startswith(("=", "@", "\t", "\r")) for row in table for value in row.values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mem-iwae-5", "mem-iwae-5"),
        ("topicvec+mean-wv", "topicvec+mean-wv"),
        ("+0.80 [+0.75, +0.85]", "+0.80 [+0.75, +0.85]"),
        ("my_module:C&D, a & b", "my_module:C&D, a & b"),
        ("training: RuntimeError: no data", "training: RuntimeError: no data"),
        ("f(x)[0] > 1 # 2", "f(x)[0] > 1 # 2"),
    ],
)
def test_harmless_text_reads_as_it_is(text, expected):
    assert markdown_text(text) == expected
    assert latex_text("mem-vae") == "mem-vae"


@pytest.mark.parametrize("text", ["a$b", "$\\frac$", "100 % of $x^$", "\\input{x}", "$$"])
def test_a_figure_draws_a_dollar_as_a_dollar(text, tmp_path):
    with figure_style():
        figure, (ax,) = panels(1, 2)
        ax.set_title(text)
        ax.plot([1, 2], [1, 2], label=text)
        ax.legend()
        figure.savefig(tmp_path / "figure.png")
