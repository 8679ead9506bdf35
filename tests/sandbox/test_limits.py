"""Where the fake shop says no for good: rate limit, short-lived tokens, webhooks given up."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.sandbox.rig import Listener, Sandbox, eventually


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, listening: Listener) -> Iterator[Sandbox]:
    """Five requests, then one a second; tokens for one second; webhooks tried ten times within a moment."""
    limits = {"requests_per_minute": 60, "burst": 5, "token_lifetime": 1, "retry_scale": 1e-7}
    sandbox = Sandbox(tmp_path_factory.mktemp("strict"), listening.url, **limits)
    sandbox.start()
    yield sandbox
    sandbox.stop()


def test_a_webhook_is_given_up_after_ten_attempts_and_the_subscription_disabled(
    strict: Sandbox, listening: Listener
) -> None:
    listening.answers += [(500, {})] * 10
    strict.control("POST", "/orders/generate", {"count": 1})
    eventually(lambda: strict.ledger()["webhooks"]["failed"] == 1)
    assert len(listening.received) == 10
    assert len({headers["webhook-id"] for headers, _ in listening.received}) == 1
    strict.control("POST", "/orders/generate", {"count": 1})
    assert strict.ledger()["webhooks"] == {"pending": 0, "delivered": 0, "failed": 2, "dropped": 0}


def test_the_burst_is_used_up_and_comes_back(strict: Sandbox) -> None:
    strict.headers = {"Authorization": f"Bearer {strict.token()}"}
    answers = [strict.get("/orders") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert (answers[-1].json()["code"], answers[-1].headers["Retry-After"]) == ("rate_limited", "1")
    assert (answers[-1].headers["RateLimit-Limit"], answers[-1].headers["RateLimit-Remaining"]) == ("60", "0")
    assert answers[-1].json()["retryable"] is True


def test_a_token_lives_as_long_as_it_says(strict: Sandbox) -> None:
    time.sleep(2.1)  # and two requests are free again
    old = strict.headers
    assert strict.get("/orders", headers=old).json()["code"] == "token_expired"
    assert strict.get("/orders", headers={"Authorization": f"Bearer {strict.token()}"}).status_code == 200
