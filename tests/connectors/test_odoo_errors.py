"""What odd answers of Odoo come to.  Names and messages are recorded from Odoo 19.0 Community, 2026-11-21."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest
import requests
import responses

from integration.connectors.odoo.client import Client
from integration.connectors.odoo.errors import loaded
from integration.errors import Failure, Hold, Misconfigured, Reject, Retry, Throttled
from integration.settings import System

URL = "https://odoo.example"
CALL = f"{URL}/json/2/res.partner/write"


def client(protocol: str = "json2") -> Client:
    options = {"db": "shop", "username": "fleet", "api_key": "the-key", "protocol": protocol}
    return Client(System("odoo", URL, 10, 4, 5.0, options), nullcontext)


def failure(client: Client) -> Any:
    with pytest.raises(Failure) as raised:
        client.call("res.partner", "write", [7], vals={"name": "Jane"})
    return raised.value


ERRORS = [
    (401, "werkzeug.exceptions.Unauthorized", "Invalid apikey", Misconfigured, "misconfigured"),
    (403, "odoo.exceptions.AccessDenied", "Access Denied", Misconfigured, "misconfigured"),
    (403, "odoo.exceptions.AccessError", "You are not allowed to create 'Contact' records.", Hold, "access_error"),
    (404, "odoo.exceptions.MissingError", "Record does not exist or has been deleted.", Hold, "record_missing"),
    (404, "werkzeug.exceptions.NotFound", "the model 'nope' does not exist", Misconfigured, "misconfigured"),
    (422, "odoo.exceptions.UserError", "Some orders are not in a state requiring confirmation.", Hold, "user_error"),
    (422, "odoo.exceptions.ValidationError", "Contacts require a name", Reject, "validation_error"),
    (422, "werkzeug.exceptions.UnprocessableEntity", "unexpected kwarg", Reject, "validation_error"),
    (500, "builtins.ValueError", "Invalid field 'x_nope' on 'res.partner'", Reject, "builtins.ValueError"),
    (500, "builtins.KeyError", "'x'", Reject, "builtins.KeyError"),
    (500, "psycopg2.errors.SerializationFailure", "could not serialize access", Retry, "write_conflict"),
    (500, "psycopg2.errors.LockNotAvailable", "could not obtain lock on row", Retry, "write_conflict"),
    (500, "psycopg2.errors.DeadlockDetected", "deadlock detected", Retry, "write_conflict"),
    (500, "psycopg2.OperationalError", "connection to server failed", Retry, "odoo_database"),
    (500, "psycopg2.OperationalError", 'FATAL:  database "shop" does not exist', Misconfigured, "misconfigured"),
    (500, "some.carrier.Timeout", "took too long", Retry, "some.carrier.Timeout"),
]


@responses.activate
@pytest.mark.parametrize("protocol", ["json2", "jsonrpc"])
@pytest.mark.parametrize(("status", "name", "message", "expected", "code"), ERRORS)
def test_an_error_is_what_its_name_says(
    protocol: str, status: int, name: str, message: str, expected: type[Failure], code: str
) -> None:
    error = {"name": name, "message": message, "arguments": [message], "context": {}, "debug": "Traceback: Jane"}
    if protocol == "json2":
        responses.post(CALL, json=error, status=status)
    else:
        responses.post(f"{URL}/jsonrpc", json={"jsonrpc": "2.0", "id": 1, "result": 5})
        body = {"code": 0, "message": "Odoo Server Error", "data": error}
        responses.post(f"{URL}/jsonrpc", json={"jsonrpc": "2.0", "id": 1, "error": body})
    said = failure(client(protocol))
    assert (isinstance(said, expected), said.code) == (True, code)
    assert "Jane" not in said.reason
    if isinstance(said, Retry):
        assert said.counts_for_breaker == (code == "odoo_database")
        assert not said.unknown_outcome
    if isinstance(said, Hold | Misconfigured | Reject):
        assert said.hint


@responses.activate
def test_credentials_travel_but_are_not_frozen() -> None:
    responses.post(CALL, json=True)
    odoo = client()
    request = odoo.request("res.partner", "write", [7], vals={"name": "Jane"})
    assert odoo.send(request) is True
    assert (request.method, request.path, request.headers) == ("POST", "/json/2/res.partner/write", {})
    context = {"lang": "en_US", "tz": "UTC"}
    assert request.body == {"ids": [7], "vals": {"name": "Jane"}, "context": context}
    sent = responses.calls[0].request
    assert (sent.headers["Authorization"], sent.headers["X-Odoo-Database"]) == ("bearer the-key", "shop")


@responses.activate
def test_a_frozen_call_goes_over_json_rpc_as_well() -> None:
    login = responses.post(f"{URL}/jsonrpc", json={"jsonrpc": "2.0", "id": 1, "result": 5})
    call = responses.post(f"{URL}/jsonrpc", json={"jsonrpc": "2.0", "id": 1, "result": True})
    odoo = client("jsonrpc")
    assert odoo.send(client("json2").request("res.partner", "write", [7], vals={"name": "Jane"})) is True
    assert odoo.call("res.partner", "search_count", domain=[]) is True
    assert (login.call_count, call.call_count) == (1, 2)
    sent = call.calls[0].request.body
    assert isinstance(sent, bytes)
    named = {"context": {"lang": "en_US", "tz": "UTC"}, "vals": {"name": "Jane"}}
    arguments = ["shop", 5, "the-key", "res.partner", "write", [[7]], named]
    assert json.loads(sent)["params"] == {"service": "object", "method": "execute_kw", "args": arguments}


@responses.activate
def test_a_wrong_password_over_json_rpc() -> None:
    responses.post(f"{URL}/jsonrpc", json={"jsonrpc": "2.0", "id": 1, "result": False})
    assert "user name and API key" in failure(client("jsonrpc")).reason


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "protocol"),
    [
        (200, {"version_info": [19, 0, 0, "final", 0, ""]}, "json2"),
        (200, {"version_info": ["saas~19", 2, 0, "final", 0, ""]}, "json2"),
        (200, {"version_info": [18, 0, 0, "final", 0, ""]}, "jsonrpc"),
        (404, "<!doctype html>", "jsonrpc"),
    ],
)
def test_the_newest_protocol_the_server_offers_is_chosen(status: int, body: Any, protocol: str) -> None:
    version = responses.get(
        f"{URL}/json/version", status=status, **({"body": body} if isinstance(body, str) else {"json": body})
    )
    responses.post(CALL, json=True)
    responses.post(f"{URL}/jsonrpc", json={"jsonrpc": "2.0", "id": 1, "result": 5})
    odoo = client("auto")
    odoo.call("res.partner", "write", [7], vals={})
    odoo.call("res.partner", "write", [7], vals={})
    assert version.call_count == 1
    assert {"/json/2" in str(call.request.url) for call in responses.calls[1:]} == {protocol == "json2"}


@responses.activate
def test_a_server_that_is_away_is_no_reason_to_choose_the_older_protocol() -> None:
    responses.get(f"{URL}/json/version", status=502, body="<html>")
    responses.get(f"{URL}/json/version", json={"version_info": [19, 0]})
    responses.post(CALL, json=True)
    odoo = client("auto")
    assert failure(odoo).counts_for_breaker
    assert odoo.call("res.partner", "write", [7], vals={}) is True


def test_an_unknown_protocol_is_misconfigured() -> None:
    assert failure(client("xmlrpc")).hint == "Set ODOO_PROTOCOL to auto, json2 or jsonrpc."


@responses.activate
@pytest.mark.parametrize(
    ("answer", "expected", "unknown"),
    [
        ({"status": 404, "body": "<!doctype html>", "content_type": "text/html"}, Misconfigured, None),
        ({"status": 502, "body": "<html>Jane</html>", "content_type": "text/html"}, Retry, True),
        ({"status": 500, "body": '{"name": "odoo.exc', "content_type": "application/json"}, Retry, True),
        ({"status": 200, "body": '{"ids": [1', "content_type": "application/json"}, Retry, True),
        ({"status": 200, "body": "<html>Jane</html>", "content_type": "text/html"}, Retry, True),
        ({"body": requests.ConnectionError("reset")}, Retry, True),
        ({"body": requests.ReadTimeout("slow")}, Retry, True),
        ({"status": 429, "headers": {"Retry-After": "Sat, 21 Nov 2020 10:00:30 GMT"}}, Throttled, None),
        ({"status": 503, "headers": {"Retry-After": "4"}}, Throttled, None),
    ],
)
def test_answers_that_are_not_odoos(answer: dict[str, Any], expected: type[Failure], unknown: bool | None) -> None:
    responses.post(CALL, **answer)
    said = failure(client())
    assert type(said) is expected
    assert getattr(said, "unknown_outcome", None) is unknown
    assert "Jane" not in said.reason


@responses.activate
def test_null_is_an_answer() -> None:
    responses.post(CALL, body="null", content_type="application/json")
    assert client().call("res.partner", "write", [7], vals={}) is None


def message(text: str, **more: Any) -> dict[str, Any]:
    return {"ids": False, "messages": [{"type": "error", "record": 0, "message": text, **more}], "nextrow": 0}


@pytest.mark.parametrize(
    ("answer", "expected", "reason"),
    [
        (message("could not serialize access due to concurrent update\n"), Retry, "Odoo could not serialize the write"),
        (
            message("No matching record found for name 'Jane' in field 'Country'", field="country_id"),
            Reject,
            "Odoo refused the order (field country_id): No matching record found for name … in field …",
        ),
        (
            message("You are not allowed to create 'Contact' (res.partner) records."),
            Hold,
            "Odoo refused the order: You",
        ),
        (None, Retry, "the answer is not one of load()"),
        ({"name": "odd"}, Retry, "the answer is not one of load()"),
    ],
)
def test_the_messages_of_load(answer: Any, expected: type[Failure], reason: str) -> None:
    with pytest.raises(expected) as raised:
        loaded(answer, "order")
    assert raised.value.reason.startswith(reason)
    assert "Jane" not in raised.value.reason


def test_a_warning_of_load_is_no_error() -> None:
    answer = {"ids": [17], "messages": [{"type": "warning", "message": "mind the gap"}], "nextrow": 0}
    assert loaded(answer, "order") == [17]
