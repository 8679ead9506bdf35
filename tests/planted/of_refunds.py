"""Defects of what is taken back: a credit note is no payment, is sent once, and what is a draft again is seen."""

from __future__ import annotations

from tests.planted.defect import Defect

DEFECTS = [
    Defect(
        "a partial credit note is no part payment",
        "mappings/odoo/in/invoice.json",
        "payment_state == 'partial' && credited && eq(paid, '0')",
        "payment_state == 'partial' && credited && eq(paid, '-1')",
        "tests/mapping/test_refund.py::test_an_invoice_that_a_credit_note_has_lowered_is_open_and_then_paid",
        "'partially_paid' == 'open'",
    ),
    Defect(
        "a refund whose answer was lost is not sent again",
        "integration/connectors/clarity/order_documents.py",
        "items = self._client.items(self._collection, externalRef=self._ref)",
        "items: list[Document] = []",
        "tests/connectors/test_clarity_refunds.py::test_a_refund_whose_answer_was_lost_is_not_sent_again",
        "already_exists|AlreadyExists|refused_duplicates|\\(1, 1\\) == \\(1, 0\\)",
    ),
    Defect(
        "an invoice that is a draft again does not go unseen",
        "integration/connectors/clarity/invoice/post.py",
        'if record.get("status") != "void":',
        "if False:",
        "tests/connectors/test_clarity_refunds.py::"
        "test_what_is_a_draft_again_is_held_only_where_clarity_shows_it_as_issued",
        "DID NOT RAISE.*Hold",
    ),
]
