"""Defects of what people type and read: what is misspelt is refused, and what is shown can be used."""

from __future__ import annotations

from tests.planted.defect import Defect

EXISTING = "integration/terminal/existing.py"
FILTERS = "tests/cli/test_filters.py::"
READING = "tests/cli/test_reading.py::"
JOBS = "tests/cli/test_jobs.py::"

DEFECTS = [
    Defect(
        "a misspelt filter is refused, before anything is listed or repaired",
        "integration/terminal/selection.py",
        "command(*arguments, **resolved(options))",
        "command(*arguments, **options)",
        f"{FILTERS}test_a_value_that_cannot_exist_is_refused",
        "assert 0 == 2",
    ),
    Defect(
        "a list that is narrowed is no all-clear",
        "integration/cli/held_and_dead.py",
        'if chosen.given().keys() - {"states"} else',
        "if False else",
        f"{FILTERS}test_what_nothing_has_is_no_all_clear",
        r"\(0, 'Nothing i",
    ),
    Defect(
        "what old deliveries have can be asked for",
        EXISTING,
        'if name not in known and not existing.has(tx, "workflow", name):',
        "if name not in known:",
        f"{FILTERS}test_a_value_that_only_old_deliveries_have_is_taken",
        "--workflow",
    ),
    Defect(
        "two kinds of failure are not taken for one",
        EXISTING,
        "        case [whole]:\n",
        "        case [whole, *_]:\n",
        f"{FILTERS}test_the_beginning_of_a_fingerprint_is_enough",
        "assert 0 == 2",
    ),
    Defect(
        "what people type again is not cut short",
        "integration/terminal/render.py",
        "no_wrap=max(each.cell_len for each in below) <= SHORT",
        "no_wrap=False",
        f"{JOBS}test_what_a_cancelled_job_has_left_is_not_done",
        "0 of 2 applied",
    ),
    Defect(
        "what a person may let pass is said where it is listed",
        "integration/terminal/selection.py",
        'kind["code"] not in ACCEPTABLE or',
        "True or",
        f"{READING}test_each_fix_is_said_once_below_the_kinds_it_is_for",
        "assert 0 == 1",
    ),
    Defect(
        "what a cancelled job has left is not to come",
        "integration/terminal/jobs.py",
        "'not done' if job['state'] == 'cancelled' else 'to come'",
        "'to come'",
        f"{JOBS}test_what_a_cancelled_job_has_left_is_not_done",
        "2 not done",
    ),
]
