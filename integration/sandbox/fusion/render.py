"""Rows as Fusion shows them: chosen attributes, expanded children, links, pages.

From framework version 3 on expanded children are collections, below they are arrays; version 9 shows ids as texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integration.sandbox.fusion import query
from integration.sandbox.fusion.schema import Resource
from integration.sandbox.fusion.wire import bad_parameter

Row = dict[str, Any]
DEFAULT_LIMIT = 25


@dataclass
class Selection:
    """What to show of a row: these attributes (None: all) and these children."""

    attributes: set[str] | None = None
    children: dict[str, Selection] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """How one request wants its answer."""

    selection: Selection
    framework: int
    links: bool
    page_limit: int

    @classmethod
    def of(cls, resource: Resource, arguments: Mapping[str, str], framework: int, page_limit: int) -> View:
        """From the query string; with both ``fields`` and ``expand`` only ``fields`` counts."""
        if "fields" in arguments:
            selection = _fields(resource, arguments["fields"])
        else:
            selection = _expand(resource, arguments.get("expand", ""))
        return cls(selection, framework, arguments.get("onlyData", "").lower() != "true", page_limit)

    def item(self, resource: Resource, row: Row, url: str) -> Row:
        return self._item(resource, row, url, self.selection, top=True)

    def page(self, resource: Resource, rows: list[Row], url: str, arguments: Mapping[str, str]) -> Row:
        """One page of ``rows`` as ``q``, ``orderBy``, ``limit`` and ``offset`` ask."""
        rows = _filtered(resource, rows, arguments, self.framework)
        limit = min(_whole("limit", arguments, DEFAULT_LIMIT) or DEFAULT_LIMIT, self.page_limit)
        offset = _whole("offset", arguments, 0)
        shown = [
            self._item(resource, row, f"{url}/{key_of(resource, row)}", self.selection, top=True)
            for row in rows[offset : offset + limit]
        ]
        total = len(rows) if arguments.get("totalResults", "").lower() == "true" else None
        return _envelope(resource, shown, len(rows), limit, offset, url, total)

    def _item(self, resource: Resource, row: Row, url: str, selection: Selection, *, top: bool) -> Row:
        shown = attributes_of(resource, row, self.framework, selection.attributes)
        for name, chosen in selection.children.items():
            child = resource.children[name]
            shown[name] = self._nested(child, row.get(name) or [], f"{url}/child/{name}", chosen)
        if self.links:
            shown["links"] = _links(resource, row, url, top=top)
        return shown

    def _nested(self, child: Resource, rows: list[Row], url: str, chosen: Selection) -> Any:
        items = [self._item(child, row, f"{url}/{key_of(child, row)}", chosen, top=False) for row in rows]
        if self.framework < 3:
            return items
        return _envelope(child, items[:DEFAULT_LIMIT], len(items), DEFAULT_LIMIT, 0, url)


def attributes_of(resource: Resource, row: Row, framework: int, chosen: set[str] | None = None) -> Row:
    """The row's own attributes, absent ones as null."""
    names = row if resource.open else resource.attributes
    return {
        name: _shown(resource, name, row.get(name), framework) for name in names if chosen is None or name in chosen
    }


def key_of(resource: Resource, row: Row) -> str:
    """What identifies the row in a URL: an attribute, or a hash that only the server can make."""
    if resource.key:
        return str(row[resource.key])
    ids = sorted(
        (name, str(row.get(name)))
        for name, attribute in resource.attributes.items()
        if attribute.kind == "id" or name.startswith("Source") or name == "Category"
    )
    return "00020000000EACED00057708" + hashlib.sha256(repr(ids).encode()).hexdigest()[:24].upper()


def _shown(resource: Resource, name: str, value: Any, framework: int) -> Any:
    attribute = resource.attributes.get(name)
    if framework >= 9 and attribute and attribute.kind == "id" and value is not None:
        return str(value)
    return value


def _links(resource: Resource, row: Row, url: str, *, top: bool) -> list[dict[str, Any]]:
    own: dict[str, Any] = {"rel": "self", "href": url, "name": resource.name, "kind": "item"}
    if indicator := change_indicator(resource, row):
        own["properties"] = {"changeIndicator": indicator}
    if not top:
        return [own]
    children = [
        {"rel": "child", "href": f"{url}/child/{name}", "name": name, "kind": "collection"}
        for name in resource.children
    ]
    canonical = {"rel": "canonical", "href": url, "name": resource.name, "kind": "item"}
    return [own, canonical, *children]


def change_indicator(resource: Resource, row: Row) -> str | None:
    """The ETag's value.  Items have one; whether sales orders do is not known, so here they do not."""
    if resource.name != "itemsV2":
        return None
    return "ACED0005" + hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:32].upper()


def _envelope(
    resource: Resource, items: list[Row], all: int, limit: int, offset: int, url: str, total: int | None = None
) -> Row:
    body: Row = {"items": items, "count": len(items), "hasMore": offset + len(items) < all}
    body |= {"limit": limit, "offset": offset} | ({} if total is None else {"totalResults": total})
    body["links"] = [{"rel": "self", "href": url, "name": resource.name, "kind": "collection"}]
    return body


def _filtered(resource: Resource, rows: list[Row], arguments: Mapping[str, str], framework: int) -> list[Row]:
    """Without ``orderBy`` the newest come first, so pages drift while rows are added: there is no order to rely on."""
    rows = rows[::-1]
    for name in ("q", "orderBy"):
        if not arguments.get(name):
            continue
        try:
            if name == "q":
                rows = list(filter(query.parse(arguments[name], resource, framework), rows))
            else:
                return query.order(arguments[name], resource)(rows)
        except query.BadQuery as error:
            raise bad_parameter(name) from error
    return rows


def _whole(name: str, arguments: Mapping[str, str], default: int) -> int:
    given = arguments.get(name, "") or str(default)
    if not given.isdecimal():
        raise bad_parameter(name)
    return int(given)


def _expand(resource: Resource, text: str) -> Selection:
    selection = Selection()
    if text == "all":
        selection.children = {name: Selection() for name in resource.children}
        return selection
    for path in filter(None, text.split(",")):
        _child(resource, selection, path.strip(), "expand")
    return selection


def _fields(resource: Resource, text: str) -> Selection:
    """``A,B;child:C,D;child.grandchild:E``."""
    selection = Selection(set())
    for part in filter(None, text.split(";")):
        path, _, names = part.rpartition(":")
        at, chosen = _child(resource, selection, path, "fields") if path else (resource, selection)
        wanted = {name.strip() for name in names.split(",")}
        if unknown := wanted - at.attributes.keys():
            if not unknown <= at.children.keys():
                raise bad_parameter("fields")
            chosen.children |= {name: Selection() for name in unknown}
        chosen.attributes = wanted - unknown
    return selection


def _child(resource: Resource, selection: Selection, path: str, parameter: str) -> tuple[Resource, Selection]:
    for name in path.split("."):
        if name not in resource.children:
            raise bad_parameter(parameter)
        resource = resource.children[name]
        selection = selection.children.setdefault(name, Selection())
    return resource, selection
