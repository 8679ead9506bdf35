"""Where our ids are in documents: ours in canonical ones, the home's own in what is sent back to it."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from integration.canonical.entities import entity
from integration.systems import qualify, unqualify

Document = dict[str, Any]


def with_our_ids(of: str, document: Document, source: str, kind: str, systems: Container[str]) -> Document:
    """A canonical document with our ids, see `qualify`, if systems of this ``kind`` are the home of its entity.

    ``source`` is the name of the system that it comes from.  Elsewhere the ids that it has are ours already.
    """
    registered = entity(of)
    if registered.home != kind:
        return document
    return _with(document, registered.our_ids, lambda id: qualify(source, id, systems))


def with_home_ids(of: str, document: Document, target: str) -> Document:
    """A target's document with the ids by which the ``target`` knows the objects whose home it is."""
    return _with(document, entity(of).home_ids, lambda id: unqualify(target, id))


def _with(document: Document, fields: tuple[str, ...], made: Callable[[str], str]) -> Document:
    for field in fields:
        name, _, inner = field.partition(".")
        value = document.get(name)
        if isinstance(value, dict) and inner:
            document = {**document, name: _with(value, (inner,), made)}
        elif isinstance(value, list):
            document = {**document, name: [made(id) for id in value]}
        elif isinstance(value, str) and not inner:
            document = {**document, name: made(value)}
    return document
