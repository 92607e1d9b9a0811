"""The pages as a site: each is in its contents, it is built without a warning, and nothing is fetched for it."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dgmbench

REPOSITORY = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((REPOSITORY / "docs").glob("*.md")))]


@pytest.mark.parametrize("page", PAGES)
def test_each_page_is_in_the_contents_once(page: str) -> None:
    contents = re.findall(r": (\S+\.md)$", (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert contents.count(page) == 1


@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="pip install -e '.[docs]' brings mkdocs")
def test_the_site_is_built_and_its_links_hold(tmp_path: Path) -> None:
    """Links are looked up among the files that were built, as a reader without a network would."""
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--site-dir",
        str(tmp_path),
    ]  # --quiet would hide warnings from --strict
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search("WARNING|ERROR", done.stderr)
    broken, fetched = [], []
    for page in sorted(tmp_path.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        fetched += re.findall(r'<(?:script|img)[^>]* src="?(https?:[^" >]+)', text)
        fetched += re.findall(r'<link [^>]*rel="?(?:stylesheet|preconnect)"? [^>]*href="?(https?:[^" >]+)', text)
        if page.name == "404.html":
            continue
        for target in re.findall(r'(?:href|src)="?([^" >#]+)', text):
            if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists():
                broken.append((page.name, target))
    assert (broken, fetched) == ([], [])
    names = (tmp_path / "docs" / "python.html").read_text(encoding="utf-8")
    assert set(dgmbench.__all__) - {"__version__"} <= set(re.findall(r'<h2 id="[\w.]*?(\w+)"', names))
    assert {"index.html", "docs/glossary.html", "docs/images/density.png"} <= {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")
    }
