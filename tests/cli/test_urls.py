"""What `fleet urls` shows of the sandbox."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from integration.cli.urls import addresses, show

FLEET = {
    "FLOWER_BASIC_AUTH": "fleet:secret",
    "FLEET_RECEIVER_BIND": "127.0.0.1:8000",
    "FLEET_OPS_BIND": "127.0.0.1:8002",
    "FLEET_CONSOLE_BIND": "127.0.0.1:8001",
    "FLEET_FLOWER_BIND": "127.0.0.1:5555",
    "CLARITY_WEBHOOK_SECRETS": "whsec_MQ==",
}
SANDBOX = {"FLEET_SANDBOX_URL": "http://127.0.0.1:8090", "FLEET_SANDBOX_TOKEN": "let-me-in"}


def test_the_sandboxs_token_comes_with_its_url() -> None:
    console = Console(file=StringIO(), width=80)
    show(console, addresses({**FLEET, **SANDBOX}))
    lines = [line.split("  ") for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    shown = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert shown[-2:] == [["Sandbox", "http://127.0.0.1:8090"], ["token for /_sandbox", "let-me-in"]]


@pytest.mark.parametrize("width", [20, 80, 200])
def test_what_is_there_to_be_copied_is_whole_in_a_terminal_of_any_width(width: int) -> None:
    odoo = {"ODOO_URL": "https://odoo.example", "ODOO_HINT_TOKEN": "RQhIn4DHy5KgAVNPqVWbJc2k7dF0sXtM"}
    found = addresses({**FLEET, **SANDBOX, **odoo})
    console = Console(file=StringIO(), width=width)
    show(console, found)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [line.split()[-1] for line in lines] == list(found.values())


def test_operators_have_an_address_of_their_own() -> None:
    found = addresses(FLEET)
    assert (found["operations_url"], found["webhook_url"]) == (
        "http://127.0.0.1:8002",
        "http://127.0.0.1:8000/webhooks/clarity",
    )


def test_a_fleet_without_sandbox_names_none() -> None:
    assert not [name for name in addresses(FLEET) if name.startswith("sandbox")]
