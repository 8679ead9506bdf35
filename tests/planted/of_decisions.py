"""Defects of decisions and echoes: what a person decided holds, and what says nothing new causes no work."""

from __future__ import annotations

from tests.planted.defect import Defect

DECISIONS = "tests/road/test_decisions.py::"

DEFECTS = [
    Defect(
        "a correction is applied to later versions",
        "integration/store/deliveries.py",
        "k.version <= c.version\n    and (k.until",
        "k.version = c.version\n    and (k.until",
        f"{DECISIONS}test_it_is_applied_to_later_versions_until_clarity_changes_the_value",
        "'unmapped'",
    ),
    Defect(
        "a correction ends when its source changes the value",
        "integration/operations/decided.py",
        '                self.lapsed.add(row["id"])\n',
        "                pass\n",
        f"{DECISIONS}test_it_is_applied_to_later_versions_until_clarity_changes_the_value",
        "in force",
    ),
    Defect(
        "an approval of differing sums does not survive their change",
        "integration/operations/decided.py",
        'if row["about"] not in about)',
        "if False)",
        f"{DECISIONS}test_it_does_not_survive_a_change_of_the_sums",
        "At index 0 diff: .*'in force'.* != .*'lapsed'",
    ),
    Defect(
        "an approval accepts no larger difference than it was given for",
        "integration/operations/decided.py",
        "any(difference <= each for each in accepted)",
        "bool(accepted)",
        f"{DECISIONS}test_it_covers_every_check_of_the_same_money_at_its_target",
        "nobody has accepted two",
    ),
    Defect(
        "an echo of what was taken is not processed",
        "tasks/steps.py",
        "    if delivery.applied_taken == job.taken:\n",
        "    if False:\n",
        f"{DECISIONS}test_an_echo_of_what_was_taken_is_skipped_before_it_is_checked",
        "totals do not add up",
    ),
    Defect(
        "an echo of what waits for a person is not processed",
        "tasks/steps.py",
        "    if delivery.waiting_taken == job.taken:\n",
        "    if False:\n",
        f"{DECISIONS}test_an_echo_of_what_waits_leaves_one_row_as_it_is",
        "superseded by",
    ),
    Defect(
        "what waits for a person waits for the newest event, an echo included",
        "tasks/endings.py",
        "    if next.echo:\n",
        "    if False:\n",
        f"{DECISIONS}test_the_row_of_an_echo_is_repaired_in_its_newest_version",
        "assert 1 == 2",
    ),
]
