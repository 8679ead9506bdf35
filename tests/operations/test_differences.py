"""How a document and what its target has are compared: path by path, and masked."""

from __future__ import annotations

from decimal import Decimal

from integration.operations.differences import compared

DOCUMENT = {
    "key": "1001",
    "version": 3,
    "amount_total": Decimal("10.50"),
    "order": {"PaymentTerms": "31 Net"},
    "customer": {"email": "jane@mail.example"},
    "lines": [{"sku": None, "quantity": Decimal("2"), "gift": False}],
}


def test_a_comparison_masks_what_it_compares() -> None:
    shown = {"order": {"PaymentTerms": "30 Net"}, "customer": {"email": "joe@mail.example"}, "amount_total": 10.5}
    rows = compared(DOCUMENT, shown | {"amount_total": Decimal("10.5")}, reveal=False)
    assert [(row["field"], row["would_be_sent"], row["at_target"], row["equal"]) for row in rows] == [
        ("order.PaymentTerms", "31 Net", "30 Net", False),
        ("customer.email", "***", "***", False),
        ("amount_total", Decimal("10.50"), Decimal("10.5"), True),
    ]
    assert compared(DOCUMENT, shown, reveal=True)[1]["at_target"] == "joe@mail.example"
    assert {row["at_target"] for row in compared(DOCUMENT, None, reveal=False)} == {"(absent)"}
    both = compared({"note": "a", "key": "1"}, {"key": "1", "origin": "b"}, reveal=True, whole=True)
    assert [(row["field"], row["equal"]) for row in both] == [("note", False), ("key", True), ("origin", False)]


def test_a_line_that_the_target_lacks_is_new_to_it() -> None:
    lines = [{"key": "1"}, {"key": "2"}]
    rows = compared({"lines": lines}, {"lines": [lines[0], None, {"key": "3"}]}, reveal=True)
    assert [(row["field"], row["would_be_sent"], row["at_target"]) for row in rows] == [
        ("lines.0.key", "1", "1"),
        ("lines.1.key", "2", "(absent)"),
        ("lines.2.key", "(absent)", "3"),
    ]


def test_an_odd_name_of_a_field_is_masked_too() -> None:
    named = {"attributes": {"jane@mail.example": "a"}}
    (row,) = compared(named, named, reveal=False)
    assert (row["field"], row["equal"]) == ("attributes.***1", True)
