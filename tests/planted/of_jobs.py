"""Defects of jobs: what was frozen is done once, as far as somebody wants it, and taken back where that is right."""

from __future__ import annotations

from tests.planted.defect import Defect

STORE = "integration/store/jobs.py"
ACTS = "integration/operations/acts.py"
JOBS = "integration/operations/jobs.py"
SLICES = "tests/operations/test_jobs.py::"
UNDONE = "tests/operations/test_undo.py::"
EDITED = "tests/cli/test_edit_many.py::"

DEFECTS = [
    Defect(
        "what matches after the preview is not in the job",
        STORE,
        "from job_items i where i.job = %(id)s and i.result is null and i.target = t.target",
        "from (select %(id)s as job, d.id as delivery, d.* from deliveries d where d.state = 'held') as i"
        " where i.target = t.target",
        f"{SLICES}test_what_matches_later_is_not_in_the_job",
        "",
    ),
    Defect(
        "an act and its results are one transaction",
        JOBS,
        "        stored.write(tx, id, _acted(tx, job, items, means))\n",
        "        acted = _acted(tx, job, items, means)\n        tx.run('commit; begin')\n"
        "        stored.write(tx, id, acted)\n",
        f"{SLICES}test_a_slice_that_dies_is_done_again_and_once",
        "assert 300 == |assert .* == ",
    ),
    Defect(
        "two workers are not at one job at once",
        STORE,
        "for update of j skip locked",
        "",
        f"{SLICES}test_a_second_worker_leaves_a_slice_to_the_first",
        "assert True is False",
    ),
    Defect(
        "a job that is paused does not go on",
        STORE,
        "where j.id = %s and j.state = 'running'",
        "where j.id = %s and j.state <> 'previewed'",
        f"{SLICES}test_a_pause_holds_from_the_next_slice_on",
        "assert True is False",
    ),
    Defect(
        "no more is under way than the target takes",
        JOBS,
        'means.room.get(each["id"], SLICE) - busy.get(each["id"], 0)',
        'means.room.get(each["id"], SLICE)',
        f"{SLICES}test_no_more_is_under_way_than_the_target_takes",
        "assert 6 == 3|assert 7 == 3",
    ),
    Defect(
        "what has changed since the preview is left as it is",
        ACTS,
        "        if remark := changed(item, follows=follows):\n",
        '        if item["now"] is None and (remark := changed(item)):\n',
        f"{SLICES}test_what_has_changed_since_is_skipped_with_the_reason",
        "assert",
    ),
    Defect(
        "an item that fails leaves the others theirs",
        JOBS,
        "        if len(items) == 1:\n",
        "        if True:\n",
        f"{SLICES}test_one_that_fails_does_so_alone",
        "assert",
    ),
    Defect(
        "a defect of ours on one item fails that item alone",
        JOBS,
        "    except Exception as error:  # whatever it is, the other items and jobs go on\n",
        "    except (psycopg2.Error, Failure) as error:\n",
        f"{EDITED}test_a_defect_of_ours_fails_one_item_and_leaves_the_others_theirs",
        "TypeError: string indices",
    ),
    Defect(
        "a job that fails as a whole blocks no other",
        "tasks/jobs.py",
        "    except Exception as error:  # whatever it is, the other jobs go on\n",
        "    except UNAVAILABLE as error:\n",
        "tests/alerts/test_stuck_jobs.py::test_a_job_that_fails_as_a_whole_blocks_no_other",
        "CheckViolation: refused",
    ),
    Defect(
        "a job that stays where it is raises an alert, and its end is noticed",
        STORE,
        '        tx.run("update jobs set moved_at = now() where id = %s", id)\n',
        "",
        "tests/alerts/test_stuck_jobs.py::test_a_job_that_waits_for_a_paused_target_is_reported_once_and_its_end_once",
        "AssertionError: it was resumed",
    ),
    Defect(
        "a job that a person has paused is no alert",
        STORE,
        "where state = 'running' and moved_at <",
        "where state in ('running', 'paused') and moved_at <",
        "tests/alerts/test_stuck_jobs.py::test_a_job_that_somebody_has_paused_is_not_reported",
        "about='job",
    ),
    Defect(
        "an approval of what has gone on is not revoked",
        ACTS,
        'if id in effective or now["state"] not in AGAIN or',
        "if",
        f"{UNDONE}test_an_approval_is_revoked_where_nothing_has_come_of_it",
        "applied",
    ),
    Defect(
        "what was resolved is not given back over a newer event",
        "integration/store/repair.py",
        " and s.newer is null returning d.id",
        " returning d.id",
        f"{UNDONE}test_what_came_after_a_resolution_keeps_it",
        "applied",
    ),
    Defect(
        "what a person puts in for many is sealed in the job",
        "integration/cli/repair.py",
        "sealed=base64.b64encode(vault().seal(freeze(list(edit.settings)))).decode(),",
        "sealed=base64.b64encode(vault().seal(freeze(list(edit.settings)))).decode(), given=list(edit.settings),",
        f"{EDITED}test_what_is_put_in_is_sealed_in_the_job",
        "assert 'Jane' not in",
    ),
    Defect(
        "an object with several deliveries is corrected once",
        ACTS,
        'if delivery.round != item["now"]["round"]:',
        "if False:",
        f"{EDITED}test_of_an_object_with_two_targets_one_correction_is_for_both",
        "no row of lines has",
    ),
    Defect(
        "whatever a correction has made is taken back with it",
        ACTS,
        "decisions.made_with(tx, list(open_ones.values()))",
        "list(open_ones.values())",
        f"{EDITED}test_a_correction_of_many_is_undone_where_nothing_has_come_of_it",
        "assert \\['1', '0', '0'\\] == |assert \\['0', '0', '0'\\] == |assert .* == \\['0', '0'\\]",
    ),
]
