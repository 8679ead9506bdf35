"""Items of Product Information Management: one row for each organization, all of them with the ItemId of the master's.

An item is made in the item master before it is assigned to another organization.  What the master controls is the same
everywhere: it is changed there, and refused elsewhere.  An item is never deleted.  The texts of the refusals are in the
manner of those that were seen live.
"""

from __future__ import annotations

from typing import Any

from integration.sandbox.fusion.records import Records, now
from integration.sandbox.fusion.schema import ITEM
from integration.sandbox.fusion.wire import Refusal, required

MASTER = "MST"
ORGANIZATIONS = {MASTER: 300000000000200, "W01": 300000000000201}
CONTROLLED = (
    "ItemDescription",
    "LongDescription",
    "ItemClass",
    "PrimaryUOMValue",
    "UnitWeightQuantity",
    "WeightUOMValue",
)
"""What the item master controls, as pods are set up by default; the status is each organization's own."""
KNOWN = {
    "ItemClass": {"Root Item Class"},
    "ItemStatusValue": {"Active", "Inactive", "Engineer"},
    "PrimaryUOMValue": {"Each", "Box", "Pack", "Pair", "Set", "Kilogram", "Meter", "Liter", "Hour", "Day", "Dozen"},
    "WeightUOMValue": {"Kilogram", "Gram", "Pound", "Ounce"},
    "Template": {"Finished Goods", "Purchased Item", "Kit"},
}
UNCHANGED = ("OrganizationCode", "ItemNumber")

Row = dict[str, Any]


class Items:
    """The items of one pod."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def create(self, given: Row, *, upsert: bool) -> tuple[Row, bool]:
        """The item in an organization, and whether it is new there.  With ``upsert`` one that is there is changed."""
        for name in ITEM.required:
            if not given.get(name):
                raise required(ITEM, name)
        code, number = given["OrganizationCode"], given["ItemNumber"]
        if code not in ORGANIZATIONS:
            raise Refusal(400, "The organization isn't valid.", "EGP-2775032", "/OrganizationCode")
        if there := self._records.find(ITEM.name, _key(code, number)):
            if not upsert:
                raise Refusal(400, f"The item {number} already exists in the organization {code}.", "EGP-2775094")
            return self.change(there, given), False
        _check(given)
        master = self._records.find(ITEM.name, _key(MASTER, number))
        if code != MASTER and master is None:
            raise Refusal(400, "The item isn't in the master organization.", "EGP-2775105", "/ItemNumber")
        shared = {name: master.get(name) for name in ("ItemId", *CONTROLLED)} if master else {}
        item = {
            "ItemId": self._records.new_id(),
            "ItemStatusValue": "Active",
            "LifecyclePhaseValue": "Production",
            "ShippableFlag": given.get("Template") == "Finished Goods",
            "StockEnabledFlag": given.get("Template") == "Finished Goods",
            **given,
            **shared,
            "OrganizationId": ORGANIZATIONS[code],
            "CreationDateTime": now(),
        }
        return self._put(item), True

    def change(self, item: Row, given: Row) -> Row:
        """The item with other values; what the master controls changes in every organization."""
        for name, value in given.items():
            if name in UNCHANGED and value != item[name]:
                raise Refusal(400, f"Attribute {name} cannot be updated.", "27008", f"/{name}")
            if name in CONTROLLED and item["OrganizationCode"] != MASTER and value != item.get(name):
                detail = f"Attribute {name} is controlled at the master organization."
                raise Refusal(400, detail, "EGP-2775127", f"/{name}")
        _check(given)
        shared = {name: value for name, value in given.items() if name in CONTROLLED}
        if shared and item["OrganizationCode"] == MASTER:
            for other in self._records.all(ITEM.name):
                if other["ItemId"] == item["ItemId"] and other["OrganizationCode"] != MASTER:
                    self._put({**other, **shared})
        return self._put({**item, **given})

    def _put(self, item: Row) -> Row:
        changed = {**item, "LastUpdateDateTime": now()}
        self._records.put(ITEM.name, _key(item["OrganizationCode"], item["ItemNumber"]), changed)
        return changed


def _check(given: Row) -> None:
    for name, values in KNOWN.items():
        if given.get(name) is not None and given[name] not in values:
            raise Refusal(400, f"The value of attribute {name} isn't valid.", "EGP-2775041", f"/{name}")


def _key(organization: str, number: str) -> str:
    return f"{organization}/{number}"
