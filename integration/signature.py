"""Webhook signatures by Standard Webhooks 1.0.0: HMAC-SHA256 over ``id.timestamp.body``."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from enum import StrEnum

from integration.errors import Misconfigured

PREFIX = "whsec_"
SHORTEST_SECRET = 24
"""Bytes of the key, not characters of its base64."""
TOLERANCE = 300
"""Seconds that a timestamp may lie in the past or the future."""


class Flaw(StrEnum):
    """Why a webhook is not proven to come from its source."""

    UNSIGNED = "unsigned"
    """A header is missing, or is nothing that could be one."""
    STALE = "stale"
    UNPROVEN = "unproven"


class BadSignature(Exception):
    """The webhook is not proven to come from its source.  The text names the check that failed, never a value."""

    def __init__(self, flaw: Flaw, text: str) -> None:
        super().__init__(text)
        self.flaw = flaw


def sign(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """The ``webhook-signature`` of a body, ``v1,<base64>``."""
    signed = id.encode() + b"." + str(timestamp).encode() + b"." + body
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def check_secret(variable: str, secret: str) -> None:
    """Raises `Misconfigured` for a secret in a ``variable`` that Standard Webhooks does not allow."""
    _key(secret, f"a secret in {variable}")


def verify(secrets: Sequence[str], id: str, timestamp: str, signatures: str, body: bytes) -> None:
    """Returns when any listed signature proves the body under any live secret; raises `BadSignature` otherwise.

    Takes the three headers as they came.  Comparison takes constant time; several secrets live while one is rotated.
    """
    if not id or not timestamp or not signatures:
        raise BadSignature(
            Flaw.UNSIGNED, "The headers webhook-id, webhook-timestamp and webhook-signature are required."
        )
    signed_at = _timestamp(timestamp)
    if abs(time.time() - signed_at) > TOLERANCE:
        raise BadSignature(Flaw.STALE, "The webhook-timestamp is more than five minutes off.")
    expected = [sign(secret, id, signed_at, body).encode() for secret in secrets]
    given = [each.encode() for each in signatures.split(" ") if each.startswith("v1,")]
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in given]  # all: in constant time
    if not any(matches):
        raise BadSignature(Flaw.UNPROVEN, "No webhook-signature matches.")


def _timestamp(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise BadSignature(Flaw.UNSIGNED, "The webhook-timestamp is not in Unix seconds.")
    return int(text)


def _key(secret: str, about: str = "a webhook secret") -> bytes:
    """The key of a secret: base64 of at least 24 bytes, with or without ``whsec_`` before it (Standard Webhooks 1.0.0).

    Raises `Misconfigured` for every other text, without showing it.  Nothing but base64 is taken, so that a secret
    that was copied badly is never a key of its own.
    """
    try:
        key, why = base64.b64decode(secret.removeprefix(PREFIX), validate=True), ""
    except ValueError:
        key, why = b"", "is not base64"
    if len(key) < SHORTEST_SECRET:
        raise Misconfigured(
            f"{about} {why or (f'is shorter than {SHORTEST_SECRET} bytes' if key else 'is empty')}",
            hint=f"Take the one that Clarity shows for the subscription: {PREFIX} and base64 of at least "
            f"{SHORTEST_SECRET} bytes.",
        )
    return key
