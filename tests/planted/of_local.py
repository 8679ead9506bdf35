"""Defects of the commands that look after a fleet on one machine."""

from __future__ import annotations

from tests.planted.defect import Defect

BACKGROUND = "tests/test_background.py::"
LOGS = "tests/cli/test_log_files.py::"

DEFECTS = [
    Defect(
        "a fleet in the background outlives the terminal it was started in",
        "integration/local/run.py",
        "        os.setsid()\n",
        "",
        f"{BACKGROUND}test_it_outlives_the_command_that_started_it_and_stops_when_it_is_asked_to",
        r"assert \d+ == \d+",
    ),
    Defect(
        "stop returns when everything has ended",
        "integration/local/stopping.py",
        "    while since and started(pid) == since:\n",
        "    while False:\n",
        f"{BACKGROUND}test_it_outlives_the_command_that_started_it_and_stops_when_it_is_asked_to",
        r"assert 'Waiting for ' in",
    ),
    Defect(
        "a restart of one process leaves the others alone",
        "integration/local/processes.py",
        "self.processes.keys() & set(names)",
        "self.processes.keys()",
        f"{BACKGROUND}test_a_restart_of_one_process_leaves_the_others_alone",
        r"== \{'worker-one'\}",
    ),
    Defect(
        "a restart keeps the settings that the fleet has",
        "integration/local/run.py",
        "        self._variables |= settings\n",
        "        self._variables = variables() | settings\n",
        f"{BACKGROUND}test_a_restart_of_all_takes_up_new_settings_and_keeps_the_others",
        r"the rate is 7",
    ),
    Defect(
        "a line without a level belongs to the one before",
        "integration/terminal/log_files.py",
        "level_of(text) or self._level",
        'level_of(text) or "info"',
        f"{LOGS}test_a_line_without_a_level_belongs_to_the_one_before",
        "more of it",
    ),
    Defect(
        "a log that is begun anew is followed",
        "integration/terminal/log_files.py",
        "        if self._is_another():\n",
        "        if False:\n",
        f"{LOGS}test_a_log_that_is_begun_anew_is_followed_without_a_gap",
        "assert .* == .line 0 of more than twenty",
    ),
    Defect(
        "nothing invented reaches a real system",
        "integration/cli/trigger.py",
        "    refuse_real(environment)\n",
        "",
        "tests/road/test_trigger.py::test_nothing_invented_reaches_a_real_system",
        "ConnectionError.*Connection refused",
    ),
    Defect(
        "a document of one's own that is not JSON is named by line and column",
        "integration/canonical/strict_json.py",
        'if names_keys else f"character {error.pos}"',
        'if not names_keys else f"character {error.pos}"',
        "tests/mapping/test_commands.py::test_run_says_what_is_wrong_with_a_document",
        "line 1, column 2",
    ),
]
