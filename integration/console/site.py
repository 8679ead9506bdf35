"""What every page of the console uses: settings, database, vault, and who is signed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flask import g

from integration.operations.matching import match_secret
from integration.settings import Settings
from integration.store.database import Database
from integration.store.users import Role, User
from integration.vault import Vault, match_key


@dataclass
class Site:
    """Made once per process; thread-safe."""

    settings: Settings
    database: Database = field(init=False)
    vault: Vault = field(init=False)

    def __post_init__(self) -> None:
        self.database = Database(self.settings.database_url, connections=6)
        self.vault = Vault(self.settings.encryption_keys)

    @cached_property
    def _match_secret(self) -> bytes:
        with self.database.transaction() as tx:
            return match_secret(tx, self.vault)

    def email_key(self, text: str) -> str | None:
        """The HMAC under which an e-mail address is found; None for what is none."""
        return match_key(text, self._match_secret) if "@" in text.strip("@") else None


def user() -> User:
    """Who asks for this page."""
    found: User = g.user
    return found


View = Callable[..., Any]


@dataclass(frozen=True)
class Route:
    """One page or act: where it is, what draws it, and the least role that may have it; None: everybody may."""

    method: str
    path: str
    view: View
    role: Role | None

    @property
    def name(self) -> str:
        """How templates name it: that of its function."""
        return self.view.__name__

    def bound_to(self, site: Site) -> View:
        def bound(**values: Any) -> Any:
            return self.view(site, **values)

        return bound
