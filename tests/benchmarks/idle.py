"""``fleet bench --idle``: what a fleet costs that has nothing to do, and how long its start takes."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from integration.local.fleet import Fleet
from tests.benchmarks.measure import cpu_seconds, of_fleet, processes, pss_mib
from tests.benchmarks.targets import Cheap
from tests.ports import free_ports

SECONDS = 60.0
CALM = 15.0
"""Seconds after the start in which everything has come round once."""
POLLS = {"ODOO_POLL_SECONDS": "15", "FUSION_POLL_SECONDS": "30"}
"""As they are unless they are set."""


@dataclass(frozen=True)
class Idle:
    """By process the percentage of one core and the MiB of proportional set size; seconds of a start."""

    cpu: dict[str, float]
    pss: dict[str, float]
    first_start: float
    warm_start: float
    stop: float


def run(console: Console) -> Idle:
    """A fleet with all three systems, which polls them as it would anywhere."""
    with tempfile.TemporaryDirectory(prefix="clarity-fleet-idle-") as home, Cheap.running() as cheap:
        given = {"PATH": os.environ["PATH"], "FLEET_HOME": home} | cheap.variables | cheap.with_fusion | POLLS
        ports = free_ports()
        fleet = Fleet(given)
        try:
            with console.status("starting a fleet for the first time, and again"):
                first = _seconds(fleet, ports)
                began = time.monotonic()
                fleet.stop()
                stopped = time.monotonic() - began
                fleet = Fleet(given)
                warm = _seconds(fleet, ports)
            with console.status("the fleet, idle"):
                time.sleep(CALM)
                cpu, pss = _used(Path(home))
        finally:
            fleet.stop()
    return Idle(cpu, pss, first, warm, stopped)


def _seconds(fleet: Fleet, ports: int) -> float:
    began = time.monotonic()
    fleet.start(port_base=ports)
    return time.monotonic() - began


def _used(home: Path) -> tuple[dict[str, float], dict[str, float]]:
    """The sum is reckoned over all processes at once: what they share is counted once in either case."""
    before = {name: cpu_seconds(pids) for name, pids in processes(home).items()}
    time.sleep(SECONDS)
    after = {name: cpu_seconds(pids) for name, pids in processes(home).items()}
    cpu = {name: 100 * (used - before[name]) / SECONDS for name, used in after.items()}
    pss = {name: pss_mib(pids) for name, pids in processes(home).items()}
    return cpu | {"all": sum(cpu.values())}, pss | {"without flower": pss_mib(of_fleet(home, "flower"))}


def table(found: Idle) -> Table:
    """One row for each process, the one that costs most first."""
    drawn = Table("idle", "CPU %", "PSS MiB", box=None, header_style="bold")
    for name in sorted({*found.cpu, *found.pss}, key=lambda name: -found.cpu.get(name, 0.0)):
        cpu, pss = found.cpu.get(name), found.pss.get(name)
        drawn.add_row(name, "" if cpu is None else f"{cpu:.2f}", "" if pss is None else f"{pss:.0f}")
    drawn.add_row(f"up {found.warm_start:.1f} s, the first time {found.first_start:.1f} s; stop {found.stop:.1f} s")
    return drawn
