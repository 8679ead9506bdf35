"""Where a wrong document is corrected, and how it comes again: two places in a hint, filled in where it is caught.

Whoever finds a fault writes ``{origin}`` and ``{again}`` in its hint; only the delivery knows which object of which
source it is about.
"""

from __future__ import annotations

from integration.canonical.entities import noun
from integration.systems import KINDS

ORIGIN, AGAIN = "{origin}", "{again}"


def origin(entity: str, source: str | None) -> str:
    """What has to be corrected.

    >>> origin("order", "clarity"), origin("shipment", "odoo"), origin("invoice", None)
    ('the order in Clarity', 'the shipment in Odoo', 'the invoice where it comes from')
    """
    return f"the {noun(entity)} in {source.capitalize()}" if source else f"the {noun(entity)} where it comes from"


def again(entity: str, source: str | None) -> str:
    """How the object comes again once it is right: an ERP is polled, everybody else sends it.

    >>> again("invoice", "fusion"), again("customer", "clarity")
    ('The invoice is read again as soon as it changes in Fusion.', 'Then send the customer again.')
    """
    if source and source in KINDS and KINDS[source].role == "erp":
        return f"The {noun(entity)} is read again as soon as it changes in {source.capitalize()}."
    return f"Then send the {noun(entity)} again."


def fill(hint: str | None, entity: str, source: str | None) -> str | None:
    """The hint with both places filled in; ``source`` is the kind of the system that the object comes from."""
    return hint and hint.replace(ORIGIN, origin(entity, source)).replace(AGAIN, again(entity, source))


def fill_for(hint: str | None, kind: str) -> str | None:
    """The same for a document by the name that mappings call it: "odoo.shipment", or "order" for a canonical one."""
    source, _, entity = kind.rpartition(".")
    return fill(hint, entity, source or None)


def plain(hint: str | None) -> str | None:
    """The hint of a failure that is about no object of ours: a poll's, or one of a look at a system."""
    return hint and hint.replace(f" {AGAIN}", "").replace(ORIGIN, "it where it comes from")
