"""Defects of several deliveries at once: what they share, and what none may suffer for another."""

from __future__ import annotations

from tests.planted.defect import Defect

BATCH = "tests/road/test_batch.py::"

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
        "math.min(wanted_slots, math.ceil(free / 2))",
        "math.min(wanted_slots, free)",
        "tests/throttle/test_throttle.py::test_a_hop_of_several_gets_half_of_the_free_slots",
        "all slots",
    ),
    Defect(
        "a call for several objects takes more of the rate than one",
        "integration/throttle.py",
        "            self._owed += size\n",
        "            self._owed += 1\n",
        "tests/throttle/test_throttle.py::test_a_call_for_several_objects_takes_more_places",
        r">= 0\.08",
    ),
]
