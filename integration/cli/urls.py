"""`fleet urls`: where the running fleet can be reached, and with which passwords."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping

import click
from rich.console import Console
from rich.text import Text

from integration.errors import Failure
from integration.local.fleet import runs
from integration.settings import Environment, Settings, operator, runtime_file
from integration.store import users
from integration.store.database import Database
from integration.systems import KINDS, variable
from integration.terminal.listing import show_rows
from integration.terminal.render import json_option

LABELS = {
    "console_url": "Console",
    "webhook_url": "sends webhooks to",
    "webhook_secret": "signed with",
    "operations_url": "/readyz and /metrics",
    "flower_url": "Flower",
    "flower_user": "user",
    "flower_password": "password",
    "hint_url": "hints at changes to",
    "sandbox_url": "Sandbox",
    "sandbox_token": "token for /_sandbox",
}
OF_A_SYSTEM = {
    "webhook_url": " or ".join(kind.name.capitalize() for kind in KINDS.values() if kind.signs),
    "hint_url": " or ".join(kind.name.capitalize() for kind in KINDS.values() if kind.hints),
}
"""By the end of a key, which kinds it is about; an added system is called by its name."""


@click.command()
@json_option
def urls(as_json: bool) -> None:
    """Print the URLs of the running fleet, with the passwords it made.

    \b
    Examples:
      fleet urls
      fleet urls --json
    """
    home = Settings.load().home
    if not runs(home) or not runtime_file(home).exists():
        raise Failure(f"no fleet runs in {home}", hint="Start one with `./fleet up`.")
    found = addresses(json.loads(runtime_file(home).read_text()))
    if as_json:
        show_rows([{"name": name, "value": value} for name, value in found.items()])
    else:
        show(Console(), found)


def addresses(environment: Mapping[str, str]) -> dict[str, str]:
    """The addresses of a fleet with this environment, and their secrets; the sandbox's only if it plays a system."""
    user, _, password = environment["FLOWER_BASIC_AUTH"].partition(":")
    found = {"console_url": f"http://{environment['FLEET_CONSOLE_BIND']}"} | dict(_of_systems(environment))
    found |= {
        "operations_url": f"http://{environment['FLEET_OPS_BIND']}",
        "flower_url": f"http://{environment['FLEET_FLOWER_BIND']}",
        "flower_user": user,
        "flower_password": password,
    }
    if sandbox := environment.get("FLEET_SANDBOX_URL"):
        found |= {"sandbox_url": sandbox, "sandbox_token": environment["FLEET_SANDBOX_TOKEN"]}
    return found


def with_link(environment: Mapping[str, str]) -> dict[str, str]:
    """The addresses of a fleet; in a terminal that of the console signs in whoever has started the fleet, once."""
    found = addresses(environment)
    if not sys.stdout.isatty():
        return found
    database = Database(environment["DATABASE_URL"], connections=1)
    with contextlib.closing(database), database.transaction() as tx:
        users.ensure_admin(tx, operator())
        return found | {"console_url": f"{found['console_url']}/sign-in/{users.make_link(tx, operator())}"}


def _of_systems(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Where systems send webhooks and hints to, by ``webhook_url``; that of an added system by its name before that."""
    receiver = f"http://{environment['FLEET_RECEIVER_BIND']}"
    for name, kind in Environment(environment, {}).kinds.items():
        key = "" if name in KINDS else f"{name}_"
        if secrets := environment.get(variable(name, "webhook_secrets")):
            yield f"{key}webhook_url", f"{receiver}/webhooks/{name}"
            yield f"{key}webhook_secret", secrets.split(",")[0].strip()
        if KINDS[kind].hints and environment.get(variable(name, "url")):
            yield f"{key}hint_url", f"{receiver}/hints/{name}/{environment[variable(name, 'hint_token')]}"


def _label(key: str) -> str:
    """What a key is about: "Clarity sends webhooks to", "shop_b2b sends webhooks to"."""
    for ending, whose in OF_A_SYSTEM.items():
        if key.endswith(ending):
            return f"{key.removesuffix(ending).rstrip('_') or whose} {LABELS[ending]}"
    return LABELS["webhook_secret"] if key.endswith("webhook_secret") else LABELS[key]


def show(console: Console, found: Mapping[str, str]) -> None:
    """Prints an address or password a line, each whole in a terminal of any width: they are there to be copied."""
    labels = {key: _label(key) if key.endswith("_url") else f"  {_label(key)}" for key in found}
    width = max(map(len, labels.values()))
    for key, value in found.items():
        label, style = labels[key], "bold" if key.endswith("_url") else ""
        console.print(Text(f"{label:<{width}}  {value}", style=style), soft_wrap=True)
