"""Client credentials at a token URL that answers this and that; the good case is in the connectors' own tests."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
import responses

from integration.connectors.oauth import ClientCredentials
from integration.errors import Misconfigured, Retry

TOKEN_URL = "https://shop.example/oauth/token"


@contextmanager
def gate(size: int = 1) -> Iterator[None]:
    yield


def stranger(scope: str = "") -> ClientCredentials:
    """A client that no other test uses, so that no token is kept for it."""
    id = f"client-{time.time_ns()}"
    return ClientCredentials("fusion", TOKEN_URL, id, "secret", gate=gate, timeout=5, scope=scope)


@responses.activate
def test_a_token_is_asked_for_as_rfc_6749_has_it_and_left_before_it_ends() -> None:
    for token in ("first", "second"):
        responses.post(TOKEN_URL, json={"access_token": token, "token_type": "Bearer", "expires_in": 1})
    client = stranger("orders.read orders.write")
    assert client.headers() == client.headers() == {"Authorization": "Bearer first"}
    time.sleep(0.6)
    assert client.headers() == {"Authorization": "Bearer second"}
    asked = responses.calls[0].request
    assert asked.body == b"grant_type=client_credentials&scope=orders.read+orders.write"
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert str(asked.headers["Authorization"]).startswith("Basic ")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"status": 400, "json": {"error": "invalid_scope"}}, r"refuses our client \(400\)"),
        ({"status": 404, "body": "<html>"}, r"refuses our client \(404\)"),
        ({"status": 302, "headers": {"Location": "/login"}}, r"refuses our client \(302\)"),
        ({"json": {"token": "x"}}, "without a token"),
        ({"json": ["x"]}, "without a token"),
        ({"json": {"access_token": "x", "expires_in": "soon"}}, "without a token"),
    ],
)
@responses.activate
def test_what_is_no_token_is_for_the_operator(answer: dict[str, Any], reason: str) -> None:
    responses.post(TOKEN_URL, **answer)
    with pytest.raises(Misconfigured, match=reason) as error:
        stranger().headers()
    assert "FUSION_TOKEN_URL" in (error.value.hint or "")


@pytest.mark.parametrize("answer", [{"status": 503}, {"body": requests.ConnectionError("reset")}, {"body": "<html>"}])
@responses.activate
def test_a_token_url_that_fails_leaves_nothing_unknown(answer: dict[str, Any]) -> None:
    responses.post(TOKEN_URL, **answer)
    with pytest.raises(Retry) as failure:
        stranger().headers()
    assert not failure.value.unknown_outcome
