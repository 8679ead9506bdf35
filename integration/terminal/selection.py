"""Which deliveries a command is about: by their ids, or by filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from integration.store.database import Row
from integration.terminal.option_types import Moment
from integration.terminal.render import remark, table

KIND = ("count", "state", "target", "fingerprint", "sample", "first", "last", "reason")

FILTERS = (
    click.option("--code", help="The failure's code, such as unknown_sku."),
    click.option("--fingerprint", help="Equal for failures of one kind; `ls` shows it."),
    click.option("--target", help="A system, such as odoo, or one of its installations, such as odoo-1."),
    click.option("--workflow", help="A workflow, such as order-to-odoo."),
    click.option("--type", help="The event type, such as order.created."),
    click.option("--number", help="The object's number, such as WEB-1001."),
    click.option("--since", type=Moment(), help="Ended at this date or time, or later."),
    click.option("--until", type=Moment(), help="Ended before this date or time."),
)


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that are the fields of `repair.Chosen`."""
    for option in reversed(FILTERS):
        command = option(command)
    return command


def show_kinds(kinds: Sequence[Row], *, empty: str) -> None:
    """What failed, by the kind of its failure: how often, since when, the id of one of them, and what to do."""
    table(KIND, kinds, empty=empty)
    for kind in kinds:
        if kind["hint"]:
            remark(f"{kind['count']} like {kind['sample']}", kind["reason"] or "", kind["hint"])
