"""What the variants of a product differ by in Odoo: attributes and their values, found by name or made.

An attribute that the fleet makes is of the kind that makes variants dynamically: only what Clarity sells is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from integration.connectors.contract import Work
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.external import load_all, xmlid
from integration.errors import Hold

ATTRIBUTE, VALUE = "product.attribute", "product.attribute.value"
DYNAMIC, NEVER = "dynamic", "no_variant"
"""How an attribute makes variants: one by one as they are needed; or none at all (``create_variant``)."""

Options = Mapping[str, str]
"""What a variant is, by attribute: ``{"Size": "M"}``."""
Row = dict[str, Any]


class Attribute(NamedTuple):
    """An attribute's id, and those of its values by name."""

    id: int
    values: dict[str, int]


class Attributes:
    """Ids of attributes and values of one Odoo."""

    def __init__(self, client: Client, work: Work) -> None:
        self._client = client
        self._work = work

    def ensure(self, variants: Iterable[Options]) -> dict[str, Attribute]:
        """Each attribute of the variants, by name, with the values that they have.

        Raises `Hold` for a name that several attributes have, and for an attribute that makes no variants.
        """
        wanted: dict[str, list[str]] = {}
        for options in variants:
            for name, value in options.items():
                wanted.setdefault(name, [])
                wanted[name] += [] if value in wanted[name] else [value]
        ids = self._ids(wanted)
        return {name: Attribute(ids[name], self._values(ids[name], values)) for name, values in wanted.items()}

    def _ids(self, names: Iterable[str]) -> dict[str, int]:
        """The id of each attribute, by name; those that are missing are made."""
        asked = sorted(names)
        rows = self._search(ATTRIBUTE, [["name", "in", asked]], "name", "create_variant")
        found: dict[str, int] = {}
        for row in rows:
            if row["name"] in found:
                raise _unusable(row["name"], "is there several times")
            if row["create_variant"] == NEVER:
                raise _unusable(row["name"], "makes no variants")
            found[row["name"]] = row["id"]
        missing = {name: xmlid("attribute", name) for name in asked if name not in found}
        rows = [{"id": id, "name": name, "create_variant": DYNAMIC} for name, id in missing.items()]
        made = load_all(self._client, self._work, "attributes.load", ATTRIBUTE, rows) if rows else {}
        return found | {name: made[id] for name, id in missing.items()}

    def _values(self, attribute: int, names: list[str]) -> dict[str, int]:
        rows = self._search(VALUE, [["attribute_id", "=", attribute], ["name", "in", names]], "name", "attribute_id")
        found = {row["name"]: int(row["id"]) for row in reversed(rows)}
        missing = {name: xmlid("attribute_value", str(attribute), name) for name in names if name not in found}
        rows = [{"id": id, "name": name, "attribute_id/.id": attribute} for name, id in missing.items()]
        effect = f"attribute_values.load:{attribute}"
        made = load_all(self._client, self._work, effect, VALUE, rows) if rows else {}
        return found | {name: made[id] for name, id in missing.items()}

    def _search(self, model: str, domain: list[Any], *fields: str) -> list[Row]:
        rows: list[Row] = self._client.call(model, "search_read", domain=domain, fields=list(fields), order="id")
        return rows


def _unusable(name: str, why: str) -> Hold:
    return Hold(
        f"the attribute “{name}” {why} in Odoo",
        hint="In Odoo (Sales, Configuration, Attributes) have exactly one attribute of this name, whose variants are "
        "created instantly or dynamically. {again}",
        code="attribute_unusable",
    )
