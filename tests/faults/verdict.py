"""The verdict: what exists at the other side, by the sandbox's own ledger, and whether our books add up."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.road.world import World, carriers

PATIENCE = 150.0
"""Seconds for everything to come to its end: leases have to lapse, breakers to close, and the machine is busy."""
STAGES = ("processing", "partially_shipped", "shipped", "completed")
Books = Mapping[str, Any]

OUT_OF_ORDER = """
select lane from (
    select lane, finished_at, lag(finished_at) over (partition by lane order by version, id) as before
    from deliveries where state = 'done' and entity <> 'order_status') as ended
where finished_at < before"""
UNSETTLED = "select id, lane, step, state, reason from deliveries where open or state in ('held', 'dead') order by id"


def judge(
    world: World,
    orders: Sequence[str],
    shipping: Sequence[str],
    changed: Mapping[str, str],
    patience: float = PATIENCE,
) -> None:
    """Lets everything end, then raises `AssertionError` for a promise that was not kept.

    ``shipping`` are the orders that are to come back shipped, billed and paid; ``changed`` has the customer's reference
    that was given to an order last.
    """
    world.clear_faults()
    world.until(lambda: world.redeliver() == 0, patience, lambda: "webhooks are still pending")
    world.finished(*orders, seconds=patience)
    _shown_once(world.control("GET", "ledger"))  # no need to wait for what follows of an order that exists twice
    world.age(list(shipping), odoo=6, fusion=20)
    world.until(lambda: _come_back(world, shipping), patience, lambda: [world.all(id) for id in shipping])
    world.until(lambda: not unsettled(world), patience, lambda: f"unsettled: {unsettled(world)}")
    books = world.control("GET", "ledger")
    _shown_once(books)
    world.exactly_once(list(orders))
    _latest(world, books, changed)
    for id in shipping:
        _shipped(world.order(id), books["clarity"]["shipments"])
        _billed(world.order(id), books["clarity"]["invoices"])
    _never_back(books["clarity"]["status_pushes"], orders, shipping)
    with world.database.transaction() as tx:
        lanes = tx.rows(OUT_OF_ORDER)
    assert lanes == [], f"lanes whose deliveries ended out of order: {lanes}"
    world.balanced()


def unsettled(world: World) -> list[dict[str, Any]]:
    """The deliveries that have not ended well; none, if all is well."""
    with world.database.transaction() as tx:
        return tx.rows(UNSETTLED)


def _come_back(world: World, ids: Sequence[str]) -> bool:
    """Whether Clarity shows these orders as completed, and every invoice of theirs as paid."""
    books = world.control("GET", "ledger")["clarity"]
    invoices = [each for each in books["invoices"] if each["order_id"] in ids]
    sources = {(each["order_id"], _source(each)) for each in invoices if each["status"] == "paid"}
    return all(books["orders"][id]["status"] == "completed" for id in ids) and sources == {
        (id, f"{erp}-1") for id in ids for erp in world.erps(id)
    }


def _source(document: Mapping[str, Any]) -> str:
    return str(document["external_ref"]).partition("/")[0]


def _latest(world: World, books: Books, changed: Mapping[str, str]) -> None:
    odoo = {order["external_id"]: order["client_order_ref"] for order in books["odoo"]["orders"]}
    fusion = {order["source_id"]: order["purchase_order"] for order in books["fusion"]["orders"]}
    numbers = {
        "odoo": {id: odoo.get(f"__clarity__.order__{id}") for id in changed},
        "fusion": {id: fusion.get(id) for id in changed},
    }
    present = {id: {erp: numbers[erp][id] for erp in world.erps(id)} for id in changed}
    wanted = {id: dict.fromkeys(world.erps(id), number) for id, number in changed.items()}
    assert present == wanted, "not the newest state of an order"


def _shown_once(books: Books) -> None:
    twice = [each["external_id"] for each in books["odoo"]["orders"] if each["created"] != 1]
    assert twice == [], f"orders that exist twice in Odoo: {twice}"
    for kind in ("shipments", "invoices"):
        shown = Counter((each["order_id"], each["external_ref"]) for each in books["clarity"][kind])
        assert [each for each, count in shown.items() if count > 1] == [], f"{kind} that exist twice in Clarity"
        assert {id for id, _ in shown} <= {*books["clarity"]["orders"]}, f"{kind} of no order"


def _shipped(order: Mapping[str, Any], shipments: Sequence[Mapping[str, Any]]) -> None:
    """All that was ordered has left, each line by the ERP that fulfils it, and no more."""
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for shipment in shipments:
        for line, quantity in shipment["lines"].items() if shipment["order_id"] == order["id"] else ():
            found[_source(shipment), line] += Decimal(quantity)
    by = carriers(dict(order))
    wanted = {
        (f"{by[line['id']]}-1", line["id"]): Decimal(line["quantity"])
        for line in order["lines"]
        if line["requiresShipping"]
    }
    assert found == wanted, f"shipments of {order['id']}"


def _billed(order: Mapping[str, Any], invoices: Sequence[Mapping[str, Any]]) -> None:
    """All ERPs that fulfil the order have billed their parts, which come to the order to the minor unit."""
    found = [invoice for invoice in invoices if invoice["order_id"] == order["id"]]
    assert {_source(each) for each in found} == {f"{erp}-1" for erp in carriers(dict(order)).values()}, "invoices of"
    billed = sum(Decimal(each["total"]) for each in found)
    assert billed == Decimal(order["totals"]["grandTotal"]), f"invoices of {order['id']}: {billed}"


def _never_back(pushes: Sequence[Mapping[str, Any]], orders: Sequence[str], shipping: Sequence[str]) -> None:
    """An order comes to a status once, and never from a later one."""
    reported: dict[str, list[str]] = defaultdict(list)
    for push in pushes:
        if push["changed"]:
            reported[push["order_id"]].append(push["status"])
    for id in orders:
        assert reported[id] == sorted(set(reported[id]), key=STAGES.index), f"statuses of {id}"
        assert reported[id][-1] == ("completed" if id in shipping else "processing"), (
            f"statuses of {id}: {reported[id]}"
        )
