"""The sandbox's configuration: one JSON file, every unknown or missing key named."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

Section = TypeVar("Section")


class ConfigError(Exception):
    """The configuration cannot be used; the text says which key and why."""


@dataclass(frozen=True)
class ClarityConfig:
    """The fake shop.  ``webhook_secret`` is ``whsec_`` + base64; times are in seconds.

    ``retry_scale`` multiplies the waits between webhook attempts: 1.0 is the contract's schedule of about three days.
    """

    client_id: str
    client_secret: str = field(repr=False)
    webhook_url: str
    webhook_secret: str = field(repr=False)
    token_lifetime: float = 3600.0
    requests_per_minute: float = 18000.0
    burst: int = 300
    retry_scale: float = 1.0
    webhook_timeout: float = 5.0

    @property
    def webhook_key(self) -> bytes:
        """The bytes that sign webhooks."""
        try:
            return base64.b64decode(self.webhook_secret.removeprefix("whsec_"), validate=True)
        except binascii.Error as error:
            raise ConfigError("clarity.webhook_secret is not whsec_ + base64") from error


@dataclass(frozen=True)
class OdooConfig:
    """The fake ERP: the one database, user and key it knows.

    Orders take ``age_seconds`` for each step to shipped, billed and paid; 0: only when asked to.  Every
    ``split_every``-th order leaves in two parts (0: none).
    """

    database: str
    username: str
    api_key: str = field(repr=False)
    age_seconds: float = 0.0
    split_every: int = 0


@dataclass(frozen=True)
class FusionConfig:
    """The fake pod.  Orders take ``age_seconds`` for each step to shipped, billed and paid; 0: only when asked to.

    Every ``split_every``-th order ships its lines of several units in two parts (0: none).  ``sales_orders`` makes
    ``/salesOrders`` another name of the order hub; otherwise it is unknown, as on a live pod.
    """

    client_id: str
    client_secret: str = field(repr=False)
    business_unit: str = "Example BU"
    source_system: str = "CLARITY"
    token_lifetime: float = 3600.0
    age_seconds: float = 0.0
    split_every: int = 0
    page_limit: int = 500
    sales_orders: bool = False


SystemConfig: TypeAlias = ClarityConfig | OdooConfig | FusionConfig


@dataclass(frozen=True)
class Config:
    """The whole file.  A system without a part of its own is not played.

    ``added`` are further systems, each with its ``kind``, by the name that is their path.  With a ``token``, the
    ``/_sandbox`` routes ask for it in ``X-Sandbox-Token``.
    """

    bind: str
    data_dir: Path
    clarity: ClarityConfig | None = None
    odoo: OdooConfig | None = None
    fusion: FusionConfig | None = None
    added: Mapping[str, SystemConfig] = field(default_factory=dict)
    token: str | None = field(default=None, repr=False)

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kinds of the added systems."""
        return {name: kind for name, part in self.added.items() for kind in KINDS if isinstance(part, KINDS[kind])}

    @classmethod
    def read(cls, path: Path) -> Config:
        """Reads and checks the file; raises `ConfigError`."""
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path} cannot be read as JSON: {error}") from error
        config = _section(cls, "", given)
        parts = {name: _part(name, name, given[name]) for name in KINDS if name in given}
        added: dict[str, Any] = {}
        for name, part in config.added.items():
            if not isinstance(part, dict) or part.get("kind") not in KINDS:
                raise ConfigError(f"added.{name}.kind is none of {', '.join(KINDS)}")
            added[name] = _part(f"added.{name}", part["kind"], {key: part[key] for key in part if key != "kind"})
        return cls(bind=config.bind, data_dir=Path(config.data_dir), added=added, token=config.token, **parts)


KINDS: Mapping[str, Any] = {"clarity": ClarityConfig, "odoo": OdooConfig, "fusion": FusionConfig}


def _part(place: str, kind: str, given: Any) -> Any:
    """The configuration of one system; a wrong secret is reported now, not at the first webhook."""
    part = _section(KINDS[kind], f"{place}.", given)
    if isinstance(part, ClarityConfig):
        part.webhook_key  # noqa: B018
    return part


def _section(kind: type[Section], prefix: str, given: Any) -> Section:
    if not isinstance(given, dict):
        raise ConfigError(f"{prefix.rstrip('.') or 'the file'} is not a JSON object")
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(given) - set(known)):
        raise ConfigError(f"unknown setting {prefix}{unknown[0]}")
    for name, one in known.items():
        if one.default is MISSING and one.default_factory is MISSING and not given.get(name):
            raise ConfigError(f"{prefix}{name} is missing")
    return kind(**given)
