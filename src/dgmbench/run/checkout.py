"""The checkout: the folder with the workflow, ``config.yaml`` and the presets, in which most commands are called."""

from __future__ import annotations

from pathlib import Path

DEFAULT = Path("config.yaml")
"""The default configuration, in the checkout where a command is called."""
PRESETS = Path("workflow/presets")
"""Configurations by name, likewise."""
_WORKFLOWS = (Path("Snakefile"), Path("workflow/Snakefile"))  # where Snakemake looks for one


def has_workflow() -> bool:
    """Whether the current folder is a checkout, or has a workflow of its own."""
    return any(place.is_file() for place in _WORKFLOWS)


def checkout() -> str:
    """What it is called in messages, with its path where this package is installed from one."""
    folder = Path(__file__).parents[3]
    return f"the checkout of dgmbench, {folder}" if (folder / _WORKFLOWS[0]).is_file() else "the checkout of dgmbench"
