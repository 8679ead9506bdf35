"""mrp.bom and mrp.bom.line: kits, which are sold as one product and moved as their parts (app Manufacturing)."""

from __future__ import annotations

import math
from typing import NamedTuple

from integration.sandbox.odoo.environment import Environment
from integration.sandbox.odoo.records import Records, Row


class Part(NamedTuple):
    """So much of a product is in a set; ``line`` is that of the bill of materials, 0 where there is none."""

    product: int
    per_set: float
    line: int


class Bom(Records):
    """A product's template is the product itself here."""

    def defaults(self, values: Row) -> Row:
        return super().defaults({"type": "normal", "product_qty": 1.0, "product_uom_id": 1, **values})

    def _converted(self, values: Row) -> Row:
        template = "product_tmpl_id"
        rest = super()._converted({name: value for name, value in values.items() if name != template})
        return {**rest, **({template: values[template]} if template in values else {})}


class BomLine(Records):
    def defaults(self, values: Row) -> Row:
        return super().defaults({"product_qty": 1.0, "product_uom_id": 1, **values})


def parts(env: Environment, product: int) -> list[Part]:
    """What a kit is made of in the end, kits within it opened; nothing for what is no kit."""
    boms = env.records("mrp.bom")
    found: list[Part] = []
    for bom in map(boms.existing, sorted(env.database.find("mrp.bom", "product_tmpl_id", product))):
        if bom["type"] != "phantom":
            continue
        for id in boms.lines(bom["id"], boms.model.fields["bom_line_ids"]):
            line = env.records("mrp.bom.line").existing(id)
            per_set = line["product_qty"] / bom["product_qty"]
            inner = parts(env, line["product_id"])
            found += [part._replace(per_set=part.per_set * per_set) for part in inner]
            found += [] if inner else [Part(line["product_id"], per_set, id)]
    return found


def delivered(env: Environment, product: int, moves: list[Row]) -> float | None:
    """How many whole sets these done moves make: of which part the fewest have left; None for what is no kit."""
    needed = parts(env, product)
    if not needed:
        return None
    left = [sum(move["quantity"] for move in moves if move.get("bom_line_id") == part.line) for part in needed]
    return float(
        min(math.floor(round(quantity / part.per_set, 6)) for quantity, part in zip(left, needed, strict=True))
    )
