"""Where ids of ours are in documents: ours in canonical ones, the home's own in what is sent back to it."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

from integration.systems import qualify, unqualify

Document = dict[str, Any]

OURS: Mapping[str, tuple[str, ...]] = {"order": ("id", "customer.id")}
"""By entity, the fields of the canonical document that its home gives as its own ids."""
HOME = ("order_id",)
"""The fields of a target's document that are ids of ours."""


def with_our_ids(entity: str, document: Document, source: str, systems: Container[str]) -> Document:
    """A canonical document with our ids, see `qualify`; ``source`` is the name of the system that it comes from."""
    return _with(document, OURS.get(entity, ()), lambda id: qualify(source, id, systems))


def with_home_ids(document: Document, target: str) -> Document:
    """A target's document with the ids by which the ``target`` knows what is at home there."""
    return _with(document, HOME, lambda id: unqualify(target, id))


def _with(document: Document, fields: tuple[str, ...], made: Callable[[str], str]) -> Document:
    for field in fields:
        name, _, inner = field.partition(".")
        value = document.get(name)
        if isinstance(value, dict) and inner:
            document = {**document, name: _with(value, (inner,), made)}
        elif isinstance(value, str) and not inner:
            document = {**document, name: made(value)}
    return document
