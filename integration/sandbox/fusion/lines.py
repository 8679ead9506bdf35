"""Order lines as a payload brings them: new ones, changed quantities, cancellations."""

from __future__ import annotations

from typing import Any

from integration.sandbox.fusion.records import Records, now
from integration.sandbox.fusion.schema import LINE
from integration.sandbox.fusion.wire import Refusal, required

Row = dict[str, Any]

SHIPPED = frozenset({"SHIPPED", "AWAIT_BILLING", "BILLED", "CLOSED"})
NOT_STARTED = {"Status": "Not Started", "StatusCode": "NOT_STARTED"}
CANCELED = {"Status": "Canceled", "StatusCode": "CANCELED", "OpenFlag": False, "CanceledFlag": True}


class Lines:
    """Puts rows of a payload into an order's ``lines``; the order is the caller's own copy."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def put(self, order: Row, given: Row, path: str) -> None:
        """Changes the line that ``given`` names by FulfillLineId or source line, or adds it."""
        line = _named(order, given, path)
        if line is None:
            order["lines"].append(self._new(order, given, path))
        elif given.get("CanceledFlag") or given.get("OrderedQuantity") == 0:
            _cancel(line, given, path)
        else:
            _change(line, given, path)

    def _new(self, order: Row, given: Row, path: str) -> Row:
        for name in LINE.required:
            if given.get(name) in (None, ""):
                raise required(LINE, name)
        if not given.get("OrderedUOMCode") and not given.get("OrderedUOM"):
            raise required(LINE, "OrderedUOMCode")
        if given["OrderedQuantity"] <= 0:
            raise _invalid("OrderedQuantity", path)
        number = 1 + max((line["LineNumber"] for line in order["lines"]), default=0)
        line_id, fulfill_id = (self._records.new_id() for _ in range(2))
        return {
            **dict.fromkeys(LINE.attributes),
            "OrderedUOMCode": "EA",
            **given,
            **self._product(given, path),
            **NOT_STARTED,
            "HeaderId": order["HeaderId"],
            "LineId": line_id,
            "FulfillLineId": fulfill_id,
            "LineNumber": number,
            "DisplayLineNumber": str(number),
            "FulfillLineNumber": "1",
            "OpenFlag": True,
            "CanceledFlag": False,
            "OnHoldFlag": False,
            "CreationDate": now(),
            "LastUpdateDate": now(),
            "lineDetails": [],
        }

    def _product(self, given: Row, path: str) -> Row:
        if not given.get("ProductNumber") and not given.get("ProductId"):
            raise required(LINE, "ProductNumber")
        for item in self._records.all("itemsV2"):
            fits = given.get("ProductNumber") in (None, item["ItemNumber"]) and given.get("ProductId") in (
                None,
                item["ItemId"],
            )
            if fits and item["OrganizationCode"] == "MST":
                return {
                    "ProductId": item["ItemId"],
                    "ProductNumber": item["ItemNumber"],
                    "ProductDescription": item["ItemDescription"],
                    "sandbox": {"shippable": item["ShippableFlag"]},
                }
        raise _invalid("ProductNumber" if given.get("ProductNumber") else "ProductId", path)


def _named(order: Row, given: Row, path: str) -> Row | None:
    if given.get("FulfillLineId") is not None:
        for line in order["lines"]:
            if line["FulfillLineId"] == given["FulfillLineId"]:
                found: Row = line
                return found
        raise _invalid("FulfillLineId", path)
    same = [line for line in order["lines"] if line["SourceTransactionLineId"] == given.get("SourceTransactionLineId")]
    if len(same) > 1:
        raise Refusal(400, "The order line was split: name the fulfillment line by its FulfillLineId.", path=path)
    return same[0] if same else None


def _cancel(line: Row, given: Row, path: str) -> None:
    if line["CanceledFlag"]:
        return
    if line["StatusCode"] in SHIPPED:
        raise Refusal(400, "You can't cancel the order line because it was already shipped or billed.", path=path)
    reason: Row = {name: given[name] for name in ("CancelReason", "CancelReasonCode") if name in given}
    line |= {**reason, **CANCELED, "CanceledQuantity": line["OrderedQuantity"], "OrderedQuantity": 0}
    line["LastUpdateDate"] = now()


def _change(line: Row, given: Row, path: str) -> None:
    if line["StatusCode"] in SHIPPED or line["CanceledFlag"]:
        raise Refusal(400, f"You can't update the order line because its status is {line['Status']}.", path=path)
    if "OrderedQuantity" in given and not (given["OrderedQuantity"] or 0) > 0:
        raise _invalid("OrderedQuantity", path)
    if given.get("ProductNumber", line["ProductNumber"]) != line["ProductNumber"]:
        raise _invalid("ProductNumber", path)
    line |= {**given, "LastUpdateDate": now()}


def _invalid(name: str, path: str) -> Refusal:
    detail = f"You must provide a valid value for the attribute {name}."
    return Refusal(400, detail, "FOM-0000001", f"{path}/{name}")
