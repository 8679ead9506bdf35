"""The fake systems of one sandbox: those that the configuration has a part for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from flask import Blueprint

from integration.sandbox.clarity import Clarity
from integration.sandbox.config import Config
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
    """The fake systems; None is not played."""

    clarity: Clarity | None = None
    odoo: Odoo | None = None
    fusion: Fusion | None = None

    @classmethod
    def start(cls, config: Config, faults: Faults) -> Systems:
        """Opens their records in the configured directory; Clarity's webhooks are being sent."""
        clarity = Clarity(config.data_dir, config.clarity, faults) if config.clarity else None
        if clarity:
            clarity.start()
        odoo = config.odoo
        return cls(
            clarity,
            Odoo(
                config.data_dir,
                odoo.database,
                odoo.username,
                odoo.api_key,
                age_seconds=odoo.age_seconds,
                split_every=odoo.split_every,
            )
            if odoo
            else None,
            Fusion(config.data_dir, config.fusion) if config.fusion else None,
        )

    def played(self) -> Iterator[tuple[str, System]]:
        """Each by its name, which is also its path."""
        if self.clarity:
            yield "clarity", self.clarity
        if self.odoo:
            yield "odoo", self.odoo
        if self.fusion:
            yield "fusion", self.fusion
