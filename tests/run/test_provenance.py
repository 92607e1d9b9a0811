"""What is said of the machine."""

from __future__ import annotations

import json
import socket

from dgmbench.run import provenance


def test_the_host_is_described_without_its_name() -> None:
    assert socket.gethostname() not in json.dumps(provenance.host()) or len(socket.gethostname()) < 3
    assert provenance.peak_memory_mb() > 1


def test_a_library_that_is_not_there_is_said() -> None:
    found = provenance.libraries(["numpy", "no-such-library"])
    assert found["no-such-library"] == "not installed"
    assert found["numpy"][0].isdigit()
