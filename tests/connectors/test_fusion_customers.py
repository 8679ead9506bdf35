"""Which account an order is for, and where its goods go."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from integration.connectors.fusion.customer.accounts import Customers
from integration.connectors.fusion.customer.directory import Directory
from tests.connectors.fusion_answers import CRM, SITES, client
from tests.connectors.odoo_targets import held
from tests.connectors.work import MemoryWork


def site(number: str, use: str, **more: Any) -> dict[str, Any]:
    ids = {"CustomerAccountId": 777, "PartyId": 700, "PartySiteId": 701, "SiteUseId": 778}
    return {"AccountNumber": number, "SiteUseCode": use, "CustomerName": "Jane Doe", **ids, **more}


def resolve(sites: list[dict[str, Any]], **customer: str | None) -> dict[str, str | None]:
    fusion = client()
    contacts = [{"PartyId": 1, "AccountPartyId": 700, "EmailAddress": "Jane.O'Neil@mail.example"}]
    responses.get(f"{CRM}/contacts", json={"items": contacts, "hasMore": False})
    responses.get(SITES, json={"items": sites, "hasMore": False})
    document = {
        "key": "1001",
        "customer": {"key": "c-1", "email": "jane.o'neil@mail.example", "account_number": None, **customer},
        "ship_to": {"postal_code": "00-950"},
    }
    return Customers(Directory(fusion), MemoryWork(), "").resolve(document)


@responses.activate
def test_the_address_is_quoted_and_compared_without_case() -> None:
    found = resolve([site("77001", "BILL_TO")])
    assert found == {"party": "700", "account": "777", "bill_to": "778", "ship_to": "701"}
    [query] = [str(call.request.url) for call in responses.calls if "/contacts" in str(call.request.url)]
    assert parse_qs(urlsplit(query).query)["q"] == ["EmailAddress='jane.o''neil@mail.example'"]


@responses.activate
def test_several_accounts_are_held_with_masked_candidates() -> None:
    failure = held(lambda: resolve([site("77001", "BILL_TO"), site("77002", "BILL_TO")]))
    assert failure.code == "ambiguous_customer"
    assert failure.candidates == tuple(
        {"id": number, "label": f"J… D… ({number})", "entity": "customer", "key": "c-1"}
        for number in ("77001", "77002")
    )


@responses.activate
def test_a_chosen_account_is_remembered() -> None:
    fusion, work = client(), MemoryWork()
    responses.get(SITES, json={"items": [site("77002", "BILL_TO")], "hasMore": False})
    work.remember("customer", "c-1", "77002")
    document = {
        "key": "1001",
        "customer": {"key": "c-1", "email": "jane@mail.example", "account_number": None},
        "ship_to": {"postal_code": None},
    }
    assert Customers(Directory(fusion), work, "").resolve(document)["account"] == "777"


@responses.activate
@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        ([{}], "1"),
        ([{"PrimaryFlag": "N"}, {"PrimaryFlag": "Y"}], "2"),
        ([{"PostalCode": "00950"}, {"PostalCode": "00-950"}], "2"),
        ([{"PostalCode": "00-950"}, {"PostalCode": "1", "PrimaryFlag": "Y"}], "1"),
        ([{"PostalCode": "2"}, {"PostalCode": "1", "PrimaryFlag": "Y"}], None),
        ([{}, {}], None),
    ],
)
def test_which_site_the_goods_go_to(sites: list[dict[str, Any]], expected: str | None) -> None:
    rows = [site("77001", "SHIP_TO", **{"PartySiteId": n, **more}) for n, more in enumerate(sites, 1)]
    rows.append(site("77001", "BILL_TO"))
    if expected is None:
        assert held(lambda: resolve(rows)).code == "no_site"
    else:
        assert resolve(rows)["ship_to"] == expected


@responses.activate
def test_an_account_that_cannot_be_billed_is_held() -> None:
    assert held(lambda: resolve([site("77001", "SHIP_TO")])).code == "no_site"
    failure = held(lambda: resolve([site("77001", "BILL_TO", SiteUseId=None)], account_number="77001"))
    assert failure.code in {"no_site", "odd_account"}
