"""Sales orders as the order hub takes them: created, submitted, changed, revised, cancelled.

The key of an order is ``SourceTransactionSystem:SourceTransactionId`` and always means its newest revision.  Older
revisions, and the reference copy that every submission leaves, are rows of their own under their HeaderId.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from integration.sandbox.config import FusionConfig
from integration.sandbox.fusion import pricing
from integration.sandbox.fusion.lines import Lines
from integration.sandbox.fusion.records import Records, now
from integration.sandbox.fusion.schema import ORDER
from integration.sandbox.fusion.seed import BUSINESS_UNIT_ID, CURRENCIES
from integration.sandbox.fusion.wire import Refusal, required

Row = dict[str, Any]

IMPORTED = "The application successfully imported the sales order."
NOT_SUBMITTED = "The application didn't submit the sales order because it failed validation."
SOURCE_SYSTEMS = ("OPS", "GPR", "LEG", "OMG")
FIRST_NUMBER = 410045
TOTALS = {
    "QP_TOTAL_LIST_PRICE": ("List Price", "list"),
    "QP_TOTAL_DISCOUNT": ("Discount", "discount"),
    "QP_TOTAL_NET_PRICE": ("Net Price", "net"),
    "QP_TOTAL_SHIP_CHARGE": ("Shipping", "shipping"),
    "QP_TOTAL_TAX": ("Tax", "tax"),
    "QP_TOTAL_PAY_NOW": ("Pay Now", "total"),
}


class Duplicate(Refusal):
    """The order with this key exists.  The text was seen live, word for word."""

    def __init__(self, order: Row) -> None:
        super().__init__(
            400,
            f"The request failed because a sales order with transaction {order['SourceTransactionNumber']} "
            f"from source system {order['SourceTransactionSystem']} already exists.",
            "FOM-0000000",
        )
        self.key: str = order["OrderKey"]


class Orders:
    """The orders in ``records``.  Every method that changes them is called inside a transaction."""

    def __init__(self, records: Records, config: FusionConfig) -> None:
        self._records = records
        self._config = config
        self._lines = Lines(records)

    def find(self, key: str) -> Row | None:
        """By its key, or any revision by its HeaderId."""
        found = self._records.find(ORDER.name, key)
        if found is None and key.isdecimal():
            return next((row for row in self._records.all(ORDER.name) if str(row["HeaderId"]) == key), None)
        return found

    def create(self, given: Row, *, valid: bool) -> Row:
        """Stores a new order and submits it if asked to; with ``valid`` false its submission fails."""
        for name in ORDER.required:
            if given.get(name) in (None, ""):
                raise required(ORDER, name)
        key = f"{given['SourceTransactionSystem']}:{given['SourceTransactionId']}"
        if earlier := self._records.find(ORDER.name, key):
            raise Duplicate(earlier)
        order = self._new(key, given)
        self._apply(order, given)
        if given.get("SubmittedFlag"):
            self._submit(order, valid=valid)
        self._save(order)
        return order

    def upsert(self, given: Row, *, valid: bool) -> tuple[Row, bool]:
        """The order, and whether it is new; found by source system and id."""
        order = self._records.find(
            ORDER.name, f"{given.get('SourceTransactionSystem')}:{given.get('SourceTransactionId')}"
        )
        if order is None:
            return self.create(given, valid=valid), True
        if given.get("SourceTransactionRevisionNumber") is None:
            raise required(ORDER, "SourceTransactionRevisionNumber")
        return self.change(order, given, valid=valid), False

    def change(self, order: Row, given: Row, *, valid: bool) -> Row:
        """The order as changed.  A higher revision number on a submitted order keeps the old one as a reference.

        Whether a cancellation closes the order is decided after the answer, as on a pod: read it again to know.
        """
        if order["StatusCode"] == "DOO_REFERENCE":
            raise Refusal(400, "You can't update this revision of the sales order because it isn't the latest one.")
        for name in ("SourceTransactionSystem", "SourceTransactionId", "SourceTransactionNumber"):
            if given.get(name, order[name]) != order[name]:
                raise Refusal(400, f"Attribute {name} cannot be updated.", "27008", f"/{name}")
        changed = {**order, "lines": [dict(line) for line in order["lines"]]}
        self._revise(changed, given)
        self._apply(changed, given)
        if given.get("SubmittedFlag") and not order["SubmittedFlag"]:
            self._submit(changed, valid=valid)
        elif order["SubmittedFlag"] and not self._complete(changed):
            raise Refusal(400, "You can't update the sales order because the change failed validation.")
        self._save(changed)
        settled = {**changed}
        roll_up(settled)
        self._records.put(ORDER.name, settled["OrderKey"], settled)
        return changed

    def delete(self, order: Row) -> None:
        """Only a draft can be deleted."""
        if order["StatusCode"] != "DOO_DRAFT":
            raise Refusal(400, "You can't delete the sales order because it isn't a draft.")
        self._records.remove(ORDER.name, order["OrderKey"])

    def note_duplicate(self, key: str) -> None:
        """Remembers, for the ledger, that the order was posted again and refused."""
        order = self._records.find(ORDER.name, key)
        assert order
        private = {**order["sandbox"], "duplicates": order["sandbox"]["duplicates"] + 1}
        self._records.put(ORDER.name, key, {**order, "sandbox": private})

    def _new(self, key: str, given: Row) -> Row:
        reference, id = (self._records.new_id() for _ in range(2))
        return {
            **{name: given[name] for name in ORDER.required},
            "HeaderId": id,
            "OrderKey": key,
            "OrderNumber": str(self._records.next("order", FIRST_NUMBER)),
            "SubmittedFlag": False,
            "SubmittedDate": None,
            "Status": "Draft",
            "StatusCode": "DOO_DRAFT",
            "OpenFlag": True,
            "CanceledFlag": False,
            "OnHoldFlag": False,
            "MessageText": IMPORTED,
            "CreationDate": now(),
            "lines": [],
            "sandbox": {"reference": reference, "submissions": 0, "duplicates": 0, "due": None},
        }

    def _apply(self, order: Row, given: Row) -> None:
        """Takes over what was given; raises the refusal of what cannot be."""
        kept = {"SubmittedFlag", "CanceledFlag", "lines"}
        order |= {name: value for name, value in given.items() if name not in kept}
        self._resolve(order)
        rows = given.get("lines") or []
        added = [row.get("SourceTransactionLineId") for row in rows if row.get("FulfillLineId") is None]
        if len(set(added)) < len(added):
            raise _invalid("SourceTransactionLineId")
        for number, row in enumerate(rows):
            self._lines.put(order, row, f"/lines/{number}")
        if given.get("CanceledFlag"):
            reason: Row = {name: given[name] for name in ("CancelReason", "CancelReasonCode") if name in given}
            for line in order["lines"]:
                if not line["CanceledFlag"]:
                    self._lines.put(order, {"FulfillLineId": line["FulfillLineId"], "OrderedQuantity": 0, **reason}, "")
        for line in order["lines"]:
            pricing.check(order, line)
            line |= pricing.of_line(line)
        order["totals"] = self._totals(order)
        order["LastUpdateDate"] = now()

    def _resolve(self, order: Row) -> None:
        """Business unit, buyer and currency by any of their names.  The texts of these refusals are not known."""
        if order["SourceTransactionSystem"] not in {self._config.source_system, *SOURCE_SYSTEMS}:
            raise _invalid("SourceTransactionSystem")
        units = {"BusinessUnitId": BUSINESS_UNIT_ID, "BusinessUnitName": self._config.business_unit}
        given = {name: order[name] for name in units if order.get(name) is not None}
        if not given:
            raise required(ORDER, "BusinessUnitId")
        if wrong := [name for name, value in given.items() if value != units[name]]:
            raise _invalid(wrong[0])
        order |= units
        order |= self._buyer(order)
        if order.get("TransactionalCurrencyCode") is None:
            raise required(ORDER, "TransactionalCurrencyCode")
        if order["TransactionalCurrencyCode"] not in CURRENCIES.split():
            raise _invalid("TransactionalCurrencyCode")

    def _buyer(self, order: Row) -> Row:
        names = {"BuyingPartyId": "PartyId", "BuyingPartyNumber": "PartyNumber", "BuyingPartyName": "CustomerName"}
        given = {name: order[name] for name in names if order.get(name) is not None}
        if not given:
            raise required(ORDER, "BuyingPartyId")
        for site in self._records.all("customerAccountSitesLOV"):
            if all(site[names[name]] == value for name, value in given.items()):
                return {name: site[of] for name, of in names.items()}
        raise _invalid(next(iter(given)))

    def _submit(self, order: Row, *, valid: bool) -> None:
        """An order that fails validation is kept all the same, as a draft: only MessageText and status show it."""
        if not valid or not self._complete(order):
            order["MessageText"] = NOT_SUBMITTED
            return
        at = now()
        order |= {"SubmittedFlag": True, "SubmittedDate": at, "Status": "Processing", "StatusCode": "OPEN"}
        order["MessageText"] = IMPORTED
        private = order["sandbox"]
        if not private["submissions"]:
            self._keep_as_reference(order, private["reference"])
        due = datetime.now(UTC).timestamp() + self._config.age_seconds if self._config.age_seconds else None
        order["sandbox"] = {**private, "submissions": private["submissions"] + 1, "due": due}

    def _complete(self, order: Row) -> bool:
        """Lines, an account's site to bill to, and a party to ship to: without a site, its own."""
        if not order["lines"] or not all(order.get(name) for name in ("billToCustomer", "shipToCustomer")):
            return False
        sites = self._records.all("customerAccountSitesLOV")
        [bill, *_], [ship, *_] = order["billToCustomer"], order["shipToCustomer"]
        billable = any(
            site["SiteUseId"] == bill.get("SiteUseId")
            and site["SiteUseCode"] == "BILL_TO"
            and site["CustomerAccountId"] == bill.get("CustomerAccountId", site["CustomerAccountId"])
            and site["AccountNumber"] == bill.get("AccountNumber", site["AccountNumber"])
            for site in sites
        )
        deliverable = any(
            site["PartySiteId"] == (ship.get("SiteId") or site["PartySiteId"])
            and site["PartyId"] == ship.get("PartyId", site["PartyId"])
            and site["PartyNumber"] == ship.get("PartyNumber", site["PartyNumber"])
            for site in sites
        )
        return billable and deliverable

    def _revise(self, order: Row, given: Row) -> None:
        revision = given.get("SourceTransactionRevisionNumber", order["SourceTransactionRevisionNumber"])
        if revision is None or revision < order["SourceTransactionRevisionNumber"]:
            raise _invalid("SourceTransactionRevisionNumber")
        if order["SubmittedFlag"] and revision > order["SourceTransactionRevisionNumber"]:
            self._keep_as_reference(order, self._records.new_id())

    def _keep_as_reference(self, order: Row, id: int) -> None:
        reference = {**order, "HeaderId": id, "OrderKey": str(id), "Status": "Reference", "MessageText": None}
        self._records.put(ORDER.name, id, {**reference, "StatusCode": "DOO_REFERENCE", "lines": []})

    def _totals(self, order: Row) -> list[Row]:
        amounts = pricing.totals(order)
        shared = {"HeaderId": order["HeaderId"], "CurrencyCode": order["TransactionalCurrencyCode"]}
        return [
            {
                **shared,
                "OrderTotalId": order["HeaderId"] * 10 + number,
                "TotalName": name,
                "TotalCode": code,
                "TotalAmount": pricing.plain(amounts[part]),
                "EstimatedFlag": False,
                "PrimaryFlag": part == "total",
            }
            for number, (code, (name, part)) in enumerate(TOTALS.items())
        ]

    def _save(self, order: Row) -> None:
        self._records.put(ORDER.name, order["OrderKey"], order)


def roll_up(order: Row) -> None:
    """The order's status as its lines have it; LastUpdateDate moves only if the header itself changes."""
    if not order["SubmittedFlag"]:
        return
    lines = order["lines"]
    closed = [line for line in lines if line["StatusCode"] == "CLOSED"]
    status = ("OPEN", "Processing")
    if all(line["CanceledFlag"] for line in lines):
        status = ("CANCELED", "Canceled")
    elif not any(line["OpenFlag"] for line in lines):
        status = ("CLOSED", "Closed")
    elif closed:
        status = ("PARTIAL_CLOSE", "Partially Closed")
    if order["StatusCode"] != status[0]:
        order |= {"StatusCode": status[0], "Status": status[1], "LastUpdateDate": now()}
        order |= {"OpenFlag": status[0] in {"OPEN", "PARTIAL_CLOSE"}, "CanceledFlag": status[0] == "CANCELED"}


def _invalid(name: str) -> Refusal:
    return Refusal(400, f"You must provide a valid value for the attribute {name}.", "FOM-0000001", f"/{name}")
