"""The REST resources over HTTP: paths to rows, methods to what may be done with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, g, request

from integration.sandbox.config import FusionConfig
from integration.sandbox.fusion import account_service, wire
from integration.sandbox.fusion.access import Tokens
from integration.sandbox.fusion.describe import describe
from integration.sandbox.fusion.failures import Failures
from integration.sandbox.fusion.fulfilment import Fulfilment
from integration.sandbox.fusion.items import Items
from integration.sandbox.fusion.orders import Duplicate, Orders
from integration.sandbox.fusion.parties import KINDS, Parties
from integration.sandbox.fusion.records import Records
from integration.sandbox.fusion.render import View, attributes_of, change_indicator, key_of
from integration.sandbox.fusion.schema import (
    ACCOUNT_SITE,
    ADDRESS,
    ITEM,
    LINE,
    ORDER,
    RELATIONSHIP,
    RESOURCES,
    Resource,
)
from integration.sandbox.fusion.wire import Refusal, not_faked

Row = dict[str, Any]

VERSION = "11.13.18.05"
NO_SUCH_RESOURCE = frozenset({"salesOrders", "inventoryTransactions", "journalEntries"})
"""Names of marketing pages: live pods answer 404 to the first, the documentation knows none of the others."""


@dataclass(frozen=True)
class Place:
    """What a path leads to: a row, or (``row`` None) a collection.

    ``top`` is the row that the path starts from, and ``of`` the resource of that.
    """

    resource: Resource
    url: str
    rows: list[Row]
    of: Resource
    row: Row | None = None
    top: Row | None = None


class Api:
    """The routes of one pod and of its identity domain."""

    def __init__(
        self, records: Records, config: FusionConfig, orders: Orders, fulfilment: Fulfilment, failures: Failures
    ) -> None:
        self._records = records
        self._config = config
        self._orders = orders
        self._fulfilment = fulfilment
        self._failures = failures
        self._tokens = Tokens(config)
        self._parties = Parties(records, config)
        self._items = Items(records)
        self._service = account_service.AccountService(records, config.source_system)

    def blueprint(self) -> Blueprint:
        fusion = Blueprint("fusion", __name__)
        fusion.add_url_rule("/oauth2/v1/token", "token", self._tokens.issue, methods=["POST"])
        for path in ("/", "/<path:path>"):
            rule = f"/<any(fscmRestApi, crmRestApi):family>/resources/<version>{path}"
            methods = ["GET", "POST", "PATCH", "PUT", "DELETE"]
            fusion.add_url_rule(rule, f"resources {path}", self._serve, methods=methods, strict_slashes=False)
        fusion.add_url_rule(account_service.PATH, "accounts", self._accounts, methods=["POST"])
        fusion.register_error_handler(account_service.Fault, account_service.Fault.response)
        fusion.register_error_handler(Refusal, Refusal.response)
        fusion.after_request(lambda answer: wire.trace(answer) if "framework" in g else answer)
        return fusion

    def _serve(self, family: str, version: str, path: str = "") -> Response:
        if refused := self._tokens.refusal():
            return refused
        wire.read_framework()
        if version not in {VERSION, "latest"}:
            raise Refusal(404)
        if self._failures.draw("forbidden", request.path):
            raise Refusal(403)
        if self._failures.draw("not_granted", request.path):
            raise Refusal(404)
        root = f"{request.base_url.partition(f'/{family}/')[0]}/{family}/resources/{VERSION}"
        segments = [segment for segment in path.split("/") if segment]
        if not segments:
            return _versions(root)
        with self._records.transaction():
            self._fulfilment.catch_up()
        if segments[-1] == "describe" and len(segments) == 2:
            described = describe(self._resource(family, segments[0]), root)
            return wire.reply(described, kind="application/vnd.oracle.adf.description+json")
        if "action" in segments or request.mimetype.endswith((".batch+json", ".action+json")):
            raise not_faked("This action" if "action" in segments else "A batch")
        try:
            with self._records.transaction():
                return self._answer(self._locate(family, segments, root))
        except Duplicate as refused_again:
            with self._records.transaction():
                self._orders.note_duplicate(refused_again.key)
            raise

    def _accounts(self) -> Response:
        """The SOAP service for customer accounts."""
        if refused := self._tokens.refusal():
            return refused
        if self._failures.draw("fault", request.path):
            raise account_service.Fault("JBO-27024: Failed to validate a row with key null in CustomerAccountEO")
        with self._records.transaction():
            return self._service.answer(request.get_data())

    def _resource(self, family: str, name: str) -> Resource:
        if name == "salesOrders" and self._config.sales_orders:
            return ORDER
        if name in NO_SUCH_RESOURCE:
            raise Refusal(404)
        if name not in RESOURCES[family]:
            raise not_faked(f"The resource {name[:60]}")
        return RESOURCES[family][name]

    def _locate(self, family: str, segments: list[str], root: str) -> Place:
        resource, url = self._resource(family, segments[0]), f"{root}/{segments[0]}"
        rows = self._records.all(resource.name)
        if resource is ACCOUNT_SITE:  # a list of values shows what may be chosen
            rows = [row for row in rows if row.get("Status") != "I"]
        place = Place(resource, url, rows, resource)
        rest = segments[1:]
        while rest:
            if place.row is None:
                place = self._row(place, rest.pop(0))
            elif rest.pop(0) != "child" or not rest or rest[0] not in place.resource.children:
                raise Refusal(404)
            else:
                child = place.resource.children[rest.pop(0)]
                rows = place.row.get(child.name) or []
                place = Place(child, f"{place.url}/child/{child.name}", rows, place.of, top=place.top)
        return place

    def _row(self, place: Place, key: str) -> Place:
        if place.resource is ORDER:
            row = self._orders.find(key)
        else:
            row = next((row for row in place.rows if key_of(place.resource, row) == key), None)
        if row is None:
            raise Refusal(404)
        return Place(place.resource, f"{place.url}/{key}", place.rows, place.of, row, place.top or row)

    def _answer(self, place: Place) -> Response:
        match (request.method, place.resource, place.row):
            case ("GET", _, row):
                return self._item(place, row) if row else self._collection(place)
            case ("POST", resource, None) if resource is ORDER:
                return self._create(place)
            case ("POST", resource, None) if resource is LINE and place.top:
                return self._change(place.top, {"lines": [wire.payload(LINE)]}, place.url.partition("/child/")[0], 201)
            case ("PATCH", resource, row) if resource is ORDER and row:
                return self._change(row, wire.payload(ORDER), place.url)
            case ("PATCH", resource, row) if resource is LINE and row and place.top:
                named = {**wire.payload(LINE), "FulfillLineId": row["FulfillLineId"]}
                return self._change(place.top, {"lines": [named]}, place.url.partition("/child/")[0])
            case ("POST", resource, None) if resource is ITEM:
                return self._make_item(place)
            case ("PATCH", resource, row) if resource is ITEM and row:
                return self._change_item(place, row)
            case ("POST", resource, None) if resource in KINDS:
                party = self._parties.create(resource, wire.payload(resource))
                return self._written(resource, party, f"{place.url}/{party['PartyNumber']}", 201)
            case ("PATCH", resource, row) if resource in KINDS and row:
                return self._written(resource, self._parties.change(resource, row, wire.payload(resource)), place.url)
            case ("POST", resource, None) if resource is ADDRESS and place.top:
                address = self._parties.add_address(place.of, place.top, wire.payload(ADDRESS))
                return self._written(ADDRESS, address, f"{place.url}/{address['AddressNumber']}", 201)
            case ("POST", resource, None) if resource is RELATIONSHIP and place.top:
                related = self._parties.relate(place.of, place.top, wire.payload(RELATIONSHIP))
                return self._written(RELATIONSHIP, related, f"{place.url}/{related['RelationshipRecId']}", 201)
            case ("DELETE", resource, row) if resource is ORDER and row:
                self._orders.delete(row)
                return Response(status=204)
        raise not_faked(f"{request.method} of {place.resource.name}")

    def _collection(self, place: Place) -> Response:
        arguments = request.args.to_dict()
        rows = place.rows
        if finder := arguments.get("finder"):
            name, _, id = finder.partition(";HeaderId=")
            if place.resource is not ORDER or name != "PrimaryKey":
                raise not_faked("This finder")
            rows = [row for row in rows if str(row["HeaderId"]) == id]
        if "LastUpdateDate" in arguments.get("q", "") and self._failures.draw("unqueryable", request.path):
            raise wire.bad_parameter("q")
        view = View.of(place.resource, arguments, g.framework, self._config.page_limit)
        page = view.page(place.resource, rows, place.url, arguments)
        if self._failures.draw("empty_page", request.path):
            page |= {"items": [], "count": 0, "hasMore": True}
        return wire.reply(page)

    def _item(self, place: Place, row: Row) -> Response:
        etag = _etag(place.resource, row)
        if etag and request.headers.get("If-None-Match") == etag["ETag"]:
            return Response(status=304, headers=etag)
        view = View.of(place.resource, request.args.to_dict(), g.framework, self._config.page_limit)
        return wire.reply(view.item(place.resource, row, place.url), headers=etag)

    def _create(self, place: Place) -> Response:
        given = wire.payload(ORDER)
        valid = not self._fails_validation(given)
        if request.headers.get("Upsert-Mode", "").lower() == "true":
            order, new = self._orders.upsert(given, valid=valid)
        else:
            order, new = self._orders.create(given, valid=valid), True
        url = f"{place.url}/{order['OrderKey']}"
        location = {"Location": url} if new else {}
        return wire.reply(_echo(order, given, url), 201 if new else 200, location)

    def _written(self, resource: Resource, row: Row, url: str, status: int = 200) -> Response:
        """A row as the answer to a write shows it, with its children."""
        view = View.of(resource, {"expand": "all"}, g.framework, self._config.page_limit)
        return wire.reply(view.item(resource, row, url), status, {"Location": url} if status == 201 else {})

    def _change(self, order: Row, given: Row, url: str, status: int = 200) -> Response:
        if self._failures.draw("busy", request.path):
            detail = "The sales order is being processed. Try again later."
            raise Refusal(400, f"DOO-2686198: {detail}", "DOO-2686198")
        upsert = request.headers.get("Upsert-Mode", "").lower() == "true"
        if upsert and given.get("SourceTransactionRevisionNumber") is None:
            raise wire.required(ORDER, "SourceTransactionRevisionNumber")
        changed = self._orders.change(order, given, valid=not self._fails_validation(given))
        return wire.reply(_echo(changed, given, url), status)

    def _fails_validation(self, given: Row) -> bool:
        return bool(given.get("SubmittedFlag")) and self._failures.draw("not_submitted", request.path)

    def _make_item(self, place: Place) -> Response:
        upsert = request.headers.get("Upsert-Mode", "").lower() == "true"
        item, new = self._items.create(wire.payload(ITEM), upsert=upsert)
        url = f"{place.url}/{key_of(ITEM, item)}"
        answer = self._written(ITEM, item, url, 201 if new else 200)
        answer.headers.update(_etag(ITEM, item))
        return answer

    def _change_item(self, place: Place, row: Row) -> Response:
        etag = _etag(ITEM, row)
        if request.headers.get("If-Match", etag["ETag"]) != etag["ETag"]:
            raise Refusal(412, "The resource was changed since it was read.", "412", headers=etag)
        changed = self._items.change(row, wire.payload(ITEM))
        view = View.of(ITEM, {}, g.framework, self._config.page_limit)
        return wire.reply(view.item(ITEM, changed, place.url), headers=_etag(ITEM, changed))


def _echo(order: Row, given: Row, url: str) -> Row:
    """An order as the answer to a write shows it: its own attributes, and the lines if lines were written."""
    links = View.of(ORDER, {}, g.framework, 0).item(ORDER, order, url)
    shown = attributes_of(ORDER, order, g.framework)
    if "lines" in given:
        shown["lines"] = [attributes_of(LINE, line, g.framework) for line in order["lines"]]
    return {**shown, "links": links["links"]}


def _etag(resource: Resource, row: Row) -> dict[str, str]:
    indicator = change_indicator(resource, row)
    return {"ETag": f'"{indicator}"'} if indicator else {}


def _versions(root: str) -> Response:
    if request.method != "GET":
        raise not_faked("A batch")
    body = {
        "version": VERSION,
        "isLatest": True,
        "adf:extension": {
            "defaultFrameworkVersion": str(wire.DEFAULT_FRAMEWORK),
            "allowedFrameworkVersions": [str(version) for version in wire.FRAMEWORKS],
        },
        "links": [{"rel": "describe", "href": f"{root}/describe", "name": "self", "kind": "describe"}],
    }
    return wire.reply(body)
