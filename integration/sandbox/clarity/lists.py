"""Lists as the contract has them (3.2): pages by index or by cursor, filters by column, date ranges, ``Not``."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from integration.sandbox.clarity.problems import Problem, invalid
from integration.sandbox.clarity.records import Records

COLUMNS = {"status": "status", "number": "number", "sku": "number", "customerid": "customer_id", "id": "id"}
RANGES = {
    "updateddatemin": "updated >= ?",
    "updateddatemax": "updated <= ?",
    "createddatemin": "created >= ?",
    "createddatemax": "created <= ?",
}
OF_AN_ORDER = {
    "orderid": "id IN (SELECT id FROM order_documents WHERE order_id = ?)",
    "externalref": "id IN (SELECT id FROM order_documents WHERE external_ref = ?)",
}
RELATED = {
    "order": {"externalkey": "id IN (SELECT order_id FROM pushes WHERE external_ref = ?)"},
    "shipment": OF_AN_ORDER,
    "invoice": OF_AN_ORDER,
    "return": OF_AN_ORDER,
    "payment": {"orderid": "json_extract(document, '$.orderId') = ?"},
    "refund": OF_AN_ORDER,
}
SORTS = {"updatedDate,id": "updated", "createdDate,id": "created"}
PAGING = {"pagesize", "pageindex", "cursor", "sort"}
LARGEST_PAGE = 200


def page(records: Records, kind: str, arguments: MultiDict[str, str]) -> dict[str, Any]:
    """One page of the objects of a kind; raises `Problem` for arguments it does not know."""
    given = {name.lower(): arguments.getlist(name) for name in arguments}
    where, values = _filters(kind, given)
    total = records.rows(f"SELECT count(*) FROM objects WHERE {where}", *values)[0][0]  # noqa: S608
    size = _number(given, "pagesize", 50, 1, LARGEST_PAGE)
    index = _number(given, "pageindex", 0, 0, 10**9)
    column = SORTS.get(given.get("sort", ["updatedDate,id"])[0])
    if column is None:
        raise invalid(("/sort", f"is one of {' '.join(SORTS)}"))
    if "cursor" in given:
        where, values, index = f"{where} AND ({column}, id) > (?, ?)", [*values, *_opened(given["cursor"][0])], 0
    rows = records.rows(
        f"SELECT document, id, {column} FROM objects WHERE {where} ORDER BY {column}, id LIMIT ? OFFSET ?",  # noqa: S608
        *(*values, size + 1, index * size),
    )
    shown = rows[:size]
    return {
        "items": [json.loads(row["document"]) for row in shown],
        "pageIndex": index,
        "pageSize": size,
        "totalCount": total,
        "nextCursor": _sealed(shown[-1][column], shown[-1]["id"]) if len(rows) > size else None,
    }


def _filters(kind: str, given: dict[str, list[str]]) -> tuple[str, list[Any]]:
    """A WHERE clause made of the fixed texts of this module, and its values."""
    parts, values, related = ["kind = ?"], [kind], RELATED.get(kind, {})
    for name, texts in given.items():
        column = COLUMNS.get(name.removeprefix("not"))
        if name in RANGES:
            parts.append(RANGES[name])
            values.append(_date(name, texts[0]))
        elif column:
            marks = ", ".join("?" * len(texts))
            parts.append(f"coalesce({column}, '') {'NOT IN' if name.startswith('not') else 'IN'} ({marks})")
            values += texts
        elif name in related:
            parts.append(related[name])
            values.append(texts[0])
        elif name not in PAGING:
            raise Problem(501, "not_faked", f"The filter {name} is not played by this sandbox.")
    return " AND ".join(parts), values


def _date(name: str, text: str) -> str:
    """As the columns hold it; a time without a zone is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid((f"/{name}", "is not a date")) from error
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(given: dict[str, list[str]], name: str, default: int, least: int, most: int) -> int:
    text = given.get(name, [str(default)])[0]
    if not text.isdecimal() or not least <= int(text) <= most:
        raise invalid((f"/{name}", f"is a number from {least} to {most}"))
    return int(text)


def _sealed(at: str, id: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([at, id]).encode()).decode()


def _opened(cursor: str) -> list[str]:
    try:
        at, id = json.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, TypeError) as error:
        raise invalid(("/cursor", "is not one of ours")) from error
    return [str(at), str(id)]
