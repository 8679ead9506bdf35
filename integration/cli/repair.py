"""Corrections of held and dead deliveries: of the event, for all its targets, or of one target's document alone."""

from __future__ import annotations

import base64
import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from integration.canonical import freeze
from integration.cli.chosen import LIMIT, act, check_chosen
from integration.cli.replay import check_workflows
from integration.errors import Failure, Reject
from integration.message import State
from integration.operations import editing, jobs
from integration.operations.corrections import Correctable
from integration.operations.jobs import Preview
from integration.operations.possible import check_correctable
from integration.operations.selection import Selection
from integration.settings import operator
from integration.store import audit, decisions, deliveries, repair, views
from integration.store.database import Database, Row, Transaction
from integration.store.repair import Restart
from integration.terminal.definitions import in_force
from integration.terminal.jobs import Manner, carried_out
from integration.terminal.render import say
from integration.terminal.selection import filters
from integration.terminal.session import ID, open_database, vault


def _checked(_: click.Context, __: click.Parameter, settings: tuple[str, ...]) -> tuple[str, ...]:
    try:
        editing.check(settings)
    except Failure as wrong:
        raise click.UsageError(f"{wrong.reason}.  {wrong.hint}") from wrong
    return settings


SET = click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", callback=_checked,
                   help="A correction: lines.0.sku=SKU-1.  More than one may be given.")  # fmt: skip
EDITOR = click.option("--editor", envvar=["VISUAL", "EDITOR"], metavar="COMMAND", help="What to edit it in without "
                      "--set and --file.  [default: $VISUAL or $EDITOR]")  # fmt: skip
EVENT = click.option("--event", is_flag=True, help="Correct the event, for all its targets and for later versions "
                     "until its source changes the value; not the translation of this one.")  # fmt: skip
WHY = click.option("--why", help="Why.  It is stored in clear: no names, no addresses.")


@dataclass(frozen=True)
class Edit:
    """What is corrected, by the options of the command."""

    settings: tuple[str, ...]
    file: str | None
    editor: str | None
    event: bool
    why: str | None
    replay: bool


def edit_command(state: State) -> click.Command:
    @click.command("edit")
    @click.argument("ids", type=ID, nargs=-1)
    @filters
    @LIMIT
    @carried_out
    @SET
    @click.option("--file", "file", type=click.Path(exists=True, dir_okay=False, allow_dash=True),
                  help="The corrected document, whole (- for standard input).")  # fmt: skip
    @EDITOR
    @EVENT
    @WHY
    @click.option("--replay", is_flag=True, help="Send it at once; after --event, whatever of the object waits.")
    def edit(ids: tuple[int, ...], limit: int, **options: Any) -> None:
        """Correct the document that will be sent: with --set, from a file, or in your $EDITOR.

        What is corrected in the event holds for all targets of the object, and for its later versions: `fleet
        decisions` lists and revokes it.  What is corrected in the target's document holds for this delivery alone.
        Before there is such a document, the event is corrected.  Of several deliveries it is always the event.

        \b
        Examples:
          fleet dead edit 4711 --set order.PaymentTerms='30 Net' --replay
          fleet held edit 4711 --event --set shippingAddress.countryCode=AT
          fleet held edit --code unknown_sku --event --set 'lines[sku=OLD].sku=NEW' --replay
        """
        manner = Manner.taken_from(ids, options)
        edit = Edit(**{each.name: options.pop(each.name) for each in dataclasses.fields(Edit)})
        check_chosen(ids, options)
        if edit.settings and edit.file:
            raise click.UsageError("--set or --file, not both")
        with open_database() as database:
            if len(ids) == 1 and not any(options.values()):
                _edit(database, state, ids[0], edit)
            else:
                _edit_several(database, state, Selection([state], ids, **options), limit, edit, manner)

    return edit


def _edit(database: Database, state: State, id: int, edit: Edit) -> None:
    if not (edit.settings or edit.file or edit.editor or sys.stdin.isatty()):
        raise click.UsageError("There is no terminal for an editor: say --set PATH=VALUE, or --file")
    ids = correct(database, state, id, edit.settings, edit.file, event=edit.event, why=edit.why, editor=edit.editor)
    if edit.replay:
        send(database, ids)
    else:
        alone = ids == [id]
        which = f"{state.value} replay {id}" if alone else f"replay {' '.join(map(str, ids))} --yes"
        say(f"`fleet {which}` sends {'it' if alone else 'them'}.")


def _edit_several(database: Database, state: State, chosen: Selection, limit: int, edit: Edit, manner: Manner) -> None:
    if not (edit.settings and edit.event):
        raise click.UsageError("Of several deliveries the event is corrected: say --event and --set PATH=VALUE")
    make = partial(
        jobs.preview,
        act="correct",
        chosen=chosen,
        limit=limit,
        who=operator(),
        sealed=base64.b64encode(vault().seal(freeze(list(edit.settings)))).decode(),
        replay=edit.replay,
        why=edit.why,
    )

    def possible(tx: Transaction) -> Preview:
        found = make(tx)
        check_correctable(tx, found, edit.settings, vault())
        return found

    act(database, chosen, limit, manner, lambda row: _edit(database, state, row["id"], edit), possible, "Correct {}?")


def correct(
    database: Database,
    state: State,
    id: int,
    settings: Sequence[str],
    file: str | None,
    *,
    event: bool,
    why: str | None,
    editor: str | None = None,
) -> list[int]:
    """Stores the correction and says what it is; the deliveries that it is for."""
    with database.transaction() as tx:
        in_state(tx, state, id)
        delivery = deliveries.look(tx, id)
        if not settings and not file:  # the editor is about to show it as it is
            audit.note(tx, operator(), "reveal", [id])
    assert delivery
    was = Correctable.of(delivery, vault(), event=event)
    document = editing.corrected(was.document, settings) if settings else _from_person(was.document, file, editor)
    paths = editing.differing(was.document, document)
    if not paths:
        raise Failure("nothing was changed")
    with database.transaction() as tx:
        if not was.store(tx, vault(), document, paths, operator(), why):
            raise Failure(f"delivery {id} has changed in the meantime", hint="Look at it again.")
        waiting = [id] if was.whole is not None else decisions.also_waiting(tx, id)
    if was.whole is None:
        say(f"Corrected in the event, for all its targets and later versions: {', '.join(paths)}.")
    else:
        say(f"Corrected in the target's document, for this delivery alone: {', '.join(paths)}.")
    return waiting


def _from_person(document: Any, file: str | None, editor: str | None) -> Any:
    if file:
        return editing.read(sys.stdin.read() if file == "-" else Path(file).read_text(), document)
    text: str | None = editing.written(document)
    while text := click.edit(text, editor, extension=".json"):
        try:
            return editing.read(text, document)
        except (Reject, Failure) as wrong:
            say(f"{wrong.reason}.  {wrong.hint or ''}", err=True)
            click.confirm("Edit it again?", default=True, abort=True)
    raise Failure("nothing was changed")


def send(database: Database, ids: Sequence[int]) -> None:
    """Sends held and dead deliveries again, translated by the definitions in force."""
    with database.transaction() as tx:
        rows = [row for row in (views.delivery(tx, id) for id in ids) if row]
    known = in_force(database)
    check_workflows(known, rows)
    with database.transaction() as tx:
        for row in rows:
            repair.replay(tx, [row["id"]], Restart.by(known.of(row["object_id"])), operator())
    for row in rows:
        say(f"Delivery {row['id']} goes again{'' if len(rows) == 1 else ' to ' + row['target']}.")


def in_state(tx: Transaction, state: State, id: int) -> Row:
    """The delivery, which is in this state; else `Failure`."""
    row = views.delivery(tx, id)
    if row is None or row["state"] != state.value:
        found = f"delivery {id} is not {state.value}, it is {row['state']}" if row else f"there is no delivery {id}"
        raise Failure(found, hint=f"`fleet {state.value} ls` lists what is {state.value}.")
    return row
