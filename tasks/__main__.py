"""``python -m tasks worker …``, ``beat …``, ``flower …``: the commands of ``celery -A tasks``, with the same arguments.

Celery's own program loads all its commands and plugins, among them Flower and an interactive prompt, into every
process.  Eight processes that start at once on two cores wait three seconds longer for that.
"""

from importlib import import_module

import click
from celery.bin.base import CLIContext

from tasks.celery import app

COMMANDS = {
    "worker": ("celery.bin.worker", "worker"),
    "beat": ("celery.bin.beat", "beat"),
    "flower": ("flower.command", "flower"),
}


class Commands(click.Group):
    """The commands above, each imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=Commands)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Run a part of the Celery application."""
    ctx.obj = CLIContext(app=app, no_color=True, workdir=None)


main(prog_name="python -m tasks")
