"""The event types that each kind of system can send: a closed list, so that a misspelt one is found at load."""

from __future__ import annotations

from collections.abc import Mapping

EVENTS: Mapping[str, tuple[str, ...]] = {
    "clarity": (
        "order.created",
        "order.updated",
        "order.status_changed",
        "order.cancelled",
        "order.refunded",
        "payment.authorized",
        "payment.captured",
        "payment.failed",
        "payment.voided",
        "payment.charged_back",
        "shipment.created",
        "shipment.updated",
        "shipment.delivered",
        "invoice.created",
        "invoice.paid",
        "return.requested",
        "return.updated",
        "customer.created",
        "customer.updated",
        "customer.merged",
        "product.created",
        "product.updated",
        "product.deleted",
        "inventory.updated",
    ),
    "fusion": ("shipment.changed", "invoice.changed", "cancellation.changed", "customer.changed", "product.changed"),
    "odoo": (
        *("shipment.changed", "invoice.changed", "refund.changed", "cancellation.changed", "return.received"),
        *("customer.changed", "product.changed", "stock.changed"),
    ),
}
"""Clarity's are those of its webhooks; an ERP's are those that its connector makes of what a poll finds."""
