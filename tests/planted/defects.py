"""Every defect that is planted."""

from __future__ import annotations

from tests.planted import of_edges, of_fleets, of_motion_and_edges, of_store
from tests.planted.defect import Defect

DEFECTS: list[Defect] = [*of_store.DEFECTS, *of_motion_and_edges.DEFECTS, *of_edges.DEFECTS]
TRIALS: list[Defect] = of_fleets.TRIALS
