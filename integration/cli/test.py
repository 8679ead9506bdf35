"""`fleet test`: linters, types, layers and the tests, untouched by the settings of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

from integration.cli.processes import PROJECT
from integration.settings import variables

CHECKS = {
    "style": ["ruff", "check", ".", "fleet"],
    "format": ["ruff", "format", "--check", ".", "fleet"],
    "types": ["mypy"],
    "layers": ["lint-imports"],
}
SETTINGS = (
    "FLEET_",
    "CLARITY_",
    "ODOO_",
    "FUSION_",
    "FLOWER_",
    "CELERY_",
    "GUNICORN_",
    "PG",
    "DATABASE_URL",
    "REDIS_URL",
)
KEPT = "FLEET_LIVE_ODOO_"


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
def test(pytest_arguments: tuple[str, ...]) -> None:
    """Run all checks and tests; with arguments, only pytest with these.

    Starts its own Postgres and Valkey, and ignores every setting of the environment but FLEET_LIVE_ODOO_*.

    \b
    Examples:
      fleet test
      fleet test -k receiver -x
      fleet test --live           # also against the Odoo that FLEET_LIVE_ODOO_* names
    """
    with tempfile.TemporaryDirectory(prefix="clarity-fleet-test-") as home:
        environment = isolated(variables(), home)
        steps = {} if pytest_arguments else dict(CHECKS)
        steps["tests"] = ["pytest", *pytest_arguments]
        failed = [name for name, command in steps.items() if not _passes(name, command, environment)]
    if failed:
        click.echo(f"failed: {', '.join(failed)}", err=True)
        raise SystemExit(1)


def isolated(variables: Mapping[str, str], home: str) -> dict[str, str]:
    """These variables without any setting that could lead a test to somebody's systems, with an empty home."""
    kept = {name: value for name, value in variables.items() if name.startswith(KEPT) or not name.startswith(SETTINGS)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return {**kept, "FLEET_HOME": home, "PATH": path}


def _passes(name: str, command: list[str], environment: dict[str, str]) -> bool:
    click.secho(f"== {name}: {' '.join(command)}", bold=True)
    return subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode == 0
