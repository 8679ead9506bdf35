"""Fulfilment: how far each order is at each target, and which stage Clarity was last notified of."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from integration.canonical.fulfilment import Stage, TargetProgress, entered, progress_of, stage_of
from integration.store.database import Row, Transaction, columns
from integration.store.deliveries import Delivery

MOST_LOOKED_AT = 25
Claims = dict[str, int | None]
"""Which installation fulfils each line of an order; None while none has claimed it."""


def carry(tx: Transaction, carrying: Sequence[tuple[int, str, Row]]) -> list[bool]:
    """Keeps what targets have taken on of orders, as `canonical.fulfilment.carried` has it.

    True where something of the order has been shipped or billed before.
    """
    asked = [
        {"target": target, "order": order_id, "body": json.dumps(carried), "open": bool(carried["lines"])}
        for target, order_id, carried in carrying
    ]
    rows = tx.rows(CARRY, columns(asked))
    begun = {(row["installation"], row["object_id"]): row["begun"] for row in rows}
    return [begun[target, order_id] for target, order_id, _ in carrying]


@dataclass(frozen=True)
class Claim:
    """The lines of an order of ``shop`` that a target wants, out of those that are ``ordered``."""

    shop: int
    order_id: str
    target: int
    lines: Collection[str]
    ordered: Collection[str]


def claim(tx: Transaction, wanted: Sequence[Claim]) -> list[Claims]:
    """Claims lines for targets; which installation fulfils each line of each order now.

    Whoever claims a line first has it until it lets go (`release`): a line is fulfilled once.
    """
    answers: list[Claims] = [{} if each.lines else claims(tx, each.shop, each.order_id) for each in wanted]
    left = sorted(
        (number for number, each in enumerate(wanted) if each.lines),
        key=lambda number: (wanted[number].shop, wanted[number].order_id),
    )
    while left:  # of one order one at a time: no statement writes a row twice
        now = {(wanted[number].shop, wanted[number].order_id): number for number in reversed(left)}
        claimed = _claim(tx, [wanted[number] for number in sorted(now.values(), key=left.index)])
        for order, number in now.items():
            answers[number] = claimed[order]
        left = [number for number in left if number not in now.values()]
    return answers


def _claim(tx: Transaction, wanted: Sequence[Claim]) -> dict[tuple[int, str], Claims]:
    asked = [
        {
            "shop": each.shop,
            "order": each.order_id,
            "claims": json.dumps(dict.fromkeys(each.ordered) | dict.fromkeys(each.lines, each.target)),
        }
        for each in wanted
    ]
    rows = tx.rows(CLAIM, columns(asked))
    return {(row["installation"], row["object_id"]): row["fulfilled_by"] for row in rows}


def standing(tx: Transaction, asked: Sequence[tuple[int, str, int]]) -> list[tuple[Claims, Row | None]]:
    """Of orders, each with its shop and a target: who fulfils which line, and what the target carries of it."""
    named = [{"shop": shop, "order": order_id, "target": target} for shop, order_id, target in asked]
    rows = tx.rows(STANDING, columns(named))
    return [(row["claims"] or {}, row["carried"]) for row in rows]


def claims(tx: Transaction, shop: int, order_id: str, lock: str = "") -> Claims:
    """Which installation fulfils each line of the order now; ``lock`` is a locking clause."""
    found: Claims | None = tx.value(
        f"select fulfilled_by from progress where installation = %s and entity = 'order' and object_id = %s {lock}",
        shop,
        order_id,
    )
    return found or {}


def release(
    tx: Transaction, shop: int, order_id: str, target: int, *, keep: Collection[str], ordered: Collection[str]
) -> None:
    """Lets go of the lines that a target has of an order, but for those to ``keep``; others may claim them."""
    before = claims(tx, shop, order_id, lock="for update")
    after: Claims = {line: by for line, by in before.items() if by != target or line in keep}
    after = dict.fromkeys(ordered) | after
    if after != before:
        tx.run(
            "update progress set fulfilled_by = %s where installation = %s and entity = 'order' and object_id = %s",
            json.dumps(after),
            shop,
            order_id,
        )


def carried(tx: Transaction, target: int, order_id: str) -> tuple[Row | None, Decimal | None]:
    """What the target carries of the order, None when it never took it on; and by how much a person accepts that sums
    of the order differ there, None where nobody decided that."""
    row = tx.row(
        """select body, (
               select max(k.difference) from decisions k where k.object_id = p.object_id and k.entity = p.entity
               and k.installation = p.installation and k.revoked_at is null and k.until is null) as accepted
           from progress p where installation = %s and entity = 'order' and object_id = %s""",
        target,
        order_id,
    )
    return (row["body"], row["accepted"]) if row else (None, None)


def conversion(tx: Transaction, target: int, order_id: str) -> Row | None:
    """How the order was converted when the target took it on; None for one that was not."""
    kept: Row | None = tx.value(
        """select body -> 'conversion' from progress
           where installation = %s and entity = 'order' and object_id = %s""",
        target,
        order_id,
    )
    return kept


def away(tx: Transaction, target: int, order_id: str, entity: str, object_id: str) -> dict[str, Decimal]:
    """What of the order has left the target and has not come back, by line, without this object itself.

    Of the other kind only what Clarity has counts: it takes no second shipment before it has the return.
    """
    rows = tx.rows(AWAY, {"target": target, "order": order_id, "entity": entity, "object": object_id})
    return {row["line"]: row["quantity"] for row in rows}


def is_expected(tx: Transaction, source: int, order_id: str, delivery: int) -> bool:
    """Whether another shipment of the order, or goods of it that came back, are on their way to Clarity."""
    found: bool = tx.value(
        """select exists (
               select from messages m join deliveries d on d.message = m.id
               where m.part_of = %s and m.source = %s and d.entity in ('shipment', 'returned_goods')
               and d.open and d.id <> %s)""",
        order_id,
        source,
        delivery,
    )
    return found


def recorded(tx: Transaction, target: int, entity: str, object_id: str) -> Row | None:
    """What was last recorded of a shipment or invoice; None for nothing."""
    body: Row | None = tx.value(
        "select body from progress where installation = %s and entity = %s and object_id = %s",
        target,
        entity,
        object_id,
    )
    return body


def lock(tx: Transaction, target: int, order_id: str) -> None:
    """Makes everybody else wait who counts what this target has shipped of the order."""
    tx.run(
        "select from progress where installation = %s and entity = 'order' and object_id = %s for update",
        target,
        order_id,
    )


def record(tx: Transaction, delivery: Delivery, order_id: str, body: Row) -> bool | None:
    """Keeps the newest state of a shipment ``{lines, tracking?}`` or invoice ``{status, complete}``; if it changed.

    None: the delivery's lease is not ours any more, and nothing was written.
    """
    row = tx.row(
        RECORD,
        {
            "id": delivery.id,
            "lease": delivery.lease,
            "source": delivery.source,
            "entity": delivery.entity,
            "object": delivery.object_id,
            "order": order_id,
            "body": json.dumps(body),
        },
    )
    return bool(row["changed"]) if row else None


def show(tx: Transaction, target: int, entity: str, object_id: str) -> None:
    """Notes that Clarity has a shipment or invoice."""
    tx.run(
        "update progress set shown = true where installation = %s and entity = %s and object_id = %s",
        target,
        entity,
        object_id,
    )


def advance(tx: Transaction, shop: int, order_id: str, targets: Sequence[int]) -> tuple[Stage, ...]:
    """The stages that the order has entered since Clarity was last notified, over these targets; it never goes back.

    Only what Clarity has counts.  Two that ask for one order run one after the other.
    """
    row = tx.row(
        """insert into progress (installation, entity, object_id, order_id, body)
           values (%s, 'order', %s, %s, '{"stage": 0}')
           on conflict (installation, entity, object_id) do update set object_id = excluded.object_id
           returning coalesce((body ->> 'stage')::int, 0) as stage, fulfilled_by""",
        shop,
        order_id,
        order_id,
    )
    assert row
    notified, claims = Stage(row["stage"]), row["fulfilled_by"]
    parts = _parts(tx, order_id, targets)
    _close(tx, order_id, [target for target, part in parts.items() if part.closed])
    waited_for = set(targets) - {shop, *parts}
    if claims and None not in claims.values():
        waited_for &= set(claims.values())
    awaited = _awaited(tx, order_id, waited_for)
    stage = max(notified, stage_of(list(parts.values()), awaited=awaited, had_left=notified >= Stage.SHIPPED))
    tx.run(
        """update progress set body = jsonb_build_object('stage', %s::int)
           where installation = %s and entity = 'order' and object_id = %s""",
        int(stage),
        shop,
        order_id,
    )
    return entered(notified, stage)


def _close(tx: Transaction, order_id: str, targets: Sequence[int]) -> None:
    """Nothing more is to be expected of the order from these targets."""
    tx.run(
        """update progress set open = false where installation = any (%s::smallint[]) and entity = 'order'
           and object_id = %s and open""",
        list(targets),
        order_id,
    )


def open_orders(tx: Transaction, target: int) -> list[str]:
    """Their ids of orders of which not all is shipped and paid, the least recently polled first."""
    rows = tx.rows(
        """select x.their_id from progress p
           join crossrefs x on x.installation = p.installation and x.entity = 'order' and x.our_id = p.object_id
           where p.installation = %s and p.open and x.their_id is not null order by p.looked_at limit %s""",
        target,
        MOST_LOOKED_AT,
    )
    return [row["their_id"] for row in rows]


def as_posted(tx: Transaction, target: int, theirs: Sequence[str]) -> dict[str, Row]:
    """The lines that the target has taken on of these orders, ``{id, lines}`` by their ids; no copies for the books."""
    rows = tx.rows(
        """select x.their_id, p.object_id, p.body -> 'lines' as lines from crossrefs x
           join progress p on p.installation = x.installation and p.entity = x.entity and p.object_id = x.our_id
           where x.installation = %s and x.entity = 'order' and x.their_id = any (%s::text[])
           and p.body ? 'lines' and not p.body ? 'copy'""",
        target,
        list(theirs),
    )
    return {row["their_id"]: {"id": row["object_id"], "lines": row["lines"]} for row in rows}


def polled(tx: Transaction, target: int, theirs: Sequence[str]) -> None:
    """Puts these orders behind the others of `open_orders`."""
    tx.run(
        """update progress p set looked_at = now() from crossrefs x
           where x.installation = p.installation and x.entity = 'order' and x.our_id = p.object_id and p.open
           and p.installation = %s and x.their_id = any (%s::text[])""",
        target,
        list(theirs),
    )


def _parts(tx: Transaction, order_id: str, targets: Sequence[int]) -> dict[int, TargetProgress]:
    """Each target's part of the order, by installation."""
    rows = tx.rows(
        """select installation, entity, body from progress
           where order_id = %s and installation = any (%s::smallint[])
           and (shown or entity = 'order' and body ? 'lines' and not body ? 'copy')""",
        order_id,
        list(targets),
    )

    def of(target: int, entity: str) -> list[Row]:
        return [row["body"] for row in rows if (row["installation"], row["entity"]) == (target, entity)]

    carrying = [row["installation"] for row in rows if row["entity"] == "order"]
    return {
        target: progress_of(
            of(target, "order")[0], of(target, "shipment"), of(target, "invoice"), of(target, "returned_goods")
        )
        for target in carrying
    }


def _awaited(tx: Transaction, order_id: str, targets: Collection[int]) -> bool:
    """Whether one of these targets is still to take on something of the order."""
    return bool(
        tx.value(
            """select exists (
                   select from messages m join deliveries d on d.message = m.id
                   where m.object_id = %s and d.entity = 'order' and d.target = any (%s::smallint[])
                   and (d.open or d.state in ('held', 'dead')) and not exists (
                       select from definitions w where w.hash = d.pin and w.body ->> 'fulfils' = 'false'))""",
            order_id,
            list(targets),
        )
    )


CARRY = """
insert into progress (installation, entity, object_id, order_id, body, open)
select target, 'order', order_id, order_id, body::jsonb, open
from unnest(%(target)s::smallint[], %(order)s::text[], %(body)s::text[], %(open)s::bool[]) as carried (
    target, order_id, body, open) order by target, order_id
on conflict (installation, entity, object_id) do update set body = excluded.body, open = excluded.open
returning installation, object_id, exists (
    select from progress p where p.order_id = progress.order_id and p.entity <> 'order') as begun
"""

CLAIM = """
insert into progress (installation, entity, object_id, order_id, body, fulfilled_by)
select shop, 'order', order_id, order_id, '{}', claims::jsonb
from unnest(%(shop)s::smallint[], %(order)s::text[], %(claims)s::text[]) as wanted (shop, order_id, claims)
on conflict (installation, entity, object_id) do update
set fulfilled_by = excluded.fulfilled_by || jsonb_strip_nulls(progress.fulfilled_by)
returning installation, object_id, fulfilled_by
"""

AWAY = """
select key as line, sum(case entity when 'shipment' then value::numeric else -value::numeric end) as quantity
from progress p, jsonb_each_text(p.body -> 'lines')
where installation = %(target)s and order_id = %(order)s and entity in ('shipment', 'returned_goods')
and case entity when %(entity)s then object_id <> %(object)s else shown end
group by key
"""

STANDING = """
select (
        select fulfilled_by from progress
        where installation = asked.shop and entity = 'order' and object_id = asked.order_id) as claims, (
        select body from progress
        where installation = asked.target and entity = 'order' and object_id = asked.order_id) as carried
from unnest(%(shop)s::smallint[], %(order)s::text[], %(target)s::smallint[]) with ordinality as asked (
    shop, order_id, target, n) order by n
"""

RECORD = """
with ours as (
    select id from deliveries where id = %(id)s and lease = %(lease)s::uuid and state = 'running' for update
), before as (
    select body from progress where installation = %(source)s and entity = %(entity)s and object_id = %(object)s
)
insert into progress (installation, entity, object_id, order_id, body)
select %(source)s, %(entity)s, %(object)s, %(order)s, %(body)s::jsonb from ours
on conflict (installation, entity, object_id) do update set body = excluded.body, order_id = excluded.order_id
returning body is distinct from (select body from before) as changed
"""
