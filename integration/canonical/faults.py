"""What is wrong with a canonical document, fault by fault, and what a person lets pass of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from integration.errors import Hold


def refuse(faults: Iterable[Hold], approves: Callable[[Hold], bool]) -> None:
    """Raises the first fault that no person ``approves``."""
    for fault in faults:
        if not approves(fault):
            raise fault
