"""Crossrefs: our id <-> theirs, per installation, with what was last applied there.  Never removed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

from integration.canonical.entities import entity as registered
from integration.canonical.entities import recorded_alike
from integration.store.database import Transaction, columns
from integration.store.deliveries import Delivery
from integration.store.ends import WAKE_NEEDING

RESERVED_FOR = "120 seconds"


Object = tuple[int, str, str]
"""An object of ours at an installation: that, the entity and our id."""


@dataclass(frozen=True)
class Written:
    """What is known of an object of ours at an installation; see `write`."""

    installation: int
    entity: str
    our_id: str
    their_id: str | None
    number: str | None = None
    source: int | None = None
    version: int | None = None
    digest: str | None = None
    taken: str | None = None


def their_ids(tx: Transaction, asked: Sequence[Sequence[Object]]) -> list[dict[Object, str]]:
    """For each of those who ask: their ids of those of its objects that are known there."""
    objects = [_named(each) for each in {each for objects in asked for each in objects}]
    if not objects:
        return [{} for _ in asked]
    rows = tx.rows(THEIR_IDS, columns(objects))
    found = {(row["installation"], row["entity"], row["our_id"]): row["their_id"] for row in rows}
    return [{each: found[each] for each in objects if each in found} for objects in asked]


def _named(object: Object) -> dict[str, int | str]:
    return dict(zip(("installation", "entity", "our_id"), object, strict=True))


def our_id(tx: Transaction, installation: int, entity: str, theirs: str) -> str | None:
    """Our id of the object that is ``theirs`` there; of several that are one record there, the first one written."""
    return our_ids(tx, installation, entity, [theirs]).get(theirs)


def our_ids(tx: Transaction, installation: int, entity: str, theirs: Collection[str]) -> dict[str, str]:
    """The same for many, by theirs."""
    rows = tx.rows(
        """select distinct on (their_id) their_id, our_id from crossrefs
           where installation = %s and entity = %s and their_id = any (%s::text[])
           order by their_id, written_at, our_id""",
        installation,
        entity,
        list(theirs),
    )
    return {row["their_id"]: row["our_id"] for row in rows}


def reserve(tx: Transaction, wanted: Sequence[tuple[Delivery, str, str]]) -> list[bool]:
    """Claims for deliveries the right to create an object each, entity and our id, at their target.

    False when another delivery has it.  A reservation whose owner died is free again after two minutes; the owner
    itself may ask as often as it likes.
    """
    first: dict[Object, int] = {}
    for delivery, entity, our_id in wanted:
        first.setdefault((delivery.target, entity, our_id), delivery.id)
    asked = [{**_named(each), "owner": owner} for each, owner in sorted(first.items())]
    rows = tx.rows(RESERVE, {**columns(asked), "time": RESERVED_FOR})
    got = {(row["installation"], row["entity"], row["our_id"]) for row in rows}
    places = [((each.target, entity, our_id), each.id) for each, entity, our_id in wanted]
    return [place in got and first[place] == owner for place, owner in places]


def taken(tx: Transaction, installation: int, entity: str, our_id: str, theirs: Collection[str]) -> set[str]:
    """Those of their ids that are known as objects of ours other than this one, of its entity or one recorded alike."""
    rows = tx.rows(
        """select distinct their_id from crossrefs where installation = %s and entity = any (%s::text[])
           and their_id = any (%s::text[]) and (entity, our_id) <> (%s, %s)""",
        installation,
        recorded_alike(entity),
        list(theirs),
        entity,
        our_id,
    )
    return {row["their_id"] for row in rows}


def adopt(tx: Transaction, installation: int, entity: str, our_id: str, theirs: str) -> bool:
    """Writes the crossref of an object that the target has already; False when another of ours is it.

    Those who want the same record wait here for each other until their transactions end.
    """
    tx.run("select pg_advisory_xact_lock(hashtextextended(%s, 0))", f"crossref {installation} {theirs}")
    if taken(tx, installation, entity, our_id, [theirs]):
        return False
    learn(tx, [{(installation, entity, our_id): theirs}])
    return True


def learn(tx: Transaction, learned: Sequence[Mapping[Object, str]]) -> list[None]:
    """Writes their ids of objects of ours: what deliveries have made on their way.

    Wakes what waits for one of those that need no delivery of their own.
    """
    all = {object: theirs for each in learned for object, theirs in each.items()}
    shared = [needed(*each) for each in sorted(all) if not registered(each[1]).unique_there]
    # In one order, so that two who write the same ones cannot wait for each other.
    rows = [{**_named(object), "their_id": all[object]} for object in sorted(all)]
    tx.run(LEARN, {**columns(rows), "needed": shared})
    return [None] * len(learned)


def write(tx: Transaction, crossrefs: Sequence[Written]) -> list[None]:
    """Writes crossrefs or brings them up to date, and wakes what waited for them.

    Their id is None when the object was never made there (an order cancelled before it was posted): what came before
    that version is old all the same.  ``source`` is the installation that counts the version.
    """
    ordered = sorted(crossrefs, key=lambda each: (each.installation, each.entity, each.our_id))
    there = [needed(each.installation, each.entity, each.our_id) for each in ordered if each.their_id is not None]
    tx.run(WRITE, {**columns([asdict(each) for each in ordered]), "needed": there})
    return [None] * len(crossrefs)


def settle(tx: Transaction, delivery: Delivery) -> None:
    """Notes that this version of the object needed nothing: an older one that comes later is old."""
    tx.run(
        """insert into crossrefs (installation, entity, our_id, source, version) values (%s, %s, %s, %s, %s)
           on conflict (installation, entity, our_id) do update set source = excluded.source, version =
               case when coalesce(crossrefs.source, excluded.source) = excluded.source
                   then greatest(crossrefs.version, excluded.version) else excluded.version end""",
        delivery.target,
        delivery.entity,
        delivery.object_id,
        delivery.source,
        delivery.version,
    )


def exists(tx: Transaction, needs: str) -> bool:
    """Whether the object that somebody `needed` is there by now: a version of it has taken effect.

    Of an entity of which several of ours may be one of theirs, their id is enough.
    """
    installation, of, our_id = needs.split("/", 2)
    return bool(
        tx.value(
            """select true from crossrefs where installation = %s and entity = %s and our_id = %s
               and their_id is not null and (version is not null or not %s)""",
            int(installation),
            of,
            our_id,
            registered(of).unique_there,
        )
    )


def needed(installation: int, entity: str, our_id: str) -> str:
    """How a waiting delivery names the crossref it needs."""
    return f"{installation}/{entity}/{our_id}"


THEIR_IDS = """
select x.installation, x.entity, x.our_id, x.their_id
from unnest(%(installation)s::smallint[], %(entity)s::text[], %(our_id)s::text[]) as asked (
    installation, entity, our_id)
join crossrefs x using (installation, entity, our_id) where x.their_id is not null"""

RESERVE = """
insert into crossrefs (installation, entity, our_id, reserved_by, reserved_until)
select installation, entity, our_id, owner, now() + %(time)s::interval
from unnest(%(installation)s::smallint[], %(entity)s::text[], %(our_id)s::text[], %(owner)s::bigint[]) as wanted (
    installation, entity, our_id, owner)
on conflict (installation, entity, our_id) do update
set reserved_by = excluded.reserved_by, reserved_until = excluded.reserved_until
where crossrefs.their_id is null
and (crossrefs.reserved_by = excluded.reserved_by or crossrefs.reserved_until < now())
returning installation, entity, our_id"""

LEARN = f"""
with written as (
    insert into crossrefs (installation, entity, our_id, their_id)
    select * from unnest(%(installation)s::smallint[], %(entity)s::text[], %(our_id)s::text[], %(their_id)s::text[])
    on conflict (installation, entity, our_id) do update set
        their_id = excluded.their_id, reserved_by = null, reserved_until = null, written_at = now()
)
{WAKE_NEEDING}"""

WRITE = f"""
with written as (
    insert into crossrefs (installation, entity, our_id, their_id, number, source, version, digest, taken)
    select * from unnest(%(installation)s::smallint[], %(entity)s::text[], %(our_id)s::text[], %(their_id)s::text[],
        %(number)s::text[], %(source)s::smallint[], %(version)s::bigint[], %(digest)s::text[], %(taken)s::text[])
    on conflict (installation, entity, our_id) do update set
        their_id = coalesce(excluded.their_id, crossrefs.their_id),
        number = coalesce(excluded.number, crossrefs.number),
        source = coalesce(excluded.source, crossrefs.source),
        version = coalesce(excluded.version, crossrefs.version),
        digest = coalesce(excluded.digest, crossrefs.digest),
        taken = case when excluded.version is null then crossrefs.taken else excluded.taken end,
        reserved_by = null, reserved_until = null, written_at = now()
)
{WAKE_NEEDING}
"""
