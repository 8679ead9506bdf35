"""Corrections of one held or dead delivery: of the event, for all its targets, or of the target's document alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from integration.canonical import freeze, parse_json, thaw
from integration.canonical.correction import corrections
from integration.canonical.entities import entity
from integration.cli.replay import check_workflows
from integration.errors import Failure, Reject
from integration.message import State, Step
from integration.settings import operator
from integration.store import audit, decisions, deliveries, repair, views
from integration.store.database import Database, Row, Transaction
from integration.store.deliveries import Delivery
from integration.store.repair import Restart
from integration.terminal import editing
from integration.terminal.definitions import in_force
from integration.terminal.render import say
from integration.terminal.session import ID, open_database, vault
from tasks.decided import Decided

SET = click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help="A correction: lines.0.sku=SKU-1.  "
                   "More than one may be given.")  # fmt: skip
EVENT = click.option("--event", is_flag=True, help="Correct the event, for all its targets and for later versions "
                     "until its source changes the value; not the translation of this one.")  # fmt: skip
WHY = click.option("--why", help="Why.  It is stored in clear: no names, no addresses.")


@dataclass(frozen=True)
class Shown:
    """The ``document`` of a delivery that a person may correct.

    ``whole`` is what is stored of the target's; None for the object of an event, which is ``arrived`` before a release
    that kept such corrections with the delivery has changed it.
    """

    delivery: Delivery
    document: Any
    arrived: Any = None
    whole: Any = None

    def store(self, tx: Transaction, document: Any, paths: Sequence[str], why: str | None) -> bool:
        """Stores the correction; False where the delivery has changed in the meantime."""
        if self.whole is None:
            made = {each.place: vault().seal(each.frozen()) for each in corrections(self.arrived, document)}
            return bool(decisions.correct(tx, self.delivery, made, operator(), why=why))
        is_push = self.delivery.step is Step.PUSH_STATUS
        sealed = vault().seal(freeze(document if is_push else {**self.whole, "target": document}))
        return repair.edit(tx, self.delivery, sealed, paths, operator())


def edit_command(state: State) -> click.Command:
    @click.command("edit")
    @click.argument("id", type=ID)
    @SET
    @click.option("--file", "file", type=click.Path(exists=True, dir_okay=False, allow_dash=True),
                  help="The corrected document, whole (- for standard input).")  # fmt: skip
    @EVENT
    @WHY
    @click.option("--replay", is_flag=True, help="Send it at once; after --event, whatever of the object waits.")
    def edit(id: int, settings: tuple[str, ...], file: str | None, event: bool, why: str | None, replay: bool) -> None:
        """Correct the document that will be sent: with --set, from a file, or in your $EDITOR.

        What is corrected in the event holds for all targets of the object, and for its later versions: `fleet
        decisions` lists and revokes it.  What is corrected in the target's document holds for this delivery alone.
        Before there is such a document, the event is corrected.

        \b
        Examples:
          fleet dead edit 4711 --set order.PaymentTerms='30 Net' --replay
          fleet held edit 4711 --event --set shippingAddress.country=PL
        """
        if settings and file:
            raise click.UsageError("--set or --file, not both")
        with open_database() as database:
            ids = correct(database, state, id, settings, file, event=event, why=why)
            if replay:
                send(database, ids)
            else:
                alone = ids == [id]
                which = f"{state.value} replay {id}" if alone else f"replay {' '.join(map(str, ids))} --yes"
                say(f"`fleet {which}` sends {'it' if alone else 'them'}.")

    return edit


def correct(
    database: Database,
    state: State,
    id: int,
    settings: Sequence[str],
    file: str | None,
    *,
    event: bool,
    why: str | None,
) -> list[int]:
    """Stores the correction and says what it is; the deliveries that it is for."""
    with database.transaction() as tx:
        in_state(tx, state, id)
        delivery = deliveries.look(tx, id)
        if not settings and not file:  # the editor is about to show it as it is
            audit.note(tx, operator(), "reveal", [id])
    assert delivery
    was = _document(delivery, event=event)
    document = editing.corrected(was.document, settings) if settings else _from_person(was.document, file)
    paths = editing.differing(was.document, document)
    if not paths:
        raise Failure("nothing was changed")
    with database.transaction() as tx:
        if not was.store(tx, document, paths, why):
            raise Failure(f"delivery {id} has changed in the meantime", hint="Look at it again.")
        waiting = [id] if was.whole is not None else decisions.also_waiting(tx, id)
    if was.whole is None:
        say(f"Corrected in the event, for all its targets and later versions: {', '.join(paths)}.")
    else:
        say(f"Corrected in the target's document, for this delivery alone: {', '.join(paths)}.")
    return waiting


def _document(delivery: Delivery, *, event: bool) -> Shown:
    whole = thaw(vault().open(delivery.document)) if delivery.document else {}
    if delivery.step is Step.PUSH_STATUS:
        if event:
            raise Failure("a status push is not made of the event", hint="Correct it without --event.")
        return Shown(delivery, whole, whole=whole)
    if not event and "target" in whole:
        return Shown(delivery, whole["target"], whole=whole)
    arrived = parse_json(vault().open(delivery.body))
    given = arrived.get("data") if isinstance(arrived, dict) else None
    is_whole = entity(delivery.entity).whole
    if not isinstance(given, dict) or (is_whole and not is_whole(given)):
        raise Failure(
            "the event does not hold the order: it is read from Clarity when it is translated",
            hint="Correct the order in Clarity, then replay.",
        )
    given = Decided(delivery.decisions, vault().open).corrected(given)
    before = whole["event"]["data"] if delivery.edited == "event" and "event" in whole else given
    return Shown(delivery, before, arrived=given)


def _from_person(document: Any, file: str | None) -> Any:
    if file:
        return editing.read(sys.stdin.read() if file == "-" else Path(file).read_text(), document)
    text: str | None = editing.written(document)
    while text := click.edit(text, extension=".json"):
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
            published = known.of(row["object_id"])
            restart = Restart(pins=published.pins, mapping_version=published.version)
            repair.replay(tx, [row["id"]], restart, operator())
    for row in rows:
        say(f"Delivery {row['id']} goes again{'' if len(rows) == 1 else ' to ' + row['target']}.")


def in_state(tx: Transaction, state: State, id: int) -> Row:
    """The delivery, which is in this state; else `Failure`."""
    row = views.delivery(tx, id)
    if row is None or row["state"] != state.value:
        found = f"delivery {id} is not {state.value}, it is {row['state']}" if row else f"there is no delivery {id}"
        raise Failure(found, hint=f"`fleet {state.value} ls` lists what is {state.value}.")
    return row
