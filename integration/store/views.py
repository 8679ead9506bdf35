"""What operators ask: lists and single messages, read-only and without bodies."""

from __future__ import annotations

from collections.abc import Sequence

from integration.store.conditions import LAST, Selected, on_deliveries, on_messages
from integration.store.database import Row, Transaction

COLUMNS = """
    d.id, d.message, i.name as target, d.workflow, d.entity, d.step, d.state, d.attempts, d.round, d.code, d.reason,
    d.hint, d.rounding, d.rounding_currency, d.fingerprint, d.newer, d.origin, d.replay_of, d.edited,
    d.mapping_version,
    d.created_at, d.finished_at, m.type, m.object_id, m.number,
    case when d.due_at = 'infinity' then null else d.due_at end as due_at, d.due_at = 'infinity' as behind_another"""
TABLES = "deliveries d join messages m on m.id = d.message left join installations i on i.id = d.target"
DELIVERY = f"select {COLUMNS} from {TABLES}"


def messages(tx: Transaction, chosen: Selected, limit: int, before: int = LAST) -> list[Row]:
    """The newest messages that are meant, those ``before`` an id, each with the states of its deliveries."""
    where, values = on_messages(chosen)
    return tx.rows(
        f"""select m.id, s.name as source, m.external_id, m.type, m.object_id, m.number, m.received_at, m.copies,
                array(select coalesce(i.name, '-') || ' ' || d.state from deliveries d
                      left join installations i on i.id = d.target where d.message = m.id order by d.id) as deliveries
            from messages m join installations s on s.id = m.source
            where {where} and m.id < %(before)s order by m.id desc limit %(limit)s""",
        {**values, "limit": limit, "before": before},
    )


def bodies(tx: Transaction, ids: Sequence[int]) -> list[Row]:
    """Rows ``{id, body, entities}``: the sealed bodies of messages, and what their deliveries are about."""
    return tx.rows(
        """select m.id, m.body, array(select d.entity from deliveries d where d.message = m.id) as entities
           from messages m where m.id = any (%s::bigint[])""",
        list(ids),
    )


def message(tx: Transaction, id: int) -> Row | None:
    """One message with its sealed body."""
    return tx.row(
        """select m.*, s.name as source_name from messages m join installations s on s.id = m.source where m.id = %s""",
        id,
    )


def deliveries_of(tx: Transaction, message: int) -> list[Row]:
    return tx.rows(f"{DELIVERY} where d.message = %s order by d.id", message)


def delivery(tx: Transaction, id: int) -> Row | None:
    """One delivery with its sealed document and candidates."""
    return tx.row(f"select d.document, d.candidates, {COLUMNS} from {TABLES} where d.id = %s", id)


def count(tx: Transaction, chosen: Selected) -> int:
    """How many deliveries are meant."""
    where, values = on_deliveries(chosen)
    return int(tx.value(f"select count(*) from {TABLES} where {where}", values))


def counters(tx: Transaction) -> list[Row]:
    """Rows ``{source, name, value}`` over all days."""
    return tx.rows(
        """select i.name as source, c.name, sum(c.value)::bigint as value from counters c
           join installations i on i.id = c.source group by i.name, c.name order by 1, 2"""
    )


def accepted_by_day(tx: Transaction, days: int) -> list[Row]:
    """Rows ``{day, accepted}``: how many messages were accepted on each of the last days, from the counters."""
    return tx.rows(
        """select day, sum(value)::bigint as accepted from counters
           where name = 'accepted' and day > current_date - %s::integer group by day order by day""",
        days,
    )


def newest_by_source(tx: Transaction) -> list[Row]:
    """Rows ``{source, received_at}``: when each source was last heard."""
    return tx.rows(
        """select i.name as source, last.received_at from installations i cross join lateral (
               select received_at from messages where source = i.id order by received_at desc limit 1) as last
           order by i.name"""
    )


def open_by_state(tx: Transaction) -> list[Row]:
    """Rows ``{queue, state, count}`` of what is not finished, and of what waits for a person."""
    return tx.rows(
        """select coalesce(queue, '-') as queue, state, count(*) from deliveries
           where open or state in ('held', 'dead') group by 1, 2 order by 1, 2"""
    )


def server_version(tx: Transaction) -> str:
    """The version of Postgres, such as 17.2."""
    return str(tx.value("show server_version"))


def open_by_target(tx: Transaction) -> dict[int, int]:
    """How many deliveries that are not finished each installation has."""
    rows = tx.rows("select target, count(*) from deliveries where open and target is not null group by target")
    return {row["target"]: row["count"] for row in rows}


def sealed(tx: Transaction) -> list[bytes]:
    """The oldest and the newest body that is kept, and every secret of the fleet's own: what its keys must open."""
    rows = tx.rows(
        """(select body from messages order by id limit 1) union all
           (select body from messages order by id desc limit 1) union all select value from secrets"""
    )
    return [row["body"] for row in rows]


def oldest_due(tx: Transaction) -> list[Row]:
    """Rows ``{queue, seconds}``: how long the oldest due delivery of each queue has been waiting."""
    return tx.rows(
        """select queue, extract(epoch from now() - min(due_at))::float as seconds from deliveries
           where state in ('ready', 'waiting') and due_at <= now() group by queue order by queue"""
    )


def journeys(tx: Transaction, object_ids: list[str]) -> list[Row]:
    """How far orders have come: one row per order and ERP, of its first message.

    ``{object_id, target, state, step, reason, theirs, seconds}`` are about its way to the ERP: the number there, and
    the time from the commit of the webhook to the end of the status push.  ``{shipments, invoices, open}`` are about
    what has come back from there, and whether more is to be expected.  ``{stage, reporting}`` are the stage that
    Clarity was last notified of, None for none, and whether a push is still under way.
    """
    return tx.rows(JOURNEYS, object_ids)


JOURNEYS = """
select distinct on (m.object_id, d.target) m.object_id, i.system as target, d.state, d.step, d.reason,
    x.number as theirs,
    extract(epoch from coalesce(push.finished_at, d.finished_at) - m.received_at)::float as seconds,
    back.shipments, back.invoices, coalesce(here.open, true) as open,
    coalesce((notified.body ->> 'stage')::int, case when push.state in ('done', 'skipped') then 0 end) as stage,
    exists (select from deliveries other where other.lane = push.lane and other.open) as reporting
from messages m join deliveries d on d.message = m.id and d.origin is null and d.replay_of is null
join installations i on i.id = d.target
left join deliveries push on push.origin = d.id
left join crossrefs x on x.installation = d.target and x.entity = d.entity and x.our_id = m.object_id
left join progress here on here.installation = d.target and here.entity = 'order' and here.object_id = m.object_id
left join progress notified
    on notified.installation = m.source and notified.entity = 'order' and notified.object_id = m.object_id
cross join lateral (
    select count(*) filter (where p.entity = 'shipment') as shipments,
        count(*) filter (where p.entity = 'invoice') as invoices
    from progress p where p.order_id = m.object_id and p.installation = d.target and p.shown) as back
where m.object_id = any (%s) order by m.object_id, d.target, m.id
"""
