"""What the connector makes of Fusion's answers, odd ones included, and what it sends."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from integration.connectors.fusion.errors import AccessRefused, AlreadyThere, NoSuchResource, NotThere
from integration.connectors.fusion.order.items import Items
from integration.errors import Failure, Hold, Misconfigured, Reject, Retry, Throttled
from tests.connectors.fusion_answers import DUPLICATE, ECID, FSCM, ORDERS, SCOPE, SITES, adf, client


def failure(**answer: Any) -> Any:
    """What a POST of an order that is answered so comes to."""
    fusion = client()
    responses.post(ORDERS, **answer)
    with pytest.raises(Failure) as raised:
        fusion.send(fusion.write("POST", fusion.path("salesOrdersForOrderHub"), {"a": 1}))
    assert "Jane" not in raised.value.reason
    return raised.value


# --- errors


@responses.activate
@pytest.mark.parametrize(
    ("attribute", "setting"),
    [("SourceTransactionSystem", "FUSION_SOURCE_SYSTEM"), ("BusinessUnitName", "FUSION_BUSINESS_UNIT")],
)
def test_a_setting_of_ours_is_not_to_be_corrected_in_the_order(attribute: str, setting: str) -> None:
    said = f"You must provide a valid value for the attribute {attribute}."
    refused = failure(**adf(400, (said, "FOM-0000001", f"/{attribute}")))
    assert isinstance(refused, Hold)
    assert setting in (refused.hint or "")
    assert "Clarity" not in (refused.hint or "")


@responses.activate
def test_the_limit_that_a_text_exceeds_is_readable() -> None:
    refused = failure(**adf(400, ("The value of attribute Comments exceeds 2000 characters.", "27022", "/Comments")))
    assert "exceeds 2000 characters" in refused.reason


@responses.activate
def test_an_order_that_we_may_not_see_is_no_fault_of_the_order() -> None:
    assert "data access" in (failure(**adf(400, (DUPLICATE, "FOM-0000000", ""))).hint or "")


@responses.activate
@pytest.mark.parametrize(
    ("answer", "expected", "code"),
    [
        (adf(400, (DUPLICATE, "FOM-0000000", "")), AlreadyThere, "FOM-0000000"),
        ({"status": 400, "body": DUPLICATE, "content_type": "text/plain"}, AlreadyThere, "http_400"),
        (adf(400, ("Attribute X is required.", "27014", "/X")), Reject, "27014"),
        (adf(400, ("DOO-2686198: The line is being processed.", "DOO-2686198", "")), Retry, "DOO-2686198"),
        (
            {"status": 400, "body": "DOO-2686198 The line is being processed.", "content_type": "text/plain"},
            Retry,
            "http_400",
        ),
        (adf(403), AccessRefused, "http_403"),
        (adf(404), NotThere, "http_404"),
        ({"status": 404, "body": ""}, NotThere, "http_404"),
        ({"status": 404, "body": "<html>for 'Jane'</html>", "content_type": "text/html"}, NotThere, "http_404"),
        (
            {"status": 403, "body": "<html>'Jane'</html>", "content_type": "text/html"},
            Misconfigured,
            "misconfigured",
        ),
        (adf(408, ("Too slow.", "x", "")), Retry, "http_408"),
        (adf(412, ("The resource was changed since it was read.", "412", "")), Retry, "412"),
        ({"status": 429, "body": "Too Many Requests", "headers": {"Retry-After": "30"}}, Throttled, "throttled"),
        ({"status": 429, "body": "Too Many Requests"}, Throttled, "throttled"),
        ({"status": 503, "body": "<html>", "headers": {"Retry-After": "30"}}, Throttled, "throttled"),
        (adf(500, ("JBO-29000: Unexpected exception caught.", "JBO-29000", "")), Retry, "http_500"),
        ({"status": 201, "body": "<html>for 'Jane'</html>", "content_type": "text/html"}, Retry, "unreadable_answer"),
        ({"status": 201, "json": ["odd"]}, Retry, "unreadable_answer"),
    ],
)
def test_an_error_is_what_it_says(answer: dict[str, Any], expected: type[Failure], code: str) -> None:
    said = failure(**answer)
    assert (type(said), said.code) == (expected, code)


@responses.activate
def test_an_error_names_attribute_and_trace_but_nothing_personal() -> None:
    details = ('Invalid attribute "requestId" for "Jane Doe" (jane@mail.example)', "27521", "/lines/0/requestId")
    assert failure(**adf(400, details, ("And more.", "", ""))).reason == (
        "Fusion answers 400: Invalid attribute … for … (…) / And more. (/lines/0/requestId) [ECID 0065synthetic0001]"
    )


@responses.activate
def test_html_from_the_edge_is_read_as_text_and_leaves_the_outcome_open() -> None:
    body = "<html><head><title>x</title></head><body>The service is temporarily unavailable.</body></html>"
    said = failure(status=503, body=body, content_type="text/html")
    assert said.reason == "Fusion answers 503: The service is temporarily unavailable."
    assert (said.unknown_outcome, said.counts_for_breaker, said.excerpt) == (True, True, body.encode())


@responses.activate
@pytest.mark.parametrize("error", [requests.ConnectionError("reset"), requests.ReadTimeout("slow")])
def test_a_broken_connection_leaves_the_outcome_open(error: Exception) -> None:
    said = failure(body=error)
    assert (said.unknown_outcome, said.counts_for_breaker) == (True, True)


# --- what is sent


@responses.activate
def test_every_call_names_the_framework_version_and_carries_a_token() -> None:
    fusion = client()
    responses.post(ORDERS, json={"OrderNumber": "410045"}, status=201, headers=ECID)
    request = fusion.write("POST", fusion.path("salesOrdersForOrderHub"), {"a": Decimal("1.50")})
    assert fusion.send(request) == {"OrderNumber": "410045", "x-oracle-dms-ecid": "0065synthetic0001"}
    token, sent = (call.request for call in responses.calls)
    assert isinstance(token.body, bytes)
    assert parse_qs(token.body.decode()) == {"grant_type": ["client_credentials"], "scope": [SCOPE]}
    assert sent.headers["REST-Framework-Version"] == "4"
    assert sent.headers["Content-Type"] == "application/vnd.oracle.adf.resourceitem+json"
    assert sent.headers["Accept"] == "application/json, application/vnd.oracle.adf.error+json"
    assert sent.headers["Authorization"] == "Bearer tok-1"
    assert sent.body == b'{"a":1.5}'
    assert "Authorization" not in request.headers


@responses.activate
def test_a_refused_token_is_renewed_once() -> None:
    fusion = client()
    html: dict[str, Any] = {"status": 401, "body": "<html>401</html>", "content_type": "text/html"}
    responses.get(ORDERS, **html)
    responses.get(ORDERS, json={"items": []})
    assert fusion.page(fusion.path("salesOrdersForOrderHub")) == ([], False)
    responses.replace(responses.GET, ORDERS, **html)
    with pytest.raises(Misconfigured) as raised:
        fusion.page(fusion.path("salesOrdersForOrderHub"))
    assert "FUSION_SCOPE" in (raised.value.hint or "")


@responses.activate
def test_pages_go_on_by_what_came_until_there_is_no_more() -> None:
    fusion = client()
    pages = [([1, 2], True), ([3], True), ([], False)]
    for rows, more in pages:
        responses.get(SITES, json={"items": [{"n": n} for n in rows], "count": len(rows), "hasMore": more})
    assert [row["n"] for row in fusion.items(fusion.path("customerAccountSitesLOV"), q="A='x y'")] == [1, 2, 3]
    queries = [parse_qs(urlsplit(str(call.request.url)).query) for call in responses.calls[1:]]
    assert [query["offset"] for query in queries] == [["0"], ["2"], ["3"]]
    assert queries[0] == {"q": ["A='x y'"], "onlyData": ["true"], "limit": ["200"], "offset": ["0"]}


@responses.activate
@pytest.mark.parametrize("page", [{"items": [], "hasMore": True}, {"items": None}, {"title": "odd"}])
def test_a_page_that_is_none_is_an_error(page: dict[str, Any]) -> None:
    fusion = client()
    responses.get(SITES, json=page)
    with pytest.raises(Retry) as raised:
        list(fusion.items(fusion.path("customerAccountSitesLOV")))
    assert raised.value.code == "unreadable_answer"


@responses.activate
def test_children_come_as_array_as_collection_or_cut_off() -> None:
    fusion = client()
    responses.get(f"{ORDERS}/CLARITY%3A1/child/lines", json={"items": [{"n": 1}, {"n": 2}], "hasMore": False})
    path = fusion.path("salesOrdersForOrderHub", "CLARITY:1")
    for lines in ([{"n": 1}, {"n": 2}], {"items": [{"n": 1}, {"n": 2}]}, {"items": [{"n": 1}], "hasMore": True}):
        assert fusion.children({"lines": lines}, "lines", path) == [{"n": 1}, {"n": 2}]
    assert fusion.children({}, "lines", path) == [{"n": 1}, {"n": 2}]


@responses.activate
def test_a_collection_that_is_not_there_is_misconfigured() -> None:
    fusion = client()
    responses.get(SITES, **adf(404))
    with pytest.raises(NoSuchResource, match="customerAccountSitesLOV"):
        list(fusion.items(fusion.path("customerAccountSitesLOV")))


@responses.activate
@pytest.mark.parametrize("answer", [adf(404), adf(403)])
def test_a_user_who_may_not_read_items_leaves_them_to_fusion(answer: dict[str, Any]) -> None:
    responses.get(f"{FSCM}/itemsV2", **answer)
    assert Items(client(), "", "").numbers(["B", "A"]) == {"A": "A", "B": "B"}
