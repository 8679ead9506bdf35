"""Initial values: what a document states only for an object that its target does not have yet."""

from __future__ import annotations

from typing import Any

from integration.connectors.contract import Document

ON_CREATE = "on_create"
"""Where a mapping puts the values of rows with ``"on": "create"``: a document of the same form."""


def initial(document: Document) -> Document:
    """The initial values alone; empty without any."""
    return dict(document.get(ON_CREATE) or {})


def with_initial(document: Document) -> Document:
    """The document of an object that its target does not have yet.

    >>> with_initial({"a": {"b": 1}, "on_create": {"a": {"c": 2}}})
    {'a': {'b': 1, 'c': 2}}
    """
    stated = {name: value for name, value in document.items() if name != ON_CREATE}
    laid_over: Document = _laid_over(stated, initial(document))
    return laid_over


def _laid_over(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {**below, **{name: _laid_over(below.get(name), value) for name, value in above.items()}}
