"""What every fuzzer needs: how many cases to make, and randomness that a seed brings back."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Fuzz:
    """How many cases were asked for (None: the short form), and the seed that they are made from."""

    asked: int | None
    seed: int

    def count(self, short: int) -> int:
        """So many cases; ``short`` unless `fleet test --fuzz` asked for another number."""
        return self.asked or short

    def random(self, number: int) -> random.Random:
        """The randomness of one case: the same for the same seed and number."""
        return random.Random(f"{self.seed}:{number}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--fuzz"):
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.timeout(0))  # the long form takes as long as it takes


@pytest.fixture
def fuzz(pytestconfig: pytest.Config) -> Fuzz:
    """The count and the seed; a failing test shows the seed, `--fuzz-seed` repeats it."""
    seed = pytestconfig.getoption("--fuzz-seed")
    fuzz = Fuzz(pytestconfig.getoption("--fuzz"), secrets.randbits(32) if seed is None else seed)
    print(f"fuzz seed: {fuzz.seed}")
    return fuzz
