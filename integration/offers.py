"""What the connected systems offer, and whether a workflow asks for more than that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from integration.definition_fields import did_you_mean

Document = dict[str, Any]


@dataclass(frozen=True)
class Offer:
    """The entities that can be posted to a system, and the types of the events that it can send."""

    posts: Collection[str]
    sends: Collection[str]


Offers = Mapping[str, Offer]
"""What is offered, by the name of the system."""


def refused(workflow: Document, offers: Offers) -> list[str]:
    """What a workflow's document asks for that no system offers, in words; empty when all is offered.

    The target has to take the workflow's entity if the workflow makes a document for it, and every entity that it
    needs there: only what the fleet posts is ever known there.
    """
    source, target, then = workflow["source"], workflow["target"], workflow.get("then", {})
    systems = {"source": source, "target": target, **({"then.system": then["system"]} if then else {})}
    unknown = [
        f"{key} names {system!r}, which is no system{did_you_mean(system, offers)}"
        for key, system in systems.items()
        if system not in offers
    ]
    if unknown:
        return unknown
    return [*_events(source, workflow["on"], offers[source].sends), *_entities(workflow, offers)]


def lead_nowhere(workflows: Iterable[Any], offers: Offers) -> dict[str, list[str]]:
    """The events that no workflow takes, by the system that sends them; systems without such events are left out."""
    taken = {(each.source, event) for each in workflows for event in each.on}
    found = {
        source: sorted(event for event in offer.sends if (source, event) not in taken)
        for source, offer in offers.items()
    }
    return {source: events for source, events in found.items() if events}


def _events(source: str, events: Iterable[str], sent: Collection[str]) -> Iterator[str]:
    for event in events:
        if event not in sent:
            yield f"on names {event!r}, which {source} does not send{did_you_mean(event, sent)}"


def _entities(workflow: Document, offers: Offers) -> Iterator[str]:
    target, then = workflow["target"], workflow.get("then", {})
    wanted = [("entity", target, workflow["entity"])] if len(workflow["transform"]) > 1 else []
    wanted += [("needs", target, need["entity"]) for need in workflow.get("needs", ())]
    wanted += [("then.entity", then["system"], then["entity"])] if then else []
    for key, system, entity in wanted:
        taken = offers[system].posts
        if entity not in taken:
            meant = did_you_mean(entity, taken) or f"; it takes {', '.join(sorted(taken)) or 'none'}"
            yield f"{key} names {entity!r}, which {system} does not take{meant}"
