"""The values that documents in ``mappings/`` may hold, each with its check and its JSON Schema."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterable
from datetime import date
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing, validates_schema

from integration.canonical.decimals import decimal_of
from integration.canonical.fulfilment import Stage
from integration.canonical.money import currencies
from integration.rules.definition_problem import MEANT
from integration.rules.functions import FUNCTIONS

Document = dict[str, Any]
STAGES = [stage.word for stage in Stage]
CLOSE = 0.7
"""How alike a misspelt name and the name that was meant are, at least, from 0 to 1."""
TEXT: Document = {"type": "string", "minLength": 1}
RATE = re.compile(r"[0-9]+([.][0-9]+)?", re.ASCII)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """What a misspelt name may have been meant to be, as the end of a sentence; empty when nothing is close.

    >>> did_you_mean("form", ["to", "from", "via"]), did_you_mean("x", ["to"])
    ('; did you mean from?', '')
    """
    close = difflib.get_close_matches(str(name), sorted(known), 1, cutoff=CLOSE)
    return f"{MEANT}{close[0]}?" if close else ""


class Keys(Schema):
    """An object that has the declared keys and no others."""

    also: ClassVar[Document] = {}
    """JSON Schema of what holds between keys."""

    class Meta:
        unknown = EXCLUDE  # `_known` refuses them, and names the key that was probably meant

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _known(self, _loaded: Any, given: Any, **_: Any) -> None:
        known = self.keys()
        unknown = sorted(set(given) - set(known)) if isinstance(given, dict) else []
        if unknown:
            raise ValidationError({key: [f"unknown key {key!r}{did_you_mean(key, known)}"] for key in unknown})

    def keys(self) -> dict[str, Value]:
        """The fields by the key they have in the document."""
        return {field.data_key or name: field for name, field in self.fields.items() if isinstance(field, Value)}


class Value(fields.Field[Any]):
    """One value of a document; ``about`` explains it in the JSON Schema.  Any value passes."""

    problem = "cannot be {value}"
    json: Document = {}

    def __init__(self, about: str, *, required: bool = False, key: str | None = None) -> None:
        missing_key: Document | None = {"required": "is missing"} if required else None
        super().__init__(required=required, data_key=key, error_messages=missing_key, metadata={"description": about})

    def check(self, value: Any) -> bool:  # noqa: ARG002
        """Whether the value is of the right form; raises `ValidationError` to say more than that it is not."""
        return True

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        if value is missing:
            return super().deserialize(value, attr, data, **kwargs)
        if not self.check(value):
            raise ValidationError(self.problem.format(value=json.dumps(value, default=str)))
        return value


class Text(Value):
    """Text that is not empty."""

    json = TEXT

    def check(self, value: Any) -> bool:
        return isinstance(value, str) and value != ""


class Currency(Text):
    """An ISO 4217 code in use."""

    problem = "is no currency in use (ISO 4217)"
    json: Document = {"type": "string", "pattern": "^[A-Z]{3}$"}

    def check(self, value: Any) -> bool:
        return isinstance(value, str) and value in currencies()


class Day(Text):
    """A calendar day, as 2026-11-20."""

    problem = "is not a day like 2026-11-20"
    json: Document = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}

    def check(self, value: Any) -> bool:
        try:
            return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
        except ValueError:
            return False


class Rate(Text):
    """A number above zero, written as text: it is exact."""

    problem = "is not a number above zero, as text like 1.0850"
    json: Document = {"type": "string", "pattern": "^[0-9]+([.][0-9]+)?$"}

    def check(self, value: Any) -> bool:
        return isinstance(value, str) and bool(RATE.fullmatch(value)) and bool(decimal_of(value))


class Count(Value):
    """A whole number, 0 or more."""

    problem = "is not a whole number from 0"
    json: Document = {"type": "integer", "minimum": 0}

    def check(self, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0


class Condition(Text):
    """A JMESPath expression that is asked whether it is true."""

    problem = "is not a condition"


class Flag(Value):
    """true or false."""

    problem = "is neither true nor false"
    json: Document = {"type": "boolean"}

    def check(self, value: Any) -> bool:
        return isinstance(value, bool)


class OneOf(Value):
    """One of a few words."""

    def __init__(self, about: str, words: Collection[str], **options: Any) -> None:
        super().__init__(about, **options)
        self.words = tuple(words)
        self.json = {"enum": list(self.words)}

    def check(self, value: Any) -> bool:
        if value in self.words:
            return True
        raise ValidationError(f"cannot be {json.dumps(value, default=str)}{did_you_mean(value, self.words)}")


class Texts(Value):
    """A list of texts, not empty; of the given ``words``, if any."""

    problem = "is not a list of names"

    def __init__(self, about: str, words: Iterable[str] = (), **options: Any) -> None:
        super().__init__(about, **options)
        self.words = sorted(set(words))
        self.json = {"type": "array", "minItems": 1, "items": {"enum": self.words} if self.words else TEXT}

    def check(self, value: Any) -> bool:
        if not isinstance(value, list) or not value or not all(isinstance(each, str) and each for each in value):
            return False
        if wrong := {
            index: [f"names {each!r}, which is not known{did_you_mean(each, self.words)}"]
            for index, each in enumerate(value)
            if self.words and each not in self.words
        }:
            raise ValidationError(wrong)
        return True


class Sources(Value):
    """A JMESPath expression, or a list of them."""

    json: Document = {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}

    def check(self, value: Any) -> bool:
        each = value if isinstance(value, list) else [value]
        return all(isinstance(source, str) and source for source in each)


class Reasons(Value):
    """A reason for each path."""

    problem = "has to give a reason for each path"
    json: Document = {"type": "object", "additionalProperties": TEXT}

    def check(self, value: Any) -> bool:
        return isinstance(value, dict) and all(isinstance(why, str) and why for why in value.values())


class Entries(Value):
    """The entries of a value table: names and what each means."""

    problem = "is not an object"
    json: Document = {"type": "object"}

    def check(self, value: Any) -> bool:
        return isinstance(value, dict)


class Statuses(Value):
    """A status, or one for each stage of an order."""

    problem = "is neither a status nor a table of statuses by stage"
    json: Document = {
        "anyOf": [
            TEXT,
            {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": False,
                "properties": dict.fromkeys(STAGES, TEXT),
            },
        ]
    }

    def check(self, value: Any) -> bool:
        statuses = list(value.values()) if isinstance(value, dict) else [value]
        if not statuses or not all(isinstance(status, str) and status for status in statuses):
            return False
        for stage in sorted(set(value) - set(STAGES)) if isinstance(value, dict) else ():
            meant = did_you_mean(stage, STAGES)
            raise ValidationError(f"names {stage!r}, which is no stage{meant or ': they are ' + ', '.join(STAGES)}")
        return True


class Calls(Value):
    """A list of functions, each by its name, or a list of its name and its arguments."""

    @property
    def json(self) -> Document:  # type: ignore[override]
        alone = [name for name, function in sorted(FUNCTIONS.items()) if not function.arguments]
        calls = [
            {
                "type": "array",
                "items": [{"const": name}, *({"title": argument} for argument in function.arguments)],
                "minItems": 1 + len(function.arguments),
                **({} if function.repeats else {"maxItems": 1 + len(function.arguments)}),
                "description": function.about,
            }
            for name, function in sorted(FUNCTIONS.items())
        ]
        return {"type": "array", "items": {"anyOf": [{"enum": alone}, *calls]}}

    def check(self, value: Any) -> bool:
        if not isinstance(value, list):
            return False
        found = {index: _wrong_call(call) for index, call in enumerate(value)}
        if wrong := {index: [text] for index, text in found.items() if text}:
            raise ValidationError(wrong)
        return True


def _wrong_call(call: Any) -> str | None:
    name, *arguments = call if isinstance(call, list) and call else [call]
    function = FUNCTIONS.get(name) if isinstance(name, str) else None
    if function is None:
        meant = did_you_mean(name, FUNCTIONS) or "; `fleet mapping functions` lists them"
        return f"names {json.dumps(name)}, which is no function{meant}"
    fewest = len(function.arguments)
    if len(arguments) < fewest or len(arguments) > fewest and not function.repeats:
        wanted = f"takes {len(function.arguments)} ({', '.join(function.arguments) or 'none'})"
        return f"gives {name} {len(arguments)} arguments, and it {wanted}"
    return None


class Part(Value):
    """An object with keys of its own."""

    problem = "is not an object"

    def __init__(self, about: str, schema: Keys, **options: Any) -> None:
        super().__init__(about, **options)
        self.schema = schema
        self.json = object_schema(schema)

    def check(self, value: Any) -> bool:
        if isinstance(value, dict) and (wrong := self.schema.validate(value)):
            raise ValidationError(wrong)
        return isinstance(value, dict)


class Parts(Value):
    """A list of objects, each with keys of its own."""

    problem = "is not a list"

    def schema_of(self, item: Document) -> Keys:
        """The schema of one item."""
        raise NotImplementedError

    def check(self, value: Any) -> bool:
        if not isinstance(value, list):
            return False
        wrong: dict[int, Any] = {}
        for index, item in enumerate(value):
            given = item if isinstance(item, dict) else {}
            if found := self.schema_of(given).validate(given):
                wrong[index] = found
        if wrong:
            raise ValidationError(wrong)
        return True


def object_schema(schema: Keys) -> Document:
    """The JSON Schema of an object with these keys."""
    keys = schema.keys()
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [key for key, field in keys.items() if field.required],
        "properties": {
            key: {"description": field.metadata["description"], **field.json} for key, field in keys.items()
        },
        **schema.also,
    }
