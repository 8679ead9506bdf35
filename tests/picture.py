"""`python -m tests.picture` runs `./fleet demo` and draws what it prints: `.github/demo.svg`, the README's picture."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / ".github" / "demo.svg"
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def printed() -> str:
    """What the demo prints on a terminal, with its colours: the last table it draws."""
    with tempfile.TemporaryDirectory(prefix="clarity-fleet-picture-") as home:
        terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "FLEET_HOME": home}
        command = [str(ROOT / "fleet"), "demo", "--stop"]
        ended = subprocess.run(command, env={**os.environ, **terminal}, stdout=subprocess.PIPE, text=True, check=True)
    table = ended.stdout[ended.stdout.rindex("\x1b[1mClarity") :]
    return table[: table.index("\x1b[?25l")].rstrip()  # there the next spinner hides the cursor


def drawn(text: str) -> str:
    """The text as an SVG of a terminal.  Its own dark ground is readable on light and dark pages alike."""
    table = Text.from_ansi(text)
    width = max(line.cell_len for line in table.split())
    screen = Console(record=True, width=width, file=StringIO(), force_terminal=True)
    screen.print(Text.assemble(("$ ", "green"), ("./fleet demo", "bold")), end="\n\n")
    screen.print(table)
    picture = screen.export_svg(title="clarity-fleet", unique_id="demo")
    picture = re.sub(r"\s*@font-face \{.*?\}", "", picture, flags=re.S)  # no page is asked for a font
    picture = picture.replace("Fira Code, monospace", FONTS)
    return picture.replace("<svg ", '<svg role="img" aria-label="The table that ./fleet demo prints" ', 1)


if __name__ == "__main__":
    PICTURE.write_text(drawn(printed()))
