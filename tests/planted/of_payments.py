"""Defects of payments: money is posted once, only once it is there, and never beyond what the order comes to."""

from __future__ import annotations

from tests.planted.defect import Defect

POST = "tests/connectors/test_odoo_payments.py::"

DEFECTS = [
    Defect(
        "a payment whose draft lost its account is not posted without a journal entry",
        "integration/connectors/odoo/payment/post.py",
        'if row["outstanding_account_id"] and same',
        "if same",
        f"{POST}test_a_draft_that_was_loaded_twice_is_made_anew_with_its_entry",
        "no_outstanding_account|get no journal entry",
    ),
    Defect(
        "an authorized payment is not posted",
        "mappings/workflows/payment-to-odoo.json",
        '"when": "status != \'authorized\'"',
        '"when": "status != \'nothing\'"',
        "tests/road/test_payments.py::test_an_authorized_payment_is_not_posted",
        "'queued' == 'skipped'",
    ),
    Defect(
        "no more is paid of an order than it comes to",
        "integration/connectors/odoo/payment/refusals.py",
        'if paid + document["amount"] <= order.total or',
        "if True or",
        f"{POST}test_more_than_the_order_comes_to_is_held_until_a_person_lets_it_pass",
        "DID NOT RAISE.*Hold",
    ),
]
