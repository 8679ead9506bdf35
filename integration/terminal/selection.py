"""The options of a selection: which deliveries, messages or objects a command is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import click

from integration.canonical import ACCEPTABLE
from integration.canonical.entities import noun
from integration.message import State
from integration.operations.matching import match_secret
from integration.store.database import Row
from integration.terminal.existing import resolved
from integration.terminal.option_types import Moment
from integration.terminal.render import remark, say, table
from integration.terminal.session import open_database, vault
from integration.vault import match_key

STATES = click.Choice([state.value for state in State])
Command = Callable[..., Any]
KIND = ("objects", "count", "target", "code", "fingerprint", "sample", "first")


def filters(command: Command) -> Command:
    """The options that are the fields of a `Selection` of deliveries; times are about when they ended."""
    return selecting("Ended")(command)


def selecting(since: str, *but: str) -> Callable[[Command], Command]:
    """The same, saying what the times are about; without those fields that the command gives by itself.

    A value that no delivery can have is a usage error.
    """

    def add(command: Command) -> Command:
        command = _resolving(command)
        for name, option in reversed(_options(since).items()):
            command = command if name in but else option(command)
        return command

    return add


def _resolving(command: Command) -> Command:
    @wraps(command)
    def resolving(*arguments: Any, **options: Any) -> Any:
        return command(*arguments, **resolved(options))

    return resolving


def _options(since: str) -> dict[str, Callable[[Command], Command]]:
    return {
        "code": click.option("--code", help="The failure's code, such as unknown_sku."),
        "fingerprint": click.option("--fingerprint", help="Equal for failures of one kind; `ls` shows it.  Its "
                                   "first four digits are enough where no other begins so."),
        "target": click.option("--target", help="A system, such as odoo, or one of its installations: odoo-1."),
        "workflow": click.option("--workflow", help="A workflow, such as order-to-odoo."),
        "type": click.option("--type", help="The event type, such as order.created."),
        "number": click.option("--number", help="The object's number, such as WEB-1001."),
        "object": click.option("--object", help="Our id of the object: that in Clarity."),
        "email_key": click.option("--email", "email_key", callback=_key_of, help="The customer's e-mail address.  "
                                  "Addresses are not stored: it is compared by HMAC."),
        "entity": click.option("--entity", help="What it is about: order, customer, shipment, invoice …"),
        "pin": click.option("--definitions", "pin", metavar="HASH", help="How the hash of its definitions begins."),
        "since": click.option("--since", type=Moment(), help=f"{since} then or later, in UTC: 2h, yesterday, 04:00, a "
                              "date or a time."),
        "until": click.option("--until", type=Moment(), help=f"{since} before then."),
    }  # fmt: skip


def _key_of(_: click.Context, __: click.Parameter, email: str | None) -> str | None:
    return email_key(email) if email and email.strip() else None


def email_key(email: str) -> str:
    """The HMAC of an address under the secret of this fleet: what is compared in its place."""
    with open_database() as database, database.transaction() as tx:
        return match_key(email, match_secret(tx, vault()))


def say_how_many(state: str, objects: Mapping[str, int], deliveries: int) -> None:
    """How many objects are in this state, before their deliveries are: "40 orders are held, in 48 deliveries."."""
    if deliveries:
        named = " and ".join(counted(count, noun(name)) for name, count in objects.items())
        many = sum(objects.values()) > 1
        say(f"{named} {'are' if many else 'is'} {state}, in {counted(deliveries, 'delivery')}.")


def counted(count: int, of: str) -> str:
    """A number of things in English.

    >>> counted(1, "order"), counted(2, "delivery")
    ('1 order', '2 deliveries')
    """
    plural = f"{of[:-1]}ies" if of.endswith("y") else f"{of}s"
    return f"{count:,} {of if count == 1 else plural}"


def show_kinds(kinds: Sequence[Row], *, empty: str) -> None:
    """What failed, by the kind of its failure: how often, since when, the id of one of them, why, and what to do."""
    table(KIND, kinds, empty=empty)
    say_fixes(kinds)


def say_fixes(kinds: Sequence[Row]) -> None:
    """Why each kind has failed; what to do once, below all the kinds that it is for."""
    alike: dict[str | None, list[Row]] = {}
    for kind in kinds:
        alike.setdefault(_fix(kind), []).append(kind)
    for fix, of_fix in alike.items():
        for kind in of_fix:
            remark(f"{kind['count']} like {kind['sample']}", kind["reason"] or "", fix if kind is of_fix[-1] else None)


def _fix(kind: Row) -> str | None:
    """The hint; where a person may let it pass, also how."""
    hint: str | None = kind["hint"]
    if kind["state"] != State.HELD or kind["code"] not in ACCEPTABLE or "approve" in (hint or ""):
        return hint
    passes = f"Or let it pass as it is: `fleet held approve --code {kind['code']}`."
    return f"{hint}  {passes}" if hint else passes
