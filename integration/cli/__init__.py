"""The command line: one module per command, imported only when it is used, so that small commands start fast."""

from __future__ import annotations

from importlib import import_module

import click

from integration.errors import Failure

COMMANDS = {
    "up": "integration.cli.up:up",
    "status": "integration.cli.status:status",
    "stop": "integration.cli.stop:stop",
    "restart": "integration.cli.restart:restart",
    "logs": "integration.cli.logs:logs",
    "demo": "integration.cli.demo:demo",
    "test": "integration.cli.test:test",
    "urls": "integration.cli.urls:urls",
    "migrate": "integration.cli.migrate:migrate",
    "trigger": "integration.cli.trigger:trigger",
    "send": "integration.cli.send:send",
    "find": "integration.cli.find:find",
    "orders": "integration.cli.objects:orders",
    "customers": "integration.cli.objects:customers",
    "products": "integration.cli.objects:products",
    "returns": "integration.cli.objects:returns",
    "ledger": "integration.cli.ledger:ledger",
    "messages": "integration.cli.messages:messages",
    "held": "integration.cli.held_and_dead:held",
    "dead": "integration.cli.held_and_dead:dead",
    "decisions": "integration.cli.decisions:decisions",
    "replay": "integration.cli.replay:replay",
    "jobs": "integration.cli.jobs:jobs",
    "audit": "integration.cli.audit:audit",
    "targets": "integration.cli.targets:targets",
    "poll": "integration.cli.poll:poll",
    "alerts": "integration.cli.alerts:alerts",
    "doctor": "integration.cli.doctor.command:doctor",
    "keys": "integration.cli.keys:keys",
    "users": "integration.cli.users:users",
    "mapping": "integration.cli.mapping:mapping",
    "workflows": "integration.cli.workflows:workflows",
    "bench": "integration.cli.bench:bench",
}


class Commands(click.Group):
    """The commands named in `COMMANDS`.  A `Failure` ends the program with its reason, its fix and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and args[0][:1].isalpha():
            from integration.terminal.nearest import nearest

            ctx.fail(f"there is no command {args[0]!r}; {nearest(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Failure as failure:
            from integration.terminal.render import say  # most commands draw nothing, and start faster without it

            say(f"error: {failure.reason}", err=True)
            if failure.hint:
                say(f"fix: {failure.hint}", err=True)
            ctx.exit(1)


def _print_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from integration.terminal.render import say
        from integration.terminal.version import NAME, version

        say(f"{NAME} {version()}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
              help="Print the version and exit.")  # fmt: skip
def main() -> None:
    """Sync orders, customers, shipments and invoices between Clarity eCommerce and ERPs.

    \b
    Examples:
      fleet demo          # see it work, with a sandbox in place of every system
      fleet up            # start it with the systems that are configured
      fleet doctor        # check everything that orders need
    """
