"""Refusals: how many requests the receiver did not take, and why.  Nothing of what they carried."""

from __future__ import annotations

from collections.abc import Mapping

from integration.store.database import Row, Transaction


def note(tx: Transaction, source: int | None, counts: Mapping[str, int]) -> None:
    """Adds so many refusals by reason to this minute and to those of all time, in one statement.

    Their sum is added to the source's counter of the day; ``source`` is None where it is not known.
    """
    reasons = sorted(counts)  # in one order, so that two processes do not wait for each other
    tx.run(NOTE, {"source": source, "reasons": reasons, "counts": [counts[reason] for reason in reasons]})


def lately(tx: Transaction) -> list[Row]:
    """Rows ``{source, system, reason, count, first, newest}`` of the last day, the newest first; times are minutes.

    ``system`` is the name under which the settings have the source; None where it is none of ours.
    """
    return tx.rows(
        """select coalesce(i.name, '-') as source, i.system, r.reason, sum(r.count)::bigint as count,
               min(r.minute) as first, max(r.minute) as newest
           from refusals r left join installations i on i.id = r.source
           where r.minute > now() - interval '1 day' group by 1, 2, 3
           order by newest desc, count desc, 1, 3"""
    )


def totals(tx: Transaction) -> list[Row]:
    """Rows ``{source, reason, count}`` of all time."""
    return tx.rows(
        """select coalesce(i.name, '-') as source, r.reason, r.count
           from refused r left join installations i on i.id = r.source order by 1, 2"""
    )


NOTE = """
with given as (
    select * from unnest(%(reasons)s::text[], %(counts)s::bigint[]) as given (reason, count)
), forgotten as (
    delete from refusals where minute < now() - interval '1 day'
), noted as (
    insert into refusals (source, reason, minute, count)
    select %(source)s::smallint, reason, date_trunc('minute', now()), count from given
    on conflict (coalesce(source, 0::smallint), minute, reason) do update set count = refusals.count + excluded.count
), added as (
    insert into refused (source, reason, count) select %(source)s::smallint, reason, count from given
    on conflict (coalesce(source, 0::smallint), reason) do update set count = refused.count + excluded.count
)
insert into counters (name, source, day, shard, value)
select 'refused', %(source)s::smallint, current_date, 0, sum(count) from given
where %(source)s::smallint is not null having count(*) > 0
on conflict (name, source, day, shard) do update set value = counters.value + excluded.value
"""
