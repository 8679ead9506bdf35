"""Publications: which definitions are in force, version by version.  Nothing here is changed or removed later.

A publication is for all objects, or, as a canary, for a share of them.  In force is the newest for all, and the newest
canary if that is newer still.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from integration.store import definitions
from integration.store.database import Row, Transaction


def lock(tx: Transaction) -> None:
    """Lets one transaction publish at a time, until its end."""
    tx.run("select pg_advisory_xact_lock(hashtext('publications'))")


def publish(
    tx: Transaction,
    published: Iterable[tuple[str, str, str, dict[str, Any]]],
    who: str,
    *,
    note: str = "",
    from_files: bool = False,
    share: int | None = None,
    after: int | None = None,
) -> int | None:
    """Puts definitions (kind, name, hash, body), and no others, in force as the next version; its number.

    None, and nothing is changed, where the newest version is not ``after`` any more.  ``from_files``: they are those
    that ship.  ``share``: for so many percent of the objects, 1 to 99; None: for all.
    """
    lock(tx)
    if newest(tx) != after:
        return None
    chosen = list(published)
    definitions.store(tx, chosen)
    version: int = tx.value(
        """insert into publications (version, who, note, from_files, share, hashes)
           values (%s, %s, %s, %s, %s::smallint, %s::text[]) returning version""",
        (after or 0) + 1,
        who,
        note,
        from_files,
        share,
        sorted(hash for _, _, hash, _ in chosen),
    )
    return version


def ever(tx: Transaction) -> bool:
    """Whether anything was published, in a database that may lack migrations."""
    return tx.value("select to_regclass('publications')") is not None and newest(tx) is not None


def newest(tx: Transaction) -> int | None:
    """The number of the newest version; None before the first."""
    version: int | None = tx.value("select max(version) from publications")
    return version


def in_force(tx: Transaction) -> list[Row]:
    """The definitions in force, ``{version, share, kind, name, hash, body}``: of the newest version for all, whose
    share is None, and of a canary that was published after it."""
    return tx.rows(IN_FORCE)


def of_version(tx: Transaction, version: int) -> list[Row]:
    """The definitions of a version as of one that is in force for all; none for one that there is not."""
    return tx.rows(
        """select p.version, null as share, d.kind, d.name, d.hash, d.body
           from publications p join definitions d on d.hash = any (p.hashes) where p.version = %s""",
        version,
    )


def last_from_files(tx: Transaction) -> list[str]:
    """The hashes of what was published last from the files that ship, by whomever."""
    hashes: list[str] | None = tx.value(
        "select hashes from publications where from_files order by version desc limit 1"
    )
    return hashes or []


def before(tx: Transaction, version: int) -> int | None:
    """The newest version for all that is older than this one."""
    found: int | None = tx.value("select max(version) from publications where share is null and version < %s", version)
    return found


def versions(tx: Transaction, limit: int) -> list[Row]:
    """The newest versions ``{version, at, who, note, share, orders, deliveries}``, newest first.

    ``orders`` and ``deliveries`` are those that used it last, of what is kept.
    """
    return tx.rows(VERSIONS, limit)


IN_FORCE = """
with whole as (
    select version, share, hashes from publications where share is null order by version desc limit 1
), canary as (
    select p.version, p.share, p.hashes from publications p join whole on p.version > whole.version
    order by p.version desc limit 1
)
select p.version, p.share, d.kind, d.name, d.hash, d.body
from (select * from whole union all select * from canary) as p join definitions d on d.hash = any (p.hashes)"""

VERSIONS = """
with used as (
    select d.mapping_version as version, count(*) as deliveries,
        count(distinct (m.source, m.object_id)) filter (where d.entity = 'order') as orders
    from deliveries d join messages m on m.id = d.message where d.mapping_version is not null group by 1
)
select p.version, p.at, p.who, p.note, p.share, coalesce(used.orders, 0) as orders,
    coalesce(used.deliveries, 0) as deliveries
from publications p left join used using (version) order by p.version desc limit %s"""
