"""Failures on request that only Fusion knows: what a pod answers now and then although nobody's network is broken."""

from __future__ import annotations

import threading
from dataclasses import dataclass

NAMES = {
    "not_submitted": "the next submission fails validation: the order is kept, as a draft",
    "busy": "the next PATCH of an order: 400 DOO-2686198, a line is being processed",
    "forbidden": "403, as for a user whose role is missing",
    "not_granted": "404, as for a resource that none of the user's roles grants",
    "unqueryable": "400 for the next query by LastUpdateDate, as on a pod where it cannot be queried",
    "fault": "a SOAP fault, with 500",
    "empty_page": "the next collection: no items, yet more to come",
}


@dataclass
class Failure:
    """``times`` calls whose path contains ``path`` fail so."""

    name: str
    times: int = 1
    path: str = ""

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"name is one of {', '.join(NAMES)}")


class Failures:
    """The failures planted; safe to use from every thread."""

    def __init__(self) -> None:
        self._planted: list[Failure] = []
        self._lock = threading.Lock()

    def plant(self, failure: Failure) -> None:
        with self._lock:
            self._planted.append(failure)

    def clear(self) -> None:
        with self._lock:
            self._planted.clear()

    def draw(self, name: str, path: str) -> bool:
        """Whether this call is to fail so; counts it."""
        with self._lock:
            for failure in self._planted:
                if failure.name == name and failure.times > 0 and failure.path in path:
                    failure.times -= 1
                    return True
        return False
