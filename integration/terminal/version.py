"""The version of the program, in a clone as well as installed."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

NAME = "clarity-fleet"
PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def version() -> str:
    """The version in the clone's `pyproject.toml`; where there is no clone, that of the installed package."""
    if PROJECT.exists():
        return str(tomllib.loads(PROJECT.read_text())["project"]["version"])
    return metadata.version(NAME)
