"""Defects of what moves, of the rules, and of what speaks with other systems."""

from __future__ import annotations

from tests.planted.defect import Defect

WORK = "tests/road/test_work.py::"
BATCH = "tests/road/test_batch.py::"
TARGETS = "tests/road/test_targets.py::"
ODOO = "integration/connectors/odoo/"
WATCH = "tests/alerts/test_watch.py::"
STAND_IN = "tests/alerts/test_stand_in.py::"
RECEIVER = "tests/receiver/test_receiver.py::"

DEFECTS = [
    Defect(
        "a frozen worker finds its lease lapsed",
        "tasks/leases.py",
        "if time.monotonic() >= self.valid_until:",
        "if False:",
        f"{WORK}test_a_frozen_worker_knows_by_its_own_clock",
    ),
    Defect(
        "an order is shipped when every target has shipped its part",
        "integration/canonical/stage.py",
        "    if awaited or not all(part.all_shipped for part in parts):",
        "    if not any(part.all_shipped for part in parts):",
        "tests/store/test_progress.py::test_shipped_when_every_target_has_shipped_its_part",
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
        "one of several that cannot be ended keeps no other from its end",
        "tasks/step.py",
        "return [id for end in ends for id in _finish(process, [end])]",
        "return []",
        f"{BATCH}test_one_whose_lease_was_taken_over_keeps_no_other_from_its_end",
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
        "a dispatcher stands in for the watch",
        "tasks/alerts.py",
        "elif ours and not alerts.attended(tx):",
        "elif False:",
        f"{STAND_IN}test_it_tells_what_is_wrong_when_nobody_asks_for_the_watch",
    ),
    Defect(
        "an outage of Postgres is told once",
        "tasks/alerts.py",
        "                self._told[channel] = notice\n",
        "                pass\n",
        f"{STAND_IN}test_an_outage_of_postgres_is_told_once_and_so_is_its_end",
    ),
    Defect(
        "what is told at one time is one notice",
        "tasks/alerts.py",
        "                alerts.tell(tx, news, notice_of(news, _places(tx)), channels)",
        "                [alerts.tell(tx, [each], notice_of([each], _places(tx)), channels) for each in news]",
        f"{WATCH}test_what_is_told_at_one_time_is_one_notice",
    ),
    Defect(
        "reasons are masked in notices",
        "integration/alerts.py",
        "mask(text).split()",
        "text.split()",
        f"{WATCH}test_personal_data_in_a_reason_is_masked",
    ),
    Defect(
        "what nobody has listed is masked",
        "integration/masking.py",
        "if place is Place.UNKNOWN or name not in PERSONS | GOODS | PARTS:",
        "if False:",
        "tests/cli/test_masking.py::test_what_nobody_has_listed_is_masked_wherever_it_is",
        r"'id': 'Jane'",
    ),
    Defect(
        "reasons quote no words of a person",
        "integration/masking.py",
        "return WORD.sub(lambda found:",
        "return text or WORD.sub(lambda found:",
        "tests/cli/test_masking.py::test_reasons_quote_no_words_and_no_digits_of_a_person",
        r"Wilhelmtrude|wilhelmtrude",
    ),
    Defect(
        "what an editor shows is audited",
        "integration/cli/repair.py",
        "if not settings and not file:",
        "if False:",
        "tests/cli/test_repair.py::test_what_an_editor_like_cat_prints_is_audited",
        r"assert \[\] == \[\('jane', 'reveal'",
    ),
]
