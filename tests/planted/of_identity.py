"""Defects of what keeps one object one object, and of what its hooks write when."""

from __future__ import annotations

from tests.planted.defect import Defect

IDENTITY = "tests/road/test_identity.py::"
CROSSREFS = "tests/store/test_crossrefs.py::"

DEFECTS = [
    Defect(
        "what waits for a create at its home goes on under the id that this answers",
        "integration/store/identity.py",
        "where lane = %s and (open or state in ('held', 'dead'))",
        "where lane = %s and false",
        f"{IDENTITY}test_a_create_at_its_home_adopts_the_id_that_this_answers",
        "'waiting', 'c-98'",
    ),
    Defect(
        "a create at its home is not repeated for what came meanwhile",
        "integration/store/identity.py",
        "where source = %s and object_id = %s\n",
        "where source = %s and object_id = %s and id < 0\n",
        f"{IDENTITY}test_what_waited_for_the_create_updates_and_creates_no_second_one",
        "assert ",
    ),
    Defect(
        "a poll names an object as its home does",
        "tasks/identity.py",
        'known.get(id) or clear(f"{made_by.name}/{id}")',
        'clear(f"{made_by.name}/{id}")',
        "tests/road/test_polls.py::test_what_a_crossref_knows_is_named_by_our_id",
        "odoo-1/A",
    ),
    Defect(
        "versions of two sources are not compared",
        "integration/store/deliveries.py",
        "case when coalesce(x.source, m.source) = m.source then x.version end as applied_version",
        "x.version as applied_version",
        f"{CROSSREFS}test_versions_of_two_sources_are_not_compared",
        "'8', 9.*'8', None",
    ),
    Defect(
        "an order that needs its customer is woken by whoever creates it",
        "integration/store/crossrefs.py",
        " for each in sorted(all) if not registered(each[1]).unique_there]",
        " for each in sorted(all) if False]",
        f"{CROSSREFS}test_the_id_of_one_that_is_shared_wakes_who_needs_it",
        "WAITING",
    ),
    Defect(
        "a line that another target claims in the same moment is not taken from it",
        "tasks/fulfilment.py",
        "        if _by_others(claims, job) != self._claimed_by_others:\n",
        "        if claims is None:\n",
        "tests/road/test_take_on.py::test_a_line_that_another_claims_in_the_same_moment_is_not_taken_from_it",
        "'enrich'",
    ),
    Defect(
        "no step asks which entity it works on",
        "tasks/steps.py",
        "    job.tracking.before_validate(job)\n",
        '    if job.delivery.entity == "order":\n        job.tracking.before_validate(job)\n',
        "tests/test_architecture.py::test_nothing_asks_which_entity_it_is",
        "steps.py",
    ),
]
