"""What a caller needs to reach a system that is played here, and the sandbox's own side of the same keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DATABASE = "sandbox"
CLIENT = "fleet"
USER = "fleet@sandbox.example"
BUSINESS_UNIT = "Example BU"
GUEST_ACCOUNT = "90000"
RATE = "500"
"""Calls per second: nobody else needs it."""
POLL_SECONDS = "2"
SPLIT_EVERY = 3
"""Every third order leaves in two parts."""


@dataclass(frozen=True)
class Keys:
    """The secrets by which the sandbox knows its caller."""

    client_secret: str = field(repr=False)
    api_key: str = field(repr=False)


@dataclass(frozen=True)
class Sends:
    """Where a played system sends its webhooks to, and the secret under which it signs them."""

    url: str
    secret: str = field(repr=False)


def options(kind: str, base: str, keys: Keys) -> Mapping[str, str]:
    """The options of a system that is played at ``base``, by their names without that of the system."""
    client = {"client_id": CLIENT, "client_secret": keys.client_secret, "rate": RATE}
    return {
        "clarity": {"url": f"{base}/api/v1", "token_url": f"{base}/oauth/token", **client},
        "odoo": {
            "url": base,
            "db": DATABASE,
            "username": USER,
            "api_key": keys.api_key,
            "rate": RATE,
            "poll_seconds": POLL_SECONDS,
        },
        "fusion": {
            "url": base,
            "token_url": f"{base}/oauth2/v1/token",
            **client,
            "scope": "urn:sandbox",
            "business_unit": BUSINESS_UNIT,
            "guest_account": GUEST_ACCOUNT,
            "poll_seconds": POLL_SECONDS,
        },
    }[kind]


def section(kind: str, keys: Keys, sends: Sends, age_seconds: float) -> dict[str, object]:
    """The part of the sandbox's configuration for a system; its orders take ``age_seconds`` for each step."""
    client = {"client_id": CLIENT, "client_secret": keys.client_secret}
    ageing = {"age_seconds": age_seconds, "split_every": SPLIT_EVERY}
    sections: Mapping[str, dict[str, object]] = {
        "clarity": {**client, "webhook_url": sends.url, "webhook_secret": sends.secret},
        "odoo": {"database": DATABASE, "username": USER, "api_key": keys.api_key, **ageing},
        "fusion": {**client, "business_unit": BUSINESS_UNIT, **ageing},
    }
    return sections[kind]
