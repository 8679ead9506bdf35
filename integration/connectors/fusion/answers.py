"""What Fusion's REST promises to answer (Oracle ADF, framework version 4).

An item is an object: its attributes begin with a capital letter and are plain values, its children do not (but for
`CHILDREN`) and are objects, as an array or as a collection.  Ids that Fusion makes are numbers, as numbers or as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.connectors.answers import Answer, Rows, objects

NUMBERED = {
    *("PartyId", "AccountPartyId", "CustomerAccountId", "SiteUseId", "PartySiteId", "SiteId", "HeaderId"),
    *("FulfillLineId", "CustomerTransactionId", "AddressId", "ItemId"),
}
CHILDREN = frozenset({"Address", "Relationship", "SourceSystemReference"})
"""Of the trading community: their names begin with a capital letter, too."""
FLEXFIELDS = "additionalInformation"
"""Their views have capitals, too, and are children."""


def item(answer: Any) -> Any:
    """One item of a collection, or what a call that takes effect answers for one."""
    if not any(name[:1].isupper() for name in answer):
        raise ValueError("no attribute")
    return _checked(answer)


def collection(answer: Any) -> tuple[Rows, bool]:
    """The items of a page, and whether there are more."""
    rows, more = _page(answer)
    if more and not rows:
        raise ValueError("not a page")
    return Rows(map(_checked, rows)), more


def order_lines(found: list[Any]) -> Rows:
    """The lines of an order, each with its own id and with that of the line it was made of."""
    for line in objects(found):
        _present(line["FulfillLineId"])
        _key(line["SourceTransactionLineId"])
    return Rows(found)


def description(answer: Any) -> Answer:
    """What a resource says of itself: everything in it is read where it is used."""
    return Answer(answer)


def _present(value: Any) -> Any:
    if value in (None, ""):
        raise ValueError("empty")
    return value


def _key(value: Any) -> None:
    """Text, or a number where somebody's text is one."""
    if isinstance(value, bool) or not str(_present(value)).strip():
        raise ValueError("not a key")


def _checked(found: Any) -> Any:
    for name, value in found.items():
        if name != FLEXFIELDS:
            _check(name, value)
    return found


def _check(name: str, value: Any) -> None:
    if name[:1].isupper() and name not in CHILDREN:
        if isinstance(value, list | Mapping):
            raise TypeError("an attribute that is no plain value")
        if name in NUMBERED and value not in (None, "") and int(str(value)) <= 0:
            raise ValueError("not an id")
    elif isinstance(value, list):
        for each in objects(value):
            _checked(each)
    elif isinstance(value, Mapping):
        _checked(value)
        if "items" in value:
            _page(value)


def _page(answer: Any) -> tuple[Rows, bool]:
    """The rows, as many as the page counts, and whether there are more."""
    rows, more = objects(answer["items"]), answer.get("hasMore", False)
    if not isinstance(more, bool) or answer.get("count", len(rows)) != len(rows):
        raise ValueError("not a page")
    return rows, more
