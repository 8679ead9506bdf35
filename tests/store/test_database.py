"""Connections: what the server has ended is not used again."""

from __future__ import annotations

import time

from integration.store.database import Database


def test_a_connection_that_the_server_has_ended_costs_no_transaction(database: Database, database_url: str) -> None:
    with database.transaction() as tx:
        ended = tx.value("select pg_backend_pid()")
    other = Database(database_url, connections=1)
    with other.statement() as tx:
        tx.run("select pg_terminate_backend(%s)", ended)
        while tx.value("select count(*) from pg_stat_activity where pid = %s", ended):
            time.sleep(0.01)
    other.close()
    with database.transaction() as tx:
        assert tx.value("select pg_backend_pid()") != ended
