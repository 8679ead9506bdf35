"""Names and sentences are plain English: the words of the field, none that say nothing, and no riddles."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

INSTEAD = {
    r"tells?|told|telling": "report, notify, log, say",
    r"mend(s|ed|ing)?": "repair, correct",
    r"astray": "lost",
    r"shel(f|ves)": "held, dead letters",
    r"he|his|him|himself": "the operator, the analyst, they",
    r"stood|stands?(?! for\b)": "is, is open, holds",
    r"the shop('s)?": "Clarity",
    r"(what|which) (becomes?|became) of": "the state, the result",
}
"""What neither a sentence nor a name says, and what to say instead."""

SAYS_NOTHING = re.compile(r"utils?|helpers?|common|misc|manager|handler|processor|info")
"""What no name says.  In a sentence each may be the right word: a signal handler, a common table expression."""

ALONE = "data"
"""What no name is by itself: which?"""

EXCEPTIONS: dict[tuple[str, str], str] = {}
"""(path, word): why it is the right word there."""

STILL: dict[str, int] = {}
"""Folder: how many offences it has still.  A number here only ever shrinks."""

RIDDLE = re.compile(rf"(?<![\w-])({'|'.join(f'(?:{pattern})' for pattern in INSTEAD)})(?![\w-])", re.IGNORECASE)


class Offence(NamedTuple):
    """One word that is not plain, and where."""

    path: Path
    line: int
    word: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word!r}: {self.instead}"


def tracked() -> list[Path]:
    """The files of the project, relative to its root."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [Path(line) for line in listed.stdout.splitlines()]


def in_sentence(text: str) -> Iterator[tuple[int, str, str]]:
    """Line (from 0), word and what to say instead, of each word of a riddle."""
    for found in RIDDLE.finditer(text):
        word = found[0].lower()
        instead = next(say for pattern, say in INSTEAD.items() if re.fullmatch(pattern, word))
        yield text.count("\n", 0, found.start()), word, instead


def in_name(name: str) -> Iterator[tuple[str, str]]:
    words = re.findall(r"[a-z]+", re.sub(r"([A-Z])", r"_\1", name).lower())
    for word in words:
        for _, said, instead in in_sentence(word):
            yield said, instead
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
