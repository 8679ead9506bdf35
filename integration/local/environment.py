"""What the processes of a fleet are given: which systems take part, where everything is, and the keys to it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from integration.errors import Misconfigured
from integration.local.credentials import Credentials
from integration.local.servers import write_private
from integration.settings import KINDS, PREFIXES, Environment, Settings, runtime_file

SANDBOX_DATABASE = "sandbox"
SANDBOX_CLIENT = "fleet"
SANDBOX_USER = "fleet@sandbox.example"
SANDBOX_BUSINESS_UNIT = "Example BU"
SANDBOX_GUEST_ACCOUNT = "90000"
SANDBOX_RATE = "500"  # calls/s: nobody else needs it
SANDBOX_POLL_SECONDS = "2"
SANDBOX_SPLIT_EVERY = 3
"""Every third order leaves in two parts."""
FLOWER_USER = "fleet"
ERPS = ("odoo", "fusion")


@dataclass(frozen=True)
class Systems:
    """Who takes part: systems with a URL of their own, and those the sandbox plays."""

    configured: tuple[str, ...]
    played: tuple[str, ...]

    @classmethod
    def choose(cls, settings: Settings, sandbox: Iterable[str]) -> Systems:
        """The sandbox plays what it is asked to; everything if it is asked for nothing and nothing is configured."""
        configured = tuple(kind for kind in KINDS if kind in settings.systems)
        for kind in sandbox:
            if kind in configured:
                variable = f"{kind.upper()}_URL"
                raise Misconfigured(
                    f"--sandbox {kind}, but {variable} is set", hint=f"Unset {variable}, or leave out --sandbox {kind}."
                )
        asked = tuple(sandbox)
        return cls(configured, asked if configured or asked else KINDS)

    def warnings(self) -> list[str]:
        """What will not happen, and which variable is the reason."""
        present = self.configured + self.played
        warnings = []
        if "clarity" not in present:
            warnings.append("nothing will arrive and no status is reported back: CLARITY_URL is not set")
        if not any(kind in present for kind in ERPS):
            warnings.append("no order goes anywhere: neither ODOO_URL nor FUSION_URL is set")
        return warnings


def for_processes(
    variables: Mapping[str, str],
    settings: Settings,
    systems: Systems,
    credentials: Credentials,
    *,
    binds: Mapping[str, str],
    encryption_keys: Iterable[str],
    database_url: str,
    redis_url: str,
) -> dict[str, str]:
    """The caller's variables and on top of them everything that a fleet of its own adds."""
    secrets = ",".join(settings.webhook_secrets) or credentials.webhook_secret
    made = {
        "FLEET_HOME": str(settings.home),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "FLEET_ENCRYPTION_KEYS": ",".join(encryption_keys),
        "CLARITY_WEBHOOK_SECRETS": secrets,
        "ODOO_HINT_TOKEN": variables.get("ODOO_HINT_TOKEN") or credentials.hint_token,
        "FLOWER_BASIC_AUTH": settings.flower_login or f"{FLOWER_USER}:{credentials.flower_password}",
        **{f"FLEET_{name.upper()}_BIND": bind for name, bind in binds.items()},
    }
    if systems.played:
        base = f"http://{binds['sandbox']}"
        made |= {"FLEET_SANDBOX_URL": base, "FLEET_SANDBOX_TOKEN": credentials.sandbox_token}
        for kind in systems.played:
            made |= {name: variables.get(name, value) for name, value in _played(kind, base, credentials).items()}
    # The programs of our own Python first; lines appear when they are written, not when a buffer is full.
    path = f"{Path(sys.executable).parent}{os.pathsep}{variables.get('PATH', os.defpath)}"
    return {**variables, **made, "PATH": path, "PYTHONUNBUFFERED": "1"}


def encryption_keys(settings: Settings, credentials: Credentials) -> tuple[str, ...]:
    """The given keys, newest first.  We make one only for a database of ours: both lie in one home.

    Raises `Misconfigured` where there is none for a database of somebody's own.
    """
    if not settings.encryption_keys and settings.database_url:
        raise Misconfigured(
            "DATABASE_URL is set, FLEET_ENCRYPTION_KEYS is not",
            hint="Set FLEET_ENCRYPTION_KEYS to a Fernet key and keep it: without it that database cannot be read.",
        )
    return settings.encryption_keys or credentials.encryption_keys


def publish(home: Path, environment: Mapping[str, str]) -> None:
    """Writes the settings among these variables to where every command in a second terminal finds them."""
    ours = Environment(environment, {})
    names = {name for prefix in PREFIXES for name in ours.names(prefix)}
    write_private(runtime_file(home), json.dumps({name: ours.get(name) for name in sorted(names)}, indent=1))


def sandbox_configuration(
    settings: Settings, systems: Systems, environment: Mapping[str, str], credentials: Credentials
) -> dict[str, object]:
    """What the sandbox process reads: its own side of the addresses and keys that the fleet is given."""
    client = {"client_id": SANDBOX_CLIENT, "client_secret": credentials.sandbox_client_secret}
    ageing = {"age_seconds": settings.sandbox_age, "split_every": SANDBOX_SPLIT_EVERY}
    parts: dict[str, object] = {
        "clarity": {
            **client,
            "webhook_url": f"http://{environment['FLEET_RECEIVER_BIND']}/webhooks/clarity",
            "webhook_secret": environment["CLARITY_WEBHOOK_SECRETS"].split(",")[0].strip(),
        },
        "odoo": {
            "database": SANDBOX_DATABASE,
            "username": SANDBOX_USER,
            "api_key": credentials.sandbox_api_key,
            **ageing,
        },
        "fusion": {**client, "business_unit": SANDBOX_BUSINESS_UNIT, **ageing},
    }
    return {
        "bind": environment["FLEET_SANDBOX_BIND"],
        "data_dir": str(settings.home / "sandbox"),
        "token": credentials.sandbox_token,
        **{kind: parts[kind] for kind in systems.played},
    }


def _played(kind: str, base: str, credentials: Credentials) -> dict[str, str]:
    return {
        "clarity": {
            "CLARITY_URL": f"{base}/clarity/api/v1",
            "CLARITY_TOKEN_URL": f"{base}/clarity/oauth/token",
            "CLARITY_CLIENT_ID": SANDBOX_CLIENT,
            "CLARITY_CLIENT_SECRET": credentials.sandbox_client_secret,
            "CLARITY_RATE": SANDBOX_RATE,
        },
        "odoo": {
            "ODOO_URL": f"{base}/odoo",
            "ODOO_DB": SANDBOX_DATABASE,
            "ODOO_USERNAME": SANDBOX_USER,
            "ODOO_API_KEY": credentials.sandbox_api_key,
            "ODOO_RATE": SANDBOX_RATE,
            "ODOO_POLL_SECONDS": SANDBOX_POLL_SECONDS,
        },
        "fusion": {
            "FUSION_URL": f"{base}/fusion",
            "FUSION_TOKEN_URL": f"{base}/fusion/oauth2/v1/token",
            "FUSION_CLIENT_ID": SANDBOX_CLIENT,
            "FUSION_CLIENT_SECRET": credentials.sandbox_client_secret,
            "FUSION_SCOPE": "urn:sandbox",
            "FUSION_BUSINESS_UNIT": SANDBOX_BUSINESS_UNIT,
            "FUSION_GUEST_ACCOUNT": SANDBOX_GUEST_ACCOUNT,
            "FUSION_RATE": SANDBOX_RATE,
            "FUSION_POLL_SECONDS": SANDBOX_POLL_SECONDS,
        },
    }[kind]
