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
    Defect(
        "a poll is asked for when it is due",
        "integration/store/cursors.py",
        "c.due_at <= now())\n    and",
        "true)\n    and",
        f"{DISPATCHER}test_a_poll_is_asked_for_when_a_stream_is_due",
        r"assert \[\"\('odoo',\)\"\] == \[\]",
    ),
    Defect(
        "a system that was never read is due",
        "integration/store/cursors.py",
        "c.due_at is null or ",
        "",
        f"{DISPATCHER}test_a_system_that_was_never_read_is_due",
        r"assert \[\] == \[\"\('odoo',\)\"\]",
    ),
    Defect(
        "what a poll reads is not asked for again",
        "integration/store/cursors.py",
        "    and not bool_or(c.lease is not null and c.leased_until >= now())\n",
        "",
        f"{DISPATCHER}test_what_a_poll_reads_is_not_asked_for_until_its_lease_has_lapsed",
        r"assert \[\"\('odoo',\)\"\] == \[\]",
    ),
    Defect(
        "a poll that is lost is asked for again, and not at every look",
        "tasks/dispatcher.py",
        'if self._is_time(f"poll of {name}", POLL_TICK):',
        'if self._is_time(f"poll of {name}", 0.0):',
        f"{DISPATCHER}test_a_poll_is_asked_for_when_a_stream_is_due",
        "it has just been asked for",
    ),
]
