"""Items of Product Information Management (``itemsV2``): one row of an item for each organization that it is in.

An item is known by its number and organization, which Fusion keeps unique, and has one ItemId in all of them.  It is
made in the item master first and assigned to other organizations from there; what the master controls is written there
only.  A row's key in a URL is a hash that Fusion makes: it is taken from the row's own link.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from integration.connectors.answers import unreadable
from integration.connectors.contract import Document, Request, Work
from integration.connectors.fusion.client import Client, quoted

RESOURCE = "itemsV2"
NAMED = ("ItemId", "ItemNumber", "OrganizationCode", "ItemStatusValue")
"""What is read of every row."""
MOST_ASKED = 50
"""Items in one query, which goes into the address."""

Row = dict[str, Any]
Item = Mapping[str, Row]
"""The rows of one item by organization."""


class Catalogue:
    """Reads and writes the items of ``organizations``, the item master first.  Threads may share it.

    ``may_create`` says whether items are made; without organizations nothing is read or written.
    """

    def __init__(self, client: Client, create_items: str, organization: str) -> None:
        self._client = client
        codes = [code.strip() for code in create_items.split(",")]
        self.organizations = tuple(dict.fromkeys(code for code in (*codes, organization) if code))
        self.may_create = any(codes)
        self.path = client.path(RESOURCE)

    @property
    def master(self) -> str:
        """The organization in which an item is changed; empty without any."""
        return next(iter(self.organizations), "")

    def numbered(self, numbers: Iterable[str], names: Collection[str] = ()) -> dict[str, Item]:
        """The items that have these numbers, by number, with the attributes that are named."""
        wanted = sorted(set(numbers))
        found: dict[str, dict[str, Row]] = {}
        for row in self._rows("ItemNumber", map(quoted, wanted), names):
            if row["ItemNumber"] in wanted:
                found.setdefault(row["ItemNumber"], {})[row["OrganizationCode"]] = row
        return dict(found)

    def with_ids(self, ids: Iterable[str], names: Collection[str] = ()) -> dict[str, Item]:
        """The items with these ids, by id."""
        found: dict[str, dict[str, Row]] = {}
        for row in self._rows("ItemId", sorted(set(ids)), names):
            found.setdefault(str(row["ItemId"]), {})[row["OrganizationCode"]] = row
        return dict(found)

    def shows(self, organization: str) -> bool:
        """Whether our user sees any item of an organization."""
        q = f"OrganizationCode={quoted(organization)}"
        return bool(self._client.page(self.path, q=q, limit=1, onlyData="true")[0])

    def create(self, organization: str, body: Document, work: Work) -> str:
        """The ItemId of an item that is made in an organization, unless it is there."""
        number = body["ItemNumber"]
        request = self._client.write("POST", self.path, {"OrganizationCode": organization, **body})

        def there() -> Row | None:
            row = self.numbered([number]).get(number, {}).get(organization)
            return row and {"ItemId": row["ItemId"]}

        made = work.perform(
            f"item.create:{organization}/{number}", request, self._make, lambda frozen: there() or self._make(frozen)
        )
        return str(made["ItemId"])

    def change(self, effect: str, row: Row, changes: Document, work: Work) -> None:
        """Writes other values to one row."""
        path = self._client.link(row)
        if path is None:
            raise unreadable(f"GET {self.path}: an item without a link to itself")
        name = f"{effect}:{row['OrganizationCode']}/{row['ItemNumber']}"
        work.perform(name, self._client.write("PATCH", path, changes), self._client.send)

    def _make(self, frozen: Request) -> Document:
        made = self._client.send(frozen)
        if not made.get("ItemId"):
            raise unreadable(f"{frozen.method} {frozen.path}: the answer shows no ItemId")
        return {"ItemId": made["ItemId"]}

    def _rows(self, attribute: str, literals: Iterable[str], names: Collection[str]) -> Iterable[Row]:
        asked, fields = list(literals), ",".join(dict.fromkeys((*NAMED, *names)))
        of = ", ".join(map(quoted, self.organizations))
        for at in range(0, len(asked), MOST_ASKED):
            q = f"{attribute} in ({', '.join(asked[at : at + MOST_ASKED])}) and OrganizationCode in ({of})"
            yield from map(_checked, self._client.items(self.path, q=q, fields=fields, onlyData="false"))


def _checked(row: Row) -> Row:
    if not (row.get("ItemId") and row.get("ItemNumber") and row.get("OrganizationCode")):
        raise unreadable("itemsV2: an item without id, number or organization")
    return {**row, "ItemNumber": str(row["ItemNumber"]), "OrganizationCode": str(row["OrganizationCode"])}
