"""The toy task's module, in a folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run.toy import MODULE, forget


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the task's functions were called for; their module lies in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "toy_module.py").write_text(MODULE)
    forget()
    sys.modules.pop("toy_module", None)
    import toy_module  # type: ignore[import-not-found]

    yield toy_module.CALLS
    sys.modules.pop("toy_module", None)
