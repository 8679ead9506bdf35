"""Defects of the start: what is refused, and what a start must not do."""

from __future__ import annotations

from tests.planted.defect import Defect

PREFLIGHT = "tests/test_preflight.py::"

DEFECTS = [
    Defect(
        "every door parses the webhook secrets",
        "integration/preflight.py",
        '            check_secret(variable(name, "webhook_secrets"), secret)\n',
        "            str(secret)\n",
        f"{PREFLIGHT}test_every_door_refuses_an_empty_webhook_secret[fleet send tests/test_up.py]",
        "AssertionError: error: the file is not JSON",
    ),
    Defect(
        "nothing is stored under keys that do not open what is stored",
        "integration/preflight.py",
        "            vault.open(sealed)\n",
        "            bytes(sealed)\n",
        f"{PREFLIGHT}test_who_works_with_the_database_refuses_one_under_other_keys[fleet migrate]",
        r"AssertionError: up to date",
    ),
    Defect(
        "a home that has lost its key gets no new one",
        "integration/local/fleet.py",
        "not Credentials.hold_key(self.home)",
        "False",
        f"{PREFLIGHT}test_up_refuses_a_home_that_has_lost_its_key",
        r"\+ the password of the bundled postgres is gone",
    ),
    Defect(
        "a database of somebody else is left as it is",
        "integration/store/migrate.py",
        "    if tables:\n",
        "    if False:\n",
        f"{PREFLIGHT}test_up_refuses_a_database_of_somebody_else",
        r"AssertionError|UndefinedColumn",
    ),
    Defect(
        "mappings that do not compile leave the last ones in force",
        "integration/publishing.py",
        "        if newest is None:\n            raise\n",
        "        raise\n",
        "tests/cli/test_publications.py::test_a_start_with_broken_files_leaves_the_last_version_in_force",
        r"error: order.json cannot be read",
    ),
    Defect(
        "up compiles what it is about to start with",
        "integration/local/fleet.py",
        "            publishing.check_files(tx, settings.kinds)\n",
        "",
        f"{PREFLIGHT}test_up_refuses_mappings_that_do_not_compile",
        r"AssertionError|TimeoutExpired",
    ),
    Defect(
        "a pid file is whole whenever it is read",
        "integration/local/child_processes.py",
        "        stop_leftover(self._pid_file)\n",
        "        stop_leftover(self._pid_file)\n        self._pid_file.unlink(missing_ok=True)\n",
        "tests/test_children.py",
        r"assert .*\{'whole'\}",
    ),
    Defect(
        "for root servers run as an account that no other program has",
        "integration/local/account.py",
        'DEFAULT = "clarity-fleet"',
        'DEFAULT = "nobody"',
        "tests/test_embedded.py::test_what_an_older_fleet_stored_as_nobody_becomes_the_account_s",
        r"AssertionError|KeyError",
    ),
    Defect(
        "the logs of servers are bounded",
        "integration/local/child_processes.py",
        "maxBytes=LOG_SIZE",
        "maxBytes=0",
        "tests/test_embedded.py::test_logs_are_private_and_bounded",
        r"assert \['\w+\.log'\] ==",
    ),
    Defect(
        "nothing in a home may be read by others",
        "integration/local/child_processes.py",
        "        umask=0o077,\n",
        "",
        "tests/test_up.py::test_others_may_read_nothing_in_the_home",
        r"odoo.sqlite': '0o6",
    ),
    Defect(
        "names and sentences are plain words",
        "integration/cli/send.py",
        "Posts a webhook to the receiver, signed",
        "Tells the receiver by a webhook, signed",
        "tests/test_words.py::test_words_are_plain[integration/cli]",
        r"send\.py:\d+: 'tells'",
    ),
]
