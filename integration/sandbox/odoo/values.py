"""Between what a caller sends, what a row keeps, and what a caller gets.

A row keeps: text, numbers, bools, one id for a many2one, a list of ids for a many2many, ``YYYY-MM-DD HH:MM:SS`` (UTC)
for a datetime; False for nothing.  A one2many is never kept, it is the other side's many2one.
"""

from __future__ import annotations

import base64
import html
import re
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from integration.sandbox.odoo.errors import USER_ERROR, OdooError, broken_reference, not_faked, value_error
from integration.sandbox.odoo.schema import Field

if TYPE_CHECKING:
    from integration.sandbox.odoo.records import Records

_EMPTY: dict[str, Any] = {"float": 0.0, "monetary": 0.0, "integer": 0}
_TAG = re.compile(r"</?[a-zA-Z][^>]*>")
_UNKNOWN_TAG = re.compile(r"<(?!/?(?:p|b|i|u|br|div|span|strong|em|ul|ol|li|a|h[1-6])\b)/?[a-zA-Z][^>]*>")
_BLOCK = re.compile(r"\s*<(p|div|span|ul|ol|h[1-6])\b")
_BARE_AMPERSAND = re.compile(r"&(?!#?\w+;)")


def to_row(records: Records, field: Field, value: Any) -> Any:
    """``value`` as the row keeps it; raises what Odoo raises for one it cannot take."""
    if field.type == "boolean":
        return bool(value)
    if field.type in ("float", "monetary", "integer"):
        return _number(field, value)
    if field.type == "many2many":
        return _many2many(records, field, value)
    if value is None or value is False or value == "" and field.type != "char":
        return False
    if field.type == "many2one":
        return _many2one(records, field, value)
    if field.type == "selection":
        if value not in [item for item, _ in field.selection]:
            raise value_error(f"Wrong value for {records.owner[0]}.{field.name}: {value!r}")
        return value
    if field.type in ("date", "datetime"):
        return _moment(field, str(value))
    if field.type == "binary":
        return _picture(str(value))
    return _html(str(value)) if field.type == "html" else str(value)


def from_row(records: Records, field: Field, value: Any, *, names: bool) -> Any:
    """``value`` as ``read`` prints it; with ``names`` a many2one is [id, label]."""
    if field.type == "many2one" and value and names:
        return [value, records.label_of(field, value)]
    if field.type == "datetime" and value:
        return value[:19]
    if value is False or value is None:
        return [] if field.type == "many2many" else _EMPTY.get(field.type, False)
    return float(value) if field.type in ("float", "monetary") else value


def _number(field: Field, value: Any) -> Any:
    if value is None or value is False:
        return _EMPTY[field.type]
    try:
        number = int(value) if field.type == "integer" else float(value)
    except (TypeError, ValueError) as malformed:
        raise value_error(str(malformed)) from malformed
    if field.places is None or isinstance(number, int):
        return number
    return float(Decimal(repr(number)).quantize(Decimal(1).scaleb(-field.places), ROUND_HALF_UP))


def _many2one(records: Records, field: Field, value: Any) -> int:
    if not isinstance(value, int):
        raise value_error(f"Wrong value for {records.model.name}.{field.name}: {value!r}")
    if not records.env.fakes(field.relation):
        raise not_faked(f"a value for {records.model.name}.{field.name} ({field.relation})")
    if records.env.database.row(field.relation, value) is None:
        raise broken_reference(records.model.description, records.model.name, field.label, field.name)
    return value


def _many2many(records: Records, field: Field, value: Any) -> list[int]:
    """A list of ids from a list of ids or of the commands set (6), clear (5) and link (4)."""
    ids: list[int] = []
    for item in value or []:
        if not isinstance(item, list | tuple):
            ids.append(item)
        elif item[0] == 6:
            ids = list(item[2])
        elif item[0] == 5:
            ids = []
        elif item[0] == 4:
            ids.append(item[1])
        else:
            raise not_faked(f"command {item[0]} on the many2many {records.model.name}.{field.name}")
    if not all(records.env.database.row(field.relation, id) for id in ids):
        raise broken_reference(records.model.description, records.model.name, field.label, field.name)
    return sorted(set(ids))


def _moment(field: Field, text: str) -> str:
    form = "%Y-%m-%d" if field.type == "date" or len(text) == 10 else "%Y-%m-%d %H:%M:%S"
    try:
        parsed = datetime.strptime(text, form)
    except ValueError as malformed:
        raise value_error(str(malformed)) from malformed
    return parsed.strftime("%Y-%m-%d" if field.type == "date" else "%Y-%m-%d %H:%M:%S")


def _picture(text: str) -> str:
    """Odoo decodes what is written to a field of images, and takes a drawing (SVG) unseen."""
    if not base64.b64decode(text).startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"<")):
        raise OdooError(USER_ERROR, "This file could not be decoded as an image file.")
    return text


def _html(text: str) -> str:
    """Odoo's sanitizer, as far as notes need it: unknown tags go, text without a block gets a span around it."""
    kept = _BARE_AMPERSAND.sub("&amp;", _UNKNOWN_TAG.sub("", text))
    if not _TAG.search(kept):
        kept = html.escape(html.unescape(kept), quote=False)
    return kept if _BLOCK.match(kept) else f"<span>{kept}</span>"
