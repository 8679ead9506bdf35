"""What differs between two sets of definitions is said in words, and nothing that differs is left out."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from integration.canonical import digest
from integration.rules.definition_changes import changes
from integration.rules.workflow import Definition, load_definitions
from mappings import FOLDER

ORDER = {
    "name": "odoo.out.order",
    "source": "order",
    "target": "odoo.order",
    "rows": [
        {"to": "note", "from": "comment"},
        {"to": "key", "from": "id", "required": True},
        {"to": "lines", "each": "lines", "rows": [{"to": "sku", "from": "sku"}, {"to": "unit", "from": "unit"}]},
        {"to": "carrier", "when": "express", "default": "FAST"},
        {"to": "carrier", "from": "shipping", "via": ["upper"]},
    ],
}
UOMS = {"values": {"EA": "Units", "PC": True}, "default": None}
WORKFLOW = {"name": "order-to-odoo", "on": ["order.created"], "transform": ["a", "b"], "uses": [["mapping", "a", "1"]]}


def definition(kind: str, name: str, body: dict[str, Any]) -> Definition:
    return Definition(kind, name, digest({"kind": kind, "name": name, "body": body}), body)


def said(kind: str, name: str, was: dict[str, Any], becomes: dict[str, Any]) -> list[str]:
    found = changes([definition(kind, name, was)], [definition(kind, name, becomes)])
    return [f"{each.document}: {each.change}" for each in found]


def rows(*changed: dict[str, Any] | None, at: int) -> dict[str, Any]:
    """The order's mapping with one row in another form, or without it."""
    body = copy.deepcopy(ORDER)
    body["rows"][at : at + 1] = [row for row in changed if row]  # type: ignore[index]
    return body


@pytest.mark.parametrize(
    ("becomes", "text"),
    [
        (rows({"to": "note", "from": "customerNote"}, at=0), "row `note` reads `customerNote` instead of `comment`"),
        (rows({"to": "note", "from": "comment", "via": ["upper"]}, at=0),
         'row `note` has `via` `["upper"]`, and had none'),
        (rows({"to": "key", "from": "id"}, at=1), "row `key` is not required any more"),
        (rows({"to": "note", "from": "comment", "required": True}, at=0), "row `note` is required"),
        (rows({"to": "note", "from": "comment", "note": "why"}, at=0), "row `note` has another note"),
        (rows(None, at=0), "row `note` removed; it reads `comment`"),
        (rows({"to": "carrier", "when": "express", "default": "AIR"}, at=3),
         "row `carrier` has `default` `AIR` instead of `FAST`"),
        (rows({"to": "carrier", "from": "shipping"}, at=4),
         'row `carrier (2)` has no `via` any more; it was `["upper"]`'),
        (rows({"to": "lines", "each": "lines", "rows": [{"to": "sku", "from": "number"}, ORDER["rows"][2]["rows"][1]]},  # type: ignore[index]
              at=2), "row `lines.sku` reads `number` instead of `sku`"),
        (rows({"to": "lines", "each": "lines", "rows": [{"to": "unit", "from": "unit"}, {"to": "sku", "from": "sku"}]},
              at=2), "the rows of `lines` are in another order"),
        (rows({"to": "lines", "each": "lines", "rows": [*ORDER["rows"][2]["rows"], {"to": "n", "default": 1}]},  # type: ignore[index, arg-type]
              at=2), "row `lines.n` added; it writes `1`"),
        ({**ORDER, "source": "invoice"}, "has `source` `invoice` instead of `order`"),
    ],
)  # fmt: skip
def test_a_change_of_a_mapping_is_said(becomes: dict[str, Any], text: str) -> None:
    assert said("mapping", "odoo.out.order", ORDER, becomes) == [f"odoo.out.order: {text}"]


@pytest.mark.parametrize(
    ("becomes", "text"),
    [
        ({**UOMS, "values": {**UOMS["values"], "BOX": 33}}, "BOX → 33 added"),  # type: ignore[dict-item]
        ({**UOMS, "values": {"EA": "Units"}}, "PC → true removed"),
        ({**UOMS, "values": {"EA": "Units", "PC": 1}}, "PC → 1 instead of true"),
        ({**UOMS, "default": "Units"}, "has `default` `Units` instead of `null`"),
        ({"values": UOMS["values"]}, "has no `default` any more; it was `null`"),
        ({**UOMS, "about": "Units of measure."}, "it is described in other words"),
    ],
)
def test_a_change_of_a_table_is_said(becomes: dict[str, Any], text: str) -> None:
    assert said("table", "uoms", UOMS, becomes) == [f"uoms.json: {text}"]


def test_a_change_of_a_workflow_is_said_and_of_what_it_uses_only_there() -> None:
    assert said("workflow", "order-to-odoo", WORKFLOW, {**WORKFLOW, "when": "total"}) == [
        "order-to-odoo.json: has `when` `total`, and had none"
    ]
    assert said("workflow", "order-to-odoo", WORKFLOW, {**WORKFLOW, "uses": []}) == []


def test_what_comes_and_goes_is_said() -> None:
    both = [definition("table", "uoms", UOMS), definition("mapping", "odoo.out.order", ORDER)]
    assert [tuple(each) for each in changes(both[:1], both[1:])] == [
        ("odoo.out.order", "the mapping is added"),
        ("uoms.json", "the table is removed"),
    ]
    assert changes(both, reversed(both)) == []


def leaves(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values in a document."""
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else None
    if inner is None:
        yield path
        return
    for key, value in inner:
        yield from leaves(value, (*path, key))


def test_every_value_that_ships_can_be_changed_and_is_named() -> None:
    """Each value of each file in turn is another: something is said of it, about that document."""
    unsaid = []
    tried = 0
    for each in load_definitions(FOLDER).rows():
        derived = {"uses", "siblings"} if each.kind == "workflow" else set()
        for path in itertools.islice(leaves(each.body), 0, None, 3):
            if path[0] in derived:
                continue
            body = copy.deepcopy(each.body)
            place = body
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = "another" if place[path[-1]] != "another" else "other"
            tried += 1
            found = changes([each], [definition(each.kind, each.name, body)])
            if not found:
                unsaid.append((each.name, path))
    assert unsaid == []
    assert tried > 300
