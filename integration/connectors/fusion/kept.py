"""What was looked up in Fusion and changes slowly, kept in memory for ten minutes."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Generic, TypeVar

KEPT_SECONDS = 600.0
MOST_KEPT = 50_000

T = TypeVar("T")


class Kept(Generic[T]):
    """Values by key.  Threads may share it."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, T]] = {}

    def get(self, key: Hashable) -> T | None:
        """The value, unless it was put there too long ago."""
        at, value = self._kept.get(key, (float("-inf"), None))
        return value if time.monotonic() - at < KEPT_SECONDS else None

    def put(self, key: Hashable, value: T) -> None:
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[key] = (time.monotonic(), value)

    def clear(self) -> None:
        self._kept.clear()
