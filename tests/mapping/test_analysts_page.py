"""What ``mappings/README.md`` shows works as it is written there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from integration.cli import main
from integration.rules.definition_fields import STAGES
from integration.rules.definition_schemas import VALUE_ROW, problems
from integration.rules.mapping_check import run_sample
from integration.rules.translator import Mapping
from integration.rules.workflow import load_definitions
from integration.vault import new_key
from mappings import FOLDER
from tests.mapping.shop import order

PAGE = (FOLDER / "README.md").read_text()
BLOCKS = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", PAGE, re.M | re.S)]
COMMANDS = re.findall(r"^ *\$ \./fleet (.*)$", PAGE, re.M)
DEFINITIONS = load_definitions(FOLDER)


def of(key: str) -> list[Any]:
    return [block for block in BLOCKS if isinstance(block, dict) and key in block]


def compiled(*rows: dict[str, Any]) -> Mapping:
    body = {"name": "odoo.out.shown", "source": "canonical", "target": "odoo.shown", "rows": list(rows)}
    assert problems("mapping", body) == []
    return Mapping.compile(body, DEFINITIONS.tables())


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_work(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    (tmp_path / "order.json").write_text(json.dumps(order()))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FOLDER, tmp_path / "mappings")
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9")
    monkeypatch.setenv("FLEET_ENCRYPTION_KEYS", new_key())
    piped: str | None = None
    for each in command.split(" | "):
        arguments = shlex.split(each.removeprefix("./fleet "))
        if "check" in arguments:
            arguments += ["--folder", "mappings"]
        if "publish" in arguments:
            arguments.append("--yes")
        result = CliRunner().invoke(main, arguments, input=piped)
        assert result.exit_code == 0, result.output
        piped = result.stdout
    assert piped


def test_the_rows_work() -> None:
    rows = [block for block in BLOCKS if isinstance(block, list)] + [[row] for row in of("to")]
    assert len(rows) == 5
    for each in rows:
        compiled(*each)
    [initial] = [row for [row, *_] in rows if row.get("on")]
    assert compiled(initial)({"credit": "500"}) == {"on_create": {"fields": {"credit_limit": "500"}}}
    assert '{"on_create": {"fields": {"credit_limit":\n"500"}}}' in PAGE


def test_every_key_of_a_row_is_explained() -> None:
    table = PAGE.split("| Key | Meaning |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.M)) == {*VALUE_ROW.keys(), "rows"}


def test_the_table_the_sample_and_the_parts_of_workflows_work() -> None:
    tables = [*of("values"), *of("rates")]
    assert [problems("table", table) for table in tables] == [[], [], []]
    [sample] = of("given")
    rows = [{"to": "currency", "from": "currency"}, *(row for row in of("to") if row["to"] == "payment_term")]
    assert run_sample(compiled(*rows), sample) == []
    shipped = json.loads((FOLDER / "workflows" / "order-to-odoo.json").read_text())
    parts = [*of("needs"), *of("then"), *of("lines")]
    assert len(parts) == 3
    for part in parts:
        assert problems("workflow", shipped | part) == []


def test_the_message_and_the_stages_are_those_of_the_fleet() -> None:
    row = {"to": "a", "from": "b"}
    body = {"name": "x", "source": "y", "target": "z", "rows": [row, row, {"to": "c", "form": "d"}]}
    assert f"`{problems('mapping', body)[0]}`" in PAGE
    assert f"({', '.join(f'`{stage}`' for stage in STAGES)})" in PAGE
