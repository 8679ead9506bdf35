"""``fleet decisions``: what people approved and corrected, and that still holds."""

from __future__ import annotations

import click

from integration.errors import Failure
from integration.settings import operator
from integration.store import audit
from integration.store import decisions as stored
from integration.terminal.decisions import COLUMNS, shown
from integration.terminal.listing import show_rows
from integration.terminal.render import fields, json_option, limit_option, say, table
from integration.terminal.session import ID, open_database

REVEAL = click.option("--reveal", is_flag=True, help="Show personal data.  This is audited.")


@click.group()
def decisions() -> None:
    """What people approved or corrected: it holds for the object until its source changes the very value.

    \b
    Examples:
      fleet decisions ls --number WEB-1001
      fleet decisions show 12
      fleet decisions revoke 12
    """


@decisions.command("ls")
@click.option("--number", help="The number people know the object by, such as WEB-1001.")
@click.option("--object", "object_id", help="The object's id in Clarity.")
@click.option("--all", "ended", is_flag=True, help="Also those that have lapsed or were revoked.")
@REVEAL
@limit_option
@json_option
def ls(number: str | None, object_id: str | None, ended: bool, reveal: bool, limit: int, as_json: bool) -> None:
    """List the decisions in force, newest first.

    \b
    Examples:
      fleet decisions ls
      fleet decisions ls --number WEB-1001 --all
    """
    with open_database() as database, database.transaction() as tx:
        found = stored.listed(tx, object_id=object_id, number=number, ended=ended, limit=limit)
        if reveal:
            audit.note(tx, operator(), "reveal", [None], decisions=[row["id"] for row in found])
    rows = shown(found, reveal=reveal)
    if as_json:
        show_rows(rows)
        return
    table(COLUMNS, rows, empty="No decision is in force." if not ended else "Nobody has decided anything yet.")


@decisions.command("show")
@click.argument("id", type=ID)
@REVEAL
@json_option
def show(id: int, reveal: bool, as_json: bool) -> None:
    """Show one decision: what was decided, by whom, when and why.  Personal data is masked.

    \b
    Examples:
      fleet decisions show 12
      fleet decisions show 12 --reveal
    """
    with open_database() as database, database.transaction() as tx:
        found = stored.show(tx, id)
        if found is None:
            raise Failure(f"there is no decision {id}", hint="`fleet decisions ls --all` lists those there are.")
        if reveal:
            audit.note(tx, operator(), "reveal", [None], decisions=[id])
    (row,) = shown([found], reveal=reveal)
    show_rows([row]) if as_json else fields(row)


@decisions.command("revoke")
@click.argument("ids", type=ID, nargs=-1, required=True)
def revoke(ids: tuple[int, ...]) -> None:
    """Take decisions back: later versions are checked and translated without them.  What was sent stays as it is.

    \b
    Examples:
      fleet decisions revoke 12
    """
    with open_database() as database, database.transaction() as tx:
        revoked = stored.revoke(tx, ids, operator())
        if left := sorted(set(ids) - set(revoked)):
            raise Failure(
                f"not in force: {', '.join(map(str, left))}; nothing is revoked",
                hint="`fleet decisions ls` lists the decisions in force.",
            )
    say("Revoked." if len(revoked) == 1 else f"{len(revoked)} revoked.")
