"""The published JSON Schemas: up to date, named by every document, and as strict as what loads the documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from integration.events import EVENTS
from integration.rules.definition_schemas import DOCUMENTS, json_schema, problems
from integration.rules.functions import FUNCTIONS
from mappings import FOLDER

PLACES = {
    "mapping": ("*/in/*.json", "*/out/*.json", "examples/*/*/in/*.json", "examples/*/*/out/*.json"),
    "table": ("tables/*.json", "examples/*/tables/*.json"),
    "workflow": ("workflows/*.json", "examples/*/*.json"),
}
SHIPPED = [(kind, path) for kind, places in PLACES.items() for each in places for path in sorted(FOLDER.glob(each))]
ROW = {"to": "a", "from": "b"}


def sound(kind: str) -> dict[str, Any]:
    """A document that has every key there is, but for rows and those that exclude each other."""
    paths = {
        "mapping": FOLDER / "odoo" / "out" / "order.json",
        "table": FOLDER / "tables" / "carriers.json",
        "workflow": FOLDER / "workflows" / "order-to-odoo.json",
    }
    document: dict[str, Any] = json.loads(paths[kind].read_text())
    return document | {"needs": [{"entity": "customer", "id": "customer.id"}]} if kind == "workflow" else document


def wrong(kind: str, document: Any) -> list[str]:
    return [error.message for error in Draft7Validator(json_schema(kind)).iter_errors(document)]


def test_every_document_of_mappings_is_of_one_kind() -> None:
    others = [*FOLDER.glob("*.schema.json"), *FOLDER.glob("**/samples/**/*.json")]
    assert sorted(FOLDER.rglob("*.json")) == sorted([*(path for _, path in SHIPPED), *others])
    assert {kind for kind, _ in SHIPPED} == set(DOCUMENTS)


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_the_published_schema_is_up_to_date_and_a_schema(kind: str) -> None:
    published = json.loads((FOLDER / f"{kind}.schema.json").read_text())
    assert published == json_schema(kind), "run `fleet mapping check --accept`"
    Draft7Validator.check_schema(published)


@pytest.mark.parametrize(("kind", "path"), SHIPPED, ids=lambda each: str(getattr(each, "stem", each)))
def test_every_document_that_ships_passes_and_names_its_schema(kind: str, path: Path) -> None:
    document = json.loads(path.read_text())
    assert (path.parent / document["$schema"]).resolve() == FOLDER / f"{kind}.schema.json"
    assert problems(kind, document) == []
    assert wrong(kind, document) == []


def spoiled(kind: str) -> Iterator[dict[str, Any]]:
    """The document with each key misspelt, each required key gone, and each value of another type."""
    document = sound(kind)
    for key, value in document.items():
        without = {other: deepcopy(each) for other, each in document.items() if other != key}
        yield without | {f"{key}x": value}
        if key not in ("default", "values") or kind != "table":
            yield without | {key: 7}
            yield without | {key: []} if key != "rows" else without
        if DOCUMENTS[kind].keys()[key].required:
            yield without


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_what_the_fleet_refuses_an_editor_refuses_too(kind: str) -> None:
    assert problems(kind, sound(kind)) == []
    assert wrong(kind, sound(kind)) == []
    for document in spoiled(kind):
        refused = bool(problems(kind, document))
        assert refused == bool(wrong(kind, document)), document
    assert sum(bool(problems(kind, document)) for document in spoiled(kind)) > 4


@pytest.mark.parametrize(
    "row",
    [
        {"to": "a"},
        {"from": "a"},
        ROW | {"form": "c"},
        ROW | {"from": {"b": 1}},
        ROW | {"via": "upper"},
        ROW | {"via": ["shout"]},
        ROW | {"via": ["split"]},
        ROW | {"via": [["upper", 1]]},
        ROW | {"on": "update"},
        ROW | {"required": "yes"},
        ROW | {"rows": [], "default": 1},
        ROW | {"rows": [{"to": "c"}]},
        ROW | {"rows": [ROW | {"rows": [{"to": "c", "from": "d", "each": "e"}]}]},
    ],
)
def test_a_row_that_the_fleet_refuses_an_editor_refuses_too(row: dict[str, Any]) -> None:
    document = sound("mapping")
    assert problems("mapping", document | {"rows": [ROW]}) == wrong("mapping", document | {"rows": [ROW]}) == []
    assert problems("mapping", document | {"rows": [ROW, row]})
    assert wrong("mapping", document | {"rows": [ROW, row]})


@pytest.mark.parametrize("named", [*sorted(FUNCTIONS)])
def test_every_function_may_be_named_with_its_arguments(named: str) -> None:
    call = [named, *("x" for _ in FUNCTIONS[named].arguments)]
    document = sound("mapping") | {"rows": [ROW | {"via": [call]}]}
    assert problems("mapping", document) == wrong("mapping", document) == []


def test_the_events_that_a_workflow_may_name_are_those_that_systems_send() -> None:
    known = json_schema("workflow")["properties"]["on"]["items"]["enum"]
    assert known == sorted({event for events in EVENTS.values() for event in events})


def test_all_that_is_wrong_is_reported_up_to_a_bound(tmp_path: Path) -> None:
    document = sound("mapping") | {"rows": [{"too": "a"}, {"to": "b", "from": "x", "via": ["tirm"]}]}
    assert [*map(str, problems("mapping", document))] == [
        "row 1: to is missing",
        "row 1: unknown key 'too'; did you mean to?",
        'row 2: via names "tirm", which is no function; did you mean trim?',
    ]
