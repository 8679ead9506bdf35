"""What dies takes nothing with it.  The short form here; `fleet test --faults` is the long one."""

from __future__ import annotations

import random

import pytest

from tests.faults.catalogue import ALL
from tests.faults.trial import Fault, Trial
from tests.road.world import World


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "fault", [pytest.param(each, id=each.name, marks=() if each.short else pytest.mark.faults_long) for each in ALL]
)
def test_everything_once_in_order_and_nothing_lost(world: World, fault: Fault) -> None:
    seed = random.randrange(10**6)
    print(f"again: fleet test --faults --only {fault.name} --seed {seed}")
    fault.run(Trial(world, seed))
