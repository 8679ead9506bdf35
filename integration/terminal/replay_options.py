"""The options of ``fleet replay``, which the dry run reads too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from integration.message import Step
from integration.rules.in_force import Published
from integration.store.repair import Restart
from integration.terminal.jobs import DETACH, Manner
from integration.terminal.option_types import Whole
from integration.terminal.render import json_option

MOST = 100_000
STEPS = click.Choice([Step.TRANSFORM.value, Step.ENRICH.value, Step.POST.value])


@dataclass(frozen=True)
class ReplayOptions:
    """How to replay: from which step, by the pinned definitions, without a question or waiting; or a dry run, with no
    target."""

    from_step: str | None
    pinned: bool
    yes: bool
    dry_run: bool
    no_target: bool
    reveal: bool
    detach: bool
    as_json: bool

    @property
    def manner(self) -> Manner:
        return Manner(self.yes, self.detach, self.as_json)

    @property
    def step(self) -> Step | None:
        return Step(self.from_step) if self.from_step else None

    def restart(self, published: Published) -> Restart:
        """For objects for which this version is in force."""
        return Restart(self.step) if self.pinned else Restart.by(published, self.step)


OPTIONS = (
    click.option("--from-step", type=STEPS, help="Where to begin: transform translates the event again, without what a "
                 "person has corrected in the translated document.  [default: enrich after such a correction, else "
                 "transform]"),
    click.option("--pinned", is_flag=True, help="Translate by the mappings it had, not by those in force."),
    click.option("--limit", type=Whole(1, MOST), default=MOST, help="At most this many, the newest."),
    click.option("--dry-run", is_flag=True, help="Change nothing.  Of one ID: what differs between what would be sent "
                 "and what the target has, and where it comes from.  Of many: which fields change, how often, and what "
                 "would not be sent."),
    click.option("--no-target", is_flag=True, help="With --dry-run: compare with what was last sent, and ask the "
                 "target nothing.  That is faster, and blind to what only the target knows, such as an unknown SKU."),
    click.option("--reveal", is_flag=True, help="With --dry-run: show personal data too.  This is audited."),
    click.option("--yes", is_flag=True, help="Do not ask before more than one."),
    DETACH,
    json_option,
)  # fmt: skip


def replay_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that are the fields of `ReplayOptions`, and ``--limit``."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
