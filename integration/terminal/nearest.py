"""What somebody may have meant by a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

ALIKE, ALMOST = 0.7, 0.88
"""How much of two names is equal, 1 for all, where one may be meant for the other; where it can hardly be another.
No two codes of failures are as much alike as ``ALMOST``."""


def nearest(name: str, known: Iterable[str]) -> str:
    """``did you mean X?``, or else all that there are."""
    names = list(known)
    found = close(name, names)
    return f"did you mean {' or '.join(found)}?" if found else f"there are: {', '.join(names)}"


def close(name: str, known: Iterable[str], alike: float = ALIKE) -> list[str]:
    """Up to three of the names that are so much alike, the closest first."""
    return get_close_matches(name, list(known), 3, alike)
