"""Defects of what keeps a line from being fulfilled twice, and a fault from being shown twice."""

from __future__ import annotations

from tests.planted.defect import Defect

TAKE_ON = "tests/road/test_take_on.py::"
PROGRESS = "tests/store/test_progress.py::"

DEFECTS = [
    Defect(
        "two workflows that fulfil the same order are refused",
        "integration/rules/workflow.py",
        '    fulfilled_once(body for body in bodies.values() if body["transform"][0] in orders)\n',
        "",
        "tests/mapping/test_split.py::test_two_workflows_that_fulfil_the_same_order_are_refused",
        "DID NOT RAISE",
        also=(
            (
                "integration/rules/workflow.py",
                "from integration.rules.split import Split, fulfilled_once, siblings",
                "from integration.rules.split import Split, siblings",
            ),
        ),
    ),
    Defect(
        "a line belongs to the target that claimed it first",
        "integration/store/fulfilment.py",
        "excluded.fulfilled_by || jsonb_strip_nulls(progress.fulfilled_by)",
        "progress.fulfilled_by || jsonb_strip_nulls(excluded.fulfilled_by)",
        f"{PROGRESS}test_a_line_belongs_to_who_claims_it_first_until_that_lets_it_go",
        "assert .* == ",
    ),
    Defect(
        "a line is not taken on while another target fulfils it",
        "tasks/fulfilment.py",
        "        if self._claimed_by_others:\n",
        "        if False:\n",
        f"{TAKE_ON}test_it_is_not_moved_unless_a_person_approves",
        "'throttled'",
    ),
    Defect(
        "a line that the rules give to another target is not taken out without a person",
        "tasks/fulfilment.py",
        "        if moved and known and not job.work.approved(undecided.MOVES, *moved):\n",
        "        if False:\n",
        f"{TAKE_ON}test_it_is_not_moved_unless_a_person_approves",
        "'line_moves'",
    ),
    Defect(
        "what has perhaps been sent to a target counts as standing there",
        "tasks/fulfilment.py",
        " or delivery.theirs is not None or job.work.was_tried()\n",
        " or delivery.theirs is not None\n",
        f"{TAKE_ON}test_a_try_whose_outcome_nobody_knows_counts_as_standing_there",
        "'line_moves'",
    ),
    Defect(
        "what a copy for the books ships is not sent to Clarity",
        "tasks/fulfilment.py",
        '        if order and order.get("copy"):\n',
        "        if False:\n",
        "tests/road/test_sent_back.py::test_what_a_copy_for_the_books_ships_is_not_sent",
        r"'reason': 'odoo-1 has the order as a copy for the books",
    ),
    Defect(
        "Clarity's sandbox refuses a shipment of more than was ordered",
        "integration/sandbox/clarity/shipments.py",
        '    _check_left(db, order, fields["lines"])\n',
        "",
        "tests/sandbox/test_clarity_fulfilment.py::test_no_more_is_shipped_than_was_ordered",
        "assert .*422",
    ),
    Defect(
        "one row per object and target: what fails is the newest event's",
        "tasks/endings.py",
        "        state = superseded.keep_one(tx, delivery, state)\n",
        "        pass\n",
        "tests/road/test_one_row.py::test_six_events_of_one_fault_are_one_row_per_target",
        "At index 0 diff|Left contains",
    ),
    Defect(
        "the row that stays is for the newest event",
        "integration/store/superseded.py",
        "set message = o.message, origin",
        "set origin",
        "tests/store/test_superseded.py::test_the_same_row_stays_for_the_newest_event_and_counts",
        "evt-1001-6",
    ),
    Defect(
        "a target at which objects die in a row is paused",
        "tasks/endings.py",
        "        installations.pause_if_dying(",
        "        (lambda *_: None)(",
        "tests/road/test_dying.py::test_it_stops_itself_and_a_person_lets_it_go_on",
        "3 objects in a row died",
    ),
    Defect(
        "a success begins the count of deaths anew",
        "integration/store/installations.py",
        "and d.state in ('done', 'dead')",
        "and d.state = 'dead'",
        "tests/road/test_dying.py::test_a_success_begins_the_count_anew",
        "is None",
    ),
]
