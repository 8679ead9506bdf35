"""The dozen orders of the demo: each is a case of its own, and all of them are valid."""

from __future__ import annotations

from random import Random

from integration.sandbox.clarity.generate import draft
from integration.sandbox.clarity.records import Document

STORIES = {
    "A plain order, tax inside the price": "plain+same_customer",
    "Express delivery, names in many scripts": "express+unicode",
    "A company: purchase order, 30 days to pay": "b2b_po",
    "A line with a percentage off": "discount_percent",
    "Two units, each with another discount": "discount_per_unit",
    "A company in Texas: sales tax on top of the price": "tax_excluded+b2b_po",
    "Two taxes on every line": "multi_tax",
    "Yen, which has no decimals": "jpy+express",
    "Kuwaiti dinar, which has three": "kwd",
    "Downloads only: nowhere to deliver to": "digital",
    "A guest, a voucher, part paid by gift card": "guest+order_discount+gift_card",
    "Fractions and a service, split by product": "fractional_qty+digital_mix+notes+shared",
}


def stories(seed: int | str) -> list[tuple[str, Document]]:
    """(story, order) for each; the same for the same seed."""
    return [(story, draft(traits.split("+"), Random(f"{seed}/{story}"))) for story, traits in STORIES.items()]  # noqa: S311
