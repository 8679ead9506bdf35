"""How Odoo shows an order, under the names that its document has, for a person to compare."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.connectors.contract import Document, Work
from integration.connectors.odoo.external import find, xmlid
from integration.connectors.odoo.order.difference import same
from integration.connectors.odoo.order.lines import our_lines
from integration.connectors.odoo.order.rows import line_fields, line_id
from integration.connectors.odoo.site import Site
from integration.connectors.shown import as_ours

Fields = dict[str, Any]


def shown_order(site: Site, document: Document, work: Work) -> Document | None:
    """The order's plain fields, its lines by ours, and its total; None when Odoo does not have it."""
    id = work.known("order", document["key"]) or find(site.client, xmlid("order", document["key"]))
    if id is None:
        return None
    fields = ["name", "state", "amount_total", "currency_id", "order_line", *document["order"]]
    rows = site.client.call("sale.order", "read", [int(id)], fields=fields)
    if not rows:
        return None
    (order,) = rows
    total = {"amount_total": Decimal(round(order["amount_total"], 6))}
    columns = sorted({field for line in document["lines"] for field in {**line["fields"], **line_fields(line)}})
    theirs = our_lines(site.client, order, columns)
    lines = [
        {"key": line["key"], "fields": _line_as_ours(line, theirs[name])} if name in theirs else None
        for line in document["lines"]
        for name in (line_id(document, line),)
    ]
    wanted = {line_id(document, line) for line in document["lines"]}
    others = [
        {"key": name, "fields": {field: line[field] for field in columns}}
        for name, line in theirs.items()
        if name not in wanted
    ]
    return {
        "amount_total": as_ours(document, total, same)["amount_total"],
        "currency": order["currency_id"][1],
        "order": as_ours(document["order"], order, same),
        "lines": lines + others,
    }


def _line_as_ours(line: Document, theirs: Fields) -> Fields:
    """As `as_ours`; of a name with attributes below it, the name alone where Odoo has both."""
    sent = {**line["fields"], **line_fields(line)}
    found = as_ours(sent, theirs, same)
    return {
        field: line["fields"].get(field, value) if value == sent[field] else value for field, value in found.items()
    }
