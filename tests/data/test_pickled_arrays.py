"""Arrays from an untrusted pickle: made by the reader from checked parts, never by what the file asks to be called."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from dgmbench.data.datasets.ocr_letters import parse_pickle
from dgmbench.data.formats.pickled_arrays import unpickle_arrays

LIMIT = 10_000
# as Python 2 wrote them: text where Python 3 has bytes
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
INT16 = b"cnumpy\ndtype\nU\x02i2K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
STATE = b"(K\x01K\x02\x85" + INT16 + b"\x89U\x04\x01\x00\x00\x01tb"
OBJECTS = b"cnumpy\ndtype\nU\x01OK\x00K\x01\x87R"


def python2(*parts: bytes) -> bytes:
    return b"\x80\x02" + b"".join(parts) + b"."


def test_an_array_that_python_2_wrote():
    found = unpickle_arrays(python2(ARRAY, STATE), LIMIT)
    assert found.dtype == np.dtype("<i2")
    assert found.tolist() == [1, 256]


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int8).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([True, False]),
        np.arange(4, dtype=">u2"),
        np.empty((0, 5), np.complex64),
    ],
    ids=lambda array: f"{array.dtype.str}{array.shape}",
)
def test_arrays_come_back(array, protocol):
    if protocol == 2:  # Python 3 writes bytes as a call then; Python 2 wrote them as text
        with pytest.raises(ValueError, match=r"refused to call \S+\.encode"):
            unpickle_arrays(pickle.dumps(array, 2), LIMIT)
        return
    content = {"a": [array, array], "b": ("text", 3, -1, 2**40, 0.5, None, True, [], {}, ())}
    found = unpickle_arrays(pickle.dumps(content, protocol), LIMIT)
    assert found["b"] == content["b"]
    for again in found["a"]:
        np.testing.assert_array_equal(again, array)
        assert again.dtype == array.dtype
        assert type(again) is np.ndarray


class _Runs:
    def __init__(self, function, *arguments) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("function", [os.system, eval, open, np.fromfile, np.load, getattr, __import__, np.ndarray])
def test_a_pickle_that_calls_anything_else_is_refused(function, protocol, tmp_path):
    mark = tmp_path / "ran"
    argument = {os.system: f"touch {mark}", eval: f"open({str(mark)!r}, 'w')"}.get(function, str(mark))
    arguments = (argument, "w") if function is open else (argument,)
    with pytest.raises(ValueError, match="refused"):
        unpickle_arrays(pickle.dumps([0, _Runs(function, *arguments)], protocol), LIMIT)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ((b"cnumpy\nndarray\n(K\x01\x85", OBJECTS, b"U\x08aaaaaaaatR"), "refused an array of type 'O'"),
        ((b"cnumpy\nndarray\n(K\x01\x85", INT16, b"U\x08aaaaaaaatR"), r"refused to call numpy\.ndarray"),
        ((ARRAY, b"(K\x01K\x01\x85", OBJECTS, b"\x89]tb"), "refused an array of type 'O'"),
        ((b"cnumpy\ndtype\nU\x03V99K\x00K\x01\x87R",), "refused an array of type 'V99'"),
        ((b"cnumpy\ndtype\nU\x02i2K\x00K\x01\x87R(K\x03U\x01<N\x85NNK\x04K\x04K\x00tb",), "no plain number"),
        ((ARRAY, STATE.replace(b"K\x02\x85", b"K\x03\x85")), "has 4 bytes"),
        ((ARRAY, STATE.replace(b"K\x02\x85", b"J\xff\xff\xff\x7f\x85")), "has 4 bytes"),
        ((ARRAY, STATE.replace(b"K\x02\x85", b"\x8a\x08" + b"\xff" * 7 + b"\x7f\x85")), "longer ones than expected"),
        ((ARRAY, STATE.replace(b"K\x02\x85", b"J\xff\xff\xff\xff\x85")), "longer ones than expected"),
        ((ARRAY, STATE.replace(b"K\x02\x85", b"(" + b"K\x01" * 9 + b"t")), "more axes"),
        ((b"]", ARRAY, b"a"), "without its values"),
        ((b"]q\x01(", *[ARRAY + STATE] * 2600, b"e"), "more bytes than expected"),
        ((b"cnumpy.core.multiarray\n_reconstruct\nN\x85R",), "refused to call"),
        ((b"}K\x01K\x02s",), "int in place of str"),
        ((b"K\x01K\x02K\x03b",), "int in place of"),
        ((b"h\x07",), "damaged pickle"),
        ((b"(",), "damaged pickle"),
        ((b"K\x01\x86",), "damaged pickle"),
        ((b"t",), "damaged pickle"),
        ((b"]q\x01Ph\x01\n",), "refused the instruction PERSID"),
        ((b"\x96" + b"\xff" * 7 + b"\x7f",), "expected .* bytes in a bytearray8|exceeds"),
    ],
)
def test_what_is_no_plain_array_is_refused(parts, complaint):
    with pytest.raises(ValueError, match=complaint):
        unpickle_arrays(python2(*parts), LIMIT)


def test_a_class_in_an_array_of_objects_is_refused():
    with pytest.raises(ValueError, match="refused"):
        unpickle_arrays(pickle.dumps(np.array([_Runs(os.getcwd)], dtype=object), 3), LIMIT)


@pytest.mark.parametrize(
    "content",
    [
        python2(b"]r\xff\xff\xff\x0f"),  # a number of the memo that takes 4 GB to make room for
        python2(ARRAY, b"(K\x01J\xff\xff\xff\x7f\x85", INT16, b"\x89U\x00tb"),
        python2(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nJ\xff\xff\xff\x7f\x85U\x01b\x87R"),
        python2(b"\x8b\xff\xff\xff\x7f1"),
        b"\x80\x04\x8e" + b"\xff" * 7 + b"\x00.",
    ],
)
def test_a_small_file_claims_no_memory(content):
    program = """
import resource, sys
from dgmbench.data.formats.pickled_arrays import unpickle_arrays
resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    unpickle_arrays(sys.stdin.buffer.read(), 1000)
except ValueError:
    pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", program], input=content, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert int(done.stdout) < 20_000  # kB


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([1, 2], "no list of letters or labels 'data'"),
        ({"labels": []}, "no list of letters or labels 'data'"),
        ({"data": [np.zeros((2, 127), np.uint8)]}, "no list of letters or labels 'data'"),
        ({"data": [[[0] * 128]]}, "no list of letters or labels 'data'"),
        ({"data": [np.zeros((2, 128), np.uint8)] * 3}, "6 letters in 'data', expected 52,152"),
        # one array named so often that all together would take terabytes
        ({"data": [np.zeros((50_000, 128), np.uint8)] * 300_000}, "15,000,000,000 letters in 'data'"),
    ],
)
def test_letters_of_another_form_are_refused(content, complaint, monkeypatch):
    pickled = pickle.dumps(content, 4)
    monkeypatch.setattr("dgmbench.data.datasets.ocr_letters.read_members", lambda *_, **__: [pickled])
    with pytest.raises(ValueError, match=complaint):
        parse_pickle({"package": None})
