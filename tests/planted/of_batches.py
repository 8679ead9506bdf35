"""Defects of several deliveries at once: what they share, and what none may suffer for another."""

from __future__ import annotations

from tests.planted.defect import Defect

BATCH = "tests/road/test_batch.py::"
SLOTS = "tests/throttle/test_slots.py::"
FUSION = "tests/connectors/test_fusion_calls.py::"

DEFECTS = [
    Defect(
        "one that may kill its worker runs beside none of its queue",
        "integration/store/deliveries.py",
        " and not exists (\n        select from deliveries alone where",
        " and (true or exists (\n        select from deliveries alone where",
        f"{BATCH}test_a_hop_takes_what_else_is_due_in_its_queue_and_goes_on_while_that_fills_it",
        "At index 0 diff",
        also=(
            (
                "integration/store/deliveries.py",
                "alone.leases >= {SUSPECT - 1})\n",
                "alone.leases >= {SUSPECT - 1}))\n",
            ),
        ),
    ),
    Defect(
        "a replay takes no place of what is live",
        "integration/store/deliveries.py",
        " and d.due_at <= now() and d.priority < {SMALL}\n",
        " and d.due_at <= now()\n",
        f"{BATCH}test_a_hop_takes_what_else_is_due_in_its_queue_and_goes_on_while_that_fills_it",
        r"\[16, 2\]|At index 1",
    ),
    Defect(
        "one of several that cannot be ended keeps no other from its end",
        "tasks/endings.py",
        "return [_finish_alone(runtime, *each) for each in decided]",
        "return [None for each in decided]",
        f"{BATCH}test_one_whose_lease_was_taken_over_keeps_no_other_from_its_end",
        r"assert \[\] == \[1, 3\]",
    ),
    Defect(
        "while a target is probed one delivery goes",
        "tasks/runner.py",
        "pieces[: 1 if place.probe else None]",
        "pieces",
        f"{BATCH}test_of_several_one_goes_as_a_probe",
        r"At index 1|Left contains 2 more items",
    ),
    Defect(
        "one event that Postgres refuses does not refuse those that came with it",
        "integration/batcher.py",
        "return self._answer([item])[0]",
        "raise ValueError('negative')",
        "tests/test_batcher.py::test_one_that_fails_fails_alone",
        "ValueError: negative",
    ),
    Defect(
        "what is asked at the same time is asked once",
        "integration/side_by_side.py",
        "        self._resting.setdefault(key, []).append(asked)\n",
        "        self._resting.setdefault((key, asked.piece), []).append(asked)\n",
        "tests/test_side_by_side.py::test_what_is_asked_at_the_same_time_is_asked_once",
        r"\[\[1\], \[2\], \[3\]\]",
    ),
    Defect(
        "a call that hangs holds nobody else up",
        "integration/side_by_side.py",
        "            if not self._resting and not self._under_way:\n",
        "            if True:\n",
        "tests/test_side_by_side.py::test_the_others_go_on_while_one_calls",
        r"\[0, 1, 2\]",
    ),
    Defect(
        "a hop takes no more than half of the free slots",
        "integration/throttle.lua",
        "math.max(concurrency - redis.call('ZCARD', slots), 0) / 2)",
        "math.max(concurrency - redis.call('ZCARD', slots), 0))",
        "tests/throttle/test_throttle.py::test_a_hop_of_several_gets_half_of_the_free_slots",
        "all slots",
    ),
    Defect(
        "a call for several objects takes more of the rate than one",
        "integration/throttle.py",
        "            self._owed += size\n",
        "            self._owed += 1\n",
        "tests/throttle/test_throttle.py::test_a_bulk_call_takes_places_by_the_share_of_its_objects",
        "assert 1 == 3",
    ),
    Defect(
        "no call is under way without a slot",
        "integration/slots.py",
        "        while self._used >= self.held:\n",
        "        while False:\n",
        f"{SLOTS}test_no_more_calls_are_under_way_than_there_are_slots",
    ),
    Defect(
        "a hop takes no slot that another has",
        "integration/throttle.lua",
        "math.min(wanted_slots, held + more)",
        "wanted_slots",
        f"{SLOTS}test_no_more_calls_are_under_way_than_there_are_slots",
    ),
    Defect(
        "slots that no call uses go back while the hop lasts",
        "integration/slots.py",
        "        if 2 * needed <= self.held:\n",
        "        if False:\n",
        f"{SLOTS}test_a_hop_that_came_late_goes_on_with_what_others_give_back",
    ),
    Defect(
        "a probe stays one call",
        "integration/throttle.lua",
        "breaker() == 'closed' and half_of_free() or 0, 0",
        "half_of_free(), 0",
        f"{SLOTS}test_a_probe_makes_one_call_at_a_time",
    ),
    Defect(
        "a call that waits for a far place holds no slot",
        "integration/throttle.py",
        "                taken, wait = self._wait(size)\n",
        "                while not (found := self._wait(size))[0]:\n                    time.sleep(found[1])\n"
        "                taken, wait = found\n",
        f"{SLOTS}test_who_waits_for_a_far_place_leaves_its_slot_to_others",
    ),
    Defect(
        "what one query found is shared out by what each row shows",
        "integration/connectors/fusion/lookup.py",
        "len(values) == 1 or all(self._attribute in row for row in rows)",
        "True",
        f"{FUSION}test_where_one_query_does_not_do_each_is_asked_for_alone",
    ),
    Defect(
        "an address in another writing is asked for apart",
        "integration/connectors/fusion/lookup.py",
        "{self._same(value): value for value",
        "{value: value for value",
        f"{FUSION}test_addresses_that_differ_in_their_writing_are_asked_for_apart",
    ),
    Defect(
        "a bulk call takes places by its work",
        "tasks/runtime.py",
        "1 + (size - 1) * share",
        "1.0",
        "tests/throttle/test_throttle.py::test_a_bulk_call_takes_places_by_the_share_of_its_objects",
    ),
    Defect(
        "what a call that writes several objects takes is not what a look-up takes",
        "integration/connectors/odoo/effort.py",
        "WRITTEN if writes else READ",
        "READ",
        "tests/connectors/test_odoo_bulk.py::test_a_batch_of_new_orders_takes_six_calls",
    ),
    Defect(
        "a hop waits until the rate of its target takes calls",
        "integration/throttle.py",
        "until) - time.monotonic()) > 0:",
        "until) - time.monotonic()) > 60:",
        "tests/throttle/test_throttle.py::test_a_hop_that_gathers_starts_when_the_rate_takes_calls_again",
        "used up",
    ),
]
