"""What the user told pip about registries; ours are found the same way."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PipSettings:
    """Where pip looks, and how it connects; empty means pip's default."""

    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    no_index: bool = False
    cert: str = ""
    client_cert: str = ""
    proxy: str = ""
    timeout: float = 30.0


def read_pip_settings() -> PipSettings:
    """The settings of ``pip download``: pip's files and ``PIP_*`` variables; without pip, the variables alone."""
    command = _pip()
    if command is None:
        variables = {f":env:.{n[4:].lower().replace('_', '-')}": v for n, v in os.environ.items() if n[:4] == "PIP_"}
        return resolve(variables)
    listed = subprocess.run([*command, "config", "list"], capture_output=True, text=True, timeout=60, check=False)
    return resolve(parse_listing(listed.stdout))


def _pip() -> list[str] | None:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    found = shutil.which("pip")
    return [found, "--disable-pip-version-check"] if found else None


def parse_listing(listing: str) -> dict[str, str]:
    """The lines ``section.option='value'`` of ``pip config list``."""
    settings = {}
    for line in listing.splitlines():
        key, equals, value = line.partition("=")
        if equals and value[:1] in ("'", '"'):
            settings[key] = str(ast.literal_eval(value))
    return settings


def resolve(settings: Mapping[str, str]) -> PipSettings:
    """Pip's precedence: an environment variable, else the ``[download]`` section, else ``[global]``."""

    def option(name: str) -> str:
        found = (settings.get(f"{section}.{name}") for section in (":env:", "download", "global"))
        return next((value for value in found if value is not None), "")

    return PipSettings(
        index_url=option("index-url"),
        extra_index_urls=tuple(option("extra-index-url").split()),
        find_links=tuple(option("find-links").split()),
        trusted_hosts=tuple(option("trusted-host").split()),
        no_index=option("no-index").lower() in ("1", "true", "yes", "on", "y", "t"),
        cert=option("cert"),
        client_cert=option("client-cert"),
        proxy=option("proxy"),
        timeout=float(option("timeout") or option("default-timeout") or 30.0),
    )
