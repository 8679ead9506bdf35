"""The canonical cancellation: how much of an order an ERP will not fulfil any more, by line.

It says what is kept of each line, not what is taken away: so it means the same however often, and however late, it
arrives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import fields

from integration.canonical.values import Amount, Id, Rows, Strict, Text
from integration.errors import Hold

DECIDED = "Or decide otherwise in Clarity, and close this with `fleet held resolve`."
UNCLEAR = {
    "transfers_cancelled": (
        "all transfers of {} are cancelled in the ERP, but the order is not",
        "Cancel the order in the ERP, too, if nothing of it will be delivered; else let it be delivered there.",
    ),
    "shipped_short": (
        "less of {} was shipped in the ERP than ordered, and the rest is not cancelled there",
        "See whether the rest is still wanted, and enter in Clarity by hand what is not delivered.",
    ),
}
"""Why it is not known what is still wanted, with what to do; the number is filled in."""


class CancelledLine(Strict):
    """A line of which less is ``kept`` than was ``ordered`` there; ``billed`` is how much of it is invoiced."""

    order_line_id = Id(required=True)
    sku = Text()
    ordered = Amount(required=True)
    kept = Amount(required=True)
    billed = Amount()


class Cancellation(Strict):
    """``number`` is that of the order in the ERP ``source``.

    ``whole`` is true for an order that is cancelled itself; ``unclear`` says why it is not known what is still wanted:
    one of `UNCLEAR`.
    """

    id = Id(required=True)
    order_id = Id(required=True)
    source = Text(required=True)
    number = Text()
    whole = fields.Boolean(required=True)
    unclear = Text()
    lines = Rows(CancelledLine)


def check_cancellation(
    cancellation: dict[str, Any],
    approves: Callable[[Hold], bool] = lambda _: False,  # noqa: ARG001
) -> None:
    """Passes what Clarity can follow.

    Raises `Hold` for more billed than is kept, for an order that was cancelled after something of it had left, for one
    of which it is not known what was ordered, and for one whose transfers are all cancelled while it is not.  No person
    ``approves`` that: what is unclear is made clear in the ERP or in Clarity.
    """
    number, lines = cancellation["number"] or cancellation["id"], cancellation["lines"]
    if why := cancellation["unclear"]:
        reason, hint = UNCLEAR.get(why, ("it is not known what of {} is still wanted", "Correct {origin}."))
        raise Hold(reason.format(number), hint=f"{hint} {{again}} {DECIDED}", code=why)
    if cancellation["whole"] and (not lines or any(line["kept"] for line in lines)):
        raise Hold(
            f"{number} is cancelled in the ERP, but something of it may have left: Clarity has order "
            f"{cancellation['order_id'][:40]} open",
            hint="See what has left, and cancel in Clarity by hand what has not; or restore the order in the ERP. "
            f"{DECIDED}",
            code="cancelled_at_target",
        )
    for line in lines:
        if line["billed"] is not None and line["billed"] > line["kept"]:
            raise Hold(
                f"{line['kept'].normalize():f} of line {line['order_line_id'][:40]} of {number} are kept in the ERP, "
                f"but {line['billed'].normalize():f} are billed",
                hint=f"Credit there what is not delivered. {{again}} {DECIDED}",
                code="billed_at_target",
            )
