"""A table as CSV, Markdown, HTML and LaTeX.

Only the CSV is made by pandas. Its Markdown needs another package, and in the others a cell holds a number, its error,
the paper's number and a remark, each escaped and emphasised as the format does it.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgmbench.files import write_text
from dgmbench.report.csv_text import csv_text
from dgmbench.report.sheet import DAGGER, DASH, Figure, Sheet, Value

if TYPE_CHECKING:
    import pandas as pd


def to_csv(rows: list[dict[str, Any]]) -> str:
    """Comma-separated values: ``nan`` for what was not measured, an empty field for what does not apply."""
    import pandas as pd

    return csv_text(pd.DataFrame([{column: _plain(value) for column, value in row.items()} for row in rows]))


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """A data frame as CSV, numbers to six digits."""
    write_text(path, csv_text(frame, float_format="%.6g"))


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(round(value, 6)) if math.isfinite(value) else "nan"
    return str(value)


def to_markdown(sheet: Sheet) -> str:
    """GitHub's Markdown: the table, the smaller tables, and what was measured how."""
    header = [sheet.corner]
    for group, columns in sheet.groups:
        header += [f"{group} {column}" if sheet.several else group for column in columns]
    rows = [[markdown_text(name), *map(_markdown_cell, cells)] for name, cells in sheet.rows]
    parts = [f"# {markdown_text(sheet.title)}", _aligned([[*map(markdown_text, header)], *rows], align_right=True)]
    parts.append("\n".join(f"- {markdown_text(note)}" for note in sheet.notes))
    for grid in sheet.grids:
        if grid.rows:
            parts += [f"## {markdown_text(grid.title)}", markdown_table(grid.header, grid.rows)]
            parts += [markdown_text(grid.note)] if grid.note else []
    return "\n\n".join(parts) + "\n"


def _markdown_cell(value: Value | None) -> str:
    if value is None:
        return DASH
    ours = f"**{value.ours}**" if value.best else value.ours
    error = f" ± {value.error}" if value.error else ""
    brackets = markdown_text(", ".join(value.brackets))
    return f"{ours}{error}{'' if value.comparable else DAGGER}" + (f" ({brackets})" if brackets else "")


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], align_right: bool = False) -> str:
    """Columns padded, so that the file reads well as plain text too."""
    return _aligned([[markdown_text(field) for field in line] for line in (header, *rows)], align_right)


def _aligned(lines: list[list[str]], align_right: bool) -> str:
    """A table of fields that are Markdown already, the header first."""
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(lines[0]))]
    ruler = ["-" * (w - 1) + ":" if align_right and i else "-" * w for i, w in enumerate(widths)]
    lines.insert(1, ruler)
    return "\n".join("| " + " | ".join(f.ljust(w) for f, w in zip(line, widths, strict=True)) + " |" for line in lines)


_MARKUP = re.compile(r"[\\`*|]|~~|\](?=\s*[(\[:])|(?<![^\W_])_+|_+(?![^\W_])")
_ADDRESS = re.compile(r"(?i)\b(?:(?:https?|ftp|mailto|xmpp|javascript|data|vbscript):(?=\S)|www\.)")


def markdown_text(text: str) -> str:
    """Text as Markdown prints it: no markup, link or HTML in it; what is harmless stays as it reads best.

    A bracket is escaped where it could end a link's text, an underscore at the edge of a word, an ampersand where it
    begins the name of a character, the colon of an address, which would become a link by itself.
    """
    text = re.sub(r"&(?=#?\w+;)", "&amp;", " ".join(text.splitlines()))
    text = _MARKUP.sub(lambda found: "".join(f"\\{character}" for character in found[0]), text)
    text = _ADDRESS.sub(lambda found: found[0][:-1] + f"&#{ord(found[0][-1])};", text)
    return text.replace("<", "&lt;")


def to_html(sheet: Sheet, figures: list[Figure], neighbours: list[Sheet]) -> str:
    """A self-contained page: no script, no address outside it but the links to its files and the tables beside it."""
    from jinja2 import Environment

    template = (resources.files("dgmbench.report") / "templates" / "page.html.j2").read_text(encoding="utf-8")
    # what is no text but part of an address is encoded in the template: a name is never a scheme
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        sheet=sheet,
        neighbours=neighbours,
        figures=figures,
        base64=lambda path: base64.b64encode(path.read_bytes()).decode(),
        dagger=DAGGER,
        dash=DASH,
    )


def to_latex(sheet: Sheet) -> str:
    """A table environment for ``\\input``; base LaTeX will do, the booktabs package makes finer rules."""
    fields = sum(len(columns) for _, columns in sheet.groups)
    lines = [
        "% \\input this file; the booktabs package is used if it is loaded",
        *(f"\\providecommand{{\\{rule}}}{{\\hline}}" for rule in ("toprule", "midrule", "bottomrule")),
        "\\begin{table*}",
        "\\centering\\footnotesize\\setlength{\\tabcolsep}{4pt}",
        f"\\caption{{{latex_text(sheet.title)}. {latex_text(sheet.notes[0])}}}\\par\\medskip",
        f"\\label{{tab:{re.sub('[^A-Za-z0-9-]', '-', sheet.name)}}}",
        f"\\begin{{tabular}}{{l{'r' * fields}}}",
        "\\toprule",
    ]
    if sheet.several:
        lines.append(
            " & ".join(["", *(f"\\multicolumn{{{len(c)}}}{{c}}{{{latex_text(g)}}}" for g, c in sheet.groups)]) + " \\\\"
        )
    heads = [column if sheet.several else group for group, columns in sheet.groups for column in columns]
    lines += [" & ".join(map(latex_text, (sheet.corner, *heads))) + " \\\\", "\\midrule"]
    # {} keeps a name that begins with [ or * from being an argument of the line break before it
    lines += [
        " & ".join([f"{'{}' * name.startswith(('[', '*'))}{latex_text(name)}", *map(_latex_cell, cells)]) + " \\\\"
        for name, cells in sheet.rows
    ]
    lines += ["\\bottomrule", "\\end{tabular}", "\\par\\smallskip", "\\begin{minipage}{\\textwidth}\\scriptsize"]
    lines += [f"{latex_text(note)}\\par" for note in sheet.notes[1:]]
    for grid in sheet.grids:
        if grid.in_latex and grid.rows:
            listed = "; ".join(f"{first}, {second}: {third}" for first, second, third, *_ in grid.rows)
            lines.append(f"{latex_text(grid.title)}: {latex_text(listed)}. {latex_text(grid.note)}\\par")
    return "\n".join([*lines, "\\end{minipage}", "\\end{table*}", ""])


def _latex_cell(value: Value | None) -> str:
    if value is None:
        return latex_text(DASH)
    word = value.ours[-1:].isalpha()
    ours = latex_text(value.ours) if word else f"${value.ours}$"
    if value.best:
        ours = f"\\textbf{{{ours}}}" if word else f"$\\mathbf{{{value.ours}}}$"
    error = f" $\\pm$ {value.error}" if value.error else ""
    mark = "" if value.comparable else latex_text(DAGGER)
    parts = (f"${part}$" if re.fullmatch(r"[+-]?[\d.]+", part) else latex_text(part) for part in value.brackets)
    brackets = ", ".join(parts)
    return f"{ours}{error}{mark}" + (f" ({brackets})" if brackets else "")


_LATEX = {
    "\\": "\\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    "±": "$\\pm$",
    "×": "$\\times$",
    DAGGER: "$\\dagger$",
    DASH: "--",
    "…": "\\dots{}",
}


def latex_text(text: str) -> str:
    """Text as LaTeX prints it: special characters escaped, what base LaTeX cannot print as a question mark."""
    return "".join(_LATEX.get(c, c if c.isprintable() and ord(c) < 0x250 else "?") for c in text)
