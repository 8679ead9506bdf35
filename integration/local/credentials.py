"""What `up` makes once and keeps: the keys and passwords nobody gave it."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Self

from integration.errors import Misconfigured
from integration.local.servers import write_private
from integration.systems import KINDS

FILE = "credentials.json"
URL_SAFE = str.maketrans("+/", "-_", "=")


def _kept(file: Path) -> dict[str, str]:
    try:
        kept = json.loads(file.read_text()) if file.exists() else {}
        if not all(isinstance(value, str) for value in kept.values()):
            raise ValueError(file)
    except (ValueError, AttributeError):
        raise Misconfigured(f"{file} is damaged", hint="Restore it from a backup.") from None
    return dict(kept)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _webhook_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _password() -> str:
    return secrets.token_urlsafe(18)


@dataclass(frozen=True)
class Credentials:
    """Random, made at the first `up` in a home, the same ever after.  The file is the owner's alone (mode 0600).

    Only ``encryption_key`` changes, by ``fleet keys rotate``: it holds several, newest first and separated by commas,
    from when a new one was made until nothing is left under the old ones.
    """

    encryption_key: str = field(default_factory=_fernet_key, repr=False)
    webhook_secret: str = field(default_factory=_webhook_secret, repr=False)
    flower_password: str = field(default_factory=_password, repr=False)
    hint_token: str = field(default_factory=_password, repr=False)
    sandbox_client_secret: str = field(default_factory=_password, repr=False)
    sandbox_api_key: str = field(default_factory=_password, repr=False)
    sandbox_token: str = field(default_factory=_password, repr=False)

    @classmethod
    def load(cls, home: Path) -> Self:
        """Reads them, and makes and writes what is not there yet.  Raises `Misconfigured` for a file that is no more
        what was written."""
        kept = _kept(home / FILE)
        names = {each.name for each in fields(cls)}
        credentials = cls(**{name: value for name, value in kept.items() if name in names})
        if names - set(kept):
            write_private(home / FILE, json.dumps(kept | asdict(credentials), indent=1))
        return credentials

    @staticmethod
    def hold_key(home: Path) -> bool:
        """Whether an encryption key is kept there."""
        return bool(_kept(home / FILE).get("encryption_key"))

    def webhook_secret_of(self, system: str) -> str:
        """The secret of a system's webhooks: for each system another, made of the one that is kept."""
        return self.webhook_secret if system in KINDS else f"whsec_{self._derived(self.webhook_secret, system)}"

    def hint_token_of(self, system: str) -> str:
        """The token of a system's hints, likewise."""
        made = self.hint_token if system in KINDS else self._derived(self.hint_token, system)
        return made.translate(URL_SAFE)

    @staticmethod
    def _derived(secret: str, system: str) -> str:
        return base64.b64encode(hmac.digest(secret.encode(), system.encode(), "sha256")).decode()

    @property
    def encryption_keys(self) -> tuple[str, ...]:
        """Newest first."""
        return tuple(self.encryption_key.split(","))

    def with_keys(self, home: Path, keys: Sequence[str]) -> Self:
        """The same with other encryption keys, newest first, kept from now on."""
        changed = replace(self, encryption_key=",".join(keys))
        write_private(home / FILE, json.dumps(asdict(changed), indent=1))
        return changed
