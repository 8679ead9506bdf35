"""How Odoo 19 answers over HTTP: JSON-2, JSON-RPC, and the pages that say which version and how healthy it is."""

from __future__ import annotations

import inspect
import json
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from integration.sandbox.odoo.errors import (
    USER_ERROR,
    ConnectionDropped,
    OdooError,
    UnknownMethodError,
    not_found,
    unprocessable,
)

if TYPE_CHECKING:
    from integration.sandbox.odoo.server import Odoo

VERSION = {"version_info": [19, 0, 0, "final", 0, ""], "version": "19.0"}
_JSONRPC_VERSION = {
    "server_version": "19.0",
    "server_version_info": VERSION["version_info"],
    "server_serie": "19.0",
    "protocol_version": 1,
}
_ANY_VERB = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_NO_DATABASE = """<!DOCTYPE html>
<title>404 Not Found</title>
<h1>Not Found</h1>
<p>No database is selected and the requested URL was not found in the server-wide controllers.</p>
<p>Please verify the hostname, <a href=/web/login>login</a> and try again.</p>

<!-- Alternatively, use the X-Odoo-Database header. -->
"""
_WRONG_TYPE = """<!doctype html>
<html lang=en>
<title>415 Unsupported Media Type</title>
<h1>Unsupported Media Type</h1>
<p>Request inferred type is compatible with [&#39;http&#39;] but &#39;/json/2/&lt;__model__&gt;/&lt;__method__&gt;&#39; \
is type=&#39;json2&#39;.<br><br>Please verify the Content-Type request header and try again.</p>
"""  # noqa: E501


def create_blueprint(odoo: Odoo) -> Blueprint:
    blueprint = Blueprint("odoo", __name__)

    @blueprint.post("/json/2/<model>/<method>")
    def json2(model: str, method: str) -> Response:
        return _answer_json2(odoo, lambda: _call_json2(odoo, model, method))

    @blueprint.route("/json/2", methods=_ANY_VERB)
    @blueprint.route("/json/2/<path:rest>", methods=_ANY_VERB)
    def json2_elsewhere(rest: str = "") -> Response:
        del rest
        return _error(not_found("Did you mean POST /json/2/<model>/<method>?"))

    @blueprint.route("/jsonrpc", methods=["GET", "POST"])
    def jsonrpc() -> Response:
        return _answer_jsonrpc(odoo)

    @blueprint.get("/web/version")
    @blueprint.get("/json/version")
    def version() -> Response:
        return _json(VERSION)

    @blueprint.get("/web/health")
    def health() -> Response:
        asked = "db_server_status" in request.args
        return _json({"status": "pass", **({"db_server_status": True} if asked else {})}, "application/json")

    return blueprint


# -- JSON-2: the method in the path, its parameters by name, a real HTTP status ------------------------------


def _answer_json2(odoo: Odoo, call: Callable[[], Any]) -> Response:
    if request.mimetype != "application/json":
        return Response(_WRONG_TYPE, 415, content_type="text/html; charset=utf-8")
    if request.headers.get("X-Odoo-Database", odoo.name) != odoo.name:
        return Response(_NO_DATABASE, 404, content_type="text/html; charset=utf-8")
    try:
        return _json(call())
    except OdooError as error:
        return _error(error)
    except ConnectionDropped:
        return _drop_connection()


def _call_json2(odoo: Odoo, model: str, method: str) -> Any:
    _authenticate(odoo)
    body = _json2_body()
    ids = body.pop("ids", None) or []
    context = body.pop("context", None) or {}

    def arguments(bound: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if bound.rpc == "model" and ids:
            raise unprocessable(f"cannot call {model}.{method} with ids")
        try:
            inspect.signature(bound).bind(**body)
        except TypeError as mismatch:
            raise unprocessable(str(mismatch)) from mismatch
        return (), body

    try:
        return odoo.call(model, method, ids, context, arguments)
    except UnknownMethodError as unknown:
        raise not_found(str(unknown)) from unknown


def _authenticate(odoo: Odoo) -> None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        message = "User not authenticated, use an API Key with a Bearer Authorization header."
        raise OdooError("werkzeug.exceptions.Unauthorized", message)
    if key != odoo.api_key:
        raise OdooError("werkzeug.exceptions.Unauthorized", "Invalid apikey")


def _json2_body() -> dict[str, Any]:
    """The parameters; anything but an object counts as none."""
    text = request.get_data(as_text=True)
    try:
        body = json.loads(text) if text else {}
    except ValueError as malformed:
        message = f"could not parse the body as json: {malformed}"
        raise OdooError("werkzeug.exceptions.BadRequest", message) from malformed
    return body if isinstance(body, dict) else {}


# -- JSON-RPC: always 200, the error in the body -------------------------------------------------------------


def _answer_jsonrpc(odoo: Odoo) -> Response:
    try:
        envelope = json.loads(request.get_data())
    except ValueError:
        return Response("Invalid JSON data", 400, content_type="text/html; charset=utf-8")
    answer = {"jsonrpc": "2.0", "id": envelope.get("id")}
    params = envelope.get("params") or {}
    try:
        return _json({**answer, "result": _serve(odoo, params["service"], params["method"], params["args"])})
    except OdooError as error:
        return _json({**answer, "error": {"code": 0, "message": "Odoo Server Error", "data": error.body()}})
    except ConnectionDropped:
        return _drop_connection()


def _serve(odoo: Odoo, service: str, method: str, args: list[Any]) -> Any:
    if service == "common" and method == "version":
        return _JSONRPC_VERSION
    if service == "common" and method in ("login", "authenticate"):
        _check_database(odoo, args[0])
        return odoo.uid if tuple(args[1:3]) == (odoo.username, odoo.api_key) else False
    if service == "object" and method in ("execute", "execute_kw"):
        return _execute(odoo, method, *args)
    raise OdooError("builtins.KeyError", service)


def _execute(odoo: Odoo, way: str, database: str, uid: int, secret: str, model: str, method: str, *rest: Any) -> Any:
    _check_database(odoo, database)
    if (uid, secret) != (odoo.uid, odoo.api_key):
        raise OdooError("odoo.exceptions.AccessDenied", "Access Denied")
    args = list(rest[0]) if way == "execute_kw" else list(rest)
    kwargs = dict(rest[1] or {}) if way == "execute_kw" and len(rest) > 1 else {}
    context = kwargs.pop("context", None) or {}
    ids = args[0] if args and isinstance(args[0], list) else args[:1]

    def arguments(bound: Any) -> tuple[list[Any], dict[str, Any]]:
        given = args if bound.rpc == "model" else args[1:]
        try:
            inspect.signature(bound).bind(*given, **kwargs)
        except TypeError as mismatch:
            raise OdooError("builtins.TypeError", f"{method}() {mismatch}") from mismatch
        return given, kwargs

    try:
        result = odoo.call(model, method, ids, context, arguments)
    except UnknownMethodError as unknown:
        raise OdooError("builtins.AttributeError", str(unknown)) from unknown
    except OdooError as error:
        if error.name == "werkzeug.exceptions.NotFound":
            raise OdooError(USER_ERROR, f"Object {model} doesn't exist") from error
        raise
    return result[0] if method == "create" and isinstance(args[0], dict) else result


def _check_database(odoo: Odoo, name: str) -> None:
    if name != odoo.name:
        message = f'connection to server at "127.0.0.1", port 5432 failed: FATAL:  database "{name}" does not exist\n'
        raise OdooError("psycopg2.OperationalError", message)


# -- answers -------------------------------------------------------------------------------------------------


def _json(value: Any, content_type: str = "application/json; charset=utf-8", status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type=content_type)


def _error(error: OdooError) -> Response:
    response = _json(error.body(), status=error.status)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer "
    return response


def _drop_connection() -> Response:
    """Cuts the connection under the server, so that the caller sees a reset instead of an answer."""
    for server in ("werkzeug.socket", "gunicorn.socket"):
        if connection := request.environ.get(server):
            connection.shutdown(socket.SHUT_RDWR)
    return Response(status=500)
