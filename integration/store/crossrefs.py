"""Crossrefs: our id <-> theirs, per installation, with what was last applied there.  Never removed."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from integration.canonical.entities import entity as registered
from integration.canonical.entities import recorded_alike
from integration.store.database import Transaction
from integration.store.deliveries import WAKE_NEEDING, Delivery

RESERVED_FOR = "120 seconds"


def their_ids(tx: Transaction, installation: int, entity: str, our_ids: Collection[str]) -> dict[str, str]:
    """Their ids of those of our objects that are known there, by ours."""
    rows = tx.rows(
        """select our_id, their_id from crossrefs
           where installation = %s and entity = %s and our_id = any (%s::text[]) and their_id is not null""",
        installation,
        entity,
        list(our_ids),
    )
    return {row["our_id"]: row["their_id"] for row in rows}


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


def reserve(tx: Transaction, delivery: Delivery, entity: str, our_id: str) -> bool:
    """Claims the right to create an object at the target; False when another delivery has it.

    A reservation whose owner died is free again after two minutes; the owner itself may ask as often as it likes.
    """
    return bool(
        tx.run(
            """insert into crossrefs (installation, entity, our_id, reserved_by, reserved_until)
               values (%s, %s, %s, %s, now() + %s::interval)
               on conflict (installation, entity, our_id) do update
               set reserved_by = excluded.reserved_by, reserved_until = excluded.reserved_until
               where crossrefs.their_id is null
               and (crossrefs.reserved_by = excluded.reserved_by or crossrefs.reserved_until < now())""",
            delivery.target,
            entity,
            our_id,
            delivery.id,
            RESERVED_FOR,
        )
    )


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
    learn(tx, installation, {(entity, our_id): theirs})
    return True


def learn(tx: Transaction, installation: int, learned: Mapping[tuple[str, str], str]) -> None:
    """Writes their ids of objects of ours, by (entity, our id): what a delivery has made on its way.

    Wakes what waits for one of those that need no delivery of their own.
    """
    names = sorted(learned)  # in one order, so that two who write the same ones cannot wait for each other
    tx.run(
        """insert into crossrefs (installation, entity, our_id, their_id)
           select %s::smallint, entity, our_id, their_id
           from unnest(%s::text[], %s::text[], %s::text[]) as learned (entity, our_id, their_id)
           on conflict (installation, entity, our_id) do update set
               their_id = excluded.their_id, reserved_by = null, reserved_until = null, written_at = now()""",
        installation,
        [entity for entity, _ in names],
        [our_id for _, our_id in names],
        [learned[name] for name in names],
    )
    for of, id in names:
        if not registered(of).unique_there:
            tx.run(WAKE_NEEDING, {"needed": needed(installation, of, id)})


def write(
    tx: Transaction,
    installation: int,
    entity: str,
    our_id: str,
    theirs: str | None,
    *,
    number: str | None = None,
    source: int | None = None,
    version: int | None = None,
    digest: str | None = None,
) -> None:
    """Writes or brings up to date a crossref, and wakes what waited for it.

    ``theirs`` is None when the object was never made there (an order cancelled before it was posted): what came before
    that version is old all the same.  ``source`` is the installation that counts the version.
    """
    tx.run(
        WRITE,
        {
            "installation": installation,
            "entity": entity,
            "our_id": our_id,
            "their_id": theirs,
            "number": number,
            "source": source,
            "version": version,
            "digest": digest,
            "needed": needed(installation, entity, our_id) if theirs is not None else None,
        },
    )


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


WRITE = f"""
with written as (
    insert into crossrefs (installation, entity, our_id, their_id, number, source, version, digest)
    values (%(installation)s, %(entity)s, %(our_id)s, %(their_id)s, %(number)s, %(source)s, %(version)s, %(digest)s)
    on conflict (installation, entity, our_id) do update set
        their_id = coalesce(excluded.their_id, crossrefs.their_id),
        number = coalesce(excluded.number, crossrefs.number),
        source = coalesce(excluded.source, crossrefs.source),
        version = coalesce(excluded.version, crossrefs.version),
        digest = coalesce(excluded.digest, crossrefs.digest),
        reserved_by = null, reserved_until = null, written_at = now()
)
{WAKE_NEEDING}
"""
