"""Which trial a seed stands for, and what `fleet test` takes."""

from __future__ import annotations

from itertools import islice

import pytest
from click.testing import CliRunner

from integration.cli.test import test as command
from tests.faults.__main__ import plan
from tests.faults.catalogue import ALL

FAULTS = ALL[:5]


def test_without_a_time_each_fault_has_one_trial() -> None:
    assert {fault.name for fault, _ in plan(FAULTS, 17, None)} == {fault.name for fault in FAULTS}


def test_a_later_seed_goes_on_where_an_earlier_one_came_to() -> None:
    round_and_round = list(islice(plan(FAULTS, 17, 1), 12))
    assert round_and_round[4:] == list(islice(plan(FAULTS, 21, 1), 8))


@pytest.mark.parametrize("arguments", [["--seed", "1"], ["--only", "valkey", "-x"], ["--faults", "tests/road"]])
def test_what_does_not_go_together_is_refused(arguments: list[str]) -> None:
    assert CliRunner().invoke(command, arguments).exit_code == 2
