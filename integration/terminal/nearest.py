"""What somebody may have meant by a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """``did you mean X?``, or else all that there are."""
    names = list(known)
    found = get_close_matches(name, names, 3, 0.7)
    return f"did you mean {' or '.join(found)}?" if found else f"there are: {', '.join(names)}"
