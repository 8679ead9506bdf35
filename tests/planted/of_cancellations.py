"""Defects of cancellations: what an ERP cancels is cancelled in Clarity once, and what is short does complete."""

from __future__ import annotations

from tests.planted.defect import Defect

CLARITY = "tests/connectors/test_clarity_cancellations.py::"
ODOO = "tests/connectors/test_odoo_cancellations.py::"

DEFECTS = [
    Defect(
        "what was lowered before is not cancelled again",
        "integration/connectors/clarity/order/cancellation.py",
        "going[id] = quantity - kept",
        "going[id] = ordered - kept",
        f"{CLARITY}test_a_line_is_lowered_to_what_is_kept_and_not_again",
        "'1': '0'",
    ),
    Defect(
        "an order that Clarity has cancelled is not cancelled again",
        "integration/connectors/clarity/order/cancellation.py",
        'GONE = ("cancelled", "void")',
        'GONE = ("void",)',
        f"{CLARITY}test_nothing_kept_is_a_cancelled_order_also_where_clarity_was_first",
        "'ok'",
    ),
    Defect(
        "what is shipped short for good is reported",
        "integration/connectors/odoo/order/cancellations.py",
        "if whole or _is_short(line) else",
        "if whole else",
        f"{ODOO}test_what_is_kept_is_read",
        "not enough values to unpack",
    ),
]
