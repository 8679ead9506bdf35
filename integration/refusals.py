"""Refusals: every reason for which the receiver refuses a request, with the fix.

The check constraint of the table ``refusals`` lists the same reasons.
"""

from __future__ import annotations

from dataclasses import dataclass

from integration.signature import Flaw

OFTEN = 5
STRANGERS = 50
"""Scanners cause these refusals; above this number they are an alert."""


@dataclass(frozen=True)
class Refusal:
    """The status of the answer, the reason as the end of a sentence, and the fix.

    ``often``: this many within ten minutes are an alert; None where another alert covers it.
    """

    status: int
    because: str
    fix: str
    often: int | None = OFTEN


REFUSALS = {
    "unknown_path": Refusal(
        404,
        "nothing is served at its path",
        "Scanners request random paths: let a proxy pass only the paths of the fleet.",
        STRANGERS,
    ),
    "unknown_source": Refusal(
        404,
        "no such source of webhooks is configured",
        "Check the address of Clarity's subscription (`fleet urls` shows ours), and that CLARITY_URL is set.",
    ),
    "unknown_hint": Refusal(
        404, "the secret part of the hint's address is not ours", "Correct the address in Odoo: `fleet urls` shows it."
    ),
    "slow": Refusal(
        408,
        "it did not arrive completely within FLEET_WEBHOOK_DEADLINE",
        "If Clarity sent it, find what slows its calls, or raise FLEET_WEBHOOK_DEADLINE; else let the proxy before the "
        "receiver limit connections.",
        STRANGERS,
    ),
    "too_large": Refusal(
        413,
        "it is larger than FLEET_WEBHOOK_LIMIT",
        "Find out in Clarity why it is so large, or raise FLEET_WEBHOOK_LIMIT (bytes) and run `fleet restart`.",
    ),
    "media_type": Refusal(
        415,
        "its Content-Type is not application/json",
        "Set the content type of Clarity's subscription to application/json, and check that no proxy changes it.",
    ),
    Flaw.UNSIGNED.value: Refusal(
        401,
        "it lacks a header of the signature, or one of them is malformed",
        "If Clarity sent it, check the proxies before the receiver: one may remove headers.",
    ),
    Flaw.STALE.value: Refusal(
        401,
        "its timestamp is more than five minutes off",
        "Check this machine's clock (`date -u`), and whether something delays Clarity's calls.",
    ),
    Flaw.UNPROVEN.value: Refusal(
        401,
        "its signature matches none of our secrets",
        "Put the secret that Clarity shows for its subscription into CLARITY_WEBHOOK_SECRETS, and run `fleet restart`.",
    ),
    "unreadable": Refusal(
        400,
        "it is not valid HTTP",
        "If Clarity sent it, check whether a proxy changes its calls.",
        STRANGERS,
    ),
    "malformed": Refusal(
        400, "it was signed, and is not an event", "Look at what Clarity sent: it is kept for seven days.", None
    ),
    "conflict": Refusal(
        409, "its id was accepted with another body", "Find out in Clarity which of the two is right.", None
    ),
    "not_stored": Refusal(
        503,
        "Postgres did not store it",
        "Check that the server at DATABASE_URL runs, and read its log; Clarity sends the webhook again.",
    ),
    "defect": Refusal(
        503, "the receiver failed on it: a defect", "Find the traceback in the receiver's log, and report it.", 1
    ),
}
"""By the reason's name."""
