"""Which items a product of Clarity is, and what has to be clear about them before anything is written.

A product is the item whose number is its SKU, one with several variants an item for each of theirs.  A crossref holds
the ItemId, so an item stays the product's whatever happens to its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from integration.connectors.contract import Document, Work
from integration.errors import Hold

ENTITY, VARIANT = "product", "product_variant"
MADE = "item"
"""The crossref of an item that we have made in an organization, "MST/MUG-01" and "MST/<ItemId>": of several who need it
one makes it."""
STATUS = "item_status"
"""The crossref of an ItemId, with what we last made of the item, inactive or active."""
PLACE = "product_item"
"""The crossref of a place, "p-1/0", among the items that the variants of a product are or were, with the ItemId."""
SEVERAL = "variants/"
"""Their id of a product with several variants is this and our id: no item is all of them."""
NEW, ACTIVATE = "new_item", "activate_item"
"""What a person may decide: an item that is gone is made anew; one that people made inactive is sold again."""
PLACES_READ = 200


class Wanted(NamedTuple):
    """An item that the document asks for: our entity and id of it, its number and what it is to show."""

    entity: str
    id: str
    number: str
    fields: Document


def wanted(document: Document, theirs: str | None) -> list[Wanted]:
    """What the document asks for; a product that is known as several stays so with its last variant."""
    key, items = document["key"], document["items"]
    if len(items) > 1 or (theirs or "").startswith(SEVERAL):
        return [Wanted(VARIANT, f"{key}/{each['key']}", each["sku"], each["fields"]) for each in items]
    return [Wanted(ENTITY, key, each["sku"], each["fields"]) for each in items]


class Places:
    """The items that the variants of a product are, and those that they were: an event names only the present ones."""

    def __init__(self, work: Work, key: str) -> None:
        self._work = work
        self._key = key

    def items(self) -> list[str]:
        """Their ids, in the order in which they came."""
        found: list[str] = []
        while True:
            asked = [self._name(place) for place in range(len(found), len(found) + PLACES_READ)]
            known = self._work.known_among(PLACE, asked)
            found += [known[name] for name in asked if name in known]
            if len(known) < PLACES_READ:
                return found

    def add(self, before: Sequence[str], ids: Sequence[str]) -> None:
        """Notes those that are new; ``before`` are those that are known."""
        for place, id in enumerate((id for id in ids if id not in before), start=len(before)):
            self._work.remember(PLACE, self._name(place), id)

    def _name(self, place: int) -> str:
        return f"{self._key}/{place}"


class Refusals:
    """The checks of one product document."""

    def __init__(self, document: Document, work: Work) -> None:
        self._document = document
        self._work = work

    def check_form(self, theirs: str | None) -> None:
        """Raises `Hold` for one that was one item and has several variants in Clarity now, or none any more."""
        if theirs is None:
            return
        items, was_several = self._document["items"], theirs.startswith(SEVERAL)
        if was_several and items[0]["key"] is None or not was_several and len(items) > 1:
            is_now, was = ("one product", "several items") if was_several else ("several variants", "one item")
            raise Hold(
                f"the product is {is_now} in Clarity now, and {was} in Fusion",
                hint="Make it a new product in Clarity, with SKUs of its own, and archive this one; or keep its items "
                "in Fusion by hand and `fleet held resolve` this: orders find each by its SKU.",
                code="form_differs",
            )

    def check_gone(self, each: Wanted, known: str) -> None:
        """Raises `Hold` for an item that Fusion does not show any more, unless a person lets it be made anew."""
        if not self._work.approved(NEW, each.id, known):
            raise Hold(
                f"the product's item {known} is not in Fusion any more",
                hint="Choose here that the item with its SKU is the product from now on, made if there is none; or "
                "archive the product in Clarity if it is not sold any more; or give the integration user data access "
                "to the item. {again}",
                code="product_gone",
                candidates=({"id": "new", "label": "the item with its SKU, or a new one", "approves": NEW},),
                compared=(each.id, known),
            )

    def check_inactive(self, each: Wanted, id: str) -> None:
        """Raises `Hold` for an item that people have made inactive while Clarity sells it."""
        if not self._work.approved(ACTIVATE, each.id, id):
            raise Hold(
                f"the item {each.number} is inactive in Fusion, and Clarity sells it",
                hint="Choose here that it is active again; or archive the product in Clarity. {again}",
                code="product_archived",
                candidates=({"id": "active", "label": "the item is active again", "approves": ACTIVATE},),
                compared=(each.id, id),
            )

    def renumbered(self, each: Wanted) -> Hold:
        return Hold(
            f"the product's item has another number in Fusion than its SKU {each.number}",
            hint="Give the product its SKU back in Clarity, or the item this number in Fusion. {again}",
            code="sku_differs",
        )

    def taken(self, each: Wanted) -> Hold:
        return Hold(
            f"the item {each.number} is another product of Clarity already",
            hint="Give one of the two another SKU in Clarity. {again}",
            code="sku_taken",
        )
