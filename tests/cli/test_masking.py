"""What the reading commands show of a document, and what a reason may quote of it."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from marshmallow import Schema, fields

from integration.canonical import SCHEMAS
from integration.canonical.values import quoted
from integration.masking import GOODS, PARTS, PERSONS, SHOWN, SHOWN_OF_PERSONS, masked, without_personal

ROOT = Path(__file__).parents[2]
ORDER = {
    "id": "1001",
    "customer": {"id": "c-77", "type": "person", "name": "Jane", "firstName": "Jane", "email": "jane@example.test"},
    "shippingAddress": {"addressLine1": "12 Elm St", "countryCode": "US", "parts": ["Jane"]},
    "lines": [{"sku": "SKU-1", "name": "Mug", "quantity": "2", "customAttributes": {"engraving": "for Jim"}}],
    "order": {"x_gift_message": "for Jim", "note": "ring twice", "origin": "WEB-1"},
    "payments": [{"id": "p1", "reference": "tok_1", "amount": "5.00"}],
    "refunds": [{"id": "r1", "reason": "for Jim", "amount": "1.00", "status": "completed"}],
    "target": {"lines": [{"key": "1", "attributes": ["engraving: for Jim"], "fields": {"name": "Mug"}}]},
    "customAttributes": {"giftMessage": "for Jim"},
    "tags": ["vip jane"],
}


def test_persons_are_masked_and_products_are_not() -> None:
    assert masked(ORDER) == {
        "id": "1001",
        "customer": {"id": "c-77", "type": "person", "name": "***", "firstName": "***", "email": "***"},
        "shippingAddress": {"addressLine1": "***", "countryCode": "US", "parts": ["***"]},
        "lines": [{"sku": "SKU-1", "name": "Mug", "quantity": "2", "customAttributes": {"engraving": "***"}}],
        "order": {"x_gift_message": "***", "note": "***", "origin": "WEB-1"},
        "payments": [{"id": "p1", "reference": "***", "amount": "5.00"}],
        "refunds": [{"id": "r1", "reason": "***", "amount": "1.00", "status": "completed"}],
        "target": {"lines": [{"key": "1", "attributes": ["***"], "fields": {"name": "Mug"}}]},
        "customAttributes": {"giftMessage": "***"},
        "tags": ["***"],
    }


@pytest.mark.parametrize("holder", ["event", "data", "canonical", "part", "target"])
def test_a_document_is_shown_alike_in_whatever_a_delivery_keeps_it(holder: str) -> None:
    assert masked({holder: ORDER}) == {holder: masked(ORDER)}


def test_what_nobody_has_listed_is_masked_wherever_it_is() -> None:
    odd = {"fullName": "Jane Doe", "age": 41, "vip": True, "rate": "Jane", "id": "Jane", "name": "Jane", "none": None}
    hidden = {name: value if value is None else "***" for name, value in odd.items()}
    document = {"buyer": odd, "profile": [[odd]], "lines": [{"owner": odd}], "totals": {"by": odd}}
    assert masked(document) == {
        "buyer": hidden,
        "profile": [[hidden]],
        "lines": [{"owner": hidden}],
        "totals": {"by": hidden},
    }


@pytest.mark.parametrize(
    "document",
    [
        {"payments": [{"id": "p1", "cardHolder": "Jane Doe"}]},
        {"customAttributes": {"key": "Jane Doe"}},
        {"customAttributes": [{"key": "Jane Doe", "type": "Jane Doe", "id": "Jane Doe"}]},
        {"attributes": {"Jane Doe": "yes"}},
        {"data": {"name": "Jane Doe", "company": "Jane Doe", "email": "Jane Doe", "city": "Jane Doe"}},
        {"customer": "Jane Doe"},
        {"customer": ["Jane Doe"]},
        {"lines": ["Jane Doe", ["Jane Doe"]]},
        {"partner": {"fields": {"ref": "Jane Doe", "lines": [{"name": "Jane Doe"}]}},
         "order": {"eff": {"HeaderEff": {"ContextCode": "Jane Doe"}}}},
    ],
)  # fmt: skip
def test_names_of_people_are_found_nowhere(document: dict[str, Any]) -> None:
    assert "Jane" not in json.dumps(masked(document))


def test_odd_names_of_fields_stay_apart() -> None:
    assert masked({"jane@example.test": "a", "Jane Doe": "b", "id": "1"}) == {"***1": "***", "***2": "***", "id": "1"}


def names_of(schema: Schema) -> Iterator[str]:
    for name, field in schema.fields.items():
        inner = field.inner if isinstance(field, fields.List) else field
        yield name
        if isinstance(inner, fields.Nested):
            yield from names_of(inner.schema)


def targets_of(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield from row["to"].split(".")
        yield from targets_of(row.get("rows", []))


def test_every_name_that_is_shown_is_one_of_a_schema_or_of_a_mapping() -> None:
    known = {name for schema in SCHEMAS.values() for name in names_of(schema)}
    for file in (ROOT / "mappings").glob("*/*/*.json"):
        known |= set(targets_of(json.loads(file.read_text()).get("rows", [])))
    samples = [json.loads(file.read_text()) for file in (ROOT / "mappings" / "samples").glob("*/*.json")]
    known |= {name for sample in samples for name in keys_of(sample)}
    envelope = {"type", "timestamp", "event", "data", "canonical", "part", "target", "their_order", "key"}
    listed = SHOWN | SHOWN_OF_PERSONS | PERSONS | GOODS | PARTS
    assert listed - known - envelope == set(), "nothing has these fields"


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from keys_of(each)
    elif isinstance(value, list):
        for each in value:
            yield from keys_of(each)


PERSONAL = {
    "customer": {"name": "Doe, Jane", "phone": "+48 601 736 284", "id": "c-1", "company": "Smith and Sons"},
    "notes": "please ring for Wilhelmtrude",
    "loyalty": {"number": Decimal(7734201988)},
    "lines": [{"sku": "SKU-SONS", "name": "Mug of Sons"}],
}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Odoo says: Jane Doe is archived", "Odoo says: … … is archived"),
        ("Odoo says: DOE, JANE is archived", "Odoo says: … is archived"),
        ("no phone 48601736284 here", "no phone … here"),
        ("no phone 601-736-284 here", "no phone … here"),
        ("no phone +48 (601) 736 284 here", "no phone … here"),
        ("card 7734201988 was refused", "card … was refused"),
        ("for wilhelmtrude and please", "for … and please"),
        ("unknown SKU SKU-SONS", "unknown SKU SKU-SONS"),
        ("order 1001 comes to 49.90 EUR", "order 1001 comes to 49.90 EUR"),
    ],
)
def test_reasons_quote_no_words_and_no_digits_of_a_person(text: str, shown: str) -> None:
    assert without_personal(text, PERSONAL) == shown


def test_commands_print_what_others_wrote_only_by_a_function_that_makes_it_visible() -> None:
    """A terminal obeys escape sequences, and paths, reasons and hints may hold what a sender has put there."""
    found = [
        f"{file.name}:{call.lineno}"
        for file in (ROOT / "integration" / "cli").glob("*.py")
        if file.name not in ("render.py", "test.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) in ("click.echo", "print", "click.secho", "sys.stdout.write")
        and any(isinstance(part, ast.FormattedValue) for part in ast.walk(call))
        and not any(isinstance(part, ast.Call) and ast.unparse(part.func) == "len" for part in ast.walk(call))
    ]
    assert found == []


def test_of_what_a_sender_names_as_it_likes_only_the_erp_of_a_line_is_shown() -> None:
    attributes = {"fulfilledBy": "odoo", "giftMessage": "for Ada", "deep": {"fulfilledBy": "Ada"}, "list": ["Ada"]}
    person = {"customer": {"customAttributes": {"fulfilledBy": "Ada"}}, "fulfilledBy": "Ada"}
    shown = masked({"data": {"lines": [{"customAttributes": attributes}], **person}})
    hidden = {"fulfilledBy": "odoo", "giftMessage": "***", "deep": {"fulfilledBy": "***"}, "list": ["***"]}
    assert shown["data"]["lines"] == [{"customAttributes": hidden}]
    assert "Ada" not in str(shown)
    assert without_personal("fulfilled by odoo-1", {"lines": [{"attributes": attributes}]}) == "fulfilled by odoo-1"


@pytest.mark.parametrize("code", ["Quibblethorn Zephyrina", "Quibblethorn Zephyrina of " + "Somewhere" * 9])
def test_a_reason_quotes_no_part_of_a_name_in_place_of_a_code(code: str) -> None:
    order = {"customer": {"name": "Quibblethorn Zephyrina"}, "currency": code}
    assert "quibble" not in without_personal(f"unknown currency {quoted(code)}: not a code", order).casefold()


def test_of_a_document_about_a_person_only_which_it_is_is_shown() -> None:
    address = {"id": "Jane", "kind": "Jane", "city": "Jane"}
    customer = {"id": "c-77", "version": 3, "type": "Jane", "currency": "Jane", "addresses": [address]}
    shown = masked({"id": "evt-1", "data": customer, "on_create": {"fields": {"ref": "Jane"}}}, personal=True)
    assert "Jane" not in json.dumps(shown)
    assert (shown["id"], shown["data"]["id"], shown["data"]["version"]) == ("evt-1", "c-77", 3)
    assert without_personal("Jane has c-77", {"data": customer}, personal=True) == "… has c-77"
