"""A delivery that may kill its worker runs alone."""

from __future__ import annotations

import threading
import time

from tasks.company import Company


def test_many_run_together_and_one_runs_alone() -> None:
    company, log, started = Company(), [], threading.Barrier(3)

    def together(name: str) -> None:
        with company.of(alone=False):
            log.append(f"{name} in")
            started.wait(5)
            time.sleep(0.1)
            log.append(f"{name} out")

    def alone() -> None:
        with company.of(alone=True):
            log.append("alone in")
            time.sleep(0.1)
            log.append("alone out")

    pair = [threading.Thread(target=together, args=(name,)) for name in "ab"]
    for thread in pair:
        thread.start()
    started.wait(5)
    suspect = threading.Thread(target=alone)
    suspect.start()
    time.sleep(0.05)
    late = threading.Thread(target=lambda: company.of(alone=False).__enter__() or log.append("late in"))
    late.start()
    for thread in (*pair, suspect, late):
        thread.join(5)
    assert sorted(log[:2]) == ["a in", "b in"]
    assert sorted(log[2:4]) == ["a out", "b out"]
    assert log[4:] == ["alone in", "alone out", "late in"]
