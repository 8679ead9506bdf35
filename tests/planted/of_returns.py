"""Defects of returns: one transfer for each, no more than was delivered, and what came back is away no more."""

from __future__ import annotations

from tests.planted.defect import Defect

ODOO = "integration/connectors/odoo/returned/"
POST = "tests/connectors/test_odoo_returns.py::"

DEFECTS = [
    Defect(
        "a return whose answer was lost is not made twice",
        f"{ODOO}post.py",
        'head = {"id": f"__clarity__.{self._name(picking, location)}", **self._head(picking, location)}',
        'head = {"id": f"__clarity__.{id(self)}", **self._head(picking, location)}',
        f"{POST}test_a_lost_answer_makes_no_second_transfer",
        "too many values to unpack",
    ),
    Defect(
        "no more comes back than was delivered",
        f"{ODOO}spread.py",
        "        if rest > GRAIN:\n",
        "        if False:\n",
        f"{POST}test_no_more_comes_back_than_was_delivered",
        "DID NOT RAISE.*Hold",
    ),
    Defect(
        "what came back is not counted as shipped",
        "integration/store/fulfilment.py",
        "else -value::numeric end) as quantity",
        "else value::numeric end) as quantity",
        "tests/store/test_progress.py::test_what_came_back_is_not_shipped_and_may_be_sent_again",
        "Decimal",
    ),
]
