"""Databases as older releases have left them: their schema, and rows that a fleet has made."""

from __future__ import annotations

from collections.abc import Iterator

from integration.store.database import Database, Transaction
from integration.store.migrate import FOLDER

LAST = "0007"
"""The last migration of release 0.1.0."""
COLUMNS = """
select c.table_name as table, array_agg(c.column_name::text) as columns, bool_or(c.is_identity = 'YES') as numbered
from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.is_generated = 'NEVER'
and c.table_name <> 'migrations' group by 1 order by 1"""


def lay_out(tx: Transaction) -> None:
    """The schema of release 0.1.0 in an empty database."""
    tx.run("create table migrations (name text primary key, checksum text, at timestamptz default now())")
    for path in sorted(FOLDER.glob("*.sql")):
        if path.name[:4] <= LAST:
            tx.run(path.read_text())
            tx.run("insert into migrations values (%s, encode(sha256(%s), 'hex'))", path.name, path.read_bytes())


def copy(of: Database, to: Database) -> None:
    """All rows of a fleet of today as that schema has them: what it has no column for is left out."""
    with of.transaction() as there, to.transaction() as here:
        here.run("set local session_replication_role = replica")  # the order of tables and of rows does not matter
        for table, names, numbered in _shared(there, here):
            columns = ", ".join(names)
            every = f"select {columns} from {table}"
            rows = there.value(f"select coalesce(json_agg(row), '[]')::text from ({every}) as row")
            here.run(
                f"""insert into {table} ({columns}) overriding system value
                    select {columns} from json_populate_recordset(null::{table}, %s::json) on conflict do nothing""",
                rows,
            )
            if numbered:
                here.run(f"select setval(pg_get_serial_sequence('{table}', 'id'), (select max(id) from {table}))")


def _shared(there: Transaction, here: Transaction) -> Iterator[tuple[str, list[str], bool]]:
    """The tables that both have, with the columns that both have, and whether their ids are numbered."""
    theirs = {row["table"]: set(row["columns"]) for row in there.rows(COLUMNS)}
    for row in here.rows(COLUMNS):
        if row["table"] in theirs:
            yield row["table"], [name for name in row["columns"] if name in theirs[row["table"]]], row["numbered"]
