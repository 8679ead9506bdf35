"""``load``: Odoo's import, an upsert by external id that takes rows of text cells, all or nothing.

Columns are field names; ``id`` is the external id, ``.id`` the database id; ``partner_id/.id``, ``partner_id/id`` and
``partner_id`` name a record by database id, external id or name; ``order_line/price_unit`` is a column of the lines,
which go on in the following rows while every other cell is blank.  A blank cell empties the field.  Errors are
messages of a 200 answer with ``ids`` false.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from integration.sandbox.odoo.errors import NOT_FAKED, VALIDATION_ERROR, OdooError, not_faked
from integration.sandbox.odoo.schema import Field

if TYPE_CHECKING:
    from integration.sandbox.odoo.records import Records

Path = tuple[str, ...]
Cells = dict[str, Any]

NAME = ""
_REFERENCES = {"id", ".id", NAME}
_TRUE, _FALSE = ("1", "true", "yes"), ("", "0", "false", "no")


class _BadCell(Exception):
    """A cell that cannot be taken; ``%(field)s`` stands for the column's label, unless the message is ``plain``."""

    def __init__(self, message: str, moreinfo: Any = None, *, plain: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.moreinfo = moreinfo
        self.plain = plain


class _Refused(Exception):
    """Something was wrong: undoes the whole import."""


def load(records: Records, columns: list[str], rows: list[list[Any]]) -> dict[str, Any]:
    """The answer of ``load``: ids in the order of the records, or false with the reasons."""
    paths = [_path(column) for column in columns]
    for path in paths:
        _check_path(records, path)
    messages: list[dict[str, Any]] = []
    ids: list[int] = []
    try:
        with records.env.database.savepoint():
            for number, (cells, first, last) in enumerate(_extract(records, paths, rows)):
                place = {"rows": {"from": first, "to": last}, "record": number}
                ids += _load_one(records, cells, place, messages)
            if messages:
                raise _Refused
    except _Refused:
        records.env.database.stale_external_ids |= records.env.new_external_ids
        return {"ids": False, "messages": messages, "nextrow": 0}
    return {"ids": ids, "messages": [], "nextrow": 0}


def _path(column: str) -> Path:
    """``partner_id.id`` and ``partner_id:id`` are old spellings of ``partner_id/.id`` and ``partner_id/id``."""
    column = re.sub(r"([^/])\.id", r"\1/.id", column)
    return tuple(re.sub(r"([^/]):id", r"\1/id", column).split("/"))


def _check_path(records: Records, path: Path) -> None:
    name = path[0]
    if name in ("id", ".id"):
        return
    field = records.field(name, f"Invalid field name {name!r}")
    if len(path) > 1 and field.type == "one2many":
        _check_path(records.env.records(field.relation), path[1:])


def _extract(records: Records, paths: list[Path], rows: list[list[Any]]) -> list[tuple[Cells, int, int]]:
    """Per record its cells (a relation's are a list of cells, one per line) and its first and last row."""
    fields = records.model.fields
    lines = [number for number, path in enumerate(paths) if _is(fields, path[0], "one2many")]
    others = [number for number in range(len(paths)) if number not in lines]
    rows = [[*row, *[""] * (len(paths) - len(row))] for row in rows]
    found = []
    first = 0
    while first < len(rows):
        last = first
        while last + 1 < len(rows) and _goes_on(rows[last + 1], lines, others):
            last += 1
        found.append((_cells(records, paths, rows[first : last + 1]), first, last))
        first = last + 1
    return found


def _goes_on(row: list[Any], lines: list[int], others: list[int]) -> bool:
    return any(row[number] for number in lines) and not any(row[number] for number in others)


def _cells(records: Records, paths: list[Path], rows: list[list[Any]]) -> Cells:
    cells: Cells = {}
    for number, path in enumerate(paths):
        field = records.model.fields.get(path[0])
        if field is None or not field.relation or path[0] in ("id", ".id"):
            cells[path[0]] = rows[0][number]
        elif path[0] not in cells:
            columns = [place for place, other in enumerate(paths) if other[0] == path[0]]
            sub_paths = [paths[place][1:] or (NAME,) for place in columns]
            sub_rows = [[row[place] for place in columns] for row in rows if any(row[place] for place in columns)]
            related = records.env.records(field.relation)
            cells[path[0]] = [sub_cells for sub_cells, _, _ in _extract(related, sub_paths, sub_rows)]
    return cells


def _is(fields: dict[str, Field], name: str, type: str) -> bool:
    return name in fields and fields[name].type == type


def _load_one(records: Records, cells: Cells, place: dict[str, Any], messages: list[dict[str, Any]]) -> list[int]:
    values = {}
    for name in (name for name in cells if name not in _REFERENCES):
        field = records.model.fields[name]
        try:
            values[name] = _value(records, field, cells[name])
        except _BadCell as bad:
            messages.append(_column_message(place, field, bad))
    try:
        return [_upsert(records, cells, values, place, messages)]
    except OdooError as error:
        if error.name == NOT_FAKED:
            raise
        text = error.bare if error.shown_to_users else f"Unknown error during import: {error.name}: {error.message}"
        about = {"field": error.field} if error.field in records.model.fields else {}
        messages.append({**place, "type": "error", "message": text, **about})
        return []


def _column_message(place: dict[str, Any], field: Field, bad: _BadCell) -> dict[str, Any]:
    message = {
        "rows": place["rows"],
        "type": "error",
        "record": place["record"],
        "field": field.name,
        "message": bad.message.replace("%(field)s", field.label),
    }
    if bad.moreinfo is not None:
        message["moreinfo"] = bad.moreinfo
    return message if bad.plain else {**message, "field_name": field.label}


def _upsert(
    records: Records, cells: Cells, values: Cells, place: dict[str, Any], messages: list[dict[str, Any]]
) -> int:
    """Writes the record the cells name, or creates it; an external id without a module is ``__import__``'s."""
    if external_id := cells.get("id"):
        external_id = external_id if "." in external_id else f"__import__.{external_id}"
        found = records.env.find_external_id(external_id)
        if found is None:
            return _create(records, {**values, "id": external_id})
        model, id, row_id = found
        if model != records.model.name:
            raise OdooError(
                VALIDATION_ERROR,
                f"For external id {external_id} when trying to create/update a record of model {records.model.name} "
                f"found record of different model {model} ({row_id})",
            )
        records.env.records(model, [id]).write(values)
        return id
    if database_id := cells.get(".id"):
        if str(database_id).isdigit() and records.row(int(database_id)):
            records.env.records(records.model.name, [int(database_id)]).write(values)
            return int(database_id)
        text = f"Unknown database identifier '{database_id}'"
        messages.append({**place, "type": "error", "field": ".id", "message": text})
    return _create(records, values)


def _create(records: Records, values: Cells) -> int:
    return records.create([values])[0]


def _value(records: Records, field: Field, cell: Any) -> Any:
    """The cell as ``create`` takes it."""
    if not cell:
        return False
    if field.type == "many2one":
        return _reference(records, field, cell[0])
    if field.type == "many2many":
        return [[6, 0, _references(records, field, cell[0])]]
    if field.type == "one2many":
        return [_command(records, field, line) for line in cell]
    return _scalar(field, cell)


def _scalar(field: Field, cell: Any) -> Any:
    text = str(cell)
    if field.type in ("float", "monetary", "integer"):
        try:
            return int(text) if field.type == "integer" else float(text)
        except ValueError:
            kind = "an integer" if field.type == "integer" else "a number"
            raise _BadCell(f"'{text}' does not seem to be {kind} for field '%(field)s'") from None
    if field.type == "boolean":
        return _boolean(text)
    if field.type == "selection":
        return _choice(field, text)
    if field.type in ("date", "datetime"):
        return _moment(field, text)
    return text


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise _BadCell(f"Unknown value '{text}' for boolean field '%(field)s'", "Use '1' for yes and '0' for no")


def _choice(field: Field, text: str) -> str:
    for value, label in field.selection:
        if text.lower() in (value.lower(), label.lower()):
            return value
    raise _BadCell(f"Value '{text}' not found in selection field '%(field)s'", [label for _, label in field.selection])


def _moment(field: Field, text: str) -> str:
    form, shown = ("%Y-%m-%d", "2012-12-31") if field.type == "date" else ("%Y-%m-%d %H:%M:%S", "2012-12-31 23:59:59")
    try:
        return datetime.strptime(text, form if len(text) > 10 else "%Y-%m-%d").strftime(form)
    except ValueError:
        message = f"'{text}' does not seem to be a valid {field.type} for field '%(field)s'"
        raise _BadCell(message, f"Use the format '{shown}'") from None


def _command(records: Records, field: Field, cells: Cells) -> list[Any]:
    """The command for one line: an update of the line the cells name, or a new one with that external id."""
    lines = records.env.records(field.relation)
    values = {}
    for name in (name for name in cells if name not in _REFERENCES):
        sub_field = lines.model.fields[name]
        try:
            values[name] = _value(lines, sub_field, cells[name])
        except _BadCell as bad:
            message = bad.message.replace("%(field)s", f"%(field)s/{sub_field.label}")
            raise _BadCell(message, bad.moreinfo) from None
    references = cells.keys() & _REFERENCES
    if not references:
        return [0, 0, values]
    try:
        return [1, _reference(records, field, {name: cells[name] for name in references}), values]
    except _BadCell:
        if references != {"id"}:
            raise
        return [0, 0, {**values, "id": cells["id"]}]


def _references(records: Records, field: Field, cell: Cells) -> list[int]:
    """``"1,2"`` under one of the three ways to name a record."""
    [(how, text)] = cell.items()
    ids = [_reference(records, field, {how: part}) for part in str(text).split(",")]
    if not all(ids):
        raise _BadCell('column "account_tax_id" is of type integer but expression is of type boolean')
    return ids


def _reference(records: Records, field: Field, cell: Cells) -> int:
    if cell.keys() - _REFERENCES:
        text = "Can not create Many-To-One records indirectly, import the field separately"
        raise _BadCell(text, plain=True)
    if len(cell) > 1:
        raise _BadCell(
            "Ambiguous specification for field '%(field)s', only provide one of name, external id or database id"
        )
    [(how, value)] = cell.items()
    text = str(value)
    if how != NAME and text.lower() in _FALSE:
        return 0
    if not records.env.fakes(field.relation):
        raise not_faked(f"a value for {records.model.name}.{field.name} ({field.relation})")
    if how == ".id" and not text.isdigit():
        message = f"Invalid database id '{text}' for the field '%(field)s'"
        raise _BadCell(message, _possible_values(field, how))
    found = _LOOK_UPS[how](records.env.records(field.relation), text)
    if found is None:
        kind = {NAME: "name", "id": "external id", ".id": "database id"}[how]
        message = f"No matching record found for {kind} '{text}' in field '%(field)s'"
        raise _BadCell(message, _possible_values(field, how))
    return found


def _by_database_id(related: Records, text: str) -> int | None:
    return int(text) if related.row(int(text)) else None


def _by_external_id(related: Records, text: str) -> int | None:
    found = related.env.find_external_id(text if "." in text else f"__import__.{text}")
    if found is None:
        return None
    if found[0] != related.model.name:
        raise _BadCell(f"Invalid external ID {text}: expected model {related.model.name!r}, found {found[0]!r}")
    return found[1]


def _by_name(related: Records, text: str) -> int | None:
    found = related.name_search(text, operator="=")
    return found[0][0] if found else None


_LOOK_UPS = {".id": _by_database_id, "id": _by_external_id, NAME: _by_name}


def _possible_values(field: Field, how: str) -> dict[str, Any]:
    """The window Odoo's import screen would open."""
    action: dict[str, Any] = {
        "name": "Possible Values",
        "type": "ir.actions.act_window",
        "target": "new",
        "view_mode": "list,form",
        "views": [[False, "list"], [False, "form"]],
        "context": {"create": False},
        "help": "See all possible values",
        "res_model": field.relation if how == NAME else "ir.model.data",
    }
    return action if how == NAME else {**action, "domain": [["model", "=", field.relation]]}
