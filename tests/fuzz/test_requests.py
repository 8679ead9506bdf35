"""The receiver under raw requests: it answers or hangs up, soon, never with a failure of its own, and lives on."""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from integration.local.servers import Postgres, Valkey
from tests.conftest import new_database
from tests.fuzz.conftest import Fuzz
from tests.fuzz.raw_requests import raw_request
from tests.receiver.conftest import running, settings
from tests.receiver.webhook import Receiver, event

SENDERS = 8
SHORT = 500
SOON = 1.0
STATUS = re.compile(rb"(?:^|\r\n|\})HTTP/1\.[01] (\d{3}) ")


@dataclass
class Outcome:
    """What came of the requests: how many of each status, how long they took, and which were not right."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    late: dict[int, float] = field(default_factory=dict)

    def table(self) -> str:
        ordered = sorted(self.seconds)
        shares = {share: ordered[min(int(len(ordered) * share), len(ordered) - 1)] for share in (0.5, 0.99, 0.999)}
        rows = [f"{status:>10} {count:>8}" for status, count in sorted(self.statuses.items())]
        times = ", ".join(f"p{share * 100:g} {seconds * 1000:.0f} ms" for share, seconds in shares.items())
        slowest = f"slowest {ordered[-1] * 1000:.0f} ms; over {SOON:g} s and sent again: {len(self.late)}"
        return "\n".join(["    answer    count", *rows, f"{len(ordered)} requests: {times}, {slowest}"])


@pytest.fixture(scope="module")
def receiver(
    postgres: Postgres, valkey: Valkey, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Receiver]:
    with running(
        settings(new_database(postgres.url, template), valkey.url, tmp_path_factory.mktemp("fuzz"))
    ) as receiver:
        yield receiver


def test_raw_requests(receiver: Receiver, fuzz: Fuzz, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome()
    count = fuzz.count(SHORT)
    with ThreadPoolExecutor(SENDERS) as senders:
        for _ in senders.map(lambda number: _try(receiver, fuzz, number, outcome), range(count)):
            pass
    assert len(outcome.seconds) == count
    if fuzz.asked:
        with capsys.disabled():
            print(f"\n{outcome.table()}\nseed {fuzz.seed}; late: {outcome.late}")
    assert outcome.failed == {}, outcome.table()
    assert outcome.statuses["202"], "sound ones are among them"
    assert outcome.statuses["401"], "and unsigned ones"
    assert outcome.statuses["400"], "and what cannot be read"
    assert receiver.post(event()).status_code == 202
    log = receiver.log.read_text()
    assert "Traceback" not in log, log[max(0, log.index("Traceback") - 500) :][:4000]
    assert '"level": "critical"' not in log
    assert log.count("Booting worker") == 2, "a worker was replaced"


def _try(receiver: Receiver, fuzz: Fuzz, number: int, outcome: Outcome) -> None:
    """Sends one; what took long is sent twice more, and fails if it always does: else the machine was busy."""
    request = raw_request(fuzz.random(number), number)
    statuses, seconds = _send(receiver, request)
    outcome.statuses.update(statuses or ["hung up"])
    outcome.seconds.append(seconds)
    if any(status.startswith("5") for status in statuses):
        outcome.failed[number] = f"{statuses}: {request[:2000]!r}"
    if seconds > SOON:
        outcome.late[number] = seconds
        again = min(_send(receiver, request)[1] for _ in range(2))
        if again > SOON:
            outcome.failed[number] = f"{seconds:.1f} s, again {again:.1f} s: {request[:2000]!r}"


def _send(receiver: Receiver, request: bytes) -> tuple[list[str], float]:
    """The statuses of the answers, and the seconds until the connection ended after the last byte was sent."""
    parts = urlsplit(receiver.url)
    began = time.monotonic()
    answer = b""
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65536):
                answer += more
        except TimeoutError:
            raise
        except OSError:
            pass  # it hung up while more was being sent
    return [status.decode() for status in STATUS.findall(answer)], time.monotonic() - began
