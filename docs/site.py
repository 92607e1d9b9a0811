"""The files of the site: every page under its path in the repository, and beside them what these pages link to.

One more page is written when the site is built: what can be imported from the package.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

import dgmbench

ROOT = Path(__file__).parents[1]
_LINK = re.compile(r"\]\(([^)\s#]+)[^)]*\)")
_PAGES = ("README.md", "CONTRIBUTING.md", "docs/*.md")
_NAMES = "docs/python.md"


def on_files(files: Files, config: Any) -> Files:
    """The pages, the style, and every file of the repository that a page links to."""
    pages = [path for pattern in _PAGES for path in sorted(ROOT.glob(pattern))]
    linked = {target for page in pages for target in _links(page)}
    others = [*sorted(linked - set(pages)), ROOT / "docs/site.css"]
    assets = [one for one in files if one.src_uri.startswith("assets/")]
    names = File.generated(config, _NAMES, content=_names())
    return Files([*assets, *map(_file(config), [*pages, *others]), names])


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """A link to a folder, of which a site has no page, is its name alone."""
    place = (ROOT / page.file.src_uri).parent

    def named(found: re.Match[str]) -> str:
        return found[1] if (place / found[2]).is_dir() else found[0]

    return re.sub(r"\[([^\]]+)\]\(([^)\s#:]+)\)", named, markdown)


def _names() -> str:
    """What can be imported from the package, each with its docstring."""
    lines = ["# In Python", "", "Everything here is imported from `dgmbench`; examples/tour.ipynb uses it.", ""]
    for name in sorted(set(dgmbench.__all__) - {"__version__"}, key=str.lower):
        home = getattr(dgmbench, name).__module__
        lines += [f"::: {home}.{name}", ""]
    return "\n".join(lines)


def _links(page: Path) -> set[Path]:
    targets = ((page.parent / link).resolve() for link in _LINK.findall(page.read_text(encoding="utf-8")))
    return {target for target in targets if target.is_file()}


def _file(config: Any) -> Any:
    def of(path: Path) -> File:
        return File(path.relative_to(ROOT).as_posix(), str(ROOT), config["site_dir"], config["use_directory_urls"])

    return of
