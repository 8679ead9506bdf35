"""The selection that an address holds, and the pages of a list."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from flask import request

from integration.message import State
from integration.operations.selection import WAITING, Selection
from integration.store.conditions import LAST

OF_THE_PAGE = frozenset({"before"})


def selected(query: str | None = None, **given: object) -> Selection:
    """What the query of the address selects; ``given`` goes before it.  Raises `Failure` for what cannot be."""
    pairs = [(name, text) for name, text in request.args.items(multi=True) if name not in OF_THE_PAGE and text]
    chosen = Selection.from_query(urlencode(pairs) if query is None else query)
    return Selection(**{**chosen.given(), **given})


def in_trouble(chosen: Selection) -> Selection:
    """The same among what waits for a person."""
    states = [State(state) for state in chosen.states if state in WAITING] or list(WAITING)
    return Selection(**{**chosen.given(), "states": states})


def before() -> int:
    """Where the page begins: behind the row with this key."""
    text = request.args.get("before", "")
    return int(text) if text.isdecimal() and len(text) < len(str(LAST)) else LAST


def next_page(key: int | None) -> Mapping[str, object] | None:
    """The arguments of the address of the next page; None where there is none."""
    if key is None:
        return None
    kept = {name: request.args.getlist(name) for name in request.args if name not in OF_THE_PAGE}
    return {**kept, "before": key}
