"""Orders split between Odoo and Fusion, and the workflows that split them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from integration.rules.workflow import Definitions, Workflow, load_definitions
from mappings import FOLDER

GOODS = {"lines": "kind == 'physical'", "carries_charges": True}
DOWNLOADS = {"lines": "kind != 'physical'"}
TIMES = {"placedAt": "2026-11-20T10:15:29Z", "updatedDate": "2026-11-20T10:15:29Z"}


def split_definitions(folder: Path, odoo: dict[str, Any] = GOODS, fusion: dict[str, Any] = DOWNLOADS) -> Definitions:
    """The project's definitions, in a folder of the test's own, with these changes of what leads to Odoo and Fusion."""
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    for name, changes in (("order-to-odoo", odoo), ("order-to-fusion", fusion)):
        path = folder / "workflows" / f"{name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return load_definitions(folder)


def to_both(definitions: Definitions) -> list[Workflow]:
    """The workflows of orders: to Odoo, to Fusion."""
    by_name = {each.name: each for each in definitions.workflows}
    return [by_name["order-to-odoo"], by_name["order-to-fusion"]]
