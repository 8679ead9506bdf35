"""The systems that the fleet connects, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integration.connectors.clarity import Clarity
from integration.connectors.contract import Connector, Gate, Setting
from integration.connectors.fusion import Fusion
from integration.connectors.odoo import Odoo
from integration.settings import System

CONNECTORS: Mapping[str, type[Connector[Any]]] = {
    "clarity": Clarity,
    "fusion": Fusion,
    "odoo": Odoo,
}


@dataclass(frozen=True)
class Offer:
    """What a kind of system can do, by the tables of its connector.

    ``posts`` and ``fetches`` are entities; ``streams`` has the event types that each stream brings.
    """

    posts: frozenset[str]
    fetches: frozenset[str]
    streams: Mapping[str, frozenset[str]]
    settings: tuple[Setting, ...]


def connect(system: System, gate: Gate) -> Connector[Any]:
    """The connector of a configured system; every call it makes passes the gate.

    Raises `Misconfigured` when a required setting is missing.
    """
    return CONNECTORS[system.kind](system, gate)


def missing(system: System) -> list[str]:
    """The variables that have to be set before this system can be called."""
    required = (each for each in CONNECTORS[system.kind].settings if each.required)
    return [each.variable(system.kind) for each in required if not system.options.get(each.name)]


def offers() -> dict[str, Offer]:
    """What each kind of system offers; no system is called for it."""
    return {
        kind: Offer(
            posts=frozenset(entity for entity, verbs in each.verbs.items() if verbs.post),
            fetches=frozenset(entity for entity, verbs in each.verbs.items() if verbs.fetch),
            streams={name: stream.events for name, stream in each.streams.items()},
            settings=each.settings,
        )
        for kind, each in CONNECTORS.items()
    }


def posts() -> dict[str, frozenset[str]]:
    """The entities that can be posted, by kind of system."""
    return {kind: offer.posts for kind, offer in offers().items()}
