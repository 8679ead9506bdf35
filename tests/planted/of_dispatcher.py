"""Defects of how often is looked for what is due."""

from __future__ import annotations

from tests.planted.defect import Defect

DISPATCHER = "tests/road/test_dispatcher.py::"

DEFECTS = [
    Defect(
        "the dispatcher looks often while a worker is at something",
        "integration/store/dispatch.py",
        "where state = 'running' and target",
        "where false and target",
        f"{DISPATCHER}test_what_a_worker_is_at_makes_it_look_often",
        r"assert 0\.5 == 0\.1",
    ),
    Defect(
        "the dispatcher looks often before a retry is due",
        "integration/store/dispatch.py",
        "d.due_at <= now() + make_interval(secs => %(within)s)",
        "d.due_at <= now() - make_interval(secs => %(within)s)",
        f"{DISPATCHER}test_what_moves_or_will_soon_makes_it_look_often",
        r"assert 0\.5 == 0\.1",
    ),
    Defect(
        "what waits long keeps no dispatcher awake",
        "integration/store/dispatch.py",
        "            and d.due_at <= now() + make_interval(secs => %(within)s) and d.target",
        "            and d.target",
        f"{DISPATCHER}test_what_waits_long_or_for_a_person_does_not",
        r"assert 0\.1 == 0\.5",
    ),
]
