"""Demand: what orders want of an ERP's stock, so that what is promised here and not reserved there is not sold twice.

A row is an order's quantity of one SKU at one ERP.  It is noted when the order is read, whatever becomes of it then,
and applied when the ERP has the order as it is.  What is not applied counts as long as the order may still get there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from integration.store.database import Transaction, columns

MOST_READ = 500
"""So many levels are read anew in one run of a poll."""
ASKED_AGAIN = "5 minutes"
"""A SKU whose level an ERP did not show when it was asked for is asked for again after this."""
KEPT = "1 day"
"""Applied demand matters for as long as Clarity counts the order itself, which is minutes."""


@dataclass(frozen=True)
class Wanted:
    """What an order wants of an ERP, by SKU; ``placed_at`` None: it came without a time, and counts from now on."""

    installation: int
    order_id: str
    quantities: Mapping[str, Decimal]
    placed_at: datetime | None


@dataclass(frozen=True)
class Asked:
    """A level of an ERP: what its figure says of orders until ``read_at``, and Clarity counts from ``as_of`` on."""

    installation: int
    sku: str
    read_at: datetime
    as_of: datetime


@dataclass(frozen=True)
class Standing:
    """Of a level: how old its figure is, and what orders change of it.

    ``pending`` was placed before Clarity counts and was not at the ERP when the figure was read.  ``counted`` is in the
    figure, and Clarity counts it, too.  ``unread``: there are orders of which nobody knows yet what they want.
    """

    age: float
    unread: bool
    pending: Decimal
    counted: Decimal


def note(tx: Transaction, wanted: Sequence[Wanted]) -> list[None]:
    """Notes what orders want.  What is wanted less or not at all counts as before, until the ERP has the change."""
    by_row = {
        (each.installation, each.order_id, sku): (quantity, each.placed_at)
        for each in wanted
        for sku, quantity in each.quantities.items()
    }
    rows = [
        {"installation": key[0], "order_id": key[1], "sku": key[2], "quantity": quantity, "placed_at": placed_at}
        for key, (quantity, placed_at) in sorted(by_row.items(), key=lambda row: row[0])
    ]
    if rows:
        tx.run(NOTE, columns(rows))
    return [None] * len(wanted)


def apply(tx: Transaction, carried: Sequence[Wanted]) -> list[None]:
    """The ERP has these orders as they are said here: no more counts of them, and what it lacks counts no longer."""
    rows = [
        {"installation": each.installation, "order_id": each.order_id, "sku": sku, "quantity": quantity}
        for each in sorted(carried, key=lambda each: (each.installation, each.order_id))
        for sku, quantity in (each.quantities or {"": Decimal(0)}).items()
    ]
    if rows:
        tx.run(APPLY, columns(rows))
    return [None] * len(carried)


def sell(tx: Transaction, installation: int, skus: Collection[str]) -> None:
    """These SKUs of the ERP are sold from now on; what is new among them has its level read."""
    tx.run(
        "insert into sold_skus (installation, sku) select %s, unnest(%s::text[]) on conflict do nothing",
        installation,
        sorted(skus),
    )


def sold(tx: Transaction, installation: int, skus: Collection[str]) -> set[str]:
    """Those of these SKUs that are sold; no level of theirs is asked for any more, for here they are."""
    rows = tx.rows(
        """with named as (
               select sku, read_at from sold_skus where installation = %s and sku = any (%s::text[])
           ), read as (
               update sold_skus s set read_at = null from named
               where s.installation = %s and s.sku = named.sku and s.read_at <= now() + %s::interval
           ) select sku from named""",
        installation,
        list(skus),
        installation,
        ASKED_AGAIN,
    )
    return {row["sku"] for row in rows}


def to_read(tx: Transaction, installation: int) -> list[str]:
    """The SKUs of the ERP whose level is to be read anew."""
    rows = tx.rows(
        "select sku from sold_skus where installation = %s and read_at <= now() order by read_at limit %s",
        installation,
        MOST_READ,
    )
    return [row["sku"] for row in rows]


def asked(tx: Transaction, installation: int, skus: Collection[str]) -> None:
    """These were asked for; the ERP that does not show one is asked again later."""
    tx.run(
        f"""update sold_skus set read_at = now() + interval '{ASKED_AGAIN}'
            where installation = %s and sku = any (%s::text[]) and read_at <= now()""",
        installation,
        list(skus),
    )


def read_again(tx: Transaction, installation: int, sku: str, after: float = 0.0) -> None:
    """Lets the level be read anew, in so many seconds or sooner."""
    tx.run(
        """update sold_skus set read_at = least(read_at, now() + make_interval(secs => %s))
           where installation = %s and sku = %s""",
        after,
        installation,
        sku,
    )


def standing(tx: Transaction, levels: Sequence[Asked]) -> list[Standing]:
    """What orders change of each of these levels, as it is now."""
    rows = tx.rows(STANDING, columns([vars(each) for each in levels]))
    return [Standing(row["age"], row["unread"], row["pending"], row["counted"]) for row in rows]


def forget(tx: Transaction) -> None:
    """Forgets what matters no longer: applied long ago, or of an order that nobody brings to the ERP any more.

    What came to nothing makes room: its level is read anew.
    """
    tx.run(f"delete from demand where applied_at < now() - interval '{KEPT}'")
    tx.run(FORGET)


UNDECIDED = """exists (
    select from messages m join deliveries u on u.message = m.id
    where m.object_id = d.order_id and u.target = d.installation and u.entity = 'order'
    and (u.open or u.state in ('held', 'dead')))"""
"""Whether the order may still get to the ERP, or change there."""

NOTE = """
with wanted as (
    select * from unnest(%(installation)s::smallint[], %(order_id)s::text[], %(sku)s::text[], %(quantity)s::numeric[],
        %(placed_at)s::timestamptz[]) as wanted (installation, order_id, sku, quantity, placed_at)
), sold as (
    insert into sold_skus (installation, sku) select distinct installation, sku from wanted order by 1, 2
    on conflict do nothing
)
insert into demand as d (installation, order_id, sku, quantity, placed_at)
select installation, order_id, sku, quantity, coalesce(placed_at, now()) from wanted
on conflict (installation, order_id, sku) do update set noted_at = now(),
    quantity = greatest(d.quantity, excluded.quantity),
    applied_at = case when excluded.quantity > d.quantity then null else d.applied_at end
where excluded.quantity > d.quantity
"""

APPLY = """
with carried as (
    select * from unnest(%(installation)s::smallint[], %(order_id)s::text[], %(sku)s::text[], %(quantity)s::numeric[])
        as carried (installation, order_id, sku, quantity)
), gone as (
    delete from demand d using carried c where d.installation = c.installation and d.order_id = c.order_id
    and not exists (
        select from carried k where k.installation = d.installation and k.order_id = d.order_id and k.sku = d.sku)
)
update demand d set quantity = c.quantity, applied_at = coalesce(
    case when d.quantity = c.quantity then d.applied_at end, now())
from carried c where d.installation = c.installation and d.order_id = c.order_id and d.sku = c.sku
and (d.applied_at is null or d.quantity <> c.quantity)
"""

STANDING = f"""
select extract(epoch from now() - asked.read_at)::float as age, unread.found is not null as unread,
    coalesce(counts.pending, 0) as pending, coalesce(counts.counted, 0) as counted
from unnest(%(installation)s::smallint[], %(sku)s::text[], %(read_at)s::timestamptz[], %(as_of)s::timestamptz[])
    with ordinality as asked (installation, sku, read_at, as_of, n)
left join lateral (
    select true as found from deliveries u where u.target = asked.installation and u.entity = 'order' and u.open
    and u.step in ('fetch', 'transform') and u.created_at < asked.read_at and not exists (
        select from messages m join demand k on k.installation = u.target and k.order_id = m.object_id
        where m.id = u.message) limit 1) as unread on true
left join lateral (
    select sum(d.quantity) filter (where d.placed_at <= asked.as_of
            and (d.applied_at >= asked.read_at or d.applied_at is null and {UNDECIDED})) as pending,
        sum(d.quantity) filter (where d.placed_at > asked.as_of and d.applied_at < asked.read_at) as counted
    from demand d where d.installation = asked.installation and d.sku = asked.sku) as counts on true
order by asked.n
"""

FORGET = f"""
with gone as (
    delete from demand d where d.applied_at is null and d.noted_at < now() - interval '10 minutes' and not {UNDECIDED}
    returning installation, sku
)
update sold_skus s set read_at = least(s.read_at, now()) from gone
where s.installation = gone.installation and s.sku = gone.sku
"""
