"""`fleet urls`: where the running fleet can be reached, and with which passwords."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click
from rich.console import Console
from rich.text import Text

from integration.errors import Failure
from integration.local.fleet import runs
from integration.settings import Settings, runtime_file

LABELS = {
    "webhook_url": "Clarity sends webhooks to",
    "webhook_secret": "signed with",
    "operations_url": "/readyz and /metrics",
    "flower_url": "Flower",
    "flower_user": "user",
    "flower_password": "password",
    "hint_url": "Odoo hints at changes to",
    "sandbox_url": "Sandbox",
    "sandbox_token": "token for /_sandbox",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
        click.echo(json.dumps(found, indent=2))
    else:
        show(Console(), found)


def addresses(environment: Mapping[str, str]) -> dict[str, str]:
    """The addresses of a fleet with this environment, and their secrets; the sandbox's only if it plays a system."""
    user, _, password = environment["FLOWER_BASIC_AUTH"].partition(":")
    found = {
        "webhook_url": f"http://{environment['FLEET_RECEIVER_BIND']}/webhooks/clarity",
        "webhook_secret": environment["CLARITY_WEBHOOK_SECRETS"].split(",")[0].strip(),
        "operations_url": f"http://{environment['FLEET_OPS_BIND']}",
        "flower_url": f"http://{environment['FLEET_FLOWER_BIND']}",
        "flower_user": user,
        "flower_password": password,
    }
    if environment.get("ODOO_URL"):
        found["hint_url"] = f"http://{environment['FLEET_RECEIVER_BIND']}/hints/odoo/{environment['ODOO_HINT_TOKEN']}"
    if sandbox := environment.get("FLEET_SANDBOX_URL"):
        found |= {"sandbox_url": sandbox, "sandbox_token": environment["FLEET_SANDBOX_TOKEN"]}
    return found


def show(console: Console, found: Mapping[str, str]) -> None:
    """Prints an address or password a line, never wrapped, so that it can be copied."""
    width = max(map(len, LABELS.values()))
    for name, value in found.items():
        label, style = (LABELS[name], "bold") if name.endswith("_url") else (f"  {LABELS[name]}", "")
        console.print(Text(f"{label:<{width}}  {value}", style=style), soft_wrap=True)
