"""A product of Clarity at Fusion: one item, or, sold in several variants, one item for each, for items are flat.

What Clarity owns is written wherever the item master has it otherwise; unit, class, template and weight once, when the
item is made, which is done only where FUSION_CREATE_ITEMS says so.  An item is never deleted: one that Clarity does not
sell any more becomes inactive.  Structures (kits, models) are for people: no item is made one, and one that is stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from integration.connectors.contract import Document, Posted, Work
from integration.connectors.fusion.order.difference import same
from integration.connectors.fusion.product.catalogue import Catalogue, Item, Row
from integration.connectors.fusion.product.identity import (
    ENTITY,
    MADE,
    SEVERAL,
    STATUS,
    Places,
    Refusals,
    Wanted,
    wanted,
)
from integration.connectors.fusion.site import Site
from integration.connectors.initial import initial
from integration.errors import Skip

INACTIVE = "inactive"


class ProductPost:
    """One post of one product document: {key, archived, statuses, items: [{key, sku, fields}], on_create}."""

    def __init__(self, catalogue: Catalogue, document: Document, work: Work) -> None:
        self._catalogue = catalogue
        self._document = document
        self._work = work
        self._key: str = document["key"]
        self._statuses: Document = document["statuses"]
        self._refusals = Refusals(document, work)

    def ensure(self) -> Posted:
        """Makes Fusion show the document.

        Raises `Hold` for what `Refusals` refuses, and `Skip` where Fusion has none of the items and none is made.
        """
        if not self._catalogue.organizations:
            raise Skip("Fusion's items do not follow products: FUSION_CREATE_ITEMS and FUSION_ORGANIZATION are not set")
        theirs, places = self._work.known(ENTITY, self._key), Places(self._work, self._key)
        if self._document["archived"]:
            self._end(places.items() if (theirs or "").startswith(SEVERAL) else filter(None, [theirs]))
            return Posted(theirs, None)
        self._refusals.check_form(theirs)
        asked = wanted(self._document, theirs)
        known = {each.id: self._work.known(each.entity, each.id) for each in asked}  # before the pod is asked
        found = self._catalogue.numbered((each.number for each in asked), _names(asked))
        ids = [id for each in asked if (id := self._ensure(each, known[each.id], found.get(each.number)))]
        if not ids:
            raise Skip("Fusion has no item with this SKU, and FUSION_CREATE_ITEMS does not let the fleet make one")
        if asked[0].entity == ENTITY:
            return Posted(ids[0], asked[0].number)
        before = places.items()
        places.add(before, ids)
        self._end(id for id in before if id not in ids)
        return Posted(f"{SEVERAL}{self._key}", None)

    def _ensure(self, each: Wanted, known: str | None, item: Item | None) -> str | None:
        """The ItemId of one item, which shows what the document states; None where it is not there and not made.

        ``known`` is the id that a crossref had when the pod was asked for the ``item`` with the SKU.
        """
        id = _id(item)
        if known and known != id:
            if self._catalogue.with_ids([known]):
                raise self._refusals.renumbered(each)
            self._refusals.check_gone(each, known)
        elif item and not known:
            if not self._work.adopt(each.entity, each.id, str(id)):
                raise self._refusals.taken(each)
            effect = f"item.create:{self._catalogue.master}/{each.number}"
            self._work.found(effect, f"item {id} has the product's SKU as its number")
        if item:
            self._ensure_same(each, item)
        return self._make(each, known, item or {}) or id

    def _make(self, each: Wanted, known: str | None, item: Item) -> str | None:
        """Makes the item in the organizations in which it is lacking, the item master first; its id if it did.

        One that was made since the pod was asked is not made again, and neither is one that people took away there.
        """
        lacking = [code for code in self._catalogue.organizations if code not in item]
        if not lacking or not self._catalogue.may_create:
            return None
        stated = {
            **each.fields,
            "ItemStatusValue": self._statuses["active"],
            **initial(self._document).get("fields", {}),
        }
        body = {name: value for name, value in stated.items() if value is not None}
        id = None
        for code in lacking:
            name = f"{code}/{each.number}"
            made = self._work.known(MADE, name)
            if made and (item or not known):
                id = made.rpartition("/")[2]
                if not self._work.adopt(each.entity, each.id, id):
                    raise self._refusals.taken(each)
                continue
            if not made:
                self._work.reserve(MADE, name)
            id = self._catalogue.create(code, {"ItemNumber": each.number, **body}, self._work)
            self._work.remember(each.entity, each.id, id)
            self._work.remember(MADE, name, f"{code}/{id}")
        return id

    def _ensure_same(self, each: Wanted, item: Item) -> None:
        """Writes what the item master has otherwise than the document states."""
        row = self._main(item)
        if row.get("ItemStatusValue") == self._statuses["archived"]:
            if self._work.known(STATUS, str(_id(item))) != f"{_id(item)} {INACTIVE}":
                self._refusals.check_inactive(each, str(_id(item)))
            self._turn(str(_id(item)), self._statuses["active"], "active")
        changes = {
            name: value for name, value in each.fields.items() if value is not None and not same(value, row.get(name))
        }
        if changes:
            self._catalogue.change("item.update", row, changes, self._work)

    def _main(self, item: Item) -> Row:
        return item.get(self._catalogue.master) or next(iter(item.values()))

    def _end(self, ids: Iterable[str]) -> None:
        """Lets items become inactive; what is not there any more needs nothing."""
        for id in ids:
            self._turn(id, self._statuses["archived"], INACTIVE)

    def _turn(self, id: str, status: str, word: str) -> None:
        """Gives an item a status in each organization; who controls it there is each pod's own, so it looks again."""
        for code in self._catalogue.organizations:
            row = self._catalogue.with_ids([id]).get(id, {}).get(code)
            if row and row.get("ItemStatusValue") != status:
                self._work.remember(STATUS, id, f"{id} {word}")
                self._catalogue.change(f"item.{word}", row, {"ItemStatusValue": status}, self._work)


def post_product(site: Site, document: Document, work: Work) -> Posted:
    """See `ProductPost.ensure`."""
    return ProductPost(site.catalogue, document, work).ensure()


def shown_product(site: Site, document: Document, work: Work) -> Document | None:
    """The items as the item master has them; None without one.  Where they mean the same as ours, values are ours."""
    catalogue = site.catalogue
    theirs = work.known(ENTITY, document["key"])
    asked = wanted(document, theirs)
    if not catalogue.organizations or not asked:
        return None
    found = catalogue.numbered((each.number for each in asked), _names(asked))
    there = [(each, found[each.number]) for each in asked if each.number in found]
    rows = [(each, item.get(catalogue.master) or next(iter(item.values()))) for each, item in there]
    if not rows:
        return None
    ended = document["statuses"]["archived"]
    shown: Document = {"archived": all(row.get("ItemStatusValue") == ended for _, row in rows)}
    if not document["archived"]:
        shown["items"] = [{"sku": row["ItemNumber"], "fields": _shown(each, row)} for each, row in rows]
    return shown


def _shown(each: Wanted, row: Row) -> Document:
    stated = {name: value for name, value in each.fields.items() if value is not None}
    return {name: value if same(value, row.get(name)) else row.get(name) for name, value in stated.items()}


def _names(asked: Sequence[Wanted]) -> list[str]:
    return sorted({name for each in asked for name in each.fields})


def _id(item: Item | None) -> str | None:
    return next((str(row["ItemId"]) for row in (item or {}).values()), None)
