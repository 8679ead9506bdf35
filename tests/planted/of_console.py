"""Defects of the console: nobody does there what their role does not allow, nor on behalf of another site."""

from __future__ import annotations

from tests.planted.defect import Defect

ACCESS = "integration/console/access.py"
TESTS = "tests/console/test_access.py::"

DEFECTS = [
    Defect(
        "a page of another site changes nothing in the console",
        ACCESS,
        "if request.method not in SAFE and not _of_our_own():",
        "if False:",
        f"{TESTS}test_other_sites_change_nothing",
        "assert 200 == 403",
    ),
    Defect(
        "a viewer changes nothing in the console",
        ACCESS,
        "if not g.user.may(needed):",
        "if False:",
        f"{TESTS}test_a_viewer_changes_nothing",
        "== 403",
    ),
    Defect(
        "a session ends when its user has another role",
        "integration/store/users.py",
        '    if changed:\n        end_sessions(tx, name)\n        audit.note(tx, who, "user.role"',
        '    if changed:\n        audit.note(tx, who, "user.role"',
        f"{TESTS}test_a_session_ends_at_once_when_its_user_changes",
        "AssertionError: role",
    ),
]
