"""The registry of entities: one line per kind of object that travels, with all that the fleet has to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from marshmallow import Schema

from integration.canonical import invoice, order_check, refund
from integration.canonical.cancellation import Cancellation, check_cancellation
from integration.canonical.customer import Customer, check_customer
from integration.canonical.invoice import Invoice, check_invoice
from integration.canonical.order import CANCELLED, STATUSES, Order
from integration.canonical.order_check import check_order
from integration.canonical.payment import Payment, check_payment
from integration.canonical.product import Product, check_product
from integration.canonical.product_picture import ProductPicture
from integration.canonical.refund import Refund, check_refund
from integration.canonical.returned import Return, check_return
from integration.canonical.returned_goods import ReturnedGoods, check_returned_goods
from integration.canonical.shipment import Shipment, check_shipment
from integration.canonical.split import remaining
from integration.canonical.stock_level import StockLevel, check_stock_level
from integration.errors import Hold

Document = dict[str, Any]


class Check(Protocol):
    """What has to be true of a canonical document beyond its schema; raises `Reject` or `Hold`.

    ``approves`` says of a fault whether a person lets it pass.
    """

    def __call__(self, document: Document, /, approves: Callable[[Hold], bool] = ...) -> None: ...


@dataclass(frozen=True)
class Entity:
    """One kind of object.

    - ``schema`` and ``check`` are those of its canonical document; None for one that no mapping makes.
    - ``home`` is the kind of system whose id is our id; None: whoever made the object ("odoo-1/17").
    - ``our_ids`` are the fields of the canonical document that its home gives as its own ids; ``home_ids`` those of a
      target's document that are ours.
    - ``whole`` says whether the ``data`` of an event hold the object in full; None: they always do.
    - ``remaining`` is what of the canonical document a target gets; None: all of it.
    - ``sums`` are the values of the canonical document that an approval of differing sums is about: while one of them
      is the same, the approval holds.
    - ``passing`` are the fields of the canonical document that say how new or how far along the object is, and
      ``standing`` is what of those counts for a target: two documents with the same of all else and the same standing
      say the same.
    - ``unique_there``: one of theirs is one of ours.  False where several of ours may be one record of theirs, and
      where a crossref that another delivery wrote on its way is enough for whoever needs the object.
    - ``personal``: the document itself is about a person, so all of it is masked.
    - ``made_at_home``: only its home makes it.  Of what another system has, only records that a crossref names matter.
    - ``email_at`` is the JMESPath of the e-mail address in ``data``, by which a person's objects are found.
    - ``number_at`` is the field of ``data`` by which people know the object.
    - ``worth_at`` are the JMESPaths of what the object is worth and of its currency in ``data``.
    - ``parts`` are the entities whose objects belong to one of this, as a shipment does to its order.
    - ``noun`` is what people call it, where that is not its name.
    - ``yields``: its events let those of others go first, for many come at once and nobody waits for one.
    - ``recorded_as`` is the entity among whose records a target keeps its objects, where that is another one.
    """

    name: str
    schema: Schema | None = None
    check: Check | None = None
    home: str | None = None
    whole: Callable[[Document], bool] | None = None
    remaining: Callable[[Document], Document] | None = None
    sums: Callable[[Document], Sequence[Any]] | None = None
    passing: tuple[str, ...] = ()
    standing: Callable[[Document], str] | None = None
    unique_there: bool = True
    personal: bool = False
    our_ids: tuple[str, ...] = ()
    home_ids: tuple[str, ...] = ()
    made_at_home: bool = False
    email_at: str | None = None
    number_at: str = "number"
    worth_at: tuple[str, str] | None = None
    parts: tuple[str, ...] = ()
    noun: str | None = None
    recorded_as: str | None = None
    yields: bool = False

    @property
    def identity(self) -> tuple[str, ...]:
        """The fields of an event's ``data`` that say which object it is about, which version of it, and whose."""
        return ("id", "object_id", "version", self.number_at, *self.our_ids, *self.home_ids)


def _has_lines(order: Document) -> bool:
    return "lines" in order


def _standing(order: Document) -> str:
    """An order is open or cancelled; a status that nobody knows is itself."""
    status: str = order["status"]
    return "cancelled" if status in CANCELLED else "open" if status in STATUSES else status


def _is_more_than_named(object: Document) -> bool:
    return bool(object.keys() - {"id", "version"})


ENTITIES: Mapping[str, Entity] = {
    each.name: each
    for each in (
        Entity(
            "order",
            Order(),
            check_order,
            home="clarity",
            whole=_has_lines,
            remaining=remaining,
            sums=order_check.sums,
            passing=("version", "updated_at", "status"),
            standing=_standing,
            our_ids=("id", "customer.id"),
            email_at="customer.email",
            worth_at=("totals.grandTotal", "currency"),
            parts=("order_status", "shipment", "invoice", "refund", "cancellation", "returned_goods"),
        ),
        Entity(
            "customer",
            Customer(),
            check_customer,
            home="clarity",
            whole=_is_more_than_named,
            unique_there=False,
            personal=True,
            our_ids=("id", "merged_ids"),
            home_ids=("customer_id",),
            made_at_home=True,
            email_at="email",
        ),
        Entity(
            "product",
            Product(),
            check_product,
            home="clarity",
            whole=_is_more_than_named,
            our_ids=("id",),
            home_ids=("product_id",),
            made_at_home=True,
            number_at="sku",
            parts=("product_picture",),
        ),
        Entity(
            "product_picture",
            ProductPicture(),
            home="clarity",
            whole=_is_more_than_named,
            our_ids=("id",),
            noun="picture",
        ),
        Entity(
            "payment",
            Payment(),
            check_payment,
            home="clarity",
            passing=("version",),
            our_ids=("id", "order_id"),
            made_at_home=True,
            number_at="orderNumber",
            worth_at=("amount", "currency"),
        ),
        Entity("shipment", Shipment(), check_shipment, home_ids=("order_id",)),
        Entity("invoice", Invoice(), check_invoice, sums=invoice.sums, home_ids=("order_id",)),
        Entity("refund", Refund(), check_refund, sums=refund.sums, home_ids=("order_id",)),
        Entity("cancellation", Cancellation(), check_cancellation, home_ids=("order_id",)),
        Entity(
            "return",
            Return(),
            check_return,
            home="clarity",
            whole=_has_lines,
            our_ids=("id", "order_id"),
            made_at_home=True,
        ),
        Entity(
            "returned_goods",
            ReturnedGoods(),
            check_returned_goods,
            unique_there=False,
            home_ids=("order_id", "return_id"),
        ),
        Entity("return_transfer", recorded_as="return"),
        Entity("stock_level", StockLevel(), check_stock_level, yields=True, number_at="sku"),
        Entity("order_status", home_ids=("order_id",), noun="order"),
        Entity("guest", recorded_as="customer"),
        Entity("product_variant", recorded_as="product", noun="variant"),
    )
}

UNKNOWN = Entity("event")
"""Of what no line of the registry is about, nothing is assumed."""


def entity(name: str) -> Entity:
    return ENTITIES.get(name, UNKNOWN)


def recorded_alike(name: str) -> list[str]:
    """The entities whose objects are records of one kind at a target, so that one record is one object of them all.

    >>> recorded_alike("guest"), recorded_alike("order"), recorded_alike("stock_level")
    (['customer', 'guest'], ['order'], ['stock_level'])
    """
    kind = entity(name).recorded_as or name
    return [each.name for each in ENTITIES.values() if kind in (each.name, each.recorded_as)] or [name]


def noun(name: str) -> str:
    """What people call an entity.

    >>> noun("order_status"), noun("stock_level")
    ('order', 'stock level')
    """
    return entity(name).noun or name.replace("_", " ")
