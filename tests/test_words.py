"""Names and sentences are plain English: the words of the field, none that say nothing, and no riddles."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from integration.store.database import Database

THIS = Path(__file__).resolve()
ROOT = THIS.parents[1]

INSTEAD = {
    r"tells?|told|telling": "report, notify, log, say",
    r"mend(s|ed|ing)?": "repair, correct",
    r"astray": "lost",
    r"shel(f|ves)": "held, dead letters",
    r"he|his|him|himself": "the operator, the analyst, they",
    r"stood|stands?(?![ -](for|ins?)\b)": "is, is open, holds",
    r"the shop('s)?": "Clarity",
    r"(what|which) (becomes?|became) of": "the state, the result",
}
"""What neither a sentence nor a name says, and what to say instead."""

SAYS_NOTHING = re.compile(r"utils?|helpers?|common|misc|manager|handler|processor|info")
"""What no name says.  In a sentence each may be the right word: a signal handler, a common table expression."""

ALONE = "data"
"""What no name is by itself: which?"""

EXCEPTIONS: dict[tuple[str, str], str] = {
    ("integration/canonical/values.py", "data"): "marshmallow's signature",
    ("integration/connectors/line.py", "data"): "http.client's signature",
    ("integration/rules/definition_fields.py", "data"): "marshmallow's signature",
    ("integration/receiver.py", "data"): "an event's own field",
    ("integration/serving.py", "data"): "waitress's signature",
    ("integration/sandbox/odoo/merge.py", "his"): "Odoo's own message",
    ("integration/sandbox/odoo/records.py", "data"): "Odoo's own parameter",
    ("tests/connectors/test_odoo_answers.py", "data"): "Odoo's own parameter",
    ("tests/connectors/test_odoo_answers.py", "his"): "Odoo's own message",
    ("tests/fuzz/raw_requests.py", "data"): "an event's own field",
    ("tests/planted/of_startup.py", "tells"): "the planted defect",
    ("tests/receiver/test_event.py", "data"): "an event's own field",
    ("tests/receiver/webhook.py", "data"): "an event's own field",
}
"""(path, word): why it is the right word there."""

TOPS = ("integration", "tasks", "mappings", "tests", "docker", ".github")
READ = {".py", ".md", ".json", ".lua", ".yaml", ".toml", ".env"}
NAMED = {"fleet", "Procfile", "Dockerfile"}
"""The files that are read: no recordings, locks or licence, which others wrote; no migrations, which never change."""

RIDDLE = re.compile(rf"(?<![\w-])({'|'.join(f'(?:{pattern})' for pattern in INSTEAD)})(?![\w-])", re.IGNORECASE)


class Offence(NamedTuple):
    """One word that is not plain, and where."""

    path: Path
    line: int
    word: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word!r}: {self.instead}"


def files() -> list[Path]:
    """The files that are read, relative to the project's root."""
    found = [path for top in TOPS for path in (ROOT / top).rglob("*")] + [*ROOT.iterdir()]
    read = [path for path in found if path.is_file() and (path.suffix in READ or path.name in NAMED)]
    return sorted(path.relative_to(ROOT) for path in read if "recorded" not in path.parts and path != THIS)


def in_sentence(text: str) -> Iterator[tuple[int, str, str]]:
    """Line (from 0), word and what to say instead, of each word of a riddle."""
    for found in RIDDLE.finditer(text):
        word = found[0].lower()
        instead = next(say for pattern, say in INSTEAD.items() if re.fullmatch(pattern, word))
        yield text.count("\n", 0, found.start()), word, instead


def in_name(name: str) -> Iterator[tuple[str, str]]:
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
    for _, said, instead in in_sentence(" ".join(words)):
        yield said, instead
    for word in words:
        if SAYS_NOTHING.fullmatch(word):
            yield word, "the noun of the thing"
    if words == [ALONE]:
        yield ALONE, "the noun of what it holds"


def in_python(text: str) -> Iterator[tuple[int, str, str]]:
    """Of the texts, comments and names of a module."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Constant(value=str(said)):
                yield from ((node.lineno + line, word, instead) for line, word, instead in in_sentence(said))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield from ((node.lineno, *found) for found in in_name(node.name))
            case ast.arg():
                yield from ((node.lineno, *found) for found in in_name(node.arg))
            case ast.Name(ctx=ast.Store()):
                yield from ((node.lineno, *found) for found in in_name(node.id))
            case ast.Attribute(ctx=ast.Store()):
                yield from ((node.lineno, *found) for found in in_name(node.attr))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield from ((token.start[0], word, instead) for _, word, instead in in_sentence(token.string))


def offences(path: Path) -> Iterator[Offence]:
    text = (ROOT / path).read_text()
    found: Iterator[tuple[int, str, str]]
    if path.suffix == ".py" or path.name == "fleet":
        found = in_python(text)
    else:
        found = ((line + 1, word, instead) for line, word, instead in in_sentence(text))
    named = [(1, *each) for each in in_name(path.stem)]
    for line, word, instead in sorted({*named, *found}):
        if (str(path), word) not in EXCEPTIONS:
            yield Offence(path, line, word, instead)


def folder(path: Path) -> str:
    """The folder whose offences are counted together: below `integration` and `tests` the next one, too."""
    depth = 2 if path.parts[0] in {"integration", "tests"} and len(path.parts) > 2 else 1
    return "/".join(path.parts[:depth])


FILES = files()


@pytest.mark.parametrize("name", sorted({folder(path) for path in FILES}))
def test_words_are_plain(name: str) -> None:
    found = [offence for path in FILES if folder(path) == name for offence in offences(path)]
    assert not found, "\n" + "\n".join(map(str, found))


def test_tables_and_columns_have_plain_names(database: Database) -> None:
    """As all migrations together leave them."""
    with database.transaction() as tx:
        rows = tx.rows("select table_name, column_name from information_schema.columns where table_schema = 'public'")
    names = {name for row in rows for name in row.values()}
    assert len(names) > 100
    assert {name: found for name in sorted(names) if (found := [*in_name(name)])} == {}


def test_a_riddle_is_found_wherever_it_is() -> None:
    text = '''
"""Tells the shop."""
told = f"it stands {there}"  # what became of it


TO_TELL = 1
class RequestHandler:
    def mend(self, info, data): ...
'''
    assert [word for _, word, _ in sorted(in_python(text))] == [
        "tells", "the shop", "stands", "told", "what became of", "tell", "handler", "data", "info", "mend",
    ]  # fmt: skip
    assert [word for _, word, _ in in_sentence("He mends the shop's shelves, which stand for nothing.")] == [
        "he", "mends", "the shop's", "shelves",
    ]  # fmt: skip
    assert [*in_name("telling_public_data"), *in_name("hold_for_target")] == [
        ("telling", INSTEAD[r"tells?|told|telling"])
    ]


def test_every_exception_is_needed() -> None:
    before = dict(EXCEPTIONS)
    EXCEPTIONS.clear()
    try:
        found = {(str(offence.path), offence.word) for path in FILES for offence in offences(path)}
    finally:
        EXCEPTIONS.update(before)
    assert sorted(set(EXCEPTIONS) - found) == []


def test_log_events_are_stable_names() -> None:
    """``noun.what_happened``; what differs from time to time is in the fields."""
    calls = re.compile(r"(?<![\w.])(?:logger|log)(?:\.(?:debug|info|warning|error))?\(\s*\"([^\"]+)\"")
    ours = [ROOT / path for path in FILES if str(ROOT / path).startswith((f"{ROOT}/integration/", f"{ROOT}/tasks/"))]
    events = [event for path in ours if path.suffix == ".py" for event in calls.findall(path.read_text())]
    assert events
    assert [event for event in events if not re.fullmatch(r"[a-z]+\.[a-z_]+", event)] == []
