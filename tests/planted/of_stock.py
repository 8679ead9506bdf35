"""Defects of stock levels: what is promised and not yet at the ERP, and which figure is the newest."""

from __future__ import annotations

from tests.planted.defect import Defect

TESTS = "tests/road/test_stock.py::"

DEFECTS = [
    Defect(
        "what is ordered here and not yet at the ERP is not sold again",
        "tasks/stock.py",
        " - now.pending",
        "",
        f"{TESTS}test_a_level_counts_an_order_once_wherever_it_is",
        "it has arrived, and not at Odoo",
    ),
    Defect(
        "a figure that is too old is not shown",
        "tasks/stock.py",
        "if now.age > OLDEST:",
        "if False:",
        f"{TESTS}test_an_old_figure_is_not_shown_but_read_anew",
        "'done'",
    ),
    Defect(
        "a level waits for orders that came before its figure and that nobody has read",
        "tasks/stock.py",
        "if now.unread:",
        "if False:",
        f"{TESTS}test_a_level_waits_for_orders_that_nobody_has_read",
        "throttled",
    ),
]
