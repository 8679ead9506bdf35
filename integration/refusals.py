"""Refusals: every reason for which the receiver does not take a request, with what to do about it.

The check constraint of the table ``refusals`` lists the same reasons.
"""

from __future__ import annotations

from dataclasses import dataclass

from integration.signature import Flaw

OFTEN = 5
STRANGERS = 50
"""What anybody causes who tries doors: so often it is worth a look."""


@dataclass(frozen=True)
class Refusal:
    """What the sender is answered, why in words that end a sentence, and what to do about it.

    ``often`` is how many of them within ten minutes are an alert; None where another alert says more.
    """

    status: int
    because: str
    fix: str
    often: int | None = OFTEN


REFUSALS = {
    "unknown_path": Refusal(
        404,
        "nothing is served at its path",
        "Strangers try doors: see that a proxy lets only our paths pass.",
        STRANGERS,
    ),
    "unknown_source": Refusal(
        404,
        "no such source of webhooks is configured",
        "See which address Clarity has for its subscription (`fleet urls` shows ours), and that CLARITY_URL is set.",
    ),
    "unknown_hint": Refusal(
        404, "the secret part of the hint's address is not ours", "Correct the address in Odoo: `fleet urls` shows it."
    ),
    "slow": Refusal(
        408,
        "it did not arrive as a whole within FLEET_WEBHOOK_DEADLINE",
        "If it was Clarity's, see what slows its calls, or raise FLEET_WEBHOOK_DEADLINE; else have the proxy in front "
        "of the receiver limit who may connect.",
        STRANGERS,
    ),
    "too_large": Refusal(
        413,
        "it is larger than FLEET_WEBHOOK_LIMIT",
        "See what makes it so large in Clarity, or raise FLEET_WEBHOOK_LIMIT (bytes) and restart the receiver.",
    ),
    "media_type": Refusal(
        415,
        "its Content-Type is not application/json",
        "Set the content type of Clarity's subscription to application/json; see what a proxy makes of it.",
    ),
    Flaw.UNSIGNED.value: Refusal(
        401,
        "it lacks a header of the signature, or one of them is malformed",
        "If it was Clarity's, see what lies between it and the receiver: a proxy may take headers away.",
    ),
    Flaw.STALE.value: Refusal(
        401,
        "its timestamp is more than five minutes off",
        "See that this machine's clock is right (`date -u`), and whether something holds Clarity's calls back.",
    ),
    Flaw.UNPROVEN.value: Refusal(
        401,
        "its signature matches none of our secrets",
        "See that the secret which Clarity shows for its subscription is in CLARITY_WEBHOOK_SECRETS; restart the "
        "fleet.",
    ),
    "unreadable": Refusal(
        400,
        "it is not HTTP that can be read",
        "If it was Clarity's, see what a proxy makes of its calls.",
        STRANGERS,
    ),
    "malformed": Refusal(
        400, "it was signed, and is not an event", "See what Clarity sends: it is kept for seven days.", None
    ),
    "conflict": Refusal(
        409, "its id was accepted with another body", "See with Clarity which of the two is right.", None
    ),
    "not_stored": Refusal(
        503,
        "Postgres did not take it",
        "See that the server at DATABASE_URL runs, and its log; Clarity sends it again.",
    ),
    "defect": Refusal(
        503, "the receiver failed on it: a defect", "See the traceback in the receiver's log, and report it.", 1
    ),
}
"""By the reason's name."""
