"""What a fleet asks of Postgres and Redis, statement by statement and command by command, in the order of time."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import redis

from integration.local.servers import Postgres

LOGGED = {
    "logging_collector": "on",  # whole lines, however many backends write
    "log_destination": "jsonlog",
    "log_directory": "log",
    "log_filename": "statements.log",
    "log_statement": "all",
    "log_rotation_size": "0",
    "wal_writer_delay": "10s",  # else it now and then writes to the disk what a commit would have waited for
}
OPENING = re.compile(r"(begin; )?(set local synchronous_commit = off; )?", re.IGNORECASE)
FSYNCS = "select sum(fsyncs) from pg_stat_io where object = 'wal' and backend_type = 'client backend'"
END = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where client_port = any (%s)"
BY_THE_CLOCK = {
    *("BRPOP", "PUBLISH", "SUBSCRIBE", "PSUBSCRIBE", "UNSUBSCRIBE", "PING", "CLIENT", "HELLO", "AUTH", "SELECT"),
    "renew",
}
"""What connections of Celery and of redis-py do by themselves, and a hop that takes its time."""
BODY = '{"body": '
"""How a message of Celery begins."""
QUIET = re.compile(r"(begin|commit|rollback|prepare|deallocate|set|discard|show)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """One statement of one ``session``, whose client has that ``port``.

    ``kind`` is its text without values.  It ``begins`` or ``ends`` a transaction, or does neither; a ``quiet`` one only
    prepares others, or does only that.
    """

    session: int
    port: int
    kind: str
    begins: bool
    ends: bool
    quiet: bool


class Statements:
    """A Postgres of one's own that writes down every statement."""

    def __init__(self, home: Path) -> None:
        self.server = Postgres(home)
        self._log = self.server.directory / "data" / "log" / "statements.json"
        self._connection: Any = None

    @contextmanager
    def running(self) -> Iterator[str]:
        """Its URL, for the length of the block."""
        self.server.start()
        try:
            connection = psycopg2.connect(self.server.url)
            connection.autocommit = True
            for name, value in LOGGED.items():
                connection.cursor().execute(f"alter system set {name} = '{value}'")
            connection.close()
            self.server.stop()
            self.server.start()
            self._connection = psycopg2.connect(self.server.url)
            self._connection.autocommit = True
            yield self.server.url
            self._connection.close()
        finally:
            self.server.stop()

    def fsyncs(self, ports: Iterable[int]) -> int:
        """How often a client had to wait for the disk, those on these ports included.

        Their connections are ended: only then does a server process add its own figures at once.
        """
        with self._connection.cursor() as cursor:
            cursor.execute(END, (list(ports),))
            cursor.execute(FSYNCS)
            return int(cursor.fetchone()[0])

    def place(self) -> int:
        """Where the log ends now."""
        return self._log.stat().st_size

    def since(self, place: int) -> list[Statement]:
        """Every statement that began after that place of the log was its end."""
        with self._log.open("rb") as log:
            log.seek(place)
            rows = [json.loads(line) for line in log.read().splitlines() if line.endswith(b"}")]
        return [_statement(row) for row in rows if row.get("message", "").startswith(("statement: ", "execute "))]


def _statement(row: Mapping[str, Any]) -> Statement:
    """Of a line of the log: a simple query is a ``statement``, one of the extended protocol an ``execute``."""
    text = row["message"].partition(": ")[2]
    opening = OPENING.match(text)
    assert opening
    rest = text[opening.end() :].strip()
    prepared = row.get("detail", "").partition("prepare: ")[2]
    return Statement(
        session=row["pid"],
        port=int(row.get("remote_port", 0)),
        kind=_without_values(prepared or rest),
        begins=bool(opening[1]) or rest.lower().startswith("begin"),
        ends=rest.lower().startswith(("commit", "rollback")),
        quiet=bool(QUIET.match(rest)),
    )


def _without_values(sql: str) -> str:
    return re.sub(r"'(?:[^']|'')*'|\b\d+\b", "?", sql)[:300]


@dataclass(frozen=True)
class Command:
    """One command that a client of Redis sent from that ``port``; ``kind`` names what is asked, without values.

    ``messages`` are those of Celery that it puts into a queue.  ``by_the_clock``: it comes be there orders or not.
    """

    port: int
    name: str
    kind: str
    messages: int
    by_the_clock: bool


class Commands:
    """Every command that clients send to a Redis, from the start of the block to its end."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)
        self._heard: list[Command] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        with self._client.monitor() as monitor:
            reader = threading.Thread(target=self._listen, args=(monitor.listen(),), daemon=True)
            reader.start()
            try:
                yield
            finally:
                self._client.echo("the end")
                reader.join(10)

    def place(self) -> int:
        """How many have been heard by now."""
        return len(self._heard)

    def since(self, place: int) -> list[Command]:
        """Those that were heard after that."""
        return self._heard[place:]

    def _listen(self, lines: Iterable[Mapping[str, Any]]) -> None:
        for line in lines:
            if line["command"] == "ECHO the end":
                return
            if line["client_type"] != "lua":
                self._heard.append(_command(line))


def _command(line: Mapping[str, Any]) -> Command:
    """Scripts are known by their key and the question, lists by their name."""
    name, *words = line["command"].split(" ")
    name, first = name.upper(), words[0] if words else ""
    port, messages = int(line["client_port"]), line["command"].count(BODY)
    if name in ("EVALSHA", "EVAL"):
        key, question = words[2], words[2 + int(words[1])]
        return Command(port, name, f"{name} {key} {question}", 0, question in BY_THE_CLOCK or key.startswith("_kombu."))
    return Command(port, name, f"{name} {first}", messages, name in BY_THE_CLOCK)
