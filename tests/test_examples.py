"""Examples are true: every command line in a help text or a guide parses against the commands there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from integration.cli import main
from tests.test_readme import TEXTS

LINE = re.compile(r"(?:^|[\s|(])(?:\./)?fleet(?= |$)")
"""Where the command begins in a line that may set variables, or pipe something into it."""
SPAN = re.compile(r"`(?:\./)?(fleet [^`\n]+)`")


def helped(group: click.Group = main, path: tuple[str, ...] = ("fleet",)) -> Iterator[tuple[str, str]]:
    """The examples of every command's help, each beside the command's name."""
    context = click.Context(group)
    yield from ((" ".join(path), line) for line in examples(group))
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from helped(command, (*path, name))
        elif command:
            yield from ((" ".join((*path, name)), line) for line in examples(command))


def examples(command: click.Command) -> list[str]:
    _, _, text = (command.help or "").partition("Examples:\n")
    return [line.strip() for line in text.split("\n\n")[0].splitlines() if line.strip()]


def consoles() -> Iterator[tuple[str, str]]:
    """Every line of a console that begins the command, and every code span that does, in the guides."""
    for name, text in TEXTS.items():
        if name == "CHANGELOG.md":  # names what is no more
            continue
        yield from ((name, line) for line in re.findall(r"^\$ (.+)$", text, re.M) if begins(line))
        plain = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
        yield from ((name, span) for span in SPAN.findall(plain))


def begins(line: str) -> bool:
    return bool(LINE.search(line.split("  #")[0])) and not line.startswith(("eval", "_FLEET", "docker"))


def problem(line: str) -> str | None:
    """What click has against a command line, without running it; None where it takes it."""
    words = shlex.split(line[LINE.search(line).end() :], comments=True)  # type: ignore[union-attr]
    words = words[: next((at for at, word in enumerate(words) if word in {"|", "<", ">", "&&"}), None)]
    command: click.Command = main
    context = click.Context(main, info_name="fleet")
    try:
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            name, found, words = command.resolve_command(context, words)
            assert found
            command = found
            context = click.Context(found, info_name=name, parent=context, **found.context_settings)
        given, left, _ = command.make_parser(context).parse_args([*words])
    except click.UsageError as error:
        return error.format_message()
    if left and not context.ignore_unknown_options and not isinstance(command, click.Group):
        return f"{left[0]} is one argument too many"
    for parameter in command.params:
        values = given.get(parameter.name or "")
        for value in values if isinstance(values, list | tuple) else [values]:
            chosen = isinstance(parameter.type, click.Choice) and isinstance(value, str)
            if chosen and value not in parameter.type.choices and value.islower():  # "NAME" is any of them
                return f"{value} is none of {parameter.type.choices}"
    return None


def test_examples_are_found() -> None:
    assert len([*helped()]) > 60
    assert len([*consoles()]) > 60


@pytest.mark.parametrize(("where", "line"), [*helped()])
def test_every_example_of_a_help_text_parses(where: str, line: str) -> None:
    assert problem(line) is None


@pytest.mark.parametrize(("where", "line"), [*consoles()])
def test_every_command_line_of_the_guides_parses(where: str, line: str) -> None:
    assert problem(line) is None


@pytest.mark.parametrize(
    "wrong", ["fleet lgos", "fleet logs --levle error", "fleet logs --level loud", "fleet held list", "fleet up now"]
)
def test_what_does_not_exist_would_be_found(wrong: str) -> None:
    assert problem(wrong)


@pytest.mark.parametrize("name", ["fleet", *sorted({where for where, _ in helped()})])
def test_every_command_has_examples_of_itself(name: str) -> None:
    own = [line for where, line in helped() if where == name]
    assert any(LINE.search(line) for line in own)
