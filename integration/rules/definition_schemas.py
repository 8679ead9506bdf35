"""The form of a mapping, a value table and a workflow: the one place that checks them and makes their JSON Schema.

A file in ``mappings/`` passes its schema when it is loaded.  What is stored passed it when it was loaded, so a newer
schema does not lock out what an older release stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, validates_schema

from integration.events import EVENTS
from integration.rules.definition_fields import (
    Calls,
    Condition,
    Count,
    Currency,
    Day,
    Document,
    Entries,
    Flag,
    Keys,
    OneOf,
    Part,
    Parts,
    Rate,
    Reasons,
    Sources,
    Statuses,
    Text,
    Texts,
    Value,
    object_schema,
)
from integration.rules.definition_problem import Problem
from integration.rules.functions.table import JOINS

DRAFT = "http://json-schema.org/draft-07/schema#"
CREATE = "applies only when the object does not exist at the target yet: an initial value, which the target then owns"
WHEN = "a JMESPath expression: the row applies where it is true"


class ValueRow(Keys):
    """A row that writes one value."""

    to = Text("where the value goes: names joined by dots", required=True)
    source = Sources("where it comes from: a JMESPath expression, or a list of them", key="from")
    via = Calls("the functions it passes through, in this order")
    when = Condition(WHEN)
    default = Value("what is written when there is no value")
    required = Flag("whether a document without this value is rejected")
    on = OneOf(f"create: {CREATE}", ["create"])
    note = Text("why the row is as it is, for people")

    also: ClassVar[Document] = {"anyOf": [{"required": ["from"]}, {"required": ["default"]}]}

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _has_a_source(self, _loaded: Any, given: Document, **_: Any) -> None:
        if "to" in given and not {"from", "default"} & set(given) and set(given) <= set(self.keys()):
            raise ValidationError("neither from nor default is given")


class PartRow(Keys):
    """A row that builds an object, or a list of objects, by rows of its own."""

    to = Text("where the part goes: names joined by dots", required=True)
    source = Text("the object it is made of; the document itself, if none is named", key="from")
    each = Text("the list it is made of, one object for each item")
    when = Condition(WHEN)
    on = OneOf(f"create: {CREATE}", ["create"])
    note = Text("why the row is as it is, for people")


class Rows(Parts):
    """The rows of a mapping, or of a part."""

    json: Document = {
        "type": "array",
        "items": {
            "if": {"required": ["rows"]},
            "then": {"$ref": "#/definitions/part"},
            "else": {"$ref": "#/definitions/row"},
        },
    }

    def schema_of(self, item: Document) -> Keys:
        return PART_ROW if "rows" in item else VALUE_ROW


class _PartRow(PartRow):
    rows = Rows("the rows of the part: inside, names are those of the object", required=True)


VALUE_ROW, PART_ROW = ValueRow(), _PartRow()


class MappingDocument(Keys):
    """A mapping: how one kind of document becomes another, row by row."""

    dialect = Text("this schema, for editors", key="$schema")
    name = Text("system, direction and entity, as the file's place: odoo.in.shipment", required=True)
    about = Text("what it translates, for people")
    source = Text("the kind of document it reads: order, or odoo.shipment", required=True)
    target = Text("the kind of document it makes", required=True)
    rows = Rows("in this order", required=True)
    left_out = Reasons("the paths that are left out on purpose, each with the reason")


class RateRow(Keys):
    """The exchange rate of one day."""

    source = Currency("the currency that is converted", key="from", required=True)
    to = Currency("the currency that it becomes", required=True)
    date = Day("the day from which it applies, until a newer one", required=True)
    rate = Rate("how much of `to` one of `from` is, as text", required=True)


class RateRows(Parts):
    """A list of rates."""

    def schema_of(self, item: Document) -> Keys:  # noqa: ARG002
        return RATE_ROW

    @property
    def json(self) -> Document:  # type: ignore[override]
        return {"type": "array", "items": object_schema(RATE_ROW)}


RATE_ROW = RateRow()


class TableDocument(Keys):
    """A value table: what each value of one system means in another; or a table of exchange rates."""

    dialect = Text("this schema, for editors", key="$schema")
    about = Text("what the values mean, for people")
    columns = Texts("what makes up a key, in this order, joined by / in the entries; * there is any value")
    values = Entries("the entries")
    default = Value("what a value means that has no entry; without it such a document is held")
    rates = RateRows("exchange rates, by which a workflow converts: the newest of the order's day or before")
    days = Count("how many days before the order's a rate may be from; where all are older, the order is held")

    also: ClassVar[Document] = {
        "oneOf": [{"required": ["values"]}, {"required": ["rates", "days"]}],
        "dependencies": {"rates": ["days"], "days": ["rates"], "columns": ["values"], "default": ["values"]},
    }

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _has_values_or_rates(self, _loaded: Any, given: Document, **_: Any) -> None:
        if "rates" not in given and "days" not in given:
            if "values" not in given:
                raise ValidationError({"values": ["is missing"]})
            return
        for key in ("rates", "days"):
            if key not in given:
                raise ValidationError({key: ["is missing"]})
        for key in ("values", "columns", "default"):
            if key in given:
                raise ValidationError({key: ["is not for a table of rates"]})

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _has_one_rate_a_day(self, _loaded: Any, given: Document, **_: Any) -> None:
        rows = given.get("rates")
        seen: set[tuple[Any, ...]] = set()
        for index, row in enumerate(rows if isinstance(rows, list) else ()):
            day = tuple(str(row.get(key)) for key in ("from", "to", "date")) if isinstance(row, dict) else (index,)
            if day in seen:
                raise ValidationError({"rates": {index: ["is a second rate of that day"]}})
            seen.add(day)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _has_whole_keys(self, _loaded: Any, given: Document, **_: Any) -> None:
        columns, values = given.get("columns"), given.get("values")
        if not isinstance(columns, list) or not isinstance(values, dict):
            return
        wrong = [key for key in values if key.count(JOINS) != len(columns) - 1]
        if wrong:
            says = f"has not {len(columns)} values joined by {JOINS}: {', '.join(map(str, columns))}"
            raise ValidationError({"values": {key: [says] for key in wrong}})


class Need(Keys):
    """An object that the target must have before this one is posted there."""

    entity = Text("such as customer", required=True)
    id = Text("its id: a JMESPath expression over the canonical document", required=True)


class Needs(Parts):
    """A list of needs."""

    def schema_of(self, item: Document) -> Keys:  # noqa: ARG002
        return NEED

    @property
    def json(self) -> Document:  # type: ignore[override]
        return {"type": "array", "items": object_schema(NEED)}


NEED = Need()


class FollowUp(Keys):
    """What is posted next, once this effect is there."""

    entity = Text("the entity that is posted: order_status", required=True)
    system = Text("the system that gets it", required=True)
    push_status = Statuses("the status: one, or one for each stage of the order", required=True)
    when = Condition("a JMESPath expression over the canonical document: the status is pushed where it is true")


class Convert(Keys):
    """How a target's orders are converted."""

    to = Currency("the currency of the orders at the target", required=True)
    by = Text("a table of exchange rates", required=True)


class WorkflowDocument(Keys):
    """A workflow: which events lead to which effect at which target, by which mappings."""

    dialect = Text("this schema, for editors", key="$schema")
    name = Text("as the file", required=True)
    about = Text("what it does, for people")
    on = Texts("the types of event that start it", {event for each in EVENTS.values() for event in each}, required=True)
    source = Text("the system that sends the events", required=True)
    target = Text("the system that the effect is for", required=True)
    entity = Text("what kind of object it is about", required=True)
    transform = Texts("the mappings, in this order: from the source's document to the target's", required=True)
    when = Condition("a JMESPath expression over the canonical document: the others are skipped")
    otherwise = Text("the reason that a skipped delivery shows")
    lines = Condition("a JMESPath expression over a line of an order: the lines that this target fulfils")
    carries_charges = Flag("whether this target has the shipping, fees and discounts of the order as a whole")
    fulfils = Flag("false: the target has a copy for the books, and fulfils nothing")
    convert = Part("the currency that the target gets its orders in, where that is not Clarity's", Convert())
    needs = Needs("objects that the target must have first")
    then = Part("what follows", FollowUp())

    also: ClassVar[Document] = {
        "dependencies": {"carries_charges": ["lines"]},
        "not": {"required": ["lines", "fulfils"], "properties": {"fulfils": {"const": False}}},
    }

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _agrees(self, _loaded: Any, given: Document, **_: Any) -> None:
        if "carries_charges" in given and "lines" not in given:
            raise ValidationError("carries_charges without lines")
        if given.get("fulfils") is False and "lines" in given:
            raise ValidationError("lines of a copy: what does not fulfil has the order in full")


DOCUMENTS: Mapping[str, Keys] = {
    "mapping": MappingDocument(),
    "table": TableDocument(),
    "workflow": WorkflowDocument(),
}
"""The schema of each kind of document."""


def problems(kind: str, document: Document) -> list[Problem]:
    """All that is wrong with a document of this kind; empty when nothing is."""
    return [Problem(path, text) for path, text in _flat(DOCUMENTS[kind].validate(document), ())]


def json_schema(kind: str) -> Document:
    """The JSON Schema (draft 7) of a kind of document, as it is published in ``mappings/<kind>.schema.json``."""
    schema = DOCUMENTS[kind]
    rows = {"row": object_schema(VALUE_ROW), "part": object_schema(PART_ROW)} if kind == "mapping" else {}
    about = {"$schema": DRAFT, "title": kind, "description": (schema.__doc__ or "").strip()}
    return {**about, **object_schema(schema), **({"definitions": rows} if rows else {})}


def _flat(messages: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _flat(inner, path if key == "_schema" else (*path, key))
    else:
        yield from ((path, str(text)) for text in messages)
