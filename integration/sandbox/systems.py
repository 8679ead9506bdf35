"""The fake systems of one sandbox: those that the configuration has a part for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from flask import Blueprint

from integration.sandbox.clarity import Clarity
from integration.sandbox.config import ClarityConfig, Config, OdooConfig, SystemConfig
from integration.sandbox.faults import Faults
from integration.sandbox.fusion import Fusion
from integration.sandbox.odoo import Odoo


class System(Protocol):
    """What every fake system can do."""

    blueprint: Blueprint

    def ledger(self) -> dict[str, Any]:
        """What really took effect here."""

    def reset(self) -> None:
        """Forgets it."""


@dataclass(frozen=True)
class Systems:
    """The fake systems; None is not played.  ``added`` are further ones by their names."""

    clarity: Clarity | None = None
    odoo: Odoo | None = None
    fusion: Fusion | None = None
    added: Mapping[str, Clarity | Odoo | Fusion] = field(default_factory=dict)

    @classmethod
    def start(cls, config: Config, faults: Faults) -> Systems:
        """Opens their records in the configured directory; Clarity's webhooks are being sent."""
        place = config.data_dir
        return cls(
            _clarity(place, config.clarity, faults) if config.clarity else None,
            _odoo(place, config.odoo) if config.odoo else None,
            Fusion(place, config.fusion) if config.fusion else None,
            {name: _added(place / name, part, faults) for name, part in config.added.items()},
        )

    def played(self) -> Iterator[tuple[str, System]]:
        """Each by its name, which is also its path."""
        if self.clarity:
            yield "clarity", self.clarity
        if self.odoo:
            yield "odoo", self.odoo
        if self.fusion:
            yield "fusion", self.fusion
        yield from self.added.items()


def _added(data_dir: Path, config: SystemConfig, faults: Faults) -> Clarity | Odoo | Fusion:
    data_dir.mkdir(exist_ok=True)
    match config:
        case ClarityConfig():
            return _clarity(data_dir, config, faults)
        case OdooConfig():
            return _odoo(data_dir, config)
    return Fusion(data_dir, config)


def _clarity(data_dir: Path, config: ClarityConfig, faults: Faults) -> Clarity:
    clarity = Clarity(data_dir, config, faults)
    clarity.start()
    return clarity


def _odoo(data_dir: Path, config: OdooConfig) -> Odoo:
    return Odoo(
        data_dir,
        config.database,
        config.username,
        config.api_key,
        age_seconds=config.age_seconds,
        split_every=config.split_every,
    )
