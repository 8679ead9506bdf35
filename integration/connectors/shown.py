"""How a target shows a document: under the document's own names, for a person to compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def as_ours(ours: Mapping[str, Any], theirs: Mapping[str, Any], same: Callable[[Any, Any], bool]) -> dict[str, Any]:
    """Of the names in ``ours`` the target's values; ours where both mean the ``same``."""
    return {
        name: value if same(value, theirs[name]) else theirs[name] for name, value in ours.items() if name in theirs
    }
