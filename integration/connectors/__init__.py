"""The systems that the fleet connects, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.connectors.clarity import Clarity
from integration.connectors.contract import Connector, Gate
from integration.connectors.fusion import Fusion
from integration.connectors.odoo import Odoo
from integration.events import EVENTS
from integration.rules.offers import Offer
from integration.settings import System

CONNECTORS: Mapping[str, type[Connector[Any]]] = {
    "clarity": Clarity,
    "fusion": Fusion,
    "odoo": Odoo,
}
"""The connector of each kind of system; its tables can be read without a connection."""


def connect(system: System, gate: Gate) -> Connector[Any]:
    """The connector of a configured system; every call it makes passes the gate.

    Raises `Misconfigured` when a required setting is missing.
    """
    return CONNECTORS[system.kind](system, gate)


def missing(system: System) -> list[str]:
    """The variables that have to be set before this system can be called."""
    required = (each for each in CONNECTORS[system.kind].settings if each.required)
    return [each.variable(system.name) for each in required if not system.options.get(each.name)]


def offers(kinds: Mapping[str, str]) -> dict[str, Offer]:
    """What each system offers to workflows, by its name; ``kinds`` has the kind of each."""
    return {name: Offer(posts=posts(kind), sends=EVENTS.get(kind, ())) for name, kind in kinds.items()}


def posts(kind: str) -> frozenset[str]:
    """The entities that can be posted to systems of a kind."""
    return frozenset(entity for entity, verbs in CONNECTORS[kind].verbs.items() if verbs.post)
