"""Which secrets of webhooks are taken: Standard Webhooks 1.0.0, and nothing that only looks like it."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from integration.errors import Misconfigured
from integration.signature import TOLERANCE, BadSignature, Flaw, check_secret, sign, verify

KEY = base64.b64encode(b"k" * 24).decode()
REFUSED = {
    "whsec_": "is empty",
    "": "is empty",
    "whsec_!bad": "is not base64",
    "whsec_" + "!" * 40: "is not base64",
    "a passphrase of more than 24 bytes": "is not base64",
    "zamówienie-" * 4: "is not base64",
    f"whsec_{KEY}\n": "is not base64",
    f"whsec_{KEY[:-1]}": "is not base64",
    f"whsec_whsec_{KEY}": "is not base64",
    "whsec_" + base64.b64encode(b"k" * 23).decode(): "is shorter than 24 bytes",
}


@pytest.mark.parametrize("secret", REFUSED)
def test_a_secret_that_is_none_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(Misconfigured) as refusal:
        check_secret("CLARITY_WEBHOOK_SECRETS", secret)
    assert refusal.value.reason == f"a secret in CLARITY_WEBHOOK_SECRETS {REFUSED[secret]}"
    assert refusal.value.hint.startswith("Take the one that Clarity shows")
    assert len(secret) < 7 or secret not in refusal.value.reason + refusal.value.hint


@pytest.mark.parametrize("secret", REFUSED)
def test_nothing_is_signed_with_a_secret_that_is_none(secret: str) -> None:
    with pytest.raises(Misconfigured):
        sign(secret, "evt_1", 1, b"{}")


@pytest.mark.parametrize("secret", [f"whsec_{KEY}", KEY])
def test_a_secret_may_come_without_its_prefix(secret: str) -> None:
    check_secret("CLARITY_WEBHOOK_SECRETS", secret)
    at = datetime(2026, 11, 20, tzinfo=UTC)
    assert sign(secret, "evt_1", int(at.timestamp()), b"{}") == Webhook(secret).sign("evt_1", at, "{}")


@pytest.mark.parametrize("off", [TOLERANCE + 60, -TOLERANCE - 60])
def test_a_webhook_of_another_time_is_refused(off: int) -> None:
    at = int(time.time()) + off
    with pytest.raises(BadSignature) as refusal:
        verify([KEY], "evt_1", str(at), sign(KEY, "evt_1", at, b"{}"), b"{}")
    assert refusal.value.flaw is Flaw.STALE


def test_a_signature_of_another_body_proves_nothing() -> None:
    at = int(time.time())
    signature = sign(KEY, "evt_1", at, b"{}")
    verify([KEY], "evt_1", str(at), signature, b"{}")
    with pytest.raises(BadSignature) as refusal:
        verify([KEY], "evt_1", str(at), signature, b"{} ")
    assert refusal.value.flaw is Flaw.UNPROVEN
