"""Records of one model and the methods every Odoo model has: create, write, read, search, unlink …

A public method marked with ``@on_model`` or ``@on_records`` can be called over RPC; parameter names are Odoo's own,
because JSON-2 takes them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from integration.sandbox.odoo import rights
from integration.sandbox.odoo.domain import candidates, compile_domain, mentions
from integration.sandbox.odoo.errors import (
    OdooError,
    broken_reference,
    missing_record,
    missing_required,
    not_faked,
    value_error,
)
from integration.sandbox.odoo.schema import Field, Model
from integration.sandbox.odoo.values import from_row, to_row

if TYPE_CHECKING:
    from integration.sandbox.odoo.environment import Environment

Row = dict[str, Any]
Method = TypeVar("Method", bound=Callable[..., Any])

CREATE, UPDATE, DELETE, UNLINK, LINK, CLEAR, SET = range(7)
"""Odoo's commands for a one2many: (0,0,values) (1,id,values) (2,id) (3,id) (4,id) (5,) (6,0,ids)."""


def on_model(method: Method) -> Method:
    """Marks a method that takes no ids (Odoo's ``@api.model``)."""
    method.__dict__["rpc"] = "model"
    return method


def on_records(method: Method) -> Method:
    """Marks a method called on ids."""
    method.__dict__["rpc"] = "records"
    return method


class Records:
    """Ids of one model in one call.  Subclasses add what their model computes, checks and can do."""

    def __init__(self, env: Environment, model: Model, ids: Sequence[int] = ()) -> None:
        self.env = env
        self.model = model
        self.ids = [id for id in ids if isinstance(id, int)]

    @property
    def owner(self) -> tuple[str, str]:
        """Name and description of the model errors about fields name (for a product variant: its template)."""
        return self.model.name, self.model.description

    # -- what callers may call -------------------------------------------------------------------------------------

    @on_model
    def create(self, vals_list: Any) -> list[int]:
        rights.check(self.model, "create")
        return [self.create_one(values) for values in ([vals_list] if isinstance(vals_list, dict) else vals_list)]

    @on_records
    def has_access(self, operation: str) -> bool:
        return rights.allows(self.model, operation)

    @on_records
    def write(self, vals: Row) -> bool:
        rights.check(self.model, "write")
        for id in self._existing_ids():
            self.write_one(id, vals)
        return True

    @on_records
    def unlink(self) -> bool:
        rights.check(self.model, "unlink")
        for id in self._existing_ids():
            self.unlink_one(id)
        return True

    @on_records
    def read(self, fields: Any = None, load: str | None = "_classic_read") -> list[Row]:
        rights.check(self.model, "read")
        rows = [row for row in map(self.row, self.ids) if row is not None]
        return self._print(rows, fields, names=load == "_classic_read")

    @on_model
    def search(self, domain: Any, offset: int = 0, limit: int | None = None, order: str | None = None) -> list[int]:
        rights.check(self.model, "read")
        return [row["id"] for row in self._find(domain, offset, limit, order)]

    @on_model
    def search_count(self, domain: Any, limit: int | None = None) -> int:
        rights.check(self.model, "read")
        return len(self._find(domain, 0, limit, "id"))

    @on_model
    def search_read(
        self,
        domain: Any = None,
        fields: Any = None,
        offset: int = 0,
        limit: int | None = None,
        order: str | None = None,
        **read_kwargs: Any,
    ) -> list[Row]:
        rights.check(self.model, "read")
        names = read_kwargs.pop("load", "_classic_read") == "_classic_read"
        rows = self._find(domain or [], offset, limit, order)
        if not fields and self.model.name in rights.WITHOUT_FIELDS:
            raise rights.unreadable_field(self.model.name)
        for unknown in read_kwargs:
            message = f"BaseModel._read_format() got an unexpected keyword argument {unknown!r}"
            raise OdooError("builtins.TypeError", message)
        return self._print(rows, fields, names=names)

    @on_records
    def web_read(self, specification: Row) -> list[Row]:
        """Fields, and of records behind a relation the fields asked for under ``fields``."""
        rights.check(self.model, "read")
        return self._nested([self.existing(id) for id in self.ids], specification)

    @on_model
    def web_search_read(
        self, domain: Any, specification: Row, offset: int = 0, limit: int | None = None, order: str | None = None
    ) -> Row:
        rights.check(self.model, "read")
        found = self._find(domain, 0, None, order)
        page = found[offset : offset + limit if limit else None]
        return {"length": len(found), "records": self._nested(page, specification)}

    @on_model
    def name_search(
        self, name: str = "", domain: Any = None, operator: str = "ilike", limit: int | None = 100
    ) -> list[list[Any]]:
        rights.check(self.model, "read")
        rows = self._find([*self._name_domain(name, operator), *(domain or [])], 0, limit, None)
        return [[row["id"], self.label(row)] for row in rows]

    @on_model
    def fields_get(self, allfields: Any = None, attributes: Any = None) -> dict[str, Row]:
        wanted = [self.model.fields[name] for name in allfields or self.model.fields if name in self.model.fields]
        return {
            field.name: {key: value for key, value in sorted(field.description.items()) if key in attributes}
            if attributes
            else {"name": field.name, **field.description}
            for field in wanted
        }

    @on_records
    def get_external_id(self) -> dict[str, str]:
        return {str(id): self.env.external_id(self.model.name, id) for id in self.ids}

    @on_model
    def load(self, fields: list[str], data: list[list[Any]]) -> Row:
        from integration.sandbox.odoo.load import load  # it needs Records, so it cannot come first

        return load(self, fields, data)

    # -- what models build on --------------------------------------------------------------------------------------

    def create_one(self, values: Row) -> int:
        """Creates one record, its lines after it; ``values["id"]``, as an import sends it, is its external id."""
        values = dict(values)
        external_id = values.pop("id", None)
        self._check_names(values)
        id = self.env.database.next_id(self.model.name)
        row = self.defaults({"id": id, **self._converted(values)})
        self._require(row, self.model.fields)
        stamps = {"create_date": self.env.now, "create_uid": self.env.uid}
        self.env.database.insert(self.model.name, {**row, **stamps})
        self.store(id, {})
        if external_id:
            self.env.set_external_id(self.model.name, id, external_id)
        self._apply_commands(id, values)
        return id

    def write_one(self, id: int, values: Row) -> None:
        self._check_names(values)
        row = self._converted(values)
        self._require(row, row)
        self.store(id, row)
        self._apply_commands(id, values)

    def unlink_one(self, id: int) -> None:
        self.env.database.delete(self.model.name, id)

    def defaults(self, values: Row) -> Row:
        """``values`` of a new record, its id among them, completed.  Already converted; subclasses add to it."""
        return {"active": True, **values} if "active" in self.model.fields else values

    def label(self, row: Row) -> str:
        """The display name."""
        return str(row.get("name") or "")

    def row(self, id: int) -> Row | None:
        return self.env.database.row(self.model.name, id)

    def existing(self, id: int) -> Row:
        row = self.row(id)
        if row is None:
            raise missing_record(self.model.name, id, self.env.uid)
        return row

    def store(self, id: int, values: Row) -> None:
        """Changes a row as this transaction's: fields are converted and checked already."""
        stamp = {"write_date": self.env.now, "write_uid": self.env.uid}
        self.env.database.update(self.model.name, id, {**values, **stamp})

    def store_changed(self, id: int, values: Row) -> None:
        """Stores what is computed; a row that stays the same keeps its write_date."""
        row = self.existing(id)
        if any(row.get(name, False) != value for name, value in values.items()):
            self.store(id, values)

    def value(self, row: Row, name: str) -> Any:
        """A field of ``row``: as the row keeps it, else by the model's ``compute_<name>``; lines in their order."""
        if name == "display_name":
            return self.label(row)
        field = self.model.fields[name]
        if field.type == "one2many":
            return self.lines(row["id"], field)
        if name in row:
            return row[name]
        compute = getattr(self, f"compute_{name}", None)
        return compute(row) if compute else False

    def lines(self, id: int, field: Field) -> list[int]:
        lines = self.env.records(field.relation)
        rows = [row for row in map(lines.row, self.env.database.find(field.relation, field.inverse, id)) if row]
        return [row["id"] for row in lines.sort(rows, None)]

    def field(self, name: str, unknown: str) -> Field:
        """The field of that name; otherwise "not faked", or Odoo's ValueError saying ``unknown``."""
        if name in self.model.fields:
            return self.model.fields[name]
        if name in self.model.not_faked:
            raise not_faked(f"the field {self.model.name}.{name}")
        raise value_error(unknown)

    def label_of(self, field: Field, id: int) -> str:
        """The display name of record ``id`` behind a many2one."""
        related = self.env.records(field.relation)
        row = related.row(id)
        return related.label(row) if row else ""

    def sort(self, rows: list[Row], order: str | None) -> list[Row]:
        for part in reversed((order or self.model.order).split(",")):
            name, _, direction = part.strip().partition(" ")
            field = self.field(name, f"Invalid field {name!r} on model {self.model.name!r}")
            descending = direction.strip().lower().startswith("desc")
            rows = sorted(rows, key=lambda row: self._sort_key(row, field), reverse=descending)  # noqa: B023
        return rows

    # -- inside ----------------------------------------------------------------------------------------------------

    def _sort_key(self, row: Row, field: Field) -> tuple[bool, Any]:
        value = self.value(row, field.name)
        if field.type == "many2one" and value:
            value = self.label_of(field, value)
        empty = value is False and field.type != "boolean"
        return empty, "" if empty else value.casefold() if isinstance(value, str) else value

    def _find(self, domain: Any, offset: int, limit: int | None, order: str | None) -> list[Row]:
        test = compile_domain(self, domain)
        if order:
            self.sort([], order)
        near = candidates(self, domain)
        rows = self.env.database.rows(self.model.name)
        pool = list(rows.values()) if near is None else [rows[id] for id in near if id in rows]
        if self._hides_archived(domain):
            pool = [row for row in pool if row.get("active", True)]
        found = self.sort([row for row in pool if test(row)], order)
        return found[offset : offset + limit if limit else None]

    def _hides_archived(self, domain: Any) -> bool:
        named = mentions(domain, "active") or not self.env.context.get("active_test", True)
        return "active" in self.model.fields and not named

    def _name_domain(self, name: str, operator: str) -> list[Any]:
        return [["display_name", operator, name]] if name else []

    def _print(self, rows: list[Row], fields: Any, *, names: bool) -> list[Row]:
        if not fields and self.model.name in rights.WITHOUT_FIELDS and rows:
            raise rights.unreadable_field(self.model.name)
        wanted = [
            self.field(name, f"Invalid field {name!r} on {self.model.name!r}")
            for name in fields or self.model.fields
            if name != "id"
        ]
        return [
            {
                "id": row["id"],
                **{field.name: from_row(self, field, self.value(row, field.name), names=names) for field in wanted},
            }
            for row in rows
        ]

    def _nested(self, rows: list[Row], specification: Row) -> list[Row]:
        printed = self._print(rows, ["id", *specification], names=False)
        for name, wanted in specification.items():
            if set(wanted) - {"fields"}:
                raise not_faked(f"{sorted(wanted)} in the specification of {name}")
            if "fields" in wanted:
                related = self.env.records(self.model.fields[name].relation)
                for row in printed:
                    row[name] = related._behind(row[name], wanted["fields"])
        return printed

    def _behind(self, value: Any, specification: Row) -> Any:
        """What a relation's ``value``, an id or several, stands for."""
        ids = value if isinstance(value, list) else [value] if value else []
        found = self._nested([row for row in map(self.row, ids) if row is not None], specification)
        return found if isinstance(value, list) else found[0] if found else False

    def _existing_ids(self) -> list[int]:
        for id in self.ids:
            self.existing(id)
        return self.ids

    def _check_names(self, values: Row) -> None:
        for name in values:
            self.field(name, self._invalid_name(name))

    def _invalid_name(self, name: str) -> str:
        return f"Invalid field {name!r} in {self.model.name!r}"

    def _converted(self, values: Row) -> Row:
        fields = (self.model.fields[name] for name in values)
        return {
            field.name: to_row(self, field, values[field.name])
            for field in fields
            if field.type != "one2many" and field.name != "id"
        }

    def _require(self, row: Row, names: Iterable[str]) -> None:
        for name in names:
            field = self.model.fields[name]
            if field.required and field.type not in ("float", "integer") and not row.get(name):
                raise missing_required(field.label, name, *self.owner)

    def _apply_commands(self, id: int, values: Row) -> None:
        for name, commands in values.items():
            field = self.model.fields[name]
            if field.type != "one2many" or not commands:
                continue
            if not isinstance(commands, list | tuple):
                raise value_error(f"Wrong value for {self.model.name}.{name}: {commands}")
            for command in commands:
                self._apply_command(id, field, command)

    def _apply_command(self, id: int, field: Field, command: Sequence[Any]) -> None:
        lines = self.env.records(field.relation)
        if command[0] == CREATE:
            lines.create_one({**command[2], field.inverse: id})
        elif command[0] == UPDATE:
            lines.existing(command[1])
            lines.write_one(command[1], command[2])
        elif command[0] == DELETE:
            lines.existing(command[1])
            lines.unlink_one(command[1])
        elif command[0] == LINK:
            if lines.existing(command[1]).get(field.inverse) != id:
                lines.write_one(command[1], {field.inverse: id})
        elif command[0] == CLEAR:
            for line in self.lines(id, field):
                lines.unlink_one(line)
        else:
            raise not_faked(f"command {command[0]} on the one2many {self.model.name}.{field.name}")


def referenced(records: Records, id: int, by: str, field: str) -> OdooError | None:
    """The error of deleting a record that a record of ``by`` points at by its indexed ``field``; else None."""
    if not records.env.database.find(by, field, id):
        return None
    model = records.env.records(by).model
    return broken_reference(model.description, by, model.fields[field].label, field)
