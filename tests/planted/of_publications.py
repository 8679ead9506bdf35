"""Defects of publications: which definitions are in force, for which object, and since when."""

from __future__ import annotations

from tests.planted.defect import Defect

RECEIVERS = "tests/receiver/test_publications.py::"
COMMANDS = "tests/cli/test_publications.py::"

DEFECTS = [
    Defect(
        "what is published routes every later event",
        "integration/store/inbox.py",
        "from event e, current where newest is not distinct from %(newest)s::int\n    and not exists (",
        "from event e where not exists (",
        f"{RECEIVERS}test_what_is_published_routes_every_later_event_of_every_process",
        r"AssertionError|assert",
        also=(("integration/store/inbox.py", '    if stored[0]["newest"] != newest:\n        raise Outdated\n', ""),),
    ),
    Defect(
        "what does not pass its samples is not published",
        "integration/cli/publications.py",
        "        if checked.problems:\n",
        "        if False:\n",
        f"{RECEIVERS}test_what_is_broken_is_refused_and_nothing_changes",
        r"assert 0 == 1|AssertionError",
    ),
    Defect(
        "an object that is in a canary stays in it as it grows",
        "integration/rules/in_force.py",
        "place_of(object_id) < self.share",
        "(place_of(object_id) + self.newest * 37) % 100 < self.share",
        f"{RECEIVERS}test_an_object_stays_in_a_canary_or_out_of_it",
        r"AssertionError|assert",
    ),
    Defect(
        "a version for all ends a canary",
        "integration/store/publications.py",
        "join whole on p.version > whole.version",
        "join whole on p.share is not null",
        f"{RECEIVERS}test_an_object_stays_in_a_canary_or_out_of_it",
        r"AssertionError|assert",
    ),
    Defect(
        "a process keeps its definitions where it cannot use newer ones",
        "tasks/intake.py",
        "                self._known = replace(outdated, newest=newest)\n                return\n",
        "                raise\n",
        f"{RECEIVERS}test_what_a_release_cannot_use_leaves_its_own_in_force",
        r"AssertionError|assert",
    ),
    Defect(
        "a start does not undo a rollback",
        "integration/publishing.py",
        "hashes != set(publications.last_from_files(tx))",
        "differs(InForce.from_rows(publications.in_force(tx)), shipped)",
        f"{COMMANDS}test_a_start_does_not_undo_a_rollback",
        r"AssertionError|assert",
        also=(("integration/publishing.py", "    if broken or ", "    if newest is None or broken or "),),
    ),
    Defect(
        "nobody publishes over a version that they have not seen",
        "integration/store/publications.py",
        "    if newest(tx) != after:\n        return None\n",
        "    after = newest(tx)\n",
        "tests/road/test_definitions.py::test_who_has_not_seen_the_newest_version_publishes_nothing",
        r"assert 3 is None",
    ),
    Defect(
        "a replay gives each object the version that is its own",
        "integration/operations/acts.py",
        'if known.of(item["now"]["object_id"]) is published]',
        "if published is known.whole]",
        f"{COMMANDS}test_a_replay_gives_each_object_the_version_that_is_its_own",
        r"AssertionError|assert",
    ),
    Defect(
        "a replay notes the version that it translates by",
        "integration/store/repair.py",
        "then %(mapping_version)s::int else mapping_version end",
        "then mapping_version else coalesce(mapping_version, %(mapping_version)s::int) end",
        f"{COMMANDS}test_a_replay_is_translated_by_the_version_in_force",
        r"assert None == 2",
    ),
    Defect(
        "a page is named by the definitions that route it",
        "tasks/polls.py",
        "                return self._intake.accept_by(tx, known, arriving) if arriving else []",
        "                return self._intake.accept(tx, arriving) if arriving else []",
        "tests/road/test_polls_by_definitions.py::"
        "test_a_page_that_is_read_while_definitions_are_published_goes_by_the_new_ones",
        r"assert \['odoo-1/A'\] == \['s-1'\]",
    ),
    Defect(
        "a status push names the version of the delivery that it follows from",
        "integration/store/ends.py",
        "    (select mapping_version from deliveries o where o.id = placed.origin),",
        "    null,",
        f"{COMMANDS}test_every_delivery_of_an_order_names_its_version",
        r"AssertionError|assert",
    ),
]
