"""What differs between two sets of definitions, in words: one sentence for each change of a row, an entry or a key."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from integration.rules.workflow import Definition, Document

DERIVED = ("uses", "siblings")
"""Keys of a stored workflow that are made of other documents, whose changes are named there."""
READS = ("from", "each")
UNNAMED = ("to", "rows")
ABSENT = object()


class Change(NamedTuple):
    """One change: ``document`` is a mapping's name, or the file of a table or workflow."""

    document: str
    change: str


def changes(before: Iterable[Definition], after: Iterable[Definition]) -> list[Change]:
    """Every change from one set to another; none where the sets are equal.

    >>> sent = Definition("table", "uoms", "1", {"values": {"EA": 1}})
    >>> [tuple(each) for each in changes([sent], [sent._replace(hash="2", body={"values": {"EA": 1, "BOX": 33}})])]
    [('uoms.json', 'BOX → 33 added')]
    """
    old = {(each.kind, each.name): each for each in before}
    new = {(each.kind, each.name): each for each in after}
    found: list[Change] = []
    for kind, name in sorted({*old, *new}):
        was, becomes = old.get((kind, name)), new.get((kind, name))
        document = name if kind == "mapping" else f"{name}.json"
        if was is None or becomes is None:
            found.append(Change(document, f"the {kind} is {'added' if was is None else 'removed'}"))
        elif was.hash != becomes.hash:
            found += [Change(document, text) for text in WORDS[kind](was.body, becomes.body)]
    return found


def _of_mapping(was: Document, becomes: Document) -> Iterator[str]:
    yield from _of_rows(was["rows"], becomes["rows"], "")
    yield from _of_keys(was, becomes, leave=("rows",))


def _of_table(was: Document, becomes: Document) -> Iterator[str]:
    old, new = _entries(was), _entries(becomes)
    for key in [*old, *(key for key in new if key not in old)]:
        if key not in new:
            yield f"{key} → {_shown(old[key])} removed"
        elif key not in old:
            yield f"{key} → {_shown(new[key])} added"
        elif not _same(old[key], new[key]):
            yield f"{key} → {_shown(new[key])} instead of {_shown(old[key])}"
    yield from _of_keys(was, becomes, leave=("values", "rates"))


def _entries(table: Document) -> Document:
    """The entries of a value table, or the rates of one of rates, each by its currencies and day."""
    rates = table.get("rates", ())
    return table.get("values") or {f"{row['from']} to {row['to']} of {row['date']}": row["rate"] for row in rates}


def _of_workflow(was: Document, becomes: Document) -> Iterator[str]:
    return _of_keys(was, becomes, leave=DERIVED)


def _of_rows(was: list[Document], becomes: list[Document], within: str) -> Iterator[str]:
    """The changes of rows; ``within`` is the place of the list that they build, as the start of theirs."""
    old, new = _by_place(was), _by_place(becomes)
    for place in [*old, *(place for place in new if place not in old)]:
        name = f"row `{within}{place}`"
        if place not in new:
            yield f"{name} removed; it {_reads(old[place])}"
        elif place not in old:
            yield f"{name} added; it {_reads(new[place])}"
        else:
            for text in _of_row(old[place], new[place]):
                yield f"{name} {text}"
            yield from _of_rows(old[place].get("rows", []), new[place].get("rows", []), f"{within}{place}.")
    if [place for place in old if place in new] != [place for place in new if place in old]:
        yield f"the rows{f' of `{within[:-1]}`' if within else ''} are in another order"


def _by_place(rows: list[Document]) -> dict[str, Document]:
    """The rows by where they write; the second of one place is ``place (2)``."""
    seen: Counter[str] = Counter()
    named = {}
    for row in rows:
        seen[row["to"]] += 1
        number = seen[row["to"]]
        named[row["to"] if number == 1 else f"{row['to']} ({number})"] = row
    return named


def _of_row(was: Document, becomes: Document) -> Iterator[str]:
    for key in dict.fromkeys([*was, *becomes]):
        old, new = was.get(key, ABSENT), becomes.get(key, ABSENT)
        if key in UNNAMED or _same(old, new):
            continue
        if key in READS and ABSENT not in (old, new):
            yield f"reads {_quoted(new)} instead of {_quoted(old)}"
        elif key == "note":
            yield "has another note"
        elif key == "required":
            yield "is required" if new is True else "is not required any more"
        else:
            yield _of_key(key, old, new)
    if ("rows" in was) != ("rows" in becomes):
        yield f"{'builds' if 'rows' in becomes else 'no longer builds'} an object by rows of its own"


def _of_keys(was: Document, becomes: Document, leave: Iterable[str]) -> Iterator[str]:
    for key in dict.fromkeys([*was, *becomes]):
        old, new = was.get(key, ABSENT), becomes.get(key, ABSENT)
        if key == "about" and not _same(old, new):
            yield "it is described in other words"
        elif key not in leave and not _same(old, new):
            yield _of_key(key, old, new)


def _of_key(key: str, old: Any, new: Any) -> str:
    if old is ABSENT:
        return f"has `{key}` {_quoted(new)}, and had none"
    if new is ABSENT:
        return f"has no `{key}` any more; it was {_quoted(old)}"
    return f"has `{key}` {_quoted(new)} instead of {_quoted(old)}"


def _reads(row: Document) -> str:
    for key in READS:
        if key in row:
            return f"reads {_quoted(row[key])}"
    return f"writes {_quoted(row['default'])}" if "default" in row else "builds an object of the document"


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1."""
    if ABSENT in (one, other):
        return one is other
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _quoted(value: Any) -> str:
    return f"`{_shown(value)}`"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


WORDS: Mapping[str, Any] = {"mapping": _of_mapping, "table": _of_table, "workflow": _of_workflow}
