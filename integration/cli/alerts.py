"""``fleet alerts``: what is wrong now, and whether notices arrive."""

from __future__ import annotations

import click

from integration.alerts import KINDS, TEST
from integration.channels import Channel
from integration.errors import Failure
from integration.settings import Settings
from integration.store import alerts as memory
from integration.terminal.listing import show_rows
from integration.terminal.render import console, json_option, limit_option, remark, table
from integration.terminal.session import open_database

COLUMNS = ("kind", "about", "count", "since", "ended_at", "reported_at")


@click.group()
def alerts() -> None:
    """What is wrong now, and whether notices arrive.

    Alerts are sent to the channels in FLEET_ALERT_URLS: URLs of Apprise, for e-mail, Slack, Teams, a webhook and more.

    \b
    Examples:
      fleet alerts ls
      fleet alerts test
    """


@alerts.command("ls")
@click.option("--resolved", is_flag=True, help="Also those that have ended.")
@limit_option
@json_option
def ls(resolved: bool, limit: int, as_json: bool) -> None:
    """List what is wrong now with what to do about it, and the notices that could not be sent.

    \b
    Examples:
      fleet alerts ls
      fleet alerts ls --resolved --json
    """
    with open_database() as database, database.transaction() as tx:
        rows, stuck = memory.all_alerts(tx, over=resolved, limit=limit), memory.stuck(tx)
    if as_json:
        show_rows(rows, unsent=stuck)
        return
    columns = COLUMNS if resolved else [column for column in COLUMNS if column != "ended_at"]
    table(columns, rows, empty="Nothing is wrong.")
    for row in rows:
        if row["ended_at"] is None:
            console.print()
            remark(f"{KINDS[row['kind']].title}, {row['about']}", row["says"], row["fix"])
    for row in stuck:
        remark(f"\n{row['channel']}", f"notices that could not be sent: {row['notices']}; {row['reason']}", CHECK)


CHECK = "`fleet alerts test` tries every channel; they are sent as soon as it takes them."


@alerts.command("test")
@json_option
@click.pass_context
def test(ctx: click.Context, as_json: bool) -> None:
    """Send a test notice to every channel.  Exit code 1 when one did not take it.

    \b
    Examples:
      fleet alerts test
    """
    urls = Settings.load().alerts.urls
    if not urls:
        raise Failure(
            "there is no channel: FLEET_ALERT_URLS is not set",
            hint="Set it to one or more URLs of Apprise (jsons://hooks.example/alerts), and run `fleet restart`.",
        )
    channels = [Channel(url) for url in urls]
    reasons = [channel.send(TEST) for channel in channels]
    rows = [
        {"number": number, "channel": channel.name, "result": "failed" if reason else "ok", "reason": reason}
        for number, (channel, reason) in enumerate(zip(channels, reasons, strict=True), 1)
    ]
    if as_json:
        show_rows(rows)
    else:
        table(("number", "channel", "result", "reason"), rows, empty="")
    ctx.exit(1 if any(reasons) else 0)
