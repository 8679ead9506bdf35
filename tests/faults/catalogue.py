"""Every fault there is, short ones first."""

from __future__ import annotations

from tests.faults import nudges, processes, servers, source, targets  # noqa: F401 - they register what they have
from tests.faults.trial import FAULTS, Fault

ALL: tuple[Fault, ...] = tuple(sorted(FAULTS.values(), key=lambda fault: not fault.short))
