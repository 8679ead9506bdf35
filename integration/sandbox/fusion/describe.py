"""``describe``: what a resource says about itself, for clients that learn attributes instead of assuming them."""

from __future__ import annotations

from typing import Any

from integration.sandbox.fusion.schema import Resource

TYPES = {"id": "integer", "number": "number", "flag": "boolean", "time": "datetime", "date": "date", "text": "string"}
ITEM = "application/vnd.oracle.adf.resourceitem+json"
COLLECTION = "application/vnd.oracle.adf.resourcecollection+json"


def describe(resource: Resource, root: str) -> dict[str, Any]:
    """The answer's body."""
    own = _described(resource)
    href = f"{root}/{resource.name}"
    own["collection"] = {
        "rangeSize": 25,
        "finders": [{"name": "PrimaryKey", "attributes": [{"name": resource.key or "", "required": "True"}]}],
        "links": [{"rel": "self", "href": href, "name": "self", "kind": "collection"}],
        "actions": [{"name": "get", "method": "GET", "responseType": ["application/json", COLLECTION]}],
    }
    if resource.required:
        types = {"requestType": [ITEM], "responseType": ["application/json", ITEM]}
        own["collection"]["actions"].append({"name": "create", "method": "POST", **types})
    return {"Resources": {resource.name: own}}


def _described(resource: Resource) -> dict[str, Any]:
    attributes = []
    for name, attribute in resource.attributes.items():
        size = {"precision": attribute.size or 18} if attribute.size or attribute.kind == "id" else {}
        required = name in resource.required
        about = {"updatable": attribute.settable, "mandatory": required, "queryable": attribute.queryable}
        attributes.append({"name": name, "type": TYPES[attribute.kind], **about, **size})
    children = {name: _described(child) for name, child in resource.children.items()}
    return {"discrColumnType": resource.open, "attributes": attributes, "children": children}
