"""No field is carried in both directions, but for initial values."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from integration.rules.definition_files import examples
from integration.rules.mapping_check import check_definitions
from integration.rules.owners import owned_twice
from integration.rules.workflow import Definitions, load_definitions
from mappings import FOLDER

IN = {
    "clarity.in.customer": [
        {"to": "id", "from": "id"},
        {"to": "name", "from": "name"},
        {"to": "attributes", "from": "attributes", "rows": [{"to": "city", "from": "city"}]},
        {"to": "credit_limit", "from": "credit_limit"},
    ],
    "odoo.in.customer": [
        {"to": "id", "from": "object_id"},
        {"to": "name", "from": "display_name"},
        {"to": "attributes.city", "from": "city"},
        {"to": "credit_limit", "from": "credit_limit"},
    ],
}
FROM_CLARITY: list[dict[str, Any]] = [
    {"to": "key", "from": "id"},
    {"to": "fields.name", "when": "credit_limit", "from": "name"},
    {"to": "fields.city", "from": "attributes.city"},
]
TO_CLARITY = [{"to": "id", "from": "id"}, {"to": "creditLimit", "from": "credit_limit", "via": ["trim"]}]
CREDIT_BACK = {"to": "fields.credit_limit", "from": "credit_limit"}


def both_ways(folder: Path, to_odoo: list[dict[str, Any]], to_clarity: list[dict[str, Any]]) -> Definitions:
    """The project's definitions with other customers, that travel between Clarity and Odoo in both directions."""
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    for path in (folder / "workflows").glob("*customer*.json"):
        path.unlink()
    out = {"odoo.out.customer": to_odoo, "clarity.out.customer": to_clarity}
    for name, rows in {**IN, **out}.items():
        system, direction, entity = name.split(".")
        kinds = {"source": f"{system}.{entity}", "target": entity}
        if direction == "out":
            kinds = {"source": entity, "target": f"{system}.{entity}"}
        path = folder / system / direction / f"{entity}.json"
        path.write_text(json.dumps({"name": name, **kinds, "rows": rows}))
    for source, target, event in (("clarity", "odoo", "customer.updated"), ("odoo", "clarity", "return.received")):
        workflow = {
            "name": f"customer-to-{target}",
            "on": [event],
            "source": source,
            "target": target,
            "entity": "customer",
            "transform": [f"{source}.in.customer", f"{target}.out.customer"],
        }
        (folder / "workflows" / f"customer-to-{target}.json").write_text(json.dumps(workflow))
    return load_definitions(folder)


@pytest.mark.parametrize(
    ("to_odoo", "to_clarity", "fields"),
    [
        (FROM_CLARITY, TO_CLARITY, []),
        ([*FROM_CLARITY, CREDIT_BACK | {"on": "create"}], TO_CLARITY, []),
        ([*FROM_CLARITY, CREDIT_BACK], TO_CLARITY, ["credit_limit"]),
        (FROM_CLARITY, [*TO_CLARITY, {"to": "name", "from": "number || name"}], ["name"]),
        (FROM_CLARITY, [*TO_CLARITY, {"to": "name", "from": "name", "on": "create"}], []),
        (FROM_CLARITY, [*TO_CLARITY, {"to": "attributes", "from": "attributes"}], ["attributes.city"]),
        (
            FROM_CLARITY,
            [*TO_CLARITY, {"to": "place", "from": "attributes", "rows": [{"to": "town", "from": "city"}]}],
            ["attributes.city"],
        ),
    ],
)
def test_a_field_that_both_directions_carry_is_found(
    tmp_path: Path, to_odoo: list[dict[str, Any]], to_clarity: list[dict[str, Any]], fields: list[str]
) -> None:
    definitions = both_ways(tmp_path / "m", to_odoo, to_clarity)
    found = list(owned_twice(definitions.workflows))
    assert [each.text for each in found] == [
        f"{field} of the customer is carried by customer-to-clarity and by customer-to-odoo" for field in fields
    ]
    for each in found:
        assert {name for _, name, _ in each.places} == {"odoo.out.customer", "clarity.out.customer"}


def test_the_check_fails_on_a_field_with_two_owners(tmp_path: Path) -> None:
    both_ways(tmp_path / "m", [*FROM_CLARITY, CREDIT_BACK], TO_CLARITY)
    problems = [problem for each in check_definitions(tmp_path / "m") for problem in each.problems]
    assert [each for each in problems if "give it one owner" in str(each)]


def test_no_field_that_ships_has_two_owners() -> None:
    assert list(owned_twice(load_definitions(FOLDER).workflows)) == []


@pytest.mark.parametrize("example", examples(FOLDER), ids=lambda path: path.name)
def test_an_example_gives_no_field_two_owners(example: Path) -> None:
    assert list(owned_twice(load_definitions(FOLDER, instead=example).workflows)) == []
