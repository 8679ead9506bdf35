"""Defects of the store: what Postgres is to keep, count and allow."""

from __future__ import annotations

from tests.planted.defect import Defect

STORE = "integration/store/"
SQL = f"{STORE}migrations/0001_the_road.sql"
DELIVERIES = "tests/store/test_deliveries.py::"
LEDGER = "tests/store/test_ledger.py::"
INBOX = "tests/store/test_inbox.py::"
WORK = "tests/road/test_work.py::"
CURSORS = f"{STORE}cursors.py"
BATCH = "tests/road/test_batch.py::"
POLLS = "tests/road/test_polls.py::"
ALERTS = f"{STORE}alerts.py"
WATCH = "tests/alerts/test_watch.py::"
STAND_IN = "tests/alerts/test_stand_in.py::"
CONDITIONS = "tests/alerts/test_conditions.py::"

DEFECTS = [
    Defect(
        "accepted is counted by the insert itself",
        f"{STORE}inbox.py",
        "(values ('accepted', 1), ",
        "(values ('accepted', 0), ",
        f"{LEDGER}test_it_adds_up",
    ),
    Defect(
        "a message and its deliveries are one transaction",
        f"{STORE}inbox.py",
        "from message, route join behind using (lane)",
        "from message, route join behind using (lane) where false",
        f"{INBOX}test_what_is_due_names_its_step_and_target",
    ),
    Defect(
        "one running delivery per lane: the index",
        SQL,
        "create unique index one_running_per_lane",
        "create index one_running_per_lane",
        f"{DELIVERIES}test_the_index_lets_one_delivery_of_a_lane_run",
    ),
    Defect(
        "only the head of a lane runs",
        f"{STORE}deliveries.py",
        "    and {AHEAD} is null\n",
        "",
        f"{DELIVERIES}test_lanes_run_in_the_order_of_their_events_whatever_the_arrival",
    ),
    Defect(
        "nothing is sent to an installation it was not meant for",
        f"{STORE}deliveries.py",
        "    and target = any (%(targets)s::smallint[])\n",
        "    and %(targets)s::smallint[] is not null\n",
        f"{DELIVERIES}test_what_was_meant_for_another_installation_is_never_sent_to_this_one",
    ),
    Defect(
        "what was last applied is forgotten with the first intent",
        f"{STORE}attempts.py",
        "update crossrefs set digest = null from ours",
        "update crossrefs set digest = digest from ours",
        f"{DELIVERIES}test_an_intent_forgets_what_was_last_applied",
    ),
    Defect(
        "the fence: a lost lease can write nothing",
        f"{STORE}deliveries.py",
        "where id = %(id)s and lease = %(lease)s::uuid and state = 'running'",
        "where id = %(id)s",
        f"{DELIVERIES}test_a_worker_whose_lease_was_taken_over_can_write_nothing",
    ),
    Defect(
        "the fence before the call",
        f"{STORE}attempts.py",
        "where id = %(delivery)s and lease = %(lease)s::uuid and state = 'running' for update",
        "where id = %(delivery)s and %(lease)s::uuid is not null for update",
        f"{WORK}test_no_call_starts_with_a_lost_lease",
    ),
    Defect(
        "expired leases are brought back",
        f"{STORE}dispatch.py",
        "    return expired + lost",
        "    tx.run('rollback')\n    return expired + lost",
        f"{DELIVERIES}test_an_expired_lease_and_a_lost_nudge_are_brought_back",
    ),
    Defect(
        "the frozen request is repeated",
        f"{STORE}attempts.py",
        "case when last.id is null or last.outcome = 'failed' then %(request)s else last.request end",
        "%(request)s",
        f"{WORK}test_after_a_crash_the_frozen_request_is_sent_byte_for_byte",
    ),
    Defect(
        "a success is not repeated",
        f"{STORE}attempts.py",
        "where not coalesce(last.succeeded, false)",
        "",
        f"{WORK}test_an_effect_that_succeeded_is_not_sent_again",
    ),
    Defect(
        "one success per effect: the index",
        SQL,
        "create unique index one_success_per_effect",
        "create index one_success_per_effect",
        f"{LEDGER}test_a_second_success_cannot_even_be_written",
    ),
    Defect(
        "two creators of one object take turns",
        f"{STORE}crossrefs.py",
        "and (crossrefs.reserved_by = excluded.reserved_by or crossrefs.reserved_until < now())",
        "",
        f"{DELIVERIES}test_two_creators_of_one_object_take_turns",
    ),
    Defect(
        "an empty Redis voids all nudges",
        f"{STORE}dispatch.py",
        "set state = 'ready' where state = 'queued'\"",
        "set state = 'ready' where state = 'lost'\"",
        f"{DELIVERIES}test_an_empty_redis_makes_everything_queued_ready",
    ),
    Defect(
        "a paused target is left alone",
        f"{STORE}deliveries.py",
        "i.kind = d.queue and i.paused_at is not null and i.id = any",
        "false",
        f"{DELIVERIES}test_a_paused_target_is_left_alone",
    ),
    Defect(
        "a poll reads the overlap again",
        CURSORS,
        'OVERLAP = "5 minutes"',
        'OVERLAP = "0 minutes"',
        f"{POLLS}test_a_late_committer_is_not_missed",
    ),
    Defect(
        "a poll sweeps far back every hour",
        CURSORS,
        "now() - %(back)s::interval",
        "now()",
        f"{POLLS}test_what_came_hours_late_is_found_by_the_sweep",
    ),
    Defect(
        "the mark of a cursor is what was seen",
        CURSORS,
        "least(coalesce(greatest(seen, %(seen)s), since), now())",
        "now()",
        f"{POLLS}test_the_mark_is_what_was_seen_and_never_the_time_of_the_poll",
    ),
    Defect(
        "one poll of an installation at a time: the index",
        f"{STORE}migrations/0002_the_way_back.sql",
        "create unique index one_poll_at_a_time",
        "create index one_poll_at_a_time",
        f"{POLLS}test_the_index_lets_one_poll_of_an_installation_hold_a_lease",
    ),
    Defect(
        "a page is taken in under its cursor's lease",
        CURSORS,
        "stream = %(stream)s and lease = %(token)s::uuid",
        "stream = %(stream)s and %(token)s::uuid is not null",
        f"{POLLS}test_a_page_read_under_a_lost_lease_moves_nothing",
    ),
    Defect(
        "an order's stage never steps back",
        f"{STORE}progress.py",
        "    stage = max(told, ",
        "    stage = (",
        "tests/store/test_progress.py::test_it_never_steps_back",
    ),
    Defect(
        "the ledger notices a deleted attempt",
        f"{STORE}ledger.py",
        "::date and 1 <> (",
        "::date and 0 > (",
        f"{LEDGER}test_a_deleted_attempt_is_noticed",
    ),
    Defect(
        "only a person resumes what a person has paused",
        f"{STORE}installations.py",
        "paused_by = 'fleet' or %(who)s::text is not null",
        "true or %(who)s::text is not null",
        "tests/cli/test_targets.py::test_what_a_person_pauses_is_paused_until_a_person_resumes_it",
    ),
    Defect(
        "who may kill his worker is not run beside others",
        f"{STORE}deliveries.py",
        " and (leases < {SUSPECT - 1} or cardinality(%(ids)s::bigint[]) = 1)",
        "",
        f"{BATCH}test_one_that_may_kill_its_worker_is_not_run_beside_others",
    ),
    Defect(
        "an answer is written with the next intent",
        f"{STORE}attempts.py",
        "where id = %(attempt)s and outcome is null",
        "where id = %(attempt)s and outcome is null and false",
        f"{WORK}test_an_answer_is_written_with_the_next_intent",
    ),
    Defect(
        "what strangers try wakes nobody",
        f"{STORE}conditions.py",
        " and r.reason <> %(unsigned)s)",
        " and %(unsigned)s is not null)",
        f"{CONDITIONS}test_strangers_wake_nobody",
    ),
    Defect(
        "an accepted webhook ends what was refused before it",
        f"{STORE}conditions.py",
        "coalesce(max(received_at), '-infinity') as at",
        "'-infinity'::timestamptz as at",
        f"{CONDITIONS}test_refusals_end_by_themselves",
    ),
    Defect(
        "one watches at a time",
        ALERTS,
        "pg_try_advisory_lock(%s)",
        "%s is not null",
        f"{STAND_IN}test_two_dispatchers_tell_once",
    ),
    Defect(
        "beat is not blamed for what Redis does",
        f"{STORE}conditions.py",
        "kind = 'redis' and ended_at is null",
        "false",
        f"{STAND_IN}test_without_redis_that_is_told_and_nobody_else_is_blamed",
    ),
    Defect(
        "what comes in many is gathered before it is told",
        ALERTS,
        'GATHERED = "10 seconds"',
        'GATHERED = "0 seconds"',
        f"{WATCH}test_a_storm_of_dead_letters_is_one_notice",
    ),
    Defect(
        "what was told is told again no sooner than set",
        ALERTS,
        "when count > told_count then told_at < now() - make_interval(secs => %(repeat)s)",
        "when count > told_count then true",
        f"{WATCH}test_the_same_again_is_told_when_it_grew_and_no_sooner_than_that",
    ),
    Defect(
        "the end of an alert is told once",
        ALERTS,
        "told_end = ended_at is not null",
        "told_end = false",
        f"{WATCH}test_the_end_is_told_once",
    ),
    Defect(
        "each level of the failure budget is told once",
        ALERTS,
        "told_level = greatest(told_level, level)",
        "told_level = told_level",
        f"{WATCH}test_each_level_of_the_budget_is_told_once_and_at_once",
    ),
    Defect(
        "what was nudged and not taken has been due ever since",
        f"{STORE}dispatch.py",
        "update deliveries set state = 'ready' where id in (",
        "update deliveries set state = 'ready', due_at = now() where id in (",
        "tests/alerts/test_conditions.py::test_what_nobody_takes_grows_old_however_often_it_is_nudged",
    ),
    Defect(
        "memory that runs out ends its task",
        "tasks/steps.py",
        "    except MemoryError:",
        "    except ZeroDivisionError:",
        "tests/road/test_batch.py::test_a_task_ends_though_memory_ran_out",
    ),
    Defect(
        "what is rolled back is not forgotten",
        "tasks/work.py",
        "            attempts.close(tx, self._answered[1])\n",
        "            attempts.close(tx, self._answered[1])\n            self._answered = None\n",
        f"{WORK}test_what_is_rolled_back_is_written_later",
    ),
    Defect(
        "a transfer and an invoice with one id are two objects",
        f"{STORE}inbox.py",
        "select distinct on (type, object_id) type, object_id, external_id",
        "select distinct on (object_id) type, object_id, external_id",
        "tests/road/test_polls.py::test_a_transfer_and_an_invoice_with_one_id_are_two_objects",
        r"assert \[2, 2, 2",
        also=(
            (f"{STORE}inbox.py", "order by type, object_id, version", "order by object_id, version"),
            (f"{STORE}inbox.py", "and type = any (%s::text[])", "and %s::text[] is not null"),
        ),
    ),
]
