"""Defects of the programs that are forked from one parent."""

from __future__ import annotations

from tests.planted.defect import Defect

FORKS = "tests/test_forks.py::"

DEFECTS = [
    Defect(
        "no program is forked of which nobody knows",
        "integration/local/warm.py",
        "    if not os.read(leave, 1):\n",
        "    if False:\n",
        f"{FORKS}test_none_begins_of_which_nobody_knows",
        r"Usage: ",
    ),
    Defect(
        "a forked program ends with its own exit code",
        "integration/local/warm.py",
        "os.waitstatus_to_exitcode(status)",
        "0",
        f"{FORKS}test_it_says_what_it_says_and_ends_as_it_ends",
        "assert 0 == 2",
    ),
    Defect(
        "a parent that has ended keeps no fleet from ending",
        "integration/local/forks.py",
        "        with suppress(OSError):  # it has ended\n            self._requests",
        "        if True:\n            self._requests",
        f"{FORKS}test_where_the_parent_cannot_start_a_shell_starts_the_programs",
        "Bad file descriptor",
    ),
]
