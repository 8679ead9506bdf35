"""The fake Fusion answers as the example exchanges say.

Each request is sent to a fake in which the earlier ones of its story have happened.  Status, content type and every
value are compared; left out are times and numbers that no two pods share, and what the examples say is inferred.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as Xml

import pytest
import requests

from tests.sandbox.fusion_rig import CLIENT, ORDERS, SECRET, Pod, an_order, example

TIMES = {
    "TransactionDate", "AccountingDate", "DueDate", "CreationDate", "LastUpdateDate", "SubmittedDate", "StatusAsOfDate",
    "ActualShipDate", "ScheduleShipDate", "BillingTransactionDate",
}  # fmt: skip
NUMBERS = {
    "LineId", "FulfillLineId", "FulfillLineDetailId", "CustomerTransactionId", "CustomerTransactionLineId",
    "TrackingNumber", "WaybillNumber", "access_token",
}  # fmt: skip
INFERRED = {"o:errorCode"}


def send(pod: Pod, exchange: dict[str, Any], body: Any = None, **headers: str) -> requests.Response:
    """The example's request; ``body`` where the example only names one."""
    asked = exchange["request"]
    path, _, query = asked["url"].partition(".example.test")[2].partition("?")
    given = {name: value for name, value in asked.get("headers", {}).items() if value is not None} | headers
    basic = (CLIENT, SECRET) if given.get("Authorization", "").startswith("Basic") else None
    if "Bearer <token>" in given.values():
        given["Authorization"] = f"Bearer {pod.token}"
    return requests.request(
        asked["method"],
        f"{pod.url}{quote(path)}?{quote(query, safe='=&,()')}",
        headers=given,
        auth=basic,
        data=asked.get("body_form") or asked.get("body_text"),
        json=body or asked.get("body"),
        timeout=10,
    )


def check(pod: Pod, name: str, body: Any = None, volatile: set[str] = frozenset(), **headers: str) -> Any:  # type: ignore[assignment]
    """Sends the example and holds the answer against it; the answer's body."""
    exchange = example(name)
    expected, answer = exchange["response"], send(pod, exchange, body, **headers)
    assert answer.status_code == expected["status"], answer.text
    for header, value in expected["headers"].items():
        if header == "Content-Type":
            assert answer.headers[header].split(";")[0] == value
        elif header in {"REST-Framework-Version", "WWW-Authenticate", "Retry-After"}:
            assert answer.headers[header] == value
        elif header == "Location":
            assert answer.headers[header] == value.replace("https://pod.example.test", pod.url)
        else:
            assert answer.headers[header]
    if not isinstance(expected["body"], dict | list):
        assert answer.text == (expected["body"] or "")
        return answer.text
    covers(expected["body"], answer.json(), TIMES | NUMBERS | INFERRED | volatile, pod.url)
    return answer.json()


def covers(expected: Any, got: Any, volatile: set[str], url: str, path: str = "") -> None:
    """Everything expected is there; a pod, and the fake, show more."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert name in got, f"{path}/{name}"
            if name == "links":
                links = [{key: link[key] for key in ("rel", "name", "kind")} for link in got[name]]
                assert all({key: link[key] for key in ("rel", "name", "kind")} in links for link in value)
            elif name in volatile:
                assert value is None or got[name] is None or kind(got[name]) == kind(value), f"{path}/{name}"
            else:
                covers(value, got[name], volatile, url, f"{path}/{name}")
    elif isinstance(expected, list):
        assert len(got) == len(expected), path
        for number, (one, other) in enumerate(zip(expected, got, strict=True)):
            covers(one, other, volatile, url, f"{path}/{number}")
    else:
        assert (isinstance(got, bool), got) == (isinstance(expected, bool), expected), path


def kind(value: Any) -> type:
    return float if type(value) is int else type(value)


# -- tokens


def test_a_token_is_given_for_the_right_secret_only(pod: Pod) -> None:
    check(pod, "01")
    check(pod, "03")


def test_a_wrong_token_gets_the_gateways_page(pod: Pod) -> None:
    check(pod, "85", Authorization="Bearer made.up.token")


# -- customers


def test_an_organization_is_made_changed_and_gets_an_address(pod: Pod) -> None:
    check(pod, "63", volatile={"PartyId", "AddressId", "LocationId"})
    check(pod, "64")
    check(pod, "65")
    check(pod, "66", volatile={"AddressId", "LocationId"})
    check(pod, "67")


def test_an_account_is_made_with_its_sites_and_found_by_its_party(pod: Pod) -> None:
    made = check(pod, "63", volatile={"PartyId", "AddressId", "LocationId"})
    ids = {"{party}": str(made["PartyId"]), "{site}": str(made["Address"]["items"][0]["AddressId"])}
    check_xml(pod, "68", {"CustomerAccountId", "PartyId", "AccountNumber"}, ids)
    check_xml(pod, "69")
    check_xml(pod, "69b")


def test_a_person_is_made(pod: Pod) -> None:
    check(pod, "63b", volatile={"PartyId", "AddressId", "LocationId"})
    [contact] = pod.get("/crmRestApi/resources/latest/contacts", q="EmailAddress='jane@mail.example'")["items"]
    assert (contact["ContactName"], contact["AccountPartyId"]) == ("Jane Example", None)


def test_a_person_becomes_a_contact_of_an_organization(pod: Pod) -> None:
    volatile = {"PartyId", "AddressId", "LocationId"}
    company, person = (check(pod, name, volatile=volatile) for name in ("63", "63b"))
    ids = {"SubjectPartyId": person["PartyId"], "ObjectPartyId": company["PartyId"]}
    check(pod, "66b", {**example("66b")["request"]["body"], **ids}, volatile={"RelationshipRecId"})
    [contact] = pod.get("/crmRestApi/resources/latest/contacts", q=f"AccountPartyId={company['PartyId']}")["items"]
    assert (contact["PartyId"], contact["AccountName"]) == (person["PartyId"], "Example Trade Ltd")


def test_an_account_gets_a_site_and_a_site_a_use(pod: Pod) -> None:
    made = check(pod, "63", volatile={"PartyId", "AddressId", "LocationId"})
    dock = check(pod, "66", volatile={"AddressId", "LocationId"})
    ids = {"{party}": str(made["PartyId"]), "{site}": str(made["Address"]["items"][0]["AddressId"])}
    volatile = {"CustomerAccountId", "PartyId", "AccountNumber"}
    account = value_of("CustomerAccountId", check_xml(pod, "68", volatile, ids))
    ids = {"{account}": account, "{site}": str(dock["AddressId"])}
    check_xml(pod, "68b", volatile, ids)
    sites = "/fscmRestApi/resources/latest/customerAccountSitesLOV"
    [added] = pod.get(sites, q=f"CustomerAccountId={account} and PartySiteNumber='C-ADDRESS-2'")["items"]
    assert (added["SiteUseCode"], added["PrimaryFlag"]) == ("SHIP_TO", "N")
    [row] = [row for row in accounts(pod, account) if row[1] == str(dock["AddressId"])]
    check_xml(pod, "68c", volatile, {"{account}": account, "{account_site}": row[0]})
    rows = pod.get(sites, q=f"CustomerAccountId={account} and PartySiteNumber='C-ADDRESS-2'")["items"]
    assert {each["SiteUseCode"] for each in rows} == {"BILL_TO", "SHIP_TO"}
    check_xml(pod, "69c")


def accounts(pod: Pod, account: str) -> list[tuple[str, str]]:
    """The ids of the sites of an account, each with that of its address."""
    exchange = example("69c")
    exchange["request"]["body_text"] = exchange["request"]["body_text"].replace("300000000000777", account)
    shown = Xml.fromstring(send(pod, exchange).text)  # noqa: S314 - the sandbox's
    sites = [part for part in shown.iter() if part.tag.endswith("}CustomerAccountSite")]
    return [(site[0].text or "", site[1].text or "") for site in sites]


def value_of(name: str, answer: str) -> str:
    return next(text for tag, text in elements(answer, set()) if tag.endswith(f"}}{name}"))


def check_xml(pod: Pod, name: str, volatile: set[str] = frozenset(), ids: dict[str, str] = {}) -> str:  # type: ignore[assignment]  # noqa: B006
    """As `check`, for an envelope: every element that the example has is there, with its text."""
    exchange = example(name)
    for placeholder, id in ids.items():
        exchange["request"]["body_text"] = exchange["request"]["body_text"].replace(placeholder, id)
    expected, answer = exchange["response"], send(pod, exchange)
    assert answer.status_code == expected["status"], answer.text
    assert answer.headers["Content-Type"].split(";")[0] == "text/xml"
    shown = elements(answer.text, volatile)
    assert [each for each in elements(expected["body"], volatile) if each not in shown] == []
    return answer.text


def elements(text: str, volatile: set[str]) -> list[tuple[str, str]]:
    """Every element with its text; without it where no two pods share it."""
    tags = Xml.fromstring(text).iter()  # noqa: S314 - the sandbox's
    return [(tag.tag, "" if tag.tag.rpartition("}")[2] in volatile else (tag.text or "").strip()) for tag in tags]


# -- orders


def test_an_order_is_created_and_submitted(pod: Pod) -> None:
    check(pod, "10")


def test_a_second_order_of_the_same_source_is_refused_in_text_or_json(pod: Pod) -> None:
    pod.create()
    check(pod, "12", an_order())
    check(pod, "13", an_order())


def test_an_order_without_lines_is_kept_but_not_submitted(pod: Pod) -> None:
    check(pod, "11")


def test_what_is_missing_or_not_priced_is_refused(pod: Pod) -> None:
    check(pod, "14")
    line = {name: value for name, value in an_order()["lines"][0].items() if name != "charges"}
    check(pod, "15", an_order(lines=[line]))
    answer = pod.call("GET", f"{ORDERS}/CLARITY:WEB-100045")
    assert answer.status_code == 404


def test_a_draft_is_submitted_or_deleted(pod: Pod) -> None:
    pod.create(an_order(SubmittedFlag=False))
    check(pod, "16")
    pod.control("POST", "/reset")
    pod.create(an_order(SubmittedFlag=False))
    check(pod, "19")


def test_an_order_is_revised_by_upsert(pod: Pod) -> None:
    pod.create()
    check(pod, "17")


def test_a_line_is_cancelled_by_its_quantity(pod: Pod) -> None:
    order = pod.create()
    cancel = {"FulfillLineId": order["lines"][0]["FulfillLineId"], "OrderedQuantity": 0, "CancelReason": "OUT OF STOCK"}
    check(pod, "18", {"lines": [cancel]})


def test_orders_are_found_in_both_query_languages(pod: Pod) -> None:
    pod.create()
    check(pod, "22")
    body = check(pod, "20")
    assert body["items"][0]["OrderKey"] == "CLARITY:WEB-100045"
    newest = example("21")
    newest["request"]["url"] = newest["request"]["url"].replace("2026-11-20T09:55", "2020-11-20T09:55")  # any clock
    answer = send(pod, newest).json()
    [reference, order] = answer["items"]
    covers(newest["response"]["body"]["items"][0], order, TIMES, pod.url)
    assert [answer[name] for name in ("count", "hasMore", "limit", "offset", "totalResults")] == [2, False, 200, 0, 2]
    assert (reference["OrderKey"], reference["StatusCode"]) == ("300000009000000", "DOO_REFERENCE")
    assert list(order) == ["HeaderId", "OrderKey", "OrderNumber", "StatusCode", "LastUpdateDate"]


@pytest.mark.parametrize("name", ["23", "24"])
def test_children_are_arrays_or_collections_by_framework_version(pod: Pod, name: str) -> None:
    """The examples' parts are a step further apart, and show the whole line's amount for each part."""
    pod.create()
    pod.advance(3, split=True)
    pod.advance(2)
    different = {"Status", "StatusCode", "ExtendedAmount", "ShippedQuantity", "FulfilledQuantity", "lineDetails"}
    body = check(pod, name, volatile=different)
    lines = body["lines"] if name == "23" else body["lines"]["items"]
    [details] = [line["lineDetails"] for line in lines if line["FulfillLineNumber"] == "1"]
    [expected] = [
        line["lineDetails"]
        for line in rows(example(name)["response"]["body"]["lines"])
        if line["FulfillLineNumber"] == "1"
    ]
    covers(expected, details, TIMES | NUMBERS, pod.url)


def rows(children: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = children["items"] if isinstance(children, dict) else children
    return found


# -- invoices, customers, items


def test_an_invoice_is_found_by_its_number_and_its_lines_name_the_order(pod: Pod) -> None:
    pod.create()
    pod.advance(3, split=True)
    pod.advance(2)
    invoice = check(pod, "40")["items"][0]
    lines = example("41")
    id = str(invoice["CustomerTransactionId"])
    lines["request"]["url"] = lines["request"]["url"].replace("300000009100001", id)
    answer = send(pod, lines)
    assert answer.status_code == 200
    covers(lines["response"]["body"], answer.json(), TIMES | NUMBERS, pod.url)


@pytest.mark.parametrize("name", ["60", "61", "62"])
def test_customers_are_looked_up(pod: Pod, name: str) -> None:
    check(pod, name)


def test_items_are_looked_up_and_have_an_etag(pod: Pod) -> None:
    check(pod, "56")
    found = pod.get("/fscmRestApi/resources/latest/itemsV2", q="ItemNumber='SKU-RED-M' and OrganizationCode='MST'")
    [link] = [link for link in found["items"][0]["links"] if link["rel"] == "self"]
    path, etag = link["href"].removeprefix(pod.url), f'"{link["properties"]["changeIndicator"]}"'
    assert pod.call("GET", path).headers["ETag"] == etag
    for name, given in (("82", {"If-None-Match": etag}), ("81", {})):
        exchange = example(name)
        exchange["request"]["url"] = f"https://pod.example.test{path}"
        answer = send(pod, exchange, **given)
        assert (answer.status_code, answer.headers["ETag"]) == (exchange["response"]["status"], etag)
        if exchange["response"]["body"]:
            assert answer.json() == exchange["response"]["body"]
    assert pod.call("PATCH", path, {"ItemDescription": "x"}, headers={"If-Match": etag}).status_code == 200
    assert pod.call("GET", path, headers={"If-None-Match": etag}).json()["ItemDescription"] == "x"


# -- the framework


def test_what_cannot_be_queried_or_set_is_refused(pod: Pod) -> None:
    check(pod, "83")
    expected = example("84")["response"]
    answer = pod.call("POST", ORDERS, {"requestId": "1"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, expected["headers"]["Content-Type"])
    assert answer.json() == expected["body"]


def test_version_9_shows_ids_as_texts(pod: Pod) -> None:
    pod.create()
    assert check(pod, "91") == example("91")["response"]["body"]


def test_a_pod_shows_its_versions_and_resources(pod: Pod) -> None:
    check(pod, "92")
    exchange = example("93")
    answer = send(pod, exchange)
    assert answer.headers["Content-Type"] == exchange["response"]["headers"]["Content-Type"]
    [expected], [reported] = (body["Resources"].values() for body in (exchange["response"]["body"], answer.json()))
    shown = {attribute["name"]: attribute for attribute in reported["attributes"]}
    for attribute in expected["attributes"][1:]:
        assert shown[attribute["name"]] == attribute
    assert shown["HeaderId"]["type"] == "integer" and "lines" in reported["children"]
    assert [action["method"] for action in reported["collection"]["actions"]] == ["GET", "POST"]


@pytest.mark.parametrize(("name", "kind"), [("87", "429"), ("88", "503"), ("89", "500")])
def test_a_pod_is_unwell_in_its_own_way(pod: Pod, name: str, kind: str) -> None:
    pod.control("POST", "/faults", {"target": "fusion", "kind": kind, "times": 1, "retry_after": 30})
    check(pod, name, an_order() if name == "88" else None)
    assert pod.call("GET", ORDERS).status_code == 200


def test_a_missing_role_is_a_403(pod: Pod) -> None:
    pod.control("POST", "/fusion/failures", {"name": "forbidden", "path": "receivablesInvoices"})
    assert pod.call("GET", ORDERS).status_code == 200
    check(pod, "86")
