"""20 Newsgroups without headers and signatures: made-up messages, packed as the collection's archive is."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from dgmbench.data.datasets import twenty_news_stripped as module
from dgmbench.data.datasets.twenty_news_stripped import TWENTY_NEWS_STRIPPED, body, messages, parse
from dgmbench.data.download.archives import BROKEN
from dgmbench.data.download.sources import Web, WebFile
from dgmbench.data.download.store import stored
from dgmbench.data.text import CorpusSplits
from dgmbench.errors import UserError

HEADER = b"From: someone@example.com (A. Name)\nSubject: Re: engines\nLines: 3\n\n"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (HEADER + b"Valves leak.\n", "valves leak"),
        (HEADER + b"Valves leak.\n\nRings, too.\n\nA. Name\nSomewhere\n", "valves leak rings too"),
        (HEADER + b"Valves leak.\n--\nA. Name\n", "valves leak"),
        (HEADER + b"Valves leak.\n   -----  \nA. Name\n\n\n", "valves leak"),
        (HEADER + b"In article <1> b writes:\n> Valves hold.\n| Not so.\nThey leak.\n\nC.\n", None),
        (b"Subject: engines\n more of the subject\nno colon here\n: no name\n\nValves leak.", "valves leak"),
        (b"Subject: a\n \nstill the header, by its blank\n\nValves leak.", "valves leak"),
        (b"Subject: engines\nValves leak.\n", ""),
        (b"\nValves leak.", ""),
        (b"\n\nValves leak.", "valves leak"),
        (HEADER, ""),
        (b"", ""),
        (HEADER + b"caf\xe9 na\xefve \x96 \x00\xff\n", "café naïve ÿ"),
        (HEADER + b"x1y2 don't CO-OP\n", "x y don t co op"),
    ],
)
def test_what_is_left_of_a_message(message: bytes, words: str | None) -> None:
    (found,) = messages([("20news-bydate-train/rec.autos/101551", message)])["train"]
    quoted = "in article b writes valves hold not so they leak"
    assert (found.label, " ".join(found.words)) == ("rec.autos", quoted if words is None else words)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a: b\n\nbody", "body"),
        ("a: b\n\none\n\ntwo\n\nsignature", "one\n\ntwo"),
        ("a: b\n\none\n--\nsignature", "one"),
        ("a: b\n\n> quoted\n\nname", "> quoted"),
        ("a: b\nbody", ""),
        ("", ""),
    ],
)
def test_headers_and_signatures_end_where_scikit_learn_says(text: str, left: str) -> None:
    assert body(text) == left


NAMES = {
    "20news-bydate-train/sci.space/9": "rocket",
    "./20news-bydate-train/sci.space/10": "orbit",
    "20news-bydate-train/rec.autos/7": "engine",
    "20news-bydate-test/sci.space/1": "comet",
    "20news-bydate-test/rec.autos/._2": "",
    "20news-bydate-test/README": "",
    "20news-bydate-other/rec.autos/2": "",
    "../20news-bydate-test/rec.autos/2": "",
    "20news-bydate-test/rec.autos/3/4": "",
    "readme.txt": "",
}


def test_messages_come_by_group_and_name_and_other_files_are_skipped() -> None:
    found = messages((name, HEADER + text.encode()) for name, text in NAMES.items())
    words = {part: [(each.label, *each.words) for each in texts] for part, texts in found.items()}
    assert words == {
        "train": [("rec.autos", "engine"), ("sci.space", "orbit"), ("sci.space", "rocket")],
        "test": [("sci.space", "comet")],
    }


def packed(path: Path, files: dict[str, bytes], special: bytes = b"") -> dict[str, Path]:
    """An archive with folders and files; with ``special`` also an entry of that type."""
    with tarfile.open(path, "w:gz") as archive:
        for folder in ("20news-bydate-train", "20news-bydate-train/rec.autos"):
            info = tarfile.TarInfo(folder)
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        if special:
            info = tarfile.TarInfo("20news-bydate-train/rec.autos/99")
            info.type, info.linkname = special, "/etc/passwd"
            archive.addfile(info)
    return {path.name: path}


def made_up() -> dict[str, bytes]:
    """Two training messages and a test message of each of twenty groups."""
    return {
        f"20news-bydate-{part}/group.{group:02}/{number}": HEADER + f"word{chr(97 + group)} engine\n\nname\n".encode()
        for part, numbers in (("train", (1, 2)), ("test", (3,)))
        for group in range(20)
        for number in numbers
    }


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MESSAGES", {"train": 40, "test": 20})


@pytest.mark.usefixtures("few")
def test_the_archive_becomes_a_corpus(tmp_path: Path) -> None:
    train, test = CorpusSplits.from_arrays(parse(packed(tmp_path / "a.tar.gz", made_up())))
    assert (len(train), len(test), len(train.classes)) == (40, 20, 20)
    assert train.classes == test.classes == tuple(f"group.{group:02}" for group in range(20))
    assert test.labels is not None and test.labels.tolist() == list(range(20))
    assert [train.vocabulary[word] for word in train.document(2)] == ["wordb", "engine"]


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("change", "special", "complaint"),
    [
        ({"20news-bydate-train/group.00/1": None}, b"", "messages: 39 for train and 20 for test, expected 40 and 20"),
        ({"20news-bydate-test/group.00/9": b"a: b\n\nmore"}, b"", "40 for train and 21 for test"),
        (
            {"20news-bydate-train/group.00/1": None, "20news-bydate-train/more/1": b"a: b\n\nmore"},
            b"",
            "21 groups, expected 20",
        ),
        ({"20news-bydate-train/group.00/1": b"x" * 6_000_000}, b"", "unpacks to 6,000,000 bytes"),
        ({}, tarfile.SYMTYPE, "99 in the archive is not a regular file"),
        ({}, tarfile.LNKTYPE, "99 in the archive is not a regular file|linkname"),
        ({}, tarfile.CHRTYPE, "99 in the archive is not a regular file"),
    ],
)
def test_another_archive_is_refused(
    change: dict[str, bytes | None], special: bytes, complaint: str, tmp_path: Path
) -> None:
    files = {name: content for name, content in (made_up() | change).items() if content is not None}
    with pytest.raises(BROKEN, match=complaint):
        parse(packed(tmp_path / "a.tar.gz", files, special))


def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for _ in range(2):
            archive.addfile(tarfile.TarInfo("20news-bydate-train/rec.autos/1"))
    with pytest.raises(ValueError, match="the archive holds 2 files 20news-bydate-train/rec"):
        parse({"a": path})


@pytest.mark.parametrize("length", [0, 1, 100, 400])
def test_a_cut_archive_is_refused(length: int, tmp_path: Path) -> None:
    (path,) = packed(tmp_path / "a.tar.gz", made_up()).values()
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(BROKEN):
        parse({"a": path})


@pytest.mark.usefixtures("few")
def test_the_second_address_is_asked_and_the_name_after_the_hash_sign_is_the_files(server, cache, tmp_path) -> None:
    (path,) = packed(tmp_path / "a.tar.gz", made_up()).values()
    content = path.read_bytes()
    server.files["/files/5"] = content
    sha256 = hashlib.sha256(content).hexdigest()
    name = "20news-bydate.tar.gz"
    addresses = {"page": f"{server.url}/gone/{name}", "copy": f"{server.url}/files/5#/{name}"}
    origins = tuple(
        replace(origin, source=Web(label, (WebFile(address, sha256, 100_000),)))
        for origin, (label, address) in zip(TWENTY_NEWS_STRIPPED.origins, addresses.items(), strict=True)
    )
    manifest, _ = stored(replace(TWENTY_NEWS_STRIPPED, origins=origins))
    assert manifest["source"] == "copy"
    assert manifest["archives"].keys() == {"20news-bydate.tar.gz"}
    assert server.asked.keys() == {"/gone/20news-bydate.tar.gz", "/files/5"}
    assert (cache / "archives" / f"{sha256[:12]}-20news-bydate.tar.gz").is_file()


def test_without_a_source_one_line_says_what_to_bring_where(server, cache) -> None:
    web = Web("page", (WebFile(f"{server.url}/gone/20news-bydate.tar.gz", "0" * 64, 100_000),))
    origins = (replace(TWENTY_NEWS_STRIPPED.origins[0], source=web),)
    with pytest.raises(UserError) as caught:
        stored(replace(TWENTY_NEWS_STRIPPED, origins=origins))
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith("20news-stripped: no source gave it (page: HTTP 404)")
    assert said.endswith("put it into archives/ of the cache folder as 8f1b2514ca22-20news-bydate.tar.gz")
