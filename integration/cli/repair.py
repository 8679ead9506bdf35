"""What a person can do about one held or dead delivery: correct, approve or resolve it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from integration.canonical import ACCEPTABLE, freeze, parse_json, thaw
from integration.canonical.entities import entity
from integration.cli.replay import in_force_for
from integration.errors import Failure, Reject
from integration.message import State, Step
from integration.settings import operator
from integration.store import audit, deliveries, repair, views
from integration.store.database import Database, Row, Transaction
from integration.store.deliveries import Delivery
from integration.store.repair import Restart
from integration.terminal import editing as correction
from integration.terminal.render import say
from integration.terminal.session import ID, open_database, vault

SET = click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help="A correction: lines.0.sku=SKU-1.  "
                   "More than one may be given.")  # fmt: skip
EVENT = click.option("--event", is_flag=True, help="Correct the event as it arrived, not its translation.")


@dataclass(frozen=True)
class Correction:
    """The document of a delivery that a person may correct: ``what`` is "event" or "target"."""

    delivery: Delivery
    what: str
    whole: Any
    document: Any

    def seal(self, document: Any) -> bytes:
        """What is to be stored, with this in the document's place."""
        if self.what == "event":
            return vault().seal(freeze({"event": {**self.whole, "data": document}}))
        is_push = self.delivery.step is Step.PUSH_STATUS
        return vault().seal(freeze(document if is_push else {**self.whole, "target": document}))


def edit_command(state: State) -> click.Command:
    @click.command("edit")
    @click.argument("id", type=ID)
    @SET
    @click.option("--file", "file", type=click.Path(exists=True, dir_okay=False, allow_dash=True),
                  help="The corrected document, whole (- for standard input).")  # fmt: skip
    @EVENT
    @click.option("--replay", is_flag=True, help="Send it at once.")
    def edit(id: int, settings: tuple[str, ...], file: str | None, event: bool, replay: bool) -> None:
        """Correct the document that will be sent: with --set, from a file, or in your $EDITOR.

        Before there is a translated document, the event is corrected.

        \b
        Examples:
          fleet dead edit 4711 --set order.PaymentTerms='30 Net' --replay
          fleet held edit 4711 --event --set shippingAddress.country=PL
        """
        if settings and file:
            raise click.UsageError("--set or --file, not both")
        with open_database() as database:
            paths, what = _correct(database, state, id, settings, file, event=event)
            say(f"Corrected in the {what}: {', '.join(paths)}.")
            if replay:
                _send(database, id)
            else:
                say(f"`fleet {state.value} replay {id}` sends it.")

    return edit


def resolve_command(state: State, name: str) -> click.Command:
    about = "Close what is settled otherwise: it is skipped, with the reason, and nothing is sent."
    example = f"\n\n\b\nExamples:\n  fleet {state.value} {name} 4711 --reason 'entered by hand'"

    @click.command(name, help=about + example)
    @click.argument("ids", type=ID, nargs=-1, required=True)
    @click.option("--reason", required=True, help="Why.  It is stored in clear: no names, no addresses.")
    def resolve(ids: tuple[int, ...], reason: str) -> None:
        with open_database() as database, database.transaction() as tx:
            for id in ids:
                in_state(tx, state, id)
            repair.resolve(tx, ids, reason, operator())
        click.echo("Resolved." if len(ids) == 1 else f"{len(ids)} resolved.")

    return resolve


@click.command("approve")
@click.argument("id", type=ID)
@click.option("--choose", metavar="ID", help="This candidate is the right one; `fleet held show` lists them.")
@SET
@EVENT
def approve(id: int, choose: str | None, settings: tuple[str, ...], event: bool) -> None:
    """Decide about a held delivery, and send it: with one of its candidates, corrected, or as it is.

    Only what differs in its sums can go as it is.  What is unknown to the target, or ambiguous, has to be chosen,
    corrected, or created there.

    \b
    Examples:
      fleet held approve 4711 --choose 36
      fleet held approve 4711 --set lines.0.sku=SKU-1
      fleet held approve 4711
    """
    if choose and settings:
        raise click.UsageError("--choose or --set, not both")
    with open_database() as database:
        if settings:
            paths, what = _correct(database, State.HELD, id, settings, None, event=event)
            say(f"Corrected in the {what}: {', '.join(paths)}.")
            _send(database, id)
            return
        with database.transaction() as tx:
            row = in_state(tx, State.HELD, id)
            _choose(tx, row, choose) if choose else _accept(tx, row)
            repair.replay(tx, [id], Restart(goes_on=True), operator())
    say(f"Delivery {id} goes on.")


def _choose(tx: Transaction, row: Row, choose: str) -> None:
    candidates = thaw(vault().open(row["candidates"])) if row["candidates"] else []
    found = next((each for each in candidates if each["id"] == choose), None)
    if found is None or not ({"entity", "key"} <= found.keys() or "approves" in found):
        ids = ", ".join(each["id"] for each in candidates) or "none"
        raise Failure(f"{choose} is not one of its candidates", hint=f"They are: {ids}.")
    delivery = deliveries.look(tx, row["id"])
    assert delivery
    repair.choose(tx, delivery, found, operator())


def _accept(tx: Transaction, row: Row) -> None:
    if row["candidates"]:
        ids = ", ".join(each["id"] for each in thaw(vault().open(row["candidates"])))
        raise Failure("there are several candidates, and none is chosen", hint=f"Say --choose with one of: {ids}.")
    if row["code"] not in ACCEPTABLE:
        raise Failure(
            f"what is held as {row['code']} cannot go as it is: there is nothing right to send",
            hint=f"{row['hint'] or ''}  Or correct it here: `fleet held approve {row['id']} --set PATH=VALUE`.".strip(),
        )
    repair.accept(tx, row["id"], row["code"], operator())


def _correct(
    database: Database, state: State, id: int, settings: Sequence[str], file: str | None, *, event: bool
) -> tuple[list[str], str]:
    """Stores the correction; the paths that have changed, and in which document."""
    with database.transaction() as tx:
        in_state(tx, state, id)
        delivery = deliveries.look(tx, id)
        if not settings and not file:  # the editor is about to show it as it is
            audit.note(tx, operator(), "reveal", [id])
    assert delivery
    was = _document(delivery, event=event)
    document = correction.corrected(was.document, settings) if settings else _from_person(was.document, file)
    paths = correction.differing(was.document, document)
    if not paths:
        raise Failure("nothing was changed")
    with database.transaction() as tx:
        if not repair.edit(tx, delivery, was.seal(document), was.what, paths, operator()):
            raise Failure(f"delivery {id} has changed in the meantime", hint="Look at it again.")
    return paths, was.what


def _document(delivery: Delivery, *, event: bool) -> Correction:
    whole = thaw(vault().open(delivery.document)) if delivery.document else {}
    if not event and delivery.step is Step.PUSH_STATUS:
        return Correction(delivery, "target", whole, whole)
    if not event and "target" in whole:
        return Correction(delivery, "target", whole, whole["target"])
    arrived = whole.get("event") if delivery.edited == "event" else None
    arrived = arrived or parse_json(vault().open(delivery.body))
    given = arrived.get("data") if isinstance(arrived, dict) else None
    whole = entity(delivery.entity).whole
    if not isinstance(given, dict) or (whole and not whole(given)):
        raise Failure(
            "the event does not hold the order: it is read from Clarity when it is translated",
            hint="Correct the order in Clarity, then replay.",
        )
    return Correction(delivery, "event", arrived, given)


def _from_person(document: Any, file: str | None) -> Any:
    if file:
        return correction.read(sys.stdin.read() if file == "-" else Path(file).read_text(), document)
    text: str | None = correction.written(document)
    while text := click.edit(text, extension=".json"):
        try:
            return correction.read(text, document)
        except (Reject, Failure) as wrong:
            say(f"{wrong.reason}.  {wrong.hint or ''}", err=True)
            click.confirm("Edit it again?", default=True, abort=True)
    raise Failure("nothing was changed")


def _send(database: Database, id: int) -> None:
    with database.transaction() as tx:
        rows = [row for row in [views.delivery(tx, id)] if row]
    published = in_force_for(database, rows).of(rows[0]["object_id"])
    with database.transaction() as tx:
        repair.replay(tx, [id], Restart(pins=published.pins, mapping_version=published.version), operator())
    say(f"Delivery {id} goes again.")


def in_state(tx: Transaction, state: State, id: int) -> Row:
    """The delivery, which is in this state; else `Failure`."""
    row = views.delivery(tx, id)
    if row is None or row["state"] != state.value:
        found = f"delivery {id} is not {state.value}, it is {row['state']}" if row else f"there is no delivery {id}"
        raise Failure(found, hint=f"`fleet {state.value} ls` lists what is {state.value}.")
    return row
