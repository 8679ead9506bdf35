"""What of an order in Fusion differs from the document.  Only what Fusion shows is compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from integration.connectors.answers import to_number
from integration.connectors.fusion.order.payload import Payload

Row = dict[str, Any]

COMPARED = ("ProductNumber", "OrderedUOMCode", "UnitSellingPrice", "ExtendedAmount")
"""Attributes of a line, beside its quantity, which is the sum over the lines that Fusion has split it into."""
AMOUNTS = frozenset({"UnitSellingPrice", "ExtendedAmount", "charges"})
"""What the customer has agreed to."""
DRAFT = "DOO_DRAFT"
CANCELED = {"CANCELED", "CANCEL_PENDING"}
SHIPPED = {"PARTIALLY_SHIPPED", "SHIPPED", "AWAIT_BILLING", "BILLED", "CLOSED"}
FLOAT_NOISE = Decimal("1e-6")


@dataclass
class Difference:
    """What has to change in Fusion; ``names`` are the attributes that differ, for people."""

    header: Row = field(default_factory=dict)
    changed: list[Row] = field(default_factory=list)
    added: list[Row] = field(default_factory=list)
    vanished: list[Row] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    fixed: set[str] = field(default_factory=set)
    """What a submitted order does not take: another customer or product, or another quantity once shipped or split."""

    def __bool__(self) -> bool:
        return bool(self.header or self.changed or self.added or self.vanished)

    def lines(self, cancel_reason: str) -> list[Row]:
        """The lines of a PATCH that makes the changes; a line that vanished is cancelled."""
        return self.changed + cancelled(self.vanished, cancel_reason)


def difference(payload: Payload, order: Row, lines: Iterable[Row], ignored: Collection[str] = ()) -> Difference:
    """How the order in Fusion, with these lines, differs from the document; by attributes that are not ``ignored``."""
    found = Difference()
    for name, value in payload.header.items():
        if name in order and not same(value, order[name]):
            found.header[name] = value
            found.names.add(name)
    _compare_customers(found, payload, order)
    theirs, gone = defaultdict(list), set()
    for line in lines:
        id = str(line.get("SourceTransactionLineId"))
        if is_canceled(line):
            gone.add(id)
        else:
            theirs[id].append(line)
    if "shipToCustomer" in found.header and any(
        len(rows) > 1 or any(map(is_shipped, rows)) for rows in theirs.values()
    ):
        found.fixed.add("a line that ships elsewhere is split or shipped")  # the header's site no longer reaches it
    for id, ours in payload.lines.items():
        if id in theirs:
            _compare(found, ours, theirs[id], ignored)
        else:
            found.added.append(ours)
            found.names.add("an added line")
            if id in gone:
                found.fixed.add("a line is cancelled in Fusion")
    for id, rows in theirs.items():
        if id not in payload.lines:
            found.vanished += rows
            found.names.add("a removed line")
            if any(is_shipped(row) for row in rows):
                found.fixed.add("a removed line is shipped")
    return found


def _compare_customers(found: Difference, payload: Payload, order: Row) -> None:
    for name, [ours] in payload.customers.items():
        for shown in rows_of(order.get(name))[:1]:
            if any(attribute in shown and not same(id, shown[attribute]) for attribute, id in ours.items()):
                found.header[name] = [ours]
                found.names.add(name)
    if another_customer(payload, order):
        found.names.add("customer")
        found.fixed.add("the order belongs to another customer in Clarity now")
        found.header["BuyingPartyId"] = payload.party


def another_customer(payload: Payload, order: Row) -> bool:
    """Whether the order is another party's in Fusion, or billed to another account."""
    [ours] = payload.customers["billToCustomer"]
    billed = [row.get("CustomerAccountId") for row in rows_of(order.get("billToCustomer"))[:1]]
    shown = [(payload.party, order.get("BuyingPartyId")), *((ours["CustomerAccountId"], account) for account in billed)]
    return any(theirs is not None and not same(id, theirs) for id, theirs in shown)


def is_canceled(line: Row) -> bool:
    return line.get("StatusCode") in CANCELED or same(True, line.get("CanceledFlag"))


def is_shipped(line: Row) -> bool:
    counts = (to_number(line.get(name)) for name in ("ShippedQuantity", "FulfilledQuantity"))
    return line.get("StatusCode") in SHIPPED or any(counts)


def cancelled(lines: Iterable[Row], reason: str) -> list[Row]:
    """Lines of a PATCH that cancels: by quantity 0 (the way that integrations use on live pods)."""
    return [{"FulfillLineId": line["FulfillLineId"], "OrderedQuantity": 0, "CancelReason": reason} for line in lines]


def same(ours: Any, theirs: Any) -> bool:
    """Whether Fusion shows our value: empty is null there, times come with any offset, numbers as numbers or text."""
    if isinstance(ours, bool):
        return str(ours).lower() == str(theirs).lower()
    if isinstance(ours, Decimal | int):
        return (shown := to_number(theirs)) is not None and abs(shown - Decimal(ours)) < FLOAT_NOISE
    if theirs is None or ours is None:
        return not ours and not theirs
    return str(ours).strip() == str(theirs).strip() or (_time(ours) is not None and _time(ours) == _time(theirs))


def _compare(found: Difference, ours: Row, rows: list[Row], ignored: Collection[str]) -> None:
    """One line of ours with the line, or the lines after a split, that it has become."""
    first, split = rows[0], len(rows) > 1
    names = {name for name in COMPARED if name in first and not same(ours[name], first[name])}
    if split:
        names -= {"ExtendedAmount"}
    elif (theirs := rows_of(first.get("charges"))) and not _same_charges(ours["charges"], theirs):
        names.add("charges")
    quantity = sum((to_number(row.get("OrderedQuantity")) or Decimal(0) for row in rows), Decimal(0))
    if not same(ours["OrderedQuantity"], quantity):
        names.add("OrderedQuantity")
    names -= set(ignored)
    if not names:
        return
    if "ProductNumber" in names:
        found.fixed.add("a line has another product")
    if split or any(is_shipped(row) for row in rows):
        found.fixed.add("a changed line is split or shipped")
    found.names |= names
    found.changed.append({"FulfillLineId": first["FulfillLineId"], **ours})


def _charges(charges: list[Row]) -> dict[str, dict[str, Any]]:
    """The extended amounts of a line's charges by their usage."""
    return {
        str(charge.get("SourceChargeId")): {
            str(part.get("PriceElementUsageCode")): part.get("HeaderCurrencyExtendedAmount")
            for part in rows_of(charge.get("chargeComponents"))
        }
        for charge in charges
    }


def _same_charges(ours: list[Row], theirs: list[Row]) -> bool:
    """Whether Fusion shows our charges and no others, one that came twice among them, as far as it shows amounts."""
    wanted, shown = _charges(ours), _charges(theirs)
    return (
        len(theirs) == len(ours)
        and wanted.keys() == shown.keys()
        and all(
            same(amount, shown[id][usage])
            for id, amounts in wanted.items()
            for usage, amount in amounts.items()
            if shown[id].get(usage) is not None
        )
    )


def rows_of(children: Any) -> list[Row]:
    """Children as an array, or as a collection (since framework version 3)."""
    rows = children.get("items") if isinstance(children, dict) else children
    return rows if isinstance(rows, list) else []


def _time(value: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return time if time.tzinfo else None
