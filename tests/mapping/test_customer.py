"""The canonical customer: nothing is guessed, and no reason quotes a value."""

from __future__ import annotations

from typing import Any

import pytest

from integration.canonical.entities import entity
from integration.errors import Failure, Hold
from integration.rules.workflow import load_definitions
from mappings import FOLDER

CLARITY = load_definitions(FOLDER).mapping("clarity.in.customer")
CHECK = entity("customer").check


def customer(**changes: Any) -> dict[str, Any]:
    address = {"id": "a-1", "kind": "billing", "line1": "Main 1", "countryCode": "PL"}
    person = {"id": "c-77", "version": 1, "type": "person", "name": "Jane", "email": "jane@example.test"}
    return {**person, "addresses": [address], **changes}


def check(given: dict[str, Any], *approved: str) -> dict[str, Any]:
    canonical = CLARITY(given)
    assert CHECK
    CHECK(canonical, lambda fault: fault.code in approved)
    return canonical


def test_a_customer_is_taken_as_it_is() -> None:
    found = check(customer(email='"Doe, Jane" <Jane@Example.test>', paymentTerms="net30", currency="EUR", taxId=" "))
    assert (found["email"], found["payment_terms"], found["tax_id"]) == ("Jane@Example.test", "NET30", None)
    assert (found["kind"], found["credit_hold"], found["merged_ids"]) == ("person", None, [])


ADDRESS = customer()["addresses"][0]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"paymentTerms": "Quastenbruck"}, "unknown_terms"),
    ({"currency": "Quastenbruck"}, "unknown_currency"),
    ({"email": "Quastenbruck at home"}, "email"),
    ({"email": "a@Quastenbruck.example; b@Quastenbruck.example"}, "email"),
    ({"contacts": [{"id": "p-1", "email": "Quastenbruck"}]}, "email"),
    ({"addresses": [ADDRESS | {"kind": "Quastenbruck"}]}, "unknown_kind"),
    ({"addresses": [ADDRESS | {"isDefault": True}, ADDRESS | {"id": "a-2", "isDefault": True}]}, "several_primary"),
    ({"creditLimit": "-1"}, "credit_limit"),
    ({"creditLimit": "1.001", "currency": "EUR"}, "precision"),
    ({"mergedIds": ["c-1", "c-77"]}, "merged_into_itself"),
]


@pytest.mark.parametrize(("changes", "code"), WRONG)
def test_what_is_not_right_is_held_or_approved(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Hold) as caught:
        check(customer(**changes))
    assert caught.value.code == code
    assert "quastenbruck" not in f"{caught.value.reason} {caught.value.hint}".lower()
    check(customer(**changes), code)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "Quastenbruck"},
        {"addresses": [ADDRESS | {"countryCode": "Quastenbruck"}]},
        {"creditLimit": "Quastenbruck"},
        {"creditHold": "Quastenbruck"},
        {"contacts": "Quastenbruck"},
    ],
)
def test_a_reason_quotes_nothing_of_a_customer(changes: dict[str, Any]) -> None:
    with pytest.raises(Failure) as caught:
        check(customer(**changes))
    assert "quastenbruck" not in f"{caught.value.reason} {caught.value.hint}".lower()
