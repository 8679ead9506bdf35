"""Every planted defect is of this project as it is: of trials that few runs make, too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from integration.local.processes import PROJECT
from tests.planted.defect import Defect
from tests.planted.defects import DEFECTS, TRIALS

# Code that stands in two places of one method, of which either breaks the promise.
TWICE = {"a page is taken in under its cursor's lease"}


@cache
def functions(file: Path) -> set[str]:
    return {each.name for each in ast.walk(ast.parse(file.read_text())) if isinstance(each, ast.FunctionDef)}


def stale(defect: Defect) -> Iterator[str]:
    for file, code, _ in ((defect.file, defect.code, ""), *defect.also):
        times = (PROJECT / file).read_text().count(code)
        if times != 1 and not (times and defect.promise in TWICE):
            yield f"{times} times in {file}: {code}"
    file, *names = defect.test.split("::")
    # What a class inherits stands in a file beside it.
    places = (PROJECT / file).parent.glob("*.py") if len(names) > 1 else [PROJECT / file]
    if names and not any(names[-1].partition("[")[0] in functions(place) for place in places):
        yield f"no such test: {defect.test}"


@pytest.mark.parametrize("defect", [pytest.param(each, id=each.promise) for each in (*DEFECTS, *TRIALS)])
def test_a_defect_names_code_that_is_there_once_and_a_test(defect: Defect) -> None:
    assert list(stale(defect)) == []
