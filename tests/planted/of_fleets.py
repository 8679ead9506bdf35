"""Defects that whole trials of the fault suite must notice."""

from __future__ import annotations

from tests.planted.defect import Defect

STORE = "integration/store/"
ODOO = "integration/connectors/odoo/"
TRIAL = "tests/faults/test_faults.py::test_everything_once_in_order_and_nothing_lost"

COUNTS = "tests/benchmarks/test_counts.py::"

TRIALS = [
    Defect(
        "what an older release had in hand goes on after an upgrade",
        f"{STORE}dispatch.py",
        "state = 'running' and leased_until < now()",
        "state = 'running' and leased_until < '2020-01-01'",
        "tests/road/test_upgrade_under_traffic.py::test_what_was_open_ends_while_new_events_arrive",
        "it did not happen in",
    ),
    Defect(
        "an order asks for no call more than it needs",
        f"{ODOO}catalog.py",
        "SLOW_SECONDS = 600.0",
        "SLOW_SECONDS = 0.0",
        f"{COUNTS}test_an_order_of_a_known_customer",
        "'http': 7",
    ),
    Defect(
        "no commit waits for the disk that need not",
        f"{STORE}database.py",
        'yield Transaction(connection, "" if durable else ASYNC_COMMIT)',
        'yield Transaction(connection, "")',
        f"{COUNTS}test_an_order_of_a_new_customer",
        "'fsyncs'",
    ),
    Defect(
        "nothing is stuck when a worker has died",
        f"{STORE}dispatch.py",
        "state = 'running' and leased_until < now()",
        "state = 'running' and leased_until < '2020-01-01'",
        f"{TRIAL}[workers-killed-and-frozen-in-mid-post]",
        "it did not happen in",
    ),
    Defect(
        "an order exists once though answers are lost",
        f"{STORE}attempts.py",
        "case when last.id is null or last.outcome = 'failed' then ours.request else last.request end",
        "ours.request",
        f"{TRIAL}[answer-lost-after-commit]",
        "orders that exist twice in Odoo",
        also=(
            (
                f"{ODOO}order/rows.py",
                '"id": xmlid("order", document["key"])',
                '"id": xmlid("order", document["key"], __import__("uuid").uuid4().hex)',
            ),
        ),
    ),
    Defect(
        "an older state never follows a newer one",
        "tasks/runner.py",
        "delivery.version < delivery.applied_version:",
        "False:",
        f"{TRIAL}[webhooks-days-late]",
        "not the newest state|out of order",
    ),
    Defect(
        "our ledger adds up",
        f"{STORE}ends.py",
        "do update set value = counters.value + excluded.value",
        "do update set value = counters.value",
        f"{TRIAL}[valkey-emptied]",
        "deliveries made, but",
    ),
]
"""What a trial must notice: each needs a fleet and minutes, so these run only when they are asked for."""
