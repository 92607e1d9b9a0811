"""Runs from which little or nothing can be told: the tables say so, and never nan, inf or a bold from nothing."""

import re

import numpy as np
import pytest

from dgmbench.names import load_object
from dgmbench.report.formats import to_csv, to_html, to_latex, to_markdown
from dgmbench.report.notes import host_in_words

MANY = list(np.random.default_rng(0).normal(50.0, 20.0, 60))
LOWER = [value - 5 + 0.5 * (-1) ** i for i, value in enumerate(MANY)]
NAN, INF = float("nan"), float("inf")
YES, THESE, UNSURE = "yes", "on these trained models", "cannot tell"
NONE = "(too few examples for an interval)"

# what the seeds of two rows gave (an error rate by example, lower is better; "failed"; None for not run), the cells'
# first words, whether the second is bold, and the paired difference of the second to the first
CASES = {
    "one seed each": ([MANY], [LOWER], ("51.5", "46.5"), True, ("-5.0 [-5.1, -4.9]", THESE)),
    "several seeds each": ([MANY] * 3, [LOWER] * 3, ("51.5", "46.5"), True, ("-5.0 [-5.1, -4.9]", YES)),
    "several against one": ([MANY], [LOWER] * 3, ("51.5", "46.5"), True, ("-5.0 [-5.1, -4.9]", THESE)),
    "one seed of two failed": ([MANY] * 2, [LOWER, "failed"], ("51.5", "46.5"), False, ("-5.0 [-5.1, -4.9]", THESE)),
    "all seeds failed": ([MANY], ["failed", "failed"], ("51.5", "failed"), False, ("variant is failed", "")),
    "one seed is missing": ([MANY] * 2, [LOWER, None], ("51.5", "46.5"), False, ("-5.0 [-5.1, -4.9]", THESE)),
    "nothing was run": ([None], [None], ("missing", "missing"), False, ("variant is missing", "")),
    "a single example": ([[100]], [[0]], ("100.0", "0.0"), False, (f"-100.0 {NONE}", UNSURE)),
    "a single example, two seeds": ([[100], [90]], [[0], [10]], ("95.0", "5.0"), False, (f"-90.0 {NONE}", UNSURE)),
    "two equal differences": ([[50, 60]], [[40, 50]], ("55.0", "45.0"), False, (f"-10.0 {NONE}", UNSURE)),
    "five equal differences": ([[1] * 5], [[0] * 5], ("1.0", "0.0"), False, (f"-1.0 {NONE}", UNSURE)),
    "six equal differences": ([[1] * 6], [[0] * 6], ("1.0", "0.0"), True, ("-1.0 [-1.0, -1.0]", THESE)),
    "no variance at all": ([[7] * 9], [[7] * 9], ("7.0", "7.0"), False, ("+0.0 [+0.0, +0.0]", UNSURE)),
    "equal values": ([MANY], [MANY], ("51.5", "51.5"), False, ("+0.0 [+0.0, +0.0]", UNSURE)),
    "equal values, several seeds": ([MANY] * 3, [MANY] * 3, ("51.5", "51.5"), False, ("+0.0 [+0.0, +0.0]", UNSURE)),
    "equal but for rounding": ([[0.1 + 0.2] * 9], [[0.3] * 9], ("0.3", "0.3"), False, ("+0.0 [+0.0, +0.0]", UNSURE)),
    "not a number": ([MANY], [[NAN, *MANY[1:]]], ("51.5", "diverged"), False, ("variant is diverged", "")),
    "infinite": ([MANY], [[INF, *MANY[1:]]], ("51.5", "diverged"), False, ("variant is diverged", "")),
    "one seed of two infinite": (
        *([MANY] * 2, [LOWER, [INF, *MANY[1:]]], ("51.5", "46.5"), False),
        ("-5.0 [-5.1, -4.9]", THESE),
    ),
}


@pytest.fixture
def leave(plan_of, workspace, write, write_failure):
    """A function that leaves what two rows gave, and the plan of it."""

    def leave(first, second):
        plan = plan_of(datasets=["here"], models=["plain", "variant"], seeds=range(max(len(first), len(second))))
        asked = [run for run in plan.runs if run.seed < len({"plain": first, "variant": second}[run.model])]
        for run in asked:
            given = {"plain": first, "variant": second}[run.model][run.seed]
            if given == "failed":
                write_failure(run, workspace, "RuntimeError: out of memory")
            elif given is not None:
                write(run, workspace, given, status="ok" if np.isfinite(given).all() else "diverged")
        return type(plan)(plan.preset, plan.tasks, tuple(asked))

    return leave


@pytest.mark.parametrize("name", CASES)
def test_what_little_tells_is_said_as_such(name, toy, leave, cells_of, workspace):
    first, second, words, bold, difference = CASES[name]
    plan = leave(first, second)
    cells = cells_of(plan, workspace)
    table = load_object(toy.table)
    sheet = table.sheet(cells)
    page = re.sub(r"<style>.*?</style>|<[^>]*>", " ", to_html(sheet, [], []), flags=re.DOTALL)
    for text in (to_markdown(sheet), page, to_latex(sheet)):
        assert not re.search(r"\b(nan|inf|infinity|none)\b", text, re.IGNORECASE)
    assert not re.search(r"\binf\b", to_csv(table.rows(cells)))
    values = {row: values[0] for row, values in sheet.rows}
    assert (values["plain"].ours, values["variant"].ours) == words
    assert [row for row, value in values.items() if value.best] == (["variant"] if bold else [])
    assert sheet.grids[0].rows[0][2:] == difference


@pytest.mark.parametrize("value", [None, "0.5", True])
@pytest.mark.parametrize("status", ["ok", "diverged"])
def test_a_metric_without_a_number_is_a_word(toy, plan_of, cells_of, workspace, write, value, status):
    plan = plan_of(datasets=["here"], models=["plain", "variant"], seeds=[0, 1])
    for run in plan.runs:
        score = value if run.model == "variant" else 0.25
        write(run, workspace, MANY, score=0.25, status=status, words={"score": score})
    sheet = load_object(toy.table).sheet(cells_of(plan, workspace))
    shown = {row: values[1].ours for row, values in sheet.rows}
    assert shown == {"plain": "0.25", "variant": {"ok": "no number"}.get(status, status)}


def test_bold_of_one_seed_says_what_it_claims(toy, leave, cells_of, workspace):
    claim = "said of these trained models, not of what the same entrant gives with another seed"
    for second, said in (([LOWER], True), ([LOWER] * 3, False)):
        sheet = load_object(toy.table).sheet(cells_of(leave([MANY] * len(second), second), workspace))
        (note,) = (note for note in sheet.notes if note.startswith("Bold"))
        assert (claim in note) == said


@pytest.mark.parametrize(("cores", "words"), [(1, "1 core"), (2, "2 cores"), (None, "? cores")])
def test_a_machine_in_words(cores: int | None, words: str) -> None:
    assert host_in_words({"processor": "P", "cores": cores, "system": "S"}) == f"P, {words}, S"
