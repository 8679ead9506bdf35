"""The systems we can talk to, one line each."""

from __future__ import annotations

from collections.abc import Callable

from integration.connectors.clarity import SHOW, Clarity
from integration.connectors.contract import Connector, Gate
from integration.connectors.fusion import Fusion
from integration.connectors.odoo import Odoo
from integration.settings import System

CONNECTORS: dict[str, Callable[[System, Gate], Connector]] = {
    "clarity": Clarity,
    "fusion": Fusion,
    "odoo": Odoo,
}


def connect(system: System, gate: Gate) -> Connector:
    """The connector of a configured system; every call it makes passes the gate."""
    return CONNECTORS[system.kind](system, gate)


def offers() -> dict[str, frozenset[str]]:
    """The entities that can be posted, by kind of system."""
    return {"clarity": frozenset(SHOW), "fusion": frozenset({"order"}), "odoo": frozenset({"order"})}
