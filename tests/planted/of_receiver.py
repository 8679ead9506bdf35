"""Defects of the receiver: what it takes, what it refuses, and what strangers may cost it."""

from __future__ import annotations

from tests.planted.defect import Defect

SERVING = "integration/serving.py"
HEALTH = "integration/health.py"
STRANGERS = "tests/receiver/test_strangers.py::"
UNREADABLE = "tests/receiver/test_unreadable.py::"
OPERATIONS = "tests/receiver/test_operations.py::"

DEFECTS = [
    Defect(
        "a webhook secret that is not base64 is no key",
        "integration/signature.py",
        'key, why = b"", "is not base64"',
        'key, why = secret.encode(), ""',
        "tests/receiver/test_signature.py::test_a_secret_that_is_none_is_refused_and_not_shown",
        r"assert 'a secret in .* == 'a secret in .*is not base64'",
    ),
    Defect(
        "a request takes a thread when it is whole",
        "Procfile",
        "--worker-class integration.serving.Worker",
        "--worker-class gthread",
        f"{STRANGERS}test_sixty_four_halves_hold_nobody_up_and_are_ended",
        r"Read timed out|answered after",
    ),
    Defect(
        "a receiver that is started without addresses is not for the public",
        "Procfile",
        '"${FLEET_OPS_BIND:-127.0.0.1:8002}"',
        '"$FLEET_OPS_BIND"',
        "tests/test_addresses.py::test_what_is_started_without_addresses_listens_on_this_machine_only[receiver-gunicorn]",
        r"assert \['127.0.0.1:8000', ''\] == ",
    ),
    Defect(
        "a request that does not arrive is ended",
        SERVING,
        "now - self.began < patience",
        "True",
        f"{STRANGERS}test_the_deadline_counts_from_the_first_byte",
        r"TimeoutError: timed out",
    ),
    Defect(
        "headers and body of an answer leave in one packet",
        SERVING,
        "        if len(self.unsent) >= PACKET:\n",
        "        if True:\n",
        "tests/receiver/test_receiver.py::test_an_answer_is_one_packet",
        r"assert \(2,\) == \(1,\)",
    ),
    Defect(
        "a connection that is kept is read again as soon as it is answered",
        SERVING,
        "            server.woken = False  # before",
        "            pass  # before",
        f"{STRANGERS}test_a_kept_connection_is_read_again_at_once",
        r"< 0\.5|Read timed out",
    ),
    Defect(
        "what has arrived is answered before the receiver ends",
        SERVING,
        "        while any(map(_busy, self._connections())) and",
        "        while False and",
        f"{STRANGERS}test_what_has_arrived_is_answered_when_the_receiver_stops",
        r"assert \[.*\] == \[202|Connection aborted|Connection reset",
    ),
    Defect(
        "what HTTP refuses is answered and counted by the receiver",
        SERVING,
        "    error_task_class = Refusal\n",
        "",
        f"{UNREADABLE}test_what_is_not_http_is_400_and_counted",
        "AssertionError: b''",
    ),
    Defect(
        "a path that there is not is counted",
        "integration/receiver.py",
        '            self.refusals.count(None, "unknown_path")\n',
        "",
        f"{UNREADABLE}test_paths_and_methods_that_there_are_not_are_counted",
        r"unknown_path: 0 of 5",
    ),
    Defect(
        "a refusal that comes often is reported",
        "integration/store/alert_queries.py",
        "interval '{LATELY}') >= 1\n",
        "interval '{LATELY}') >= 1000\n",
        "tests/alerts/test_refusals.py::test_every_refusal_is_reported_when_there_are_many",
        r"not enough values to unpack",
    ),
    Defect(
        "a Postgres that takes no writes is not ready",
        HEALTH,
        'return "read-only" if tx.value("show transaction_read_only") == "on" else "ok"',
        'return "ok" if tx.value("select 1") else ""',
        f"{OPERATIONS}test_a_read_only_postgres_is_not_ready",
        r"assert \(200, ",
    ),
    Defect(
        "a Redis that takes no writes is not ready",
        HEALTH,
        'cache.set(MARK, "1", ex=60)',
        "cache.ping()",
        f"{OPERATIONS}test_a_redis_that_takes_no_writes_is_not_ready",
        r"assert \(200, ",
    ),
    Defect(
        "a frozen server holds no answer up",
        HEALTH,
        "self._answered.wait(seconds)",
        "self._answered.wait()",
        f"{OPERATIONS}test_a_frozen_server_is_reported_within_two_seconds",
        r"Read timed out|answered after",
    ),
]
