"""The report: one page that needs nothing else, says what is missing, and prints what users wrote as text."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from dgmbench.commands.report import report
from dgmbench.commands.tabulate import tabulate
from dgmbench.report.cells import collect
from dgmbench.report.origins import costs, in_words, origins
from dgmbench.report.page import Section, breakable, columns_of, with_content
from dgmbench.report.sheet import BRACKETS, DASH, Grid
from dgmbench.run.settings import Settings
from dgmbench.run.task import Analysis
from dgmbench.run.workspace import Workspace

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(2)</script>",
    "{{ 7 * 7 }} {% raw %}",
    "<!-- <b>bold</b> -->",
    "a' onmouseover='alert(3)",
    "]]>&lt;svg onload=alert(4)&gt;",
]


class Page(HTMLParser):
    """What a browser would see: tags with attributes, the words, the addresses, the charts."""

    VOID = frozenset({"meta", "img", "br", "link", "wbr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.open, self.words, self.scripts = text, [], "", []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "script" in self.open:
            self.scripts.append(data)
        elif "style" not in self.open:
            self.words += data

    def addresses(self):
        return [a[key] for _, a in self.tags for key in ("href", "src") if key in a]

    def charts(self):
        return json.loads(self.scripts[0])


def read(workspace: Workspace) -> Page:
    return Page((workspace.root / "report.html").read_text(encoding="utf-8"))


def section_of(plan, workspace, toy) -> Section:
    from dgmbench.names import load_object

    table = load_object(toy.table)
    cells = collect(plan, workspace, toy, table.problem)
    return Section(cells, table.sheet(cells), [])


@pytest.fixture(scope="module")
def reported(whole, tmp_path_factory) -> tuple[Page, Workspace]:
    """The page over records of two seeds for every run; read only."""
    plan, place = whole
    copy = Workspace(tmp_path_factory.mktemp("reported") / "trial")
    shutil.copytree(place.root, copy.root)
    report(plan, copy)
    return read(copy), copy


@pytest.fixture(autouse=True)
def small_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture of one pixel in place of each figure, except where the page over whole records is looked at."""
    if "reported" in request.fixturenames:
        return

    def save(figure, frame, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (1, 1)).save(path.with_name(f"{path.name}.png"))
        return path.with_name(f"{path.name}.png")

    for module in ("comparison", "curves"):
        monkeypatch.setattr(f"dgmbench.report.{module}.save_figure", save)


def test_the_page_needs_nothing_outside_it(reported) -> None:
    page, place = reported
    assert not page.open
    for address in page.addresses():
        if address.startswith("#"):
            assert f'id="{address[1:]}"' in page.text
        elif not address.startswith("data:image/png;base64,"):
            assert not re.match(r"\w+:|//", address) and (place.root / address).exists(), address
    assert not {"link", "iframe", "object", "base"} & {tag for tag, _ in page.tags}
    assert "http://" not in page.text.replace("http://www.w3.org/2000/svg", "") and "https://" not in page.text
    (policy,) = (a["content"] for tag, a in page.tags if tag == "meta" and "http-equiv" in a)
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert "default-src 'none'" in policy and f"'sha256-{digest}'" in policy
    assert len(page.text) < 500_000


def test_every_number_and_picture_of_the_task_is_there(reported) -> None:
    page, place = reported
    rows = (place.tables / "toy.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 7
    error = rows[0].split(",").index("error")
    for row in rows[1:]:
        assert f"{float(row.split(',')[error]):.1f}" in page.words
    pictures = [a for tag, a in page.tags if tag == "img"]
    assert len(pictures) == len(list(place.figures.glob("*.png"))) == 2
    assert all(picture["alt"] for picture in pictures)
    copies = place.root / "report/tables/toy"
    assert {path.name for path in copies.glob("*.png")} == {"toy.png", "toy_curves.png"}
    assert json.loads((copies / "captions.json").read_text())["toy"]["figure"] == "Ours beside the paper's"


def test_charts_say_what_the_figures_show(reported) -> None:
    charts = reported[0].charts()
    kinds = {name: chart["kind"] for name, chart in charts.items()}
    assert kinds == {"toy-0": "dots", "toy-1": "lines"}
    here = charts["toy-0"]["panels"][0]
    assert here["title"] == "here" and [dot["paper"] for dot in here["dots"]] == [12, None, None]
    titles = [panel["title"] for panel in charts["toy-1"]["panels"]]
    assert titles == ["here, by epoch", "here, by seconds", "there, by epoch", "there, by seconds"]
    epochs, seconds = charts["toy-1"]["panels"][:2]
    plain = next(line for line in seconds["lines"] if line["name"] == "plain")
    assert plain["x"] == [1.5, 3, 4.5, 6] and plain["y"] == [2.5, 1.25, pytest.approx(0.833333), 0.625]
    assert plain["spread"] == [0, 0, 0, 0]
    assert {line["name"]: (line["family"], line["variant"]) for line in epochs["lines"]} == {
        "plain": (0, 0),
        "variant": (0, 1),
        "rival": (1, 0),
    }


def test_the_same_records_give_the_same_page(whole, reported) -> None:
    page, place = reported
    assert report(whole[0], place).read_text(encoding="utf-8") == page.text


def test_a_click_on_a_number_leads_to_where_it_comes_from(reported) -> None:
    page, _ = reported
    targets = [a["href"] for tag, a in page.tags if tag == "a" and a.get("class") == "origin"]
    assert len(set(targets)) == 6 and all(f'id="{target[1:]}"' in page.text for target in targets)
    for words in ("epochs = 4", "a registry archive 1.0", "commit ffffffffff", "Some CPU, 2 cores", "numpy 2.4.0"):
        assert words in page.words


def test_an_origin_tells_seeds_apart_only_where_they_differ(plan_of, workspace, toy, write) -> None:
    plan = plan_of(seeds=(0, 1), datasets=["here"], models=["plain"])
    write(plan.runs[0], workspace, [0, 100])
    (origin,) = origins(section_of(plan, workspace, toy).cells)
    facts = dict(origin.facts)
    assert facts["status"] == "ok (seed 0), missing (seed 1)"
    assert facts["seeds"] == "0, 1" and facts["all settings"] == "epochs = 4, train_limit = 0, test_limit = 0"
    assert facts["metrics"].startswith("error = 50, score = 0.5")
    assert ("seed 0: record", f"runs/{plan.runs[0].run_id}/run.json") in origin.files
    assert ("seed 1: log of the training", f"logs/train/{plan.runs[1].training_id}.log") in origin.files


def test_an_origin_links_to_the_records_and_logs_that_are_there(plan_of, workspace, write) -> None:
    plan = plan_of(datasets=["here"], models=["plain"])
    write(plan.runs[0], workspace, [0, 100])
    log = workspace.root / "logs/train" / f"{plan.runs[0].training_id}.log"
    log.parent.mkdir(parents=True)
    log.touch()
    report(plan, workspace)
    found = [address for address in read(workspace).addresses() if address.startswith(("runs/", "trained/", "logs/"))]
    assert found == [f"runs/{plan.runs[0].run_id}/run.json", str(log.relative_to(workspace.root))]


def test_costs_add_both_stages_and_keep_the_larger_memory(plan_of, workspace, toy, write) -> None:
    plan = plan_of(datasets=["here"])
    for run in plan.runs[:2]:
        write(run, workspace, [0, 100], training={"seconds": 3000.0, "peak_memory_mb": 800.0, "device": "cpu"})
    grid = costs(section_of(plan, workspace, toy).cells)
    assert grid.rows[0] == ("here", "plain", "0", "3,000.0", "600.0", "1,180.0", "800", "1", "cpu")
    assert len(grid.rows) == 2 and "Altogether 2.0 h of jobs and 39 min of processor time" in grid.note
    assert "earlier version" not in grid.note


@pytest.mark.parametrize("resumed", [{"resumed_from_epoch": 3}, {"resumed_after_seconds": 7.5}])
def test_costs_say_which_are_of_the_last_part_of_a_training(plan_of, workspace, toy, write, resumed) -> None:
    plan = plan_of(datasets=["here"])
    first, second = plan.runs[:2]
    write(first, workspace, [0, 100], training=resumed)
    write(second, workspace, [0, 100], training=resumed | {"resumed_after_cpu_seconds": 7.0})
    note = costs(section_of(plan, workspace, toy).cells).note
    assert f"with the seconds of the last part alone: {first.training_id}." in note


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h"), (90000, "25.0 h")],
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_runs_kept_without_their_values_have_those_beside_the_table(whole, tmp_path) -> None:
    kept, name = Workspace(tmp_path / whole[1].root.name), "per_example.npz"
    shutil.copytree(whole[1].root, kept.root)
    report(whole[0], kept)
    before = read(kept)
    for path in kept.root.glob(f"runs/*/{name}"):
        path.unlink()
    report(whole[0], kept)
    after = read(kept)
    assert "12 runs ok" in after.words and "95 %" in after.words
    assert [row for row in re.findall("<td.*", after.text)] == [row for row in re.findall("<td.*", before.text)]
    (kept.tables / "toy.npz").write_bytes(b"cut off")
    report(whole[0], kept)
    assert "12 runs failed" in read(kept).words


def test_a_column_of_dashes_is_left_out() -> None:
    grid = Grid("t", ("a", "b", "c"), [("x", DASH, DASH), ("y", DASH, "1")])
    assert with_content(grid) == Grid("t", ("a", "c"), [("x", DASH), ("y", "1")])


def test_a_long_name_goes_on_in_the_next_line_where_its_parts_end() -> None:
    assert breakable("a_longer.module:<b>") == "a_<wbr>longer.<wbr>module:&lt;b&gt;"
    assert breakable("lda+") == "lda+"


def test_a_cell_with_columns_for_the_paper_has_no_brackets_to_explain(whole, workspace) -> None:
    shutil.copytree(whole[1].root, workspace.root)
    report(whole[0], workspace)
    assert BRACKETS not in read(workspace).words
    assert BRACKETS in (workspace.tables / "toy.md").read_text(encoding="utf-8")


def test_missing_failed_and_diverged_runs_show_as_such(plan_of, workspace, write, write_failure) -> None:
    plan = plan_of(datasets=["here"])
    write_failure(plan.runs[0], workspace, "ValueError: it broke")
    write(plan.runs[1], workspace, [float("nan")] * 2, status="diverged", training={"diverged_at": 4})
    report(plan, workspace)
    page = read(workspace)
    for words in ("1 run failed", "1 run diverged", "1 run missing", "training: ValueError: it broke", "in epoch 5"):
        assert words in page.words
    rows = re.findall(r"<tr><th scope=\"row\"[^>]*>here</th>(.*?)</tr>", page.text)
    assert [re.sub("<[^>]*>", " ", row).split()[2] for row in rows[:3]] == ["failed", "diverged", "missing"]
    assert "not run yet" in page.words
    summary = json.loads((workspace.root / "summary.json").read_text())["tasks"]["toy"]
    assert summary["counts"] == {"diverged": 1, "failed": 1, "missing": 1}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_users_write_is_text(payload: str, plan_of, workspace, write, write_failure) -> None:
    plan = plan_of(datasets=["here"], models=["plain"])
    ok, broken = (dataclasses.replace(plan.runs[0], model=name, factory="a:B") for name in (payload, f"{payload}2"))
    plan = dataclasses.replace(plan, runs=(ok, broken))
    write(ok, workspace, [0, 100])
    write_failure(broken, workspace, f"ValueError: {payload}")
    report(plan, workspace)
    for page in (read(workspace), Page((workspace.root.parent / "index.html").read_text(encoding="utf-8"))):
        assert not page.open
        assert sum(tag == "script" for tag, _ in page.tags) <= 2 and not {"svg", "b"} & {tag for tag, _ in page.tags}
        assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
        assert payload in page.words
    page = read(workspace)
    assert f"ValueError: {payload}" in page.words
    assert payload in {dot["name"] for dot in page.charts()["toy-0"]["panels"][0]["dots"]}


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ([0, 0], None),
        ([2000, 0], None),
        ([2000, 2000], "These numbers are no results."),
        ([2000], "These numbers are no results."),
        ([0], None),
    ],
)
def test_a_banner_stands_where_every_run_is_on_a_part_of_the_data(limits, words, plan_of, workspace) -> None:
    models = ["plain", "rival"][: len(limits)]
    runs = [plan_of(datasets=["here"], models=[m], train_limit=n).runs[0] for m, n in zip(models, limits, strict=True)]
    report(dataclasses.replace(plan_of(), runs=tuple(runs)), workspace)
    assert ('class="banner"' in read(workspace).text) == bool(words)
    assert not words or words in read(workspace).words


def test_one_task_on_a_part_of_the_data_is_named(plan_of, toy, workspace) -> None:
    other = dataclasses.replace(toy, name="other", title="Others")
    part = dataclasses.replace(plan_of(train_limit=5).runs[0], task="other")
    plan = plan_of(datasets=["here"])
    report(dataclasses.replace(plan, tasks={"toy": toy, "other": other}, runs=(*plan.runs, part)), workspace)
    words = read(workspace).words
    assert "Some of these numbers are no results." in words and "Others: every run is on a part" in words


def test_the_key_metric_comes_first_with_the_paper_beside_it(plan_of, workspace, toy, write) -> None:
    plan = plan_of(datasets=["here"])
    for run in plan.runs:
        write(run, workspace, [0, 100], 0.25)
    section = section_of(plan, workspace, toy)
    table = columns_of(section)
    assert table.groups == [("here", ["error rate", "paper", "ours − paper", "score"])]
    name, about, fields = table.rows[0]
    assert (name, about) == ("plain", "the plain one")
    assert [field.text for field in fields] == ["50.0", "12.0", "+38.0", "0.25"]
    headline = dataclasses.replace(section, sheet=dataclasses.replace(section.sheet, headline="score"))
    assert columns_of(headline).groups[0][1] == ["score", "error rate"], "no score is published"
    assert columns_of(headline).rows[0][2][1].below == "paper 12.0, +38.0"


def test_a_word_is_told_from_a_number_with_a_remark(plan_of, workspace, toy, write, write_failure) -> None:
    plan = plan_of(seeds=(0, 1), datasets=["here"], models=["plain", "rival"])
    first, second, *both = plan.runs
    write(first, workspace, [0, 100])
    for run in (second, *both):
        write_failure(run, workspace, "ValueError: it broke")
    rows = {name: fields[0] for name, _, fields in columns_of(section_of(plan, workspace, toy)).rows}
    assert [(f.text, f.is_word, f.remark) for f in rows.values()] == [
        ("50.0", False, "failed: 1 of 2 seeds"),
        ("failed", True, "2 seeds"),
    ]


SHOWN = """
from dgmbench.report.charts import Chart, Heat
from dgmbench.report.sheet import Figure, Grid

def shown(plan, workspace):
    path = workspace.figures / "deep.png"
    chart = Chart([Heat("t", "class", "slot", "share", ["a"], ["0", "1"], [[0.25, float("nan")]])])
    return [Grid("Depths", ("a", "b"), [("x", "1.5")], "A note."), Figure(path, "Deep", "How deep <it> is.", chart)]

def broken(plan, workspace):
    raise KeyError("depth")
"""


@pytest.fixture
def with_analysis(plan_of, toy, workspace, tmp_path, monkeypatch):
    """A function that gives a plan whose task has an analysis that left a picture."""
    (tmp_path / "toy_shown.py").write_text(SHOWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "toy_shown", raising=False)
    workspace.figures.mkdir(parents=True)
    Image.new("RGB", (4, 4), "red").save(workspace.figures / "deep.png")

    def make(shown: str):
        analysis = Analysis("depths", Settings, "a:b", runs=lambda table, settings: {}, shown=shown)
        return dataclasses.replace(plan_of(), tasks={"toy": dataclasses.replace(toy, analysis=analysis)})

    return make


def test_an_analysis_shows_its_tables_and_figures_with_captions(with_analysis, workspace) -> None:
    report(with_analysis("toy_shown:shown"), workspace)
    page = read(workspace)
    assert "Depths" in page.words and "A note." in page.words and "How deep <it> is." in page.words
    assert page.charts()["toy-0"]["panels"][0]["values"] == [[0.25, None]]
    assert 'data-chart="toy-0"' in page.text and "was not run" not in page.words and "Other figures" not in page.words


@pytest.mark.parametrize(("year", "outdated"), [(2025, True), (2027, False)])
def test_an_analysis_older_than_a_training_says_so(year, outdated, with_analysis, workspace, write) -> None:
    plan = with_analysis("toy_shown:shown")
    write(plan.runs[0], workspace, [0, 100])  # trained in January 2026
    when = datetime(year, 1, 1, tzinfo=UTC).timestamp()
    os.utime(workspace.figures / "deep.png", (when, when))
    report(plan, workspace)
    assert ("Something was trained after this analysis" in read(workspace).words) == outdated


@pytest.mark.parametrize("shown", ["", "toy_shown:broken"])
def test_what_no_task_speaks_of_is_shown_all_the_same(shown: str, with_analysis, workspace, caplog) -> None:
    report(with_analysis(shown), workspace)
    page = read(workspace)
    assert "was not run" in page.words and "Other figures" in page.words and "Figure deep." in page.words
    assert ("cannot be shown" in caplog.text) == bool(shown)


def test_what_links_to_a_table_is_there_only_with_it(plan_of, workspace) -> None:
    report(plan_of(), workspace)
    assert not [a for a in read(workspace).addresses() if a.startswith("tables/")]
    tabulate(plan_of(), workspace)
    report(plan_of(), workspace)
    assert "tables/toy.csv" in read(workspace).addresses()


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the browser chromium")
def test_a_browser_draws_every_chart_without_a_complaint(reported, tmp_path: Path) -> None:
    page, place = reported
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--virtual-time-budget=4000"]
    log = ["--enable-logging=stderr", f"--user-data-dir={tmp_path}", "--dump-dom"]
    command = ["chromium", *flags, *log, (place.root / "report.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line or "Refused" in line]
    panels = sum(len(chart["panels"]) for chart in page.charts().values())
    assert done.stdout.count('class="panel"') == panels == 6
    assert done.stdout.count("<button") >= len(re.findall("<th scope=.col.", page.text))
