"""What the connected systems offer, and whether a workflow asks for more than that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from integration.rules.definition_fields import did_you_mean
from integration.rules.definition_problem import Path, Problem

Document = dict[str, Any]


@dataclass(frozen=True)
class Offer:
    """The entities that can be posted to a system, and the types of the events that it can send."""

    posts: Collection[str]
    sends: Collection[str]


Offers = Mapping[str, Offer]
"""What is offered, by the name of the system."""


def refused(workflow: Document, offers: Offers) -> list[Problem]:
    """What a workflow's document asks for that no system offers; empty when all is offered.

    The target has to take the workflow's entity if the workflow makes a document for it, and every entity that it
    needs there: only what the fleet posts is ever known there.  What the document lacks is not asked for.
    """
    then = workflow.get("then", {})
    systems = {("source",): workflow.get("source"), ("target",): workflow.get("target"),
               ("then", "system"): then.get("system")}  # fmt: skip
    unknown = [
        Problem(path, f"names {system!r}, which is no system{did_you_mean(system, offers)}")
        for path, system in systems.items()
        if system is not None and system not in offers
    ]
    return [*unknown, *_events(workflow, offers), *_entities(workflow, offers)]


def lead_nowhere(workflows: Iterable[Any], offers: Offers) -> dict[str, list[str]]:
    """The events that no workflow takes, by the system that sends them; systems without such events are left out."""
    taken = {(each.source, event) for each in workflows for event in each.on}
    found = {
        source: sorted(event for event in offer.sends if (source, event) not in taken)
        for source, offer in offers.items()
    }
    return {source: events for source, events in found.items() if events}


def _events(workflow: Document, offers: Offers) -> Iterator[Problem]:
    source = str(workflow.get("source"))
    sent = offers[source].sends if source in offers else workflow.get("on", ())
    for index, event in enumerate(workflow.get("on", ())):
        if event not in sent:
            yield Problem(("on", index), f"names {event!r}, which {source} does not send{did_you_mean(event, sent)}")


def _entities(workflow: Document, offers: Offers) -> Iterator[Problem]:
    target, then = workflow.get("target"), workflow.get("then", {})
    wanted: list[tuple[Path, Any, Any]] = []
    if len(workflow.get("transform", ())) > 1:
        wanted.append((("entity",), target, workflow.get("entity")))
    wanted += [(("needs", n, "entity"), target, need.get("entity")) for n, need in enumerate(workflow.get("needs", ()))]
    wanted.append((("then", "entity"), then.get("system"), then.get("entity")))
    for path, system, entity in wanted:
        taken = offers[system].posts if system in offers else [entity]
        if entity is not None and entity not in taken:
            meant = did_you_mean(entity, taken) or f"; it takes {', '.join(sorted(taken)) or 'none'}"
            yield Problem(path, f"names {entity!r}, which {system} does not take{meant}")
