"""Defects of dry runs: what they may not change, show, ask or forget."""

from __future__ import annotations

from tests.planted.defect import Defect

ONE = "tasks/dry_run.py"
MANY = "tasks/dry_runs.py"
ROAD = "tests/road/test_dry_run.py::"

DEFECTS = [
    Defect(
        "a dry run sends nothing",
        ONE,
        "raise FirstEffect(effect, request)",
        "return _[0](request)",
        f"{ROAD}test_nothing_is_changed_here_or_there[]",
        "assert",
    ),
    Defect(
        "a dry run takes no contact for ours",
        ONE,
        "return not self.taken(entity, id, [theirs])",
        "return super().adopt(entity, id, theirs)",
        f"{ROAD}test_nothing_is_changed_here_or_there[]",
        "crossrefs",
    ),
    Defect(
        "a dry run without its target asks nothing of it",
        ONE,
        "if not found.asked:",
        "if not found.asked and False:",
        f"{ROAD}test_a_changed_mapping_is_compared_with_what_was_last_sent_and_the_target_is_not_asked",
        "assert",
    ),
    Defect(
        "a dry run shows that a newer version has overtaken",
        ONE,
        "        check_newest(delivery)\n",
        "        pass\n",
        f"{ROAD}test_one_that_a_newer_version_has_overtaken_would_be_skipped",
        "",
    ),
    Defect(
        "what a dry run compares is masked",
        "integration/operations/differences.py",
        "found if reveal else list(leaves(masked(document, personal=personal)))",
        "found",
        f"{ROAD}test_personal_values_are_masked_unless_they_are_revealed_which_is_audited",
        "ring twice",
    ),
    Defect(
        "the documents of a dry run are masked",
        MANY,
        "return document if reveal else masked(document, personal=personal)",
        "return document",
        f"{ROAD}test_personal_values_are_masked_unless_they_are_revealed_which_is_audited",
        "ring twice",
    ),
    Defect(
        "who looks behind the mask at many is audited",
        "integration/terminal/dry_runs.py",
        'note_reveal(tx, operator(), "dry run", chosen)',
        "pass",
        f"{ROAD}test_personal_values_are_masked_unless_they_are_revealed_which_is_audited",
        "assert",
    ),
    Defect(
        "a dry run of many ends where the target is away",
        MANY,
        "if found and found.away:",
        "if found and found.away and False:",
        f"{ROAD}test_a_target_that_is_paused_is_left_in_peace",
        "assert",
    ),
    Defect(
        "a dry run waits for its place at the target",
        ONE,
        "if time.monotonic() + busy.after > until:",
        "if busy:",
        f"{ROAD}test_at_a_busy_target_it_waits_for_its_place",
        "assert",
    ),
    Defect(
        "an interrupted dry run shows what it has found",
        MANY,
        "except KeyboardInterrupt:",
        "except ZeroDivisionError:",
        f"{ROAD}test_what_was_found_so_far_is_shown_when_a_person_interrupts_it",
        "",
    ),
    Defect(
        "a dry run of many keeps three examples of a field",
        MANY,
        'if len(counted["examples"]) < EXAMPLES:',
        "if True:",
        f"{ROAD}test_the_sum_of_many_is_no_larger_than_that_of_few",
        "only counts have grown",
    ),
    Defect(
        "a field counts once for a delivery, wherever in a list it is",
        MANY,
        'PLACE.sub("*", each["field"]): each',
        'each["field"]: each',
        f"{ROAD}test_a_changed_mapping_is_compared_with_what_was_last_sent_and_the_target_is_not_asked",
        "",
    ),
    Defect(
        "a line that the target lacks is shown as it would be sent",
        "integration/operations/differences.py",
        "yield from below or [path]",
        "yield path",
        "tests/operations/test_differences.py::test_a_line_that_the_target_lacks_is_new_to_it",
        "assert",
    ),
    Defect(
        "a value comes from its own item of a list",
        "integration/rules/origins.py",
        "position = int(rest[0]) - first",
        "position = 0",
        "tests/mapping/test_origins.py::test_an_item_of_a_list_is_found_behind_those_of_the_rows_before",
        "assert",
    ),
]
