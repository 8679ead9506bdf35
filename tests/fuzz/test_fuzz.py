"""The fuzzers' own promises: a seed brings the same cases back."""

from __future__ import annotations

import pytest

from tests.fuzz.conftest import Fuzz


def test_a_seed_brings_the_same_cases_back() -> None:
    assert Fuzz(None, 1).random(7).random() == Fuzz(9, 1).random(7).random()
    assert Fuzz(None, 1).random(7).random() != Fuzz(None, 2).random(7).random()
    assert (Fuzz(None, 1).count(5), Fuzz(9, 1).count(5)) == (5, 9)


def test_the_long_form_has_no_time_limit(fuzz: Fuzz, request: pytest.FixtureRequest) -> None:
    limit = request.node.get_closest_marker("timeout")
    assert (limit is not None and limit.args == (0,)) == (fuzz.asked is not None)
