"""Calls to Odoo, the same whichever of its two protocols the server speaks.

A call is written as JSON-2 has it (Odoo 19): model and method in the path, ``ids`` and the named parameters in the
body.  In that form it is also frozen before it takes effect.  For servers of 14 to 18 it is turned into JSON-RPC's
``execute_kw`` on its way out, and the credentials are added in either case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from integration.connectors.contract import Gate, Request
from integration.connectors.http import Http, basic_auth
from integration.connectors.odoo.answers import identity, meaning
from integration.connectors.odoo.bulk import Bulk
from integration.connectors.odoo.effort import manner
from integration.connectors.odoo.errors import NEW_KEY, classify, problem
from integration.errors import Hold, Misconfigured
from integration.settings import System

T = TypeVar("T")
CONTEXT = {"lang": "en_US", "tz": "UTC"}
"""English, for messages of load() are recognised by their text; UTC, for load() reads times in the user's zone."""

GUARDS_SINCE = 17
"""Since this release of Odoo the pricelist of a confirmed order cannot be written."""


class Dialect(Protocol):
    """How a call is put on the wire."""

    name: str

    @property
    def guards_confirmed(self) -> bool:
        """Whether ``load()`` with a pricelist is refused on a confirmed order (since Odoo 17)."""

    @property
    def reads_nested(self) -> bool:
        """Whether ``web_read`` is there, which shows what records refer to (since Odoo 17)."""

    def send(self, request: Request, size: int = 1) -> Any:
        """The method's return value; raises what `errors.classify` makes of an error.

        ``size``: for how many objects the call is made.
        """


class Client:
    """One Odoo database as one user.  Threads may share it."""

    def __init__(self, system: System, gate: Gate) -> None:
        self._system = system
        self._gate = gate
        self._found: Dialect | None = None
        self._bulk = Bulk(lambda request, size: self.dialect.send(request, size))

    def call(self, model: str, method: str, ids: Sequence[int] | None = None, **named: Any) -> Any:
        """Calls a method that changes nothing, and returns what it returns.

        In a batch one call may ask for several deliveries, see `Bulk`; so may one of `send`.
        """
        return self._bulk.look(self.request(model, method, ids, **named))

    def request(self, model: str, method: str, ids: Sequence[int] | None = None, **named: Any) -> Request:
        """The call, ready to be frozen and sent."""
        body: dict[str, Any] = {"context": CONTEXT, **named}
        if ids is not None:
            body["ids"] = list(ids)
        return Request("POST", f"/json/2/{model}/{method}", body, {})

    def send(self, request: Request) -> Any:
        """Sends a call of `request`, and returns what the method returned."""
        return self._bulk.send(request)

    @property
    def dialect(self) -> Dialect:
        """The protocol of this server: as ODOO_PROTOCOL says, or the newest it offers."""
        if self._found is None:  # several may ask at once, and find the same: no lock is held while one waits
            self._found = self._choose()
        return self._found

    def _choose(self) -> Dialect:
        choice = self._system.options.get("protocol", "auto") or "auto"
        if choice not in {"auto", "json2", "jsonrpc"}:
            raise Misconfigured("ODOO_PROTOCOL is unknown", hint="Set ODOO_PROTOCOL to auto, json2 or jsonrpc.")
        if choice == "json2" or (choice == "auto" and self._version() >= 19):
            return Json2(self._system, self._gate)
        return JsonRpc(self._system, self._gate)

    def _version(self) -> int:
        """The server's major version, 0 when it is too old to answer at this address (before 19)."""
        http = Http(self._system.url, timeout=self._system.timeout, gate=self._gate, headers=_login(self._system))
        try:
            return http.read(Request("GET", "/json/version", None, {}), lambda said: _major(said["version_info"]))
        except (Hold, Misconfigured):  # 404, in HTML or JSON
            return 0


class Json2:
    """``POST /json/2/<model>/<method>`` with an API key as bearer token."""

    name = "JSON-2"
    guards_confirmed = True
    reads_nested = True

    def __init__(self, system: System, gate: Gate) -> None:
        headers = {"Authorization": f"bearer {system.option('api_key')}"}
        if system.database:
            headers["X-Odoo-Database"] = system.database
        self._http = Http(system.url, timeout=system.timeout, gate=gate, problem=problem, headers=headers)

    def send(self, request: Request, size: int = 1) -> Any:
        return self._http.read(request, meaning(request), **manner(request, size))


class JsonRpc:
    """``POST /jsonrpc`` with user name and API key (or password): every answer is a 200, errors are in the body."""

    name = "JSON-RPC"

    def __init__(self, system: System, gate: Gate) -> None:
        self._database = system.option("db")
        self._username = system.option("username")
        self._secret = system.option("api_key")
        self._http = Http(system.url, timeout=system.timeout, gate=gate, headers=_login(system))
        self._uid: int | None = None
        self._release: int | None = None

    @property
    def guards_confirmed(self) -> bool:
        if self._release is None:
            self._release = self._call("common", "version", meaning=lambda said: _major(said["server_version_info"]))
        return self._release >= GUARDS_SINCE

    @property
    def reads_nested(self) -> bool:
        return self.guards_confirmed  # both came with the same release

    def send(self, request: Request, size: int = 1) -> Any:
        model, method = request.path.split("/")[-2:]
        named = dict(request.body)
        ids = [named.pop("ids")] if "ids" in named else []
        login = (self._database, self._log_in(), self._secret)
        called = (*login, model, method, ids, named)
        return self._call("object", "execute_kw", *called, meaning=meaning(request), **manner(request, size))

    def _log_in(self) -> int:
        if self._uid is None:
            login: tuple[Any, ...] = (self._database, self._username, self._secret, {})
            uid = self._call("common", "authenticate", *login, meaning=lambda uid: uid is not False and identity(uid))
            if not uid:
                raise Misconfigured("Odoo does not accept user name and API key", hint=NEW_KEY)
            self._uid = uid
        return self._uid

    def _call(self, service: str, method: str, *arguments: Any, meaning: Callable[[Any], T], **manner: Any) -> T:
        params = {"service": service, "method": method, "args": list(arguments)}
        body = {"jsonrpc": "2.0", "method": "call", "params": params, "id": 1}
        request = Request("POST", "/jsonrpc", body, {})
        return self._http.read(request, lambda answer: meaning(_result(answer)), **manner)


def _result(answer: Any) -> Any:
    """What the method returned; raises what an error of Odoo means."""
    if error := answer.get("error"):
        raise classify(error.get("data", error))
    return answer.get("result") if answer["jsonrpc"] else None


def _major(version: Any) -> int:
    found = re.search(r"\d+", str(version[0])[:20])  # Odoo Online says "saas~19"
    return int(found[0]) if found else 0


def _login(system: System) -> Mapping[str, str]:
    """For a proxy before Odoo; with JSON-2 the header is taken by the API key."""
    return basic_auth(system.options.get("url_login", ""))
