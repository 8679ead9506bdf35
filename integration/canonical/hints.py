"""Where a wrong document is corrected, and how it comes again: two places in a hint, filled in where it is caught.

Whoever finds a fault writes ``{origin}`` and ``{again}`` in its hint; only the delivery knows which object of which
source it is about.  Variables are written under the name of the system's kind, and are shown under its own.
"""

from __future__ import annotations

import re

from integration.canonical.entities import noun
from integration.settings import System
from integration.systems import KINDS, variable

ORIGIN, AGAIN = "{origin}", "{again}"


def origin(entity: str, source: str | None) -> str:
    """What has to be corrected.

    >>> origin("order", "clarity"), origin("shipment", "odoo"), origin("invoice", None)
    ('the order in Clarity', 'the shipment in Odoo', 'the invoice where it comes from')
    """
    return f"the {noun(entity)} in {source.capitalize()}" if source else f"the {noun(entity)} where it comes from"


def again(entity: str, source: str | None) -> str:
    """How the object comes again once it is right: an ERP is polled, everybody else sends what has changed.

    >>> again("invoice", "fusion")
    'The invoice is read again as soon as it changes in Fusion.'
    >>> again("customer", "clarity")
    'What is changed in Clarity arrives by itself; else replay this.'
    """
    if source and source in KINDS and KINDS[source].role == "erp":
        return f"The {noun(entity)} is read again as soon as it changes in {source.capitalize()}."
    return f"What is changed in {source.capitalize() if source else 'its source'} arrives by itself; else replay this."


def fill(hint: str | None, entity: str, source: str | None, system: System | None = None) -> str | None:
    """The hint with both places filled in; ``source`` is the kind of the system that the object comes from.

    ``system`` is the one that was called; its variables are named as they are set.
    """
    filled = hint and hint.replace(ORIGIN, origin(entity, source)).replace(AGAIN, again(entity, source))
    return with_variables_of(system, filled) if filled else filled


def fill_for(hint: str | None, kind: str) -> str | None:
    """The same for a document by the name that mappings call it: "odoo.shipment", or "order" for a canonical one."""
    source, _, entity = kind.rpartition(".")
    return fill(hint, entity, source or None)


def plain(hint: str | None, system: System | None = None) -> str | None:
    """The hint of a failure that is about no object of ours: a poll's, or one of a look at a system."""
    filled = hint and hint.replace(f" {AGAIN}", "").replace(ORIGIN, "it where it comes from")
    return with_variables_of(system, filled) if filled else filled


def with_variables_of(system: System | None, text: str) -> str:
    """The text with the variables of the system's kind under its own name; None: as it is.

    >>> eu = System("odoo", "https://odoo.example", 10, 4, 60, {}, name="odoo_eu")
    >>> with_variables_of(eu, "Set ODOO_TAX_23_INCLUDED, then CLARITY_URL; ODOO_EU_URL is set")
    'Set ODOO_EU_TAX_23_INCLUDED, then CLARITY_URL; ODOO_EU_URL is set'
    """
    if system is None or system.name == system.kind:
        return text
    of_kind, own = variable(system.kind, ""), variable(system.name, "")
    return re.sub(rf"\b(?!{own}){of_kind}(?=[A-Z])", own, text)
