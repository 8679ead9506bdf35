"""What the reading commands show of a document."""

from __future__ import annotations

from integration.masking import masked


def test_persons_are_masked_and_products_are_not() -> None:
    order = {
        "id": "1001",
        "customer": {"id": "c-77", "type": "person", "name": "Jane", "firstName": "Jane", "email": "jane@example.test"},
        "shippingAddress": {"addressLine1": "12 Elm St", "countryCode": "US", "parts": ["Jane"]},
        "lines": [{"sku": "SKU-1", "name": "Mug", "quantity": "2"}],
        "order": {"x_gift_message": "for Jim", "note": "ring twice", "origin": "WEB-1"},
        "payments": [{"id": "p1", "reference": "tok_1", "amount": "5.00"}],
        "customAttributes": {"giftMessage": "for Jim"},
        "tags": ["vip jane"],
    }
    assert masked(order) == {
        "id": "1001",
        "customer": {"id": "c-77", "type": "person", "name": "***", "firstName": "***", "email": "***"},
        "shippingAddress": {"addressLine1": "***", "countryCode": "US", "parts": ["***"]},
        "lines": [{"sku": "SKU-1", "name": "Mug", "quantity": "2"}],
        "order": {"x_gift_message": "***", "note": "***", "origin": "WEB-1"},
        "payments": [{"id": "p1", "reference": "***", "amount": "5.00"}],
        "customAttributes": {"giftMessage": "***"},
        "tags": ["***"],
    }
