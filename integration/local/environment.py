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
from integration.sandbox import access
from integration.settings import Environment, Settings, runtime_file
from integration.systems import KINDS, of_role, variable

FLOWER_USER = "fleet"


@dataclass(frozen=True)
class Systems:
    """Which systems take part, by name: those with a URL of their own, and those that the sandbox plays.

    ``kinds`` has the kind of every system there is a name for.
    """

    configured: tuple[str, ...]
    played: tuple[str, ...]
    kinds: Mapping[str, str]

    @classmethod
    def choose(cls, settings: Settings, sandbox: Iterable[str]) -> Systems:
        """The sandbox plays what it is asked to; everything if it is asked for nothing and nothing is configured."""
        configured = tuple(settings.systems)
        for name in sandbox:
            if name not in settings.kinds:
                raise Misconfigured(
                    f"--sandbox {name}: there is no such system", hint=f"Systems are: {', '.join(settings.kinds)}."
                )
            if name in configured:
                url = variable(name, "url")
                raise Misconfigured(
                    f"--sandbox {name}, but {url} is set", hint=f"Unset {url}, or leave out --sandbox {name}."
                )
        asked = tuple(sandbox)
        return cls(configured, asked if configured or asked else tuple(settings.kinds), settings.kinds)

    @property
    def present(self) -> tuple[str, ...]:
        """The names of all that take part."""
        return self.configured + self.played

    def warnings(self) -> list[str]:
        """What will not happen, and which variable is the reason."""
        shops, erps = of_role("shop", self.kinds), of_role("erp", self.kinds)
        warnings = []
        if not {*shops} & {*self.present}:
            urls = " or ".join(variable(name, "url") for name in shops)
            warnings.append(f"nothing will arrive and no status is reported back: {urls} is not set")
        if not {*erps} & {*self.present}:
            urls = " nor ".join(variable(name, "url") for name in erps)
            warnings.append(f"no order goes anywhere: neither {urls} is set")
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
    made = {
        "FLEET_HOME": str(settings.home),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "FLEET_ENCRYPTION_KEYS": ",".join(encryption_keys),
        "FLOWER_BASIC_AUTH": settings.flower_login or f"{FLOWER_USER}:{credentials.flower_password}",
        **{f"FLEET_{name.upper()}_BIND": bind for name, bind in binds.items()},
    }
    for name, kind in settings.kinds.items():
        if KINDS[kind].signs:
            secrets = ",".join(settings.webhook_secrets[name]) or credentials.webhook_secret_of(name)
            made[variable(name, "webhook_secrets")] = secrets
        if KINDS[kind].hints:
            token = variable(name, "hint_token")
            made[token] = variables.get(token) or credentials.hint_token_of(name)
    if systems.played:
        base = f"http://{binds['sandbox']}"
        made |= {"FLEET_SANDBOX_URL": base, "FLEET_SANDBOX_TOKEN": credentials.sandbox_token}
        keys = _keys(credentials)
        for name in systems.played:
            options = access.options(settings.kinds[name], f"{base}/{name}", keys)
            given = {variable(name, option): value for option, value in options.items()}
            made |= {variable: variables.get(variable, value) for variable, value in given.items()}
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
    write_private(runtime_file(home), json.dumps({name: ours.get(name) for name in sorted(ours.settings())}, indent=1))


def sandbox_configuration(
    settings: Settings, systems: Systems, environment: Mapping[str, str], credentials: Credentials
) -> dict[str, object]:
    """What the sandbox process reads: its own side of the addresses and keys that the fleet is given."""
    keys = _keys(credentials)
    receiver = f"http://{environment['FLEET_RECEIVER_BIND']}/webhooks"

    def part(name: str) -> dict[str, object]:
        secrets = environment.get(variable(name, "webhook_secrets"), "")
        sends = access.Sends(f"{receiver}/{name}", secrets.split(",")[0].strip())
        return access.section(settings.kinds[name], keys, sends, settings.sandbox_age)

    return {
        "bind": environment["FLEET_SANDBOX_BIND"],
        "data_dir": str(settings.home / "sandbox"),
        "token": credentials.sandbox_token,
        **{name: part(name) for name in systems.played if name in KINDS},
        "added": {name: {"kind": settings.kinds[name], **part(name)} for name in systems.played if name not in KINDS},
    }


def _keys(credentials: Credentials) -> access.Keys:
    return access.Keys(credentials.sandbox_client_secret, credentials.sandbox_api_key)
