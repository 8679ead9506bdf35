"""What of a sales order has left, delivery by delivery, and what has not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from integration.connectors.contract import Change
from integration.connectors.fusion.decode import newest, zulu
from integration.connectors.fusion.order.difference import SHIPPED, is_canceled, is_shipped
from integration.connectors.fusion.order.sales_orders import DETAILS, Row, SalesOrder, quantity, text

PARTLY = "PARTIALLY_SHIPPED"
SHIPPED_QUANTITY = ("ShippedQuantity", "FulfilledQuantity", "OrderedQuantity")
NAMES = ("DeliveryName", "WaybillNumber", "TrackingNumber")
BILLS = ("bill", "invoice")
WAITING = ("NOT_STARTED", "SCHEDULED", "RESERVED", "AWAIT_SHIP", "BACKORDERED")


def shipments(order: SalesOrder) -> list[Change]:
    """One change for each delivery that has left, and one for what has not left yet; it stays when nothing is left.

    A delivery is what has one DeliveryName; where a pod gives none, one waybill, else one tracking number.  Several
    details of a line in one delivery are summed, and so are the lines into which Fusion has split a line of ours.
    """
    deliveries: dict[str, list[tuple[Row, Row]]] = defaultdict(list)
    for line in order.lines:
        for detail in line[DETAILS]:
            if _has_left(detail, line):
                deliveries[_name(detail)].append((line, detail))
    changes = [_delivery(order, name, parts) for name, parts in deliveries.items()]
    waiting = [(line, left) for line in order.lines if (left := _not_left(line)) > 0]
    return [*changes, _change(order, None, _lines(waiting))] if waiting or changes else []


def _has_left(detail: Row, line: Row) -> bool:
    """A detail of a shipment may be there before the goods have left; where it does not say so, its line does."""
    task = str(detail.get("TaskType") or "").lower()
    ships = task.startswith("ship") or (not task.startswith(BILLS) and any(detail.get(name) for name in NAMES))
    status = detail.get("StatusCode")
    return ships and (status in SHIPPED or (status not in WAITING and is_shipped(line)))


def _name(detail: Row) -> str:
    return str(next(filter(None, (detail.get(name) for name in (*NAMES, "FulfillLineDetailId"))), "unnamed"))


def _not_left(line: Row) -> Decimal:
    """How much of a line is still to leave.  What nobody ships goes to billing at once, and is not waited for."""
    if is_canceled(line) or (line.get("StatusCode") in SHIPPED and line["StatusCode"] != PARTLY):
        return Decimal(0)
    left = sum((_quantity(line, detail) for detail in line[DETAILS] if _has_left(detail, line)), Decimal(0))
    return quantity(line, "OrderedQuantity") - max(left, quantity(line, "ShippedQuantity"))


def _quantity(line: Row, detail: Row) -> Decimal:
    return quantity({**line, "Quantity": detail.get("Quantity")}, "Quantity", *SHIPPED_QUANTITY)


def _delivery(order: SalesOrder, name: str, parts: list[tuple[Row, Row]]) -> Change:
    times = [line.get("ActualShipDate") or detail.get("StatusAsOfDate") for line, detail in parts]
    waybills = _distinct(detail.get("WaybillNumber") for _, detail in parts)
    return _change(
        order,
        name,
        _lines((line, _quantity(line, detail)) for line, detail in parts),
        min((id for _, detail in parts if (id := text(detail.get("FulfillLineDetailId")))), default=None),
        ActualShipDate=zulu(newest(times)),
        TrackingNumbers=_distinct(detail.get("TrackingNumber") for _, detail in parts),
        WaybillNumber=", ".join(waybills) or None,
    )


def _change(
    order: SalesOrder, name: str | None, lines: list[Row], first_detail: str | None = None, **more: object
) -> Change:
    """``first_detail`` is what the delivery is known by: names may be typed in, and changed, after it has left."""
    document = {
        "OrderKey": order.key,
        "OrderNumber": order.number,
        "DeliveryName": name,
        "ActualShipDate": None,
        "TrackingNumbers": [],
        "WaybillNumber": None,
        "lines": lines,
        **more,
    }
    return Change(
        "shipment.changed",
        f"{order.key}/{first_detail or name or 'unshipped'}",
        order.at,
        name or order.number,
        order.parent,
        document,
    )


def _lines(parts: Iterable[tuple[Row, Decimal]]) -> list[Row]:
    """Quantities by our line, item and status; parts of a line may have come to different statuses."""
    sums: dict[tuple[str | None, ...], Decimal] = defaultdict(Decimal)
    for line, amount in parts:
        names = ("SourceTransactionLineId", "ProductNumber", "StatusCode")
        sums[tuple(text(line.get(name)) for name in names)] += amount
    return [
        {"key": key, "sku": sku, "quantity": amount, "StatusCode": status}
        for (key, sku, status), amount in sums.items()
    ]


def _distinct(values: Iterable[object]) -> list[str]:
    return list(dict.fromkeys(str(value) for value in values if value))
