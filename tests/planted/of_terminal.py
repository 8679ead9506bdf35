"""Defects of what people type and read: what is misspelt is refused, and what is shown can be used."""

from __future__ import annotations

from tests.planted.defect import Defect

EXISTING = "integration/terminal/existing.py"
FILTERS = "tests/cli/test_filters.py::"

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
]
