"""Every defect that is planted."""

from __future__ import annotations

from tests.planted import (
    of_accounts,
    of_batches,
    of_bulk,
    of_calls,
    of_contract,
    of_customers,
    of_decisions,
    of_dispatcher,
    of_documents,
    of_dry_runs,
    of_edges,
    of_fleets,
    of_forks,
    of_fulfilment,
    of_identity,
    of_local,
    of_motion_and_edges,
    of_operations,
    of_publications,
    of_receiver,
    of_startup,
    of_store,
    of_systems,
    of_vault,
)
from tests.planted.defect import Defect

DEFECTS: list[Defect] = [
    *of_store.DEFECTS,
    *of_motion_and_edges.DEFECTS,
    *of_receiver.DEFECTS,
    *of_startup.DEFECTS,
    *of_documents.DEFECTS,
    *of_customers.DEFECTS,
    *of_accounts.DEFECTS,
    *of_fulfilment.DEFECTS,
    *of_decisions.DEFECTS,
    *of_identity.DEFECTS,
    *of_edges.DEFECTS,
    *of_calls.DEFECTS,
    *of_systems.DEFECTS,
    *of_contract.DEFECTS,
    *of_bulk.DEFECTS,
    *of_batches.DEFECTS,
    *of_vault.DEFECTS,
    *of_dispatcher.DEFECTS,
    *of_forks.DEFECTS,
    *of_operations.DEFECTS,
    *of_local.DEFECTS,
    *of_dry_runs.DEFECTS,
    *of_publications.DEFECTS,
]
TRIALS: list[Defect] = of_fleets.TRIALS
