"""Where a wrong document is put right, and how it comes again; for hints.

Kinds of document are what mappings call them: "clarity.order", "order", "odoo.shipment", "invoice" ...  Shipments and
invoices come from an ERP, all else from the shop.
"""

from __future__ import annotations

OF_AN_ERP = ("shipment", "invoice", "reversal")


def origin(kind: str) -> str:
    """What has to be corrected.

    >>> origin("order"), origin("odoo.shipment"), origin("invoice")
    ('the order in Clarity', 'the shipment in Odoo', 'the invoice in the ERP')
    """
    entity, system = _parts(kind)
    return f"the {entity} in {system}" if entity in OF_AN_ERP else "the order in Clarity"


def again(kind: str) -> str:
    """How the document comes again once what was wrong is right.

    >>> again("fusion.invoice")
    'The invoice is read again as soon as it changes in Fusion.'
    """
    entity, system = _parts(kind)
    if entity in OF_AN_ERP:
        return f"The {entity} is read again as soon as it changes in {system}."
    return "Then send the order again."


def _parts(kind: str) -> tuple[str, str]:
    system, _, entity = kind.rpartition(".")
    return entity, system.capitalize() or "the ERP"
