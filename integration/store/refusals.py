"""Refusals: how many webhooks were answered with 401, and why.  Nothing of what they carried."""

from __future__ import annotations

from collections.abc import Mapping

from integration.store.database import Transaction


def note(tx: Transaction, source: int, counts: Mapping[str, int]) -> None:
    """Adds so many refusals by reason to this minute, and their sum to the counter of the day, in one statement."""
    reasons = sorted(counts)  # in one order, so that two processes do not wait for each other
    tx.run(NOTE, {"source": source, "reasons": reasons, "counts": [counts[reason] for reason in reasons]})


NOTE = """
with given as (
    select * from unnest(%(reasons)s::text[], %(counts)s::bigint[]) as given (reason, count)
), forgotten as (
    delete from refusals where minute < now() - interval '1 day'
), noted as (
    insert into refusals (source, reason, minute, count)
    select %(source)s, reason, date_trunc('minute', now()), count from given
    on conflict (source, minute, reason) do update set count = refusals.count + excluded.count
)
insert into counters (name, source, day, shard, value)
select 'refused', %(source)s, current_date, 0, sum(count) from given
on conflict (name, source, day, shard) do update set value = counters.value + excluded.value
"""
