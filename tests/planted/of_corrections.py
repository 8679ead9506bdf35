"""Defects of corrections, approvals and replays beside echoes: they take effect, once, for their object alone."""

from __future__ import annotations

from tests.planted.defect import Defect

CORRECTIONS = "tests/road/test_corrections.py::"
REFUSED = "tests/cli/test_not_corrected.py::"
ACTS = "integration/operations/acts.py"

DEFECTS = [
    Defect(
        "what identifies an object is not corrected in its event",
        "integration/operations/corrections.py",
        "fixed = of.identity if self.whole is None else",
        "fixed = () if self.whole is None else",
        f"{REFUSED}test_what_identifies_an_object_is_not_corrected_in_its_event",
        "AssertionError: Corrected in the event",
    ),
    Defect(
        "nor in the document of a target",
        "integration/operations/corrections.py",
        "and _is_key(path):",
        "and False:",
        f"{REFUSED}test_nor_is_it_in_the_document_of_a_target",
        "AssertionError: Corrected in the target's document",
    ),
    Defect(
        "a document about another object is written over none",
        "tasks/steps.py",
        "    _check_key(job)\n",
        "",
        f"{CORRECTIONS}test_what_is_about_another_object_is_written_over_none",
        "== \\('held', 'another_object'\\)",
    ),
    Defect(
        "an order that a correction has left without lines is held, not passed over",
        "tasks/fulfilment.py",
        "set(has.values()) <= {None, delivery.target}",
        "not any(has.values())",
        f"{CORRECTIONS}test_what_a_correction_of_the_event_makes_is_held_by_the_checks",
        "'reason': 'no line of the order is for odoo'",
    ),
    Defect(
        "what was corrected at one target is not held again by our own echo",
        "tasks/endings.py",
        'digest=job.document.get(TRANSLATED) or digest(job.document["target"]),',
        'digest=digest(job.document["target"]),',
        f"{CORRECTIONS}test_what_was_corrected_at_one_target_is_not_held_again_by_our_own_echo",
        "assert \\('done', None\\) == ",
    ),
    Defect(
        "an act on many is for what has taken the place of an item in the same way",
        ACTS,
        "return None if follows and alike else",
        "return",
        f"{CORRECTIONS}test_an_approval_is_for_what_has_taken_the_place_meanwhile",
        "assert \\('skipped', '.*en its place'\\) == ",
    ),
    Defect(
        "an act on many is not for what fails otherwise now",
        ACTS,
        'for name in ("state", "code", "reason"))',
        'for name in ("state", "code"))',
        f"{CORRECTIONS}test_it_is_not_for_what_differs_in_another_sum",
        "assert \\('applied', None\\) == ",
    ),
    Defect(
        "what a target shows is sent again, whatever echoes came since",
        "integration/store/repair.py",
        "then x.version else d.version end",
        "then d.version else d.version end",
        f"{CORRECTIONS}test_what_is_done_is_sent_again_after_an_echo",
        "'reason': 'superseded: version 2 was applied already'",
    ),
    Defect(
        "what a target does not show any more is not sent over it",
        "integration/store/repair.py",
        "        and not (o.state = 'skipped' and o.reason like 'unchanged:%%'))\nthen",
        "        and false)\nthen",
        f"{CORRECTIONS}test_what_clarity_has_put_on_hold_is_not_sent_again",
        "assert None == 'superseded",
    ),
    Defect(
        "an approval that can be for none of many makes no job",
        "integration/operations/possible.py",
        "    if codes and ACCEPTABLE.isdisjoint(codes):\n",
        "    if False:\n",
        f"{REFUSED}test_what_cannot_be_approved_of_many_is_refused_before_there_is_a_job",
        "assert \\(0, False\\) == \\(1, True\\)",
    ),
    Defect(
        "a correction that fits none of many makes no job",
        "integration/operations/possible.py",
        "    if first:\n",
        "    if False:\n",
        f"{REFUSED}test_a_path_that_none_of_many_has_is_refused_before_there_is_a_job",
        "assert \\(0, False\\) == \\(1, True\\)",
    ),
]
