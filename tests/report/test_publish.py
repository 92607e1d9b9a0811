"""Published results are whole, small and checked; an archive of anybody is read without harm, or refused in a line."""

from __future__ import annotations

import io
import json
import shutil
import stat
import zipfile

import numpy as np
import pytest

from dgmbench import cli
from dgmbench.commands.archive import MANIFEST, manifest_of, opened
from dgmbench.commands.publish import publish
from dgmbench.commands.verify import verify
from dgmbench.errors import UserError


@pytest.fixture
def place(undrawn, known_toy, tmp_path):
    """A copy of a results folder, with what is not to be published."""
    shutil.copytree(undrawn, tmp_path / "trial")
    for name in ("trained/x/model.pt", "logs/train/x.log", "runs/old.run/run.json", "tables/toy.complete"):
        (tmp_path / "trial" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "trial" / name).write_text("{}")
    return tmp_path / "trial"


def test_a_published_file_has_what_is_needed_to_check_it_and_no_more(place, tmp_path):
    remarks = publish(place, "trial", tmp_path / "trial.zip")
    assert remarks == ["there is no report; dgmbench report makes it"]
    with zipfile.ZipFile(tmp_path / "trial.zip") as archive:
        names = archive.namelist()
    assert names[0] == MANIFEST and {"README.txt", "plan.json", "tables/toy.npz", "tables/toy.md"} <= {*names}
    assert sum(name.endswith("per_example.npz") for name in names) == 12
    assert not any(word in name for name in names for word in ("model.pt", ".log", "old.run", ".complete"))
    with opened(tmp_path / "trial.zip") as folder:
        assert verify(folder) == ([], "12 runs of 12 and 1 table")


def test_the_page_of_an_archive_links_to_what_is_in_it(place, tmp_path):
    run = next(each.name for each in sorted((place / "runs").iterdir()) if each.name != "old.run")
    files = [f"runs/{run}/run.json", "logs/train/x.log", "../index.html"]
    links = "; ".join(f'<a href="{name}">{name[-8:]}</a>' for name in files)
    (place / "report.html").write_text(f'<a href="#toy">Toy</a> {links}')
    publish(place, "trial", tmp_path / "trial.zip")
    with zipfile.ZipFile(tmp_path / "trial.zip") as archive:
        page = archive.read("report.html").decode()
    assert page == f'<a href="#toy">Toy</a> <a href="{files[0]}">run.json</a>; in/x.log; '


def test_the_same_results_are_the_same_file(place, tmp_path):
    for name in ("a.zip", "b.zip"):
        publish(place, "trial", tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_published_folder_is_checked_as_a_file_is(place, tmp_path):
    publish(place, "trial", tmp_path / "out")
    assert verify(tmp_path / "out")[0] == []
    (tmp_path / "out/README.txt").write_text("other")
    (tmp_path / "out/more.txt").write_text("more")
    (tmp_path / "out/link.txt").symlink_to("/etc/hostname")
    assert verify(tmp_path / "out")[0] == [
        "link.txt is a link",
        "README.txt is damaged: its size or checksum is not that of the manifest",
        "link.txt is not in the manifest",
        "more.txt is not in the manifest",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "table",
            "trial cannot be published: tables/toy.csv: here, plain: status is diverged, computed again it is ok",
        ),
        ("there", "exists; give another place by --to, or remove it"),
        ("archive", "trial is an archive already"),
        ("no run", "trial holds no run"),
        ("values", "trial cannot be published: runs/here.plain.s0."),
    ],
)
def test_what_cannot_be_checked_is_not_published(change, said, place, tmp_path):
    folder, table = place, place / "tables/toy.csv"
    match change:
        case "table":
            table.write_text(table.read_text().replace(",ok\n", ",diverged\n", 1))
        case "there":
            (tmp_path / "trial.zip").touch()
        case "archive":
            publish(place, "trial", folder := tmp_path / "first.zip")
        case "no run":
            folder = tmp_path / "empty"
            folder.mkdir()
        case "values":
            next(place.glob("runs/here.plain.s0.*/per_example.npz")).unlink()
            (place / "tables/toy.npz").unlink()
    with pytest.raises(UserError) as error:
        publish(folder, "trial", tmp_path / "trial.zip")
    assert said in str(error.value) and "\n" not in str(error.value)


def test_what_a_reader_may_not_expect_is_remarked(plan_of, write, known_toy, no_figures, workspace, tmp_path):
    from dgmbench.commands.tabulate import tabulate

    plan = plan_of(datasets=["here"])
    write(plan.runs[0], workspace, np.ones(4), training={"code": {"commit": None, "dirty": True}})
    tabulate(plan, workspace)
    assert publish(workspace.root, "trial", tmp_path / "t.zip", partial=True) == [
        "2 of 3 runs have no result, as README.txt says",
        "files differed from the commit that is named: others cannot get this code",
        "the commit of some runs is not known",
        "there is no report; dgmbench report makes it",
    ]


def test_runs_that_are_not_done_are_published_if_that_is_said(
    plan_of, write, known_toy, no_figures, workspace, tmp_path
):
    from dgmbench.commands.tabulate import tabulate

    plan, file = plan_of(datasets=["here"]), tmp_path / "t.zip"
    tabulate(plan, workspace)
    with pytest.raises(UserError, match="trial has no run that is done; 'dgmbench status' says how far they are"):
        publish(workspace.root, "trial", file, partial=True)
    write(plan.runs[0], workspace, np.ones(4))
    (workspace.state(plan.runs[1])).mkdir(parents=True)
    note = {"stage": "training", "run_id": plan.runs[1].run_id, "status": "failed", "error": "no room", "at": "2026"}
    (workspace.state(plan.runs[1]) / "failure.json").write_text(json.dumps(note))
    tabulate(plan, workspace)
    with pytest.raises(UserError, match=r"1 of 3 runs have no result yet, here\.\S+ the first of them; fin"):
        publish(workspace.root, "trial", file)
    assert not file.exists()
    publish(workspace.root, "trial", file, partial=True)
    with opened(file) as folder:
        assert verify(folder)[0] == []
        said = (folder / "README.txt").read_text()
    assert f"{plan.runs[1].run_id}   failed\n" in said and f"{plan.runs[2].run_id}   not done\n" in said
    assert plan.runs[0].run_id not in said


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def archive_of(path, contents, mode=0o100644, manifest=True, twice=""):
    """An archive of anybody: file names and contents, with a manifest of them."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if manifest:
            archive.writestr(MANIFEST, json.dumps(manifest_of(contents, {})))
        for name, content in contents.items():
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
        if twice:
            archive.writestr(twice, b"again")
    return path


@pytest.mark.parametrize(
    "name",
    [
        "/etc/x",
        "../x",
        "a/../../x",
        "a/./x",
        "a//x",
        "C:/x",
        "a\\..\\x",
        "..",
        "a/..x",
        "x\n",
        "\u202ex",
        "a" * 201,
        "a?",
    ],
)
def test_a_name_that_leads_out_of_the_folder_is_refused(name, tmp_path):
    path = archive_of(tmp_path / "in.zip", {name: b"x"})
    with (
        pytest.raises(
            UserError, match=r"in\.zip is no archive that dgmbench publish makes: the name .* is no plain"
        ) as error,
        opened(path),
    ):
        pass
    assert "\n" not in str(error.value)
    assert [each.name for each in tmp_path.iterdir()] == ["in.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: archive_of(path, {"link": b"/etc"}, mode=stat.S_IFLNK | 0o777), "link is a link, or no file"),
        (lambda path: archive_of(path, {"pipe": b""}, mode=stat.S_IFIFO | 0o600), "pipe is a link, or no file"),
        (lambda path: archive_of(path, {"a": b"x"}, manifest=False), f"it has no {MANIFEST}"),
        (lambda path: archive_of(path, {"a": b"x"}, twice="a"), "a name stands in it twice"),
        (lambda path: archive_of(path, {"a": b"x"}, twice="A"), "a name stands in it twice"),
        (lambda path: archive_of(path, {"big": bytes(110_000)}), "it unpacks to more than"),
        (lambda path: archive_of(path, {"a.npz": npz(x=np.zeros(30_000))}), "a.npz unpacks to more than 100,000"),
        (lambda path: archive_of(path, {"a.npz": npz(x=np.array([{}], dtype=object))}), "never unpickled"),
        (lambda path: archive_of(path, {"a.npz": b"PK\x03\x04"}), "File is not a zip file"),
        (lambda path: archive_of(path, {"a": b"x"}, twice="b"), "b is not in the manifest"),
        (lambda path: path.write_bytes(b"PK\x03\x04 cut off"), "is no archive that dgmbench publish makes"),
        (lambda path: path.write_bytes(b""), "is no archive that dgmbench publish makes"),
    ],
)  # fmt: skip
def test_an_archive_that_is_unsafe_or_damaged_is_refused_in_a_line(make, said, tmp_path, monkeypatch):
    monkeypatch.setattr("dgmbench.commands.archive.LARGEST_SMALL", 100_000)
    make(tmp_path / "in.zip")
    with pytest.raises(UserError) as error, opened(tmp_path / "in.zip"):
        pass
    assert said in str(error.value) and "in.zip" in str(error.value) and "\n" not in str(error.value)
    assert "/dgmbench-" not in str(error.value)


@pytest.mark.parametrize(
    "manifest",
    [
        "[]",
        "{",
        "[" * 100_000,
        '{"files": 3}',
        '{"files": {"a": 1}}',
        '{"files": {"../a": {"bytes": 1, "sha256": ""}}}',
    ],
)
def test_a_broken_manifest_is_one_line(manifest, tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr(MANIFEST, manifest)
    with pytest.raises(UserError) as error, opened(tmp_path / "in.zip"):
        pass
    assert MANIFEST in str(error.value) and "\n" not in str(error.value)


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        cli.app(list(arguments), prog_name="dgmbench")
    return stop.value.code or 0, "".join(capsys.readouterr())


def test_archives_are_verified_and_compared_as_folders_are(place, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(capsys, "publish", str(place)) == (0, "- there is no report; dgmbench report makes it\ntrial.zip\n")
    assert call(capsys, "verify", "trial.zip")[0] == 0
    code, text = call(capsys, "compare", "trial.zip", str(place))
    assert code == 0 and "the same values" in text and "Nothing: settings" in text
    with zipfile.ZipFile("trial.zip") as archive, zipfile.ZipFile("changed.zip", "w") as changed:
        for name in archive.namelist():
            content = archive.read(name)
            changed.writestr(name, content.replace(b",ok\n", b",diverged\n") if name.endswith(".csv") else content)
    code, text = call(capsys, "verify", "changed.zip")
    assert code == 1 and text.startswith("- tables/toy.csv is damaged") and "status is diverged, computed again" in text
    code, text = call(capsys, "compare", "changed.zip", str(place))
    assert code == 2 and text.count("\n") == 1 and "changed.zip: tables/toy.csv is damaged" in text
