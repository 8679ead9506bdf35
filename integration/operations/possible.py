"""What an act can do at all: a job that could do nothing about any of its items is not made."""

from __future__ import annotations

from collections.abc import Sequence

from integration.canonical import ACCEPTABLE
from integration.errors import Failure
from integration.operations.corrections import Correctable
from integration.operations.editing import corrected
from integration.operations.jobs import Preview
from integration.store import deliveries
from integration.store import jobs as stored
from integration.store.database import Transaction
from integration.vault import Vault


def check_approvable(found: Preview) -> None:
    """Raises `Failure` where no item is held for a reason that a person may let pass."""
    codes = sorted({row["code"] for row in found.rows})
    if codes and ACCEPTABLE.isdisjoint(codes):
        raise Failure(
            f"what is held as {', '.join(codes)} cannot go as it is: there is nothing right to send",
            hint="`fleet held ls` has the fix of each; then `fleet held replay` sends them.",
        )


def check_correctable(tx: Transaction, found: Preview, settings: Sequence[str], vault: Vault) -> None:
    """Raises the `Failure` of the first item where the correction can be made in none of them."""
    first: Failure | None = None
    for id in stored.deliveries_of(tx, found.id):
        delivery = deliveries.look(tx, id)
        assert delivery
        try:
            was = Correctable.of(delivery, vault, event=True)
            was.check(corrected(was.document, settings))
        except Failure as failure:
            first = first or failure
        except Exception:  # whatever it is, the job reports it, and the others go on
            return
        else:
            return
    if first:
        raise first
