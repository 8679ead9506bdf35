"""A defect to plant: what is taken away, and the test that must go red for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Defect:
    """In ``file``, ``code`` is replaced by ``defect``; then ``test`` must fail, and say ``verdict`` (a pattern).

    ``also`` has further replacements (file, code, defect), where a promise is kept in more than one place.
    """

    promise: str
    file: str
    code: str
    defect: str
    test: str
    verdict: str = ""
    also: tuple[tuple[str, str, str], ...] = ()
