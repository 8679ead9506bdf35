"""Defects to plant: what is taken away, and the test that must go red for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Defect:
    """In ``file``, ``code`` is replaced by ``defect``; then ``test`` must fail, and say ``verdict`` (a pattern).

    ``also`` has further replacements (file, code, defect), where a promise is kept in more than one place.
    """

    promise: str
    file: str
    code: str
    defect: str
    test: str
    verdict: str = ""
    also: tuple[tuple[str, str, str], ...] = ()


STORE = "integration/store/"
SQL = f"{STORE}migrations/0001_the_road.sql"
DELIVERIES = "tests/store/test_deliveries.py::"
LEDGER = "tests/store/test_ledger.py::"
INBOX = "tests/store/test_inbox.py::"
WORK = "tests/road/test_work.py::"
CURSORS = f"{STORE}cursors.py"
BATCH = "tests/road/test_batch.py::"
POLLS = "tests/road/test_polls.py::"
TARGETS = "tests/road/test_targets.py::"
ODOO = "integration/connectors/odoo/"
ALERTS = f"{STORE}alerts.py"
WATCH = "tests/alerts/test_watch.py::"
STAND_IN = "tests/alerts/test_stand_in.py::"
CONDITIONS = "tests/alerts/test_conditions.py::"
RECEIVER = "tests/receiver/test_receiver.py::"
TRIAL = "tests/faults/test_faults.py::test_everything_once_in_order_and_nothing_lost"

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
        "a frozen worker finds its lease lapsed",
        "tasks/leases.py",
        "if time.monotonic() >= self.valid_until:",
        "if False:",
        f"{WORK}test_a_frozen_worker_knows_by_its_own_clock",
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
        "set state = 'ready', due_at = now() where state = 'queued'\"",
        "set state = 'ready', due_at = now() where state = 'lost'\"",
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
        "an order is shipped when every target has shipped its part",
        "integration/canonical/stage.py",
        "    if awaited or not all(part.all_shipped for part in parts):",
        "    if not any(part.all_shipped for part in parts):",
        "tests/store/test_progress.py::test_shipped_when_every_target_has_shipped_its_part",
    ),
    Defect(
        "an order's stage never steps back",
        f"{STORE}progress.py",
        "    stage = max(told, ",
        "    stage = (",
        "tests/store/test_progress.py::test_it_never_steps_back",
    ),
    Defect(
        "the parts of a split order add up",
        "integration/canonical/part.py",
        "(total or Decimal(0)) - taken if taken else total",
        "total",
        "tests/mapping/test_split.py",
    ),
    Defect(
        "more than was ordered is not shown as shipped",
        "integration/canonical/allocation.py",
        "    if wanted > left + GRAIN:",
        "    if wanted > left + 1000:",
        "tests/mapping/test_allocate.py",
    ),
    Defect(
        "an order's invoices come to the order",
        "integration/canonical/invoice.py",
        'if invoiced > ordered or (invoice["order_complete"] and invoiced != ordered):',
        "if invoiced > ordered:",
        "tests/mapping/test_invoice.py",
    ),
    Defect(
        "the ledger notices a deleted attempt",
        f"{STORE}ledger.py",
        "::date and 1 <> (",
        "::date and 0 > (",
        f"{LEDGER}test_a_deleted_attempt_is_noticed",
    ),
    Defect(
        "memory that runs out is no defect of the delivery",
        "tasks/step.py",
        "    except (LeaseLost, MemoryError, *AWAY):",
        "    except (LeaseLost, *AWAY):",
        "tests/road/test_company.py",
    ),
    Defect(
        "what kills its worker again and again is a dead letter",
        "tasks/step.py",
        "    if delivery.leases > POISONED:",
        "    if False:",
        "tests/road/test_company.py",
    ),
    Defect(
        "bodies are encrypted at rest",
        "tasks/intake.py",
        "self._process.vault.seal(body)",
        "body",
        f"{RECEIVER}test_accepted_is_stored_encrypted_and_nudged",
    ),
    Defect(
        "only signed webhooks are taken",
        "integration/signature.py",
        "    if not any(matches):",
        "    if False:",
        f"{RECEIVER}test_a_wrong_signature_stores_nothing",
    ),
    Defect(
        "old webhooks are refused",
        "integration/signature.py",
        "if abs(time.time() - signed_at) > TOLERANCE:",
        "if False:",
        f"{RECEIVER}test_the_timestamp_may_be_five_minutes_off",
    ),
    Defect(
        "totals are compared before an order is confirmed",
        f"{ODOO}order.py",
        "            self._check_total(order)\n            order = self._ensure_confirmed(order)",
        "            order = self._ensure_confirmed(order)",
        "tests/connectors/test_odoo.py::test_totals_that_differ_are_held_before_anything_is_confirmed",
    ),
    Defect(
        "a window with a question is no confirmation",
        f"{ODOO}order.py",
        "        if answer is not True:\n",
        "        if False:\n",
        "tests/connectors/test_odoo.py::test_an_order_that_odoo_asks_about_is_held_until_a_person_has_confirmed_it",
    ),
    Defect(
        "an unknown SKU is held",
        f"{ODOO}catalog.py",
        "        elif unknown:\n",
        "        elif False:\n",
        "tests/connectors/test_odoo_lookups.py::test_unknown_products_are_held_together",
    ),
    Defect(
        "a status push repeats its request key",
        "tasks/work.py",
        "parts = (self._delivery.event_id, self._delivery.id, self._delivery.round, effect)",
        "parts = (self._delivery.event_id, self._delivery.id, self._delivery.lease, effect)",
        f"{WORK}test_request_keys_are_the_same_within_a_round_and_differ_otherwise",
    ),
    Defect(
        "the rate is one for all processes",
        "integration/throttle.py",
        'self._keys = (f"throttle:{{{target}}}", f"throttle:{{{target}}}:slots")',
        'self._keys = (f"throttle:{{{id(self)}}}", f"throttle:{{{id(self)}}}:slots")',
        "tests/throttle/test_throttle.py::test_two_processes_of_many_threads_keep_one_rate_even_when_redis_is_wiped",
    ),
    Defect(
        "failures in a row open the breaker",
        "integration/throttle.lua",
        "local STREAK, RATIO",
        "local STREAK, RATIO = 500000, 0.5 -- ",
        "tests/throttle/test_breaker.py::test_failures_in_a_row_open_the_breaker_and_give_back_their_attempts",
    ),
    Defect(
        "a probe's good answer closes the breaker",
        "integration/throttle.py",
        'self.tell("release", holder, good=admission.untold())',
        'self.tell("release", holder)',
        "tests/throttle/test_breaker.py::test_one_probe_goes_and_its_success_closes_the_breaker",
    ),
    Defect(
        "an operator's limits go before the settings",
        "integration/throttle.lua",
        "tonumber(decided[1]) or tonumber(ARGV[2])",
        "tonumber(ARGV[2])",
        "tests/throttle/test_decisions.py::test_limits_go_before_those_that_the_callers_were_started_with",
    ),
    Defect(
        "a hop under way hears of a pause",
        "integration/throttle.lua",
        "function questions.call()\n  if paused then return answer('paused', PAUSE_RETRY) end",
        "function questions.call()",
        "tests/throttle/test_decisions.py::test_a_paused_target_is_not_called",
    ),
    Defect(
        "an operator's decisions outlive Redis",
        "tasks/dispatcher.py",
        "            self._done_at.clear()\n",
        "",
        f"{TARGETS}test_the_dispatcher_brings_what_is_decided_to_redis_again_and_again",
    ),
    Defect(
        "only a person resumes what a person has paused",
        f"{STORE}installations.py",
        "paused_by = 'fleet' or %(who)s::text is not null",
        "true or %(who)s::text is not null",
        "tests/cli/test_targets.py::test_what_a_person_pauses_is_paused_until_a_person_resumes_it",
    ),
    Defect(
        "upkeep probes only what the fleet has paused",
        "tasks/upkeep.py",
        'if row["paused_by"] == "fleet"',
        'if row["paused_at"]',
        f"{TARGETS}test_upkeep_resumes_what_the_fleet_has_paused_and_leaves_the_rest",
    ),
    Defect(
        "sums that do not add up are held",
        "integration/canonical/check.py",
        "    if computed != stated:",
        "    if False:",
        "tests/mapping/test_order.py",
    ),
    Defect(
        "who may kill his worker is not run beside others",
        f"{STORE}deliveries.py",
        " and (leases < {SUSPECT - 1} or cardinality(%(ids)s::bigint[]) = 1)",
        "",
        f"{BATCH}test_one_that_may_kill_its_worker_is_not_run_beside_others",
    ),
    Defect(
        "one of several that cannot be ended keeps no other from its end",
        "tasks/step.py",
        "return [id for end in ends for id in _finish(process, [end])]",
        "return []",
        f"{BATCH}test_one_whose_lease_was_taken_over_keeps_no_other_from_its_end",
    ),
    Defect(
        "an answer is written with the next intent",
        f"{STORE}attempts.py",
        "where id = %(attempt)s and outcome is null",
        "where id = %(attempt)s and outcome is null and false",
        f"{WORK}test_an_answer_is_written_with_the_next_intent",
    ),
    Defect(
        "refused webhooks are counted in memory",
        "tasks/refusals.py",
        "            self._counts[source, flaw] += 1\n",
        "            self._write(Counter({(source, flaw): 1}))\n",
        f"{RECEIVER}test_refused_webhooks_are_counted_and_do_not_wait_for_postgres",
    ),
    Defect(
        "refused webhooks that Postgres did not take are kept",
        "tasks/refusals.py",
        "self._counts.update(counts)",
        "pass",
        f"{RECEIVER}test_what_postgres_did_not_take_is_noted_later",
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
        "a dispatcher stands in for the watch",
        "tasks/alerts.py",
        "elif ours and not alerts.attended(tx):",
        "elif False:",
        f"{STAND_IN}test_it_tells_what_is_wrong_when_nobody_asks_for_the_watch",
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
        "an outage of Postgres is told once",
        "tasks/alerts.py",
        "                self._told[channel] = notice\n",
        "                pass\n",
        f"{STAND_IN}test_an_outage_of_postgres_is_told_once_and_so_is_its_end",
    ),
    Defect(
        "what comes in many is gathered before it is told",
        ALERTS,
        'GATHERED = "10 seconds"',
        'GATHERED = "0 seconds"',
        f"{WATCH}test_a_storm_of_dead_letters_is_one_notice",
    ),
    Defect(
        "what is told at one time is one notice",
        "tasks/alerts.py",
        "                alerts.tell(tx, news, notice_of(news, _places(tx)), channels)",
        "                [alerts.tell(tx, [each], notice_of([each], _places(tx)), channels) for each in news]",
        f"{WATCH}test_what_is_told_at_one_time_is_one_notice",
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
        "reasons are masked in notices",
        "integration/alerts.py",
        "mask(text).split()",
        "text.split()",
        f"{WATCH}test_personal_data_in_a_reason_is_masked",
    ),
]

TRIALS = [
    Defect(
        "nothing is stuck when a worker has died",
        f"{STORE}dispatch.py",
        "    return expired + lost",
        "    tx.run('rollback')\n    return expired + lost",
        f"{TRIAL}[workers-killed-and-frozen-in-mid-post]",
        "it did not happen in",
    ),
    Defect(
        "an order stands once though answers are lost",
        f"{STORE}attempts.py",
        "case when last.id is null or last.outcome = 'failed' then %(request)s else last.request end",
        "%(request)s",
        f"{TRIAL}[answer-lost-after-commit]",
        "orders that stand twice in Odoo",
        also=(
            (
                f"{ODOO}rows.py",
                '"id": xmlid("order", document["key"])',
                '"id": xmlid("order", document["key"], __import__("uuid").uuid4().hex)',
            ),
        ),
    ),
    Defect(
        "an older state never follows a newer one",
        "tasks/step.py",
        "delivery.version < delivery.applied_version:",
        "False:",
        f"{TRIAL}[webhooks-days-late]",
        "not the newest state|out of order",
    ),
    Defect(
        "our ledger adds up",
        f"{STORE}deliveries.py",
        "do update set value = counters.value + 1",
        "do update set value = counters.value",
        f"{TRIAL}[valkey-emptied]",
        "deliveries made, but",
    ),
]
"""What a trial must notice: each needs a fleet and minutes, so these run only when they are asked for."""
