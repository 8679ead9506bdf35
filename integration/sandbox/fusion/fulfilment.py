"""What happens to an order after it was taken in: scheduled, shipped, billed, paid, step by step.

A step moves every open line on by one status.  Steps come by the clock (``age_seconds`` each) or when asked for.  What
a pod does is configurable there; this is the usual way: entered, scheduled, awaiting shipping, shipped, awaiting
billing, billed, closed.  Lines that nobody ships go from entered to awaiting billing.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integration.sandbox.config import FusionConfig
from integration.sandbox.fusion import pricing
from integration.sandbox.fusion.billing import Billing
from integration.sandbox.fusion.lines import SHIPPED
from integration.sandbox.fusion.orders import roll_up
from integration.sandbox.fusion.records import Records, now
from integration.sandbox.fusion.schema import ORDER

Row = dict[str, Any]

NEXT = {
    "NOT_STARTED": "SCHEDULED",
    "SCHEDULED": "AWAIT_SHIP",
    "AWAIT_SHIP": "SHIPPED",
    "SHIPPED": "AWAIT_BILLING",
    "AWAIT_BILLING": "BILLED",
    "BILLED": "CLOSED",
}
DISPLAY = {
    "SCHEDULED": "Scheduled",
    "AWAIT_SHIP": "Awaiting Shipping",
    "SHIPPED": "Shipped",
    "AWAIT_BILLING": "Awaiting Billing",
    "BILLED": "Billed",
    "CLOSED": "Closed",
}
FIRST_DELIVERY = 1509152


@dataclass(frozen=True)
class Manner:
    """How the steps go when somebody asks for them.

    ``split``: lines of several units ship in two parts.  ``late_tracking``: the tracking number is known only a step
    after the shipment.  ``overship``: one unit too many leaves the warehouse.  ``status``: lines not yet shipped get
    this status of the customer's own instead of the next.  ``namesake``: another business unit has an invoice of the
    same number.
    """

    split: bool = False
    late_tracking: bool = False
    overship: bool = False
    namesake: bool = False
    status: str | None = None


class Fulfilment:
    """Moves the orders of ``records`` on."""

    def __init__(self, records: Records, config: FusionConfig) -> None:
        self._records = records
        self._config = config
        self._billing = Billing(records, config.business_unit)

    def catch_up(self) -> None:
        """The steps that the clock has brought since the last time."""
        age = self._config.age_seconds
        at = time.time()
        for order in self._records.all(ORDER.name) if age else ():
            due = order["sandbox"]["due"]
            while due is not None and due <= at and _going(order):
                order = self._step(order, Manner(split=self._splits(order)))
                due += age
                self._put({**order, "sandbox": {**order["sandbox"], "due": due if _going(order) else None}})

    def advance(self, keys: list[str] | None, steps: int, manner: Manner) -> list[Row]:
        """Moves the open orders (of these keys) on by ``steps``; the orders it moved."""
        moved = []
        for order in self._records.all(ORDER.name):
            if not _going(order) or (keys is not None and order["OrderKey"] not in keys):
                continue
            for _ in range(steps):
                order = self._step(order, manner)
            self._put(order)
            moved.append(order)
        return moved

    def _splits(self, order: Row) -> bool:
        every = self._config.split_every
        return bool(every) and int(order["OrderNumber"]) % every == 0

    def _put(self, order: Row) -> None:
        self._records.put(ORDER.name, order["OrderKey"], order)

    def _step(self, order: Row, manner: Manner) -> Row:
        """The order with each of its open lines one status further."""
        order = {**order, "lines": [dict(line) for line in order["lines"]]}
        moving = [(line, _following(line, manner)) for line in order["lines"] if line["OpenFlag"]]
        for line in order["lines"]:
            _type_in_tracking(line)
        self._ship(order, [line for line, to in moving if to == "SHIPPED"], manner)
        for line, to in moving:
            line |= {"StatusCode": to, "Status": DISPLAY.get(to, to), "LastUpdateDate": now()}
            if to == "SCHEDULED":
                line["ScheduleShipDate"] = line["ScheduleArrivalDate"] = now()
            line["OpenFlag"] = to != "CLOSED"
        self._billing.bill(order, [line for line, to in moving if to == "BILLED"], namesake=manner.namesake)
        self._billing.pay([line for line, to in moving if to == "CLOSED"])
        roll_up(order)
        return order

    def _ship(self, order: Row, lines: list[Row], manner: Manner) -> None:
        """One delivery for all that leaves now."""
        if not lines:
            return
        number = self._records.next("delivery", FIRST_DELIVERY)
        for line in lines:
            if manner.split:
                self._split(order, line)
            quantity = line["OrderedQuantity"] + (1 if manner.overship else 0)
            line |= {"ShippedQuantity": quantity, "FulfilledQuantity": quantity, "ActualShipDate": now()}
            detail = {
                "FulfillLineDetailId": self._records.new_id(),
                "TaskType": "Shipment",
                "Status": "Shipped",
                "StatusCode": "SHIPPED",
                "StatusAsOfDate": now(),
                "Quantity": quantity,
                "DeliveryName": str(number),
                "TrackingNumber": None if manner.late_tracking else _tracking(number),
                "WaybillNumber": f"WB-{number}",
                "ExceptionFlag": False,
            }
            line["lineDetails"] = [*line["lineDetails"], detail]

    def _split(self, order: Row, line: Row) -> None:
        """Half of the line's units stay behind as a fulfillment line of their own."""
        whole = Decimal(str(line["OrderedQuantity"]))
        part = Decimal(math.floor(whole / 2))
        if part < 1:
            return
        first, rest = pricing.split(line, order["TransactionalCurrencyCode"], part)
        number = 1 + sum(other["LineId"] == line["LineId"] for other in order["lines"])
        behind = {
            **line,
            "FulfillLineId": self._records.new_id(),
            "FulfillLineNumber": str(number),
            "DisplayLineNumber": f"{line['LineNumber']}-{number}",
            "OrderedQuantity": pricing.plain(whole - part),
            "ExtendedAmount": pricing.net(rest),
            "charges": rest,
            "lineDetails": [],
        }
        order["lines"].append(behind)
        line |= {"OrderedQuantity": pricing.plain(part), "ExtendedAmount": pricing.net(first), "charges": first}


def _going(order: Row) -> bool:
    return bool(order["SubmittedFlag"]) and order["StatusCode"] in {"OPEN", "PARTIAL_CLOSE"}


def _following(line: Row, manner: Manner) -> str:
    code = line["StatusCode"]
    if manner.status and code not in SHIPPED:
        return manner.status
    if code == "NOT_STARTED" and not line["sandbox"]["shippable"]:
        return "AWAIT_BILLING"
    return NEXT.get(code, "AWAIT_SHIP")


def _type_in_tracking(line: Row) -> None:
    details = [
        {**detail, "TrackingNumber": _tracking(int(detail["DeliveryName"]))}
        if detail["TaskType"] == "Shipment" and detail["TrackingNumber"] is None
        else detail
        for detail in line["lineDetails"]
    ]
    if details != line["lineDetails"]:
        line |= {"lineDetails": details, "LastUpdateDate": now()}


def _tracking(delivery: int) -> str:
    return f"1Z999AA1{delivery:010d}"
