"""Whatever arrives ends with a name: accepted, refused, held, skipped; no body is a defect of ours, or takes long.

Each body goes the way of one that was received: read as the receiver reads it, translated for every target, checked,
kept, and made into what the connector would send.
"""

from __future__ import annotations

import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from integration.canonical import ENTITIES, digest, freeze, parse_json, thaw
from integration.canonical.fulfilment import carried
from integration.connectors.fusion.order.payload import Payload
from integration.connectors.odoo.order.rows import order_rows
from integration.errors import Failure
from integration.masking import masked, without_personal
from integration.receiver import read_event
from integration.rules.workflow import Workflow, load_definitions
from mappings import FOLDER
from tests.fuzz.bodies import body
from tests.fuzz.conftest import Fuzz
from tests.mapping.shop import order

SHORT = 1500
SLOW = 1.0
DEFINITIONS = load_definitions(FOLDER)
Document = dict[str, Any]


@dataclass
class Tally:
    """How bodies ended: ``outcomes`` by name, ``defects`` by place with the number of the first, and what was slow."""

    outcomes: Counter[str] = field(default_factory=Counter)
    defects: dict[str, int] = field(default_factory=dict)
    slow: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def take(self, number: int, source: str, raw: bytes) -> None:
        started = time.process_time()
        try:
            self.outcomes.update(ends(source, raw))
        except Exception as error:  # what the test is for
            place = traceback.extract_tb(error.__traceback__)[-1]
            self.defects.setdefault(f"{type(error).__name__} at {place.filename}:{place.lineno}: {error}"[:300], number)
        took = time.process_time() - started
        self.slowest = max(self.slowest, took)
        if took > SLOW:
            self.slow.append(f"body {number}: {took:.2f} s for {len(raw)} bytes")

    def table(self) -> str:
        counted = sorted(self.outcomes.items(), key=lambda item: -item[1])
        return "\n".join([f"{count:>9}  {name}" for name, count in counted] + [f"slowest body: {self.slowest:.3f} s"])


def ends(source: str, raw: bytes) -> list[str]:
    """How a body ends at each of its targets."""
    try:
        event = read_event("evt-1", raw, "clarity")
    except Failure as refused:
        assert refused.reason
        return [f"receiver: {refused.code}"]
    document = parse_json(raw)
    masked(document)
    workflows = DEFINITIONS.matching(source, event.type)
    return [f"{each.name}: {end(each, document)}" for each in workflows] or ["no workflow"]


def end(workflow: Workflow, document: Document) -> str:
    try:
        made = workflow.translate(document)
        check = ENTITIES[workflow.entity].check
        assert check
        check(made.canonical)
        assert thaw(freeze(made._asdict())) == made._asdict()
        digest(made.target)
        if workflow.entity == "order":
            carried(made.part, Decimal(0))
            sent(workflow.target, made.target)
    except Failure as failure:
        assert failure.reason
        without_personal(failure.reason, document)
        return f"{type(failure).__name__} {failure.code}"
    return "translated"


def sent(target: str, document: Document) -> bytes:
    """What a connector would send, if everything were found at its target."""
    if target == "fusion":
        skus = {line["sku"]: str(line["sku"]) for line in document["lines"]}
        ids = {"party": 1, "account": 1, "bill_to": 1, "ship_to": None, "items": skus}
        return freeze(Payload({**document, "ids": ids}, "OMS", "1").create()) if document["lines"] else b""
    lines = [{"product": 1, "taxes": [1], "uom": 1} for _ in document["lines"]]
    ids = dict.fromkeys(("partner", "invoice", "delivery", "pricelist", "payment_term", "carrier"), 1) | {
        "lines": lines
    }
    return freeze(order_rows({**document, "ids": ids}, frozenset({"tax_ids", "product_uom_id", "is_delivery"})))


ENVELOPE = b'{"type": "order.created", "data": {"id": "1", "number": %s}}'
ONCE_DEFECTS = {
    "an exponent that decimals do not have": ENVELOPE % b"1e9999999999999999999",
    "an exponent that takes all memory": ENVELOPE % b"-1e99999999",
    "a number of five thousand digits": ENVELOPE % (b"9" * 5000),
    "five thousand lists in each other": ENVELOPE % (b"[" * 5000 + b"]" * 5000),
    "half a surrogate": ENVELOPE % b'"\\ud800"',
    "a byte order mark": b"\xef\xbb\xbf" + ENVELOPE % b'"1"',
    "another encoding": (ENVELOPE % b'"1"').decode().encode("utf-16"),
    "an id of two hundred thousand letters": freeze({"type": "order.created", "data": order({"id": "🌍" * 200_000})}),
    "nothing": b"",
}


@pytest.mark.parametrize("raw", ONCE_DEFECTS.values(), ids=ONCE_DEFECTS)
def test_what_was_a_defect_once_is_none(raw: bytes) -> None:
    tally = Tally()
    tally.take(0, "clarity", raw)
    assert (tally.defects, tally.slow) == ({}, [])


def test_no_body_is_a_defect_or_takes_long(fuzz: Fuzz) -> None:
    tally = Tally()
    for number in range(fuzz.count(SHORT)):
        tally.take(number, *body(fuzz.random(number)))
    print(tally.table())
    assert tally.defects == {}
    assert tally.slow == []
    assert any(name.endswith("translated") for name in tally.outcomes), "else nothing was looked at"
    assert any("Hold" in name for name in tally.outcomes)
