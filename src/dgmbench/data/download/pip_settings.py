"""What the user told pip about registries; ours are found the same way."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys


def read_pip_settings() -> dict[str, str]:
    """The options of ``pip download`` by name, of pip's files and ``PIP_*`` variables; without pip, of these alone."""
    command = _pip()
    if command is None:
        return {name[4:].lower().replace("_", "-"): text for name, text in os.environ.items() if name[:4] == "PIP_"}
    listed = subprocess.run([*command, "config", "list"], capture_output=True, text=True, timeout=60, check=False)
    return parse_listing(listed.stdout)


def _pip() -> list[str] | None:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    found = shutil.which("pip")
    return [found, "--disable-pip-version-check"] if found else None


def parse_listing(listing: str) -> dict[str, str]:
    """The options among the lines ``section.option='value'`` of ``pip config list``.

    Pip's precedence: an environment variable, else the ``[download]`` section, else ``[global]``.
    """
    sections: dict[str, dict[str, str]] = {"global": {}, "download": {}, ":env:": {}}
    for line in listing.splitlines():
        key, equals, value = line.partition("=")
        section, _, option = key.partition(".")
        if equals and section in sections and value[:1] in ("'", '"'):
            sections[section][option] = str(ast.literal_eval(value))
    return sections["global"] | sections["download"] | sections[":env:"]
