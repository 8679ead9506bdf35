"""How the fake is spoken to: framework versions, payloads checked against the schema, errors in Fusion's shapes.

From framework version 4 on an error is JSON, below it is plain text.  Texts marked as seen live are exact; the others
are in the same manner, as nothing better is known.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, NoReturn

from flask import Response, g, request

from integration.sandbox.fusion.schema import WRITABLE_CHILDREN, Attribute, Resource

Document = dict[str, Any]

DEFAULT_FRAMEWORK, FRAMEWORKS = 1, range(1, 10)
BODY_TYPES = frozenset({"application/json", "application/vnd.oracle.adf.resourceitem+json"})
_FLEXFIELD = re.compile(r"(Header|FulfillLine)EffB\w+privateVO")
_FLAGS = {"true": True, "false": False, "Y": True, "N": False}


class Refusal(Exception):
    """One error of the REST framework; ``code`` and ``path`` are its o:errorCode and o:errorPath."""

    def __init__(
        self, status: int, detail: str = "", code: str = "", path: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.path = path
        self.headers = headers or {}

    def response(self) -> Response:
        """JSON or text, as the caller's framework version has it."""
        title = HTTPStatus(self.status).phrase
        if g.get("framework", DEFAULT_FRAMEWORK) < 4:
            return Response(self.detail or title, self.status, self.headers, content_type="text/plain")
        detail = {"detail": self.detail, "o:errorCode": self.code, "o:errorPath": self.path}
        body = {"title": title, "status": str(self.status), "o:errorDetails": [detail] if self.detail else []}
        kind = "application/vnd.oracle.adf.error+json"
        return Response(json.dumps(body), self.status, self.headers, content_type=kind)


def not_faked(what: str) -> Refusal:
    """501: Fusion has it, or may have it; this sandbox does not play it."""
    return Refusal(501, f"{what} is not played by this sandbox.")


def bad_parameter(name: str) -> Refusal:
    return Refusal(400, f"URL request parameter {name} cannot be used in this context.", "27520")


def required(resource: Resource, name: str) -> Refusal:
    """The text was seen live."""
    return Refusal(400, f"Attribute {name} in {resource.view} is required.", "27014", f"/{name}")


def read_framework() -> None:
    """Notes the framework version that the request asks for."""
    given = request.headers.get("REST-Framework-Version", str(DEFAULT_FRAMEWORK))
    if not given.isdecimal() or int(given) not in FRAMEWORKS:
        raise Refusal(400, f"The REST framework version {given[:20]} is not supported.")
    g.framework = int(given)


def trace(answer: Response) -> Response:
    """The headers that every answer of a pod carries."""
    answer.headers.setdefault("REST-Framework-Version", str(g.get("framework", DEFAULT_FRAMEWORK)))
    answer.headers["X-ORACLE-DMS-ECID"] = f"{secrets.token_hex(8)}^sandbox"
    answer.headers["X-ORACLE-DMS-RID"] = "0"
    answer.headers["Cache-Control"] = "no-cache, no-store, must-revalidate"
    answer.headers["Content-Language"] = "en"
    return answer


def reply(
    body: Any, status: int = 200, headers: dict[str, str] | None = None, kind: str = "application/json"
) -> Response:
    """JSON, as every answer that is no error."""
    return Response(json.dumps(body), status, headers, content_type=kind)


def payload(resource: Resource) -> Document:
    """The request's JSON object with only attributes that ``resource`` has, their values converted to its types."""
    if request.mimetype not in BODY_TYPES:
        raise Refusal(415)
    try:
        given = json.loads(request.get_data(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "The request body is not valid JSON.") from error
    return _checked(resource, given, "")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _checked(resource: Resource, given: Any, path: str) -> Document:
    if not isinstance(given, dict):
        raise Refusal(400, f"The payload of {resource.name} is not a JSON object.", path=path)
    checked: Document = {}
    for name, value in given.items():
        here = f"{path}/{name}"
        if child := resource.children.get(name):
            checked[name] = _children(child, value, here)
        elif resource.open and _FLEXFIELD.fullmatch(name):
            checked[name] = _contexts(value, here)
        elif attribute := resource.attributes.get(name):
            checked[name] = _value(name, attribute, value, here)
        else:
            raise Refusal(400, f'Invalid attribute "{name}" in the payload', "27521", here)
    return checked


def _children(child: Resource, value: Any, path: str) -> list[Document]:
    if child.name not in WRITABLE_CHILDREN:
        raise not_faked(f"Writing {child.name}")
    if not isinstance(value, list):
        raise Refusal(400, f"The child {child.name} is not an array.", path=path)
    rows = [_checked(child, row, f"{path}/{number}") for number, row in enumerate(value)]
    if child.name != "lines":  # of a line that is there already a part may be given
        for row, name in ((row, name) for row in rows for name in child.required):
            if row.get(name) in (None, ""):
                raise required(child, name)
    return rows


def _contexts(value: Any, path: str) -> list[Document]:
    if not isinstance(value, list) or not all(isinstance(row, dict) and row.get("ContextCode") for row in value):
        raise Refusal(400, "A flexfield is an array of rows with a ContextCode.", path=path)
    return value


def _value(name: str, attribute: Attribute, value: Any, path: str) -> Any:
    if not attribute.settable and name not in {"FulfillLineId", "LineId", "HeaderId"}:
        raise Refusal(400, f"Attribute {name} cannot be updated.", "27008", path)
    if value is None:
        return None
    try:
        converted = _CONVERT[attribute.kind](value)
    except (TypeError, ValueError, KeyError) as error:
        raise Refusal(400, f"The value of attribute {name} is not a valid {attribute.kind}.", "27010", path) from error
    if attribute.size and len(str(converted)) > attribute.size:
        raise Refusal(400, f"The value of attribute {name} exceeds {attribute.size} characters.", "27022", path)
    return converted


def _text(value: Any) -> str:
    if isinstance(value, bool | list | dict):
        raise TypeError
    return str(value)


def _number(value: Any) -> int | float:
    if isinstance(value, bool):
        raise TypeError
    number = float(value)
    if number != number or abs(number) == float("inf"):
        raise ValueError
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _id(value: Any) -> int:
    if isinstance(value, bool | float):
        raise TypeError
    return int(value)


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else _FLAGS[value]


def _time(value: Any) -> str:
    """An input without an offset is taken as UTC; answers always have one."""
    moment = datetime.fromisoformat(value)
    offset = moment.strftime("%z") or "+0000"
    return f"{moment:%Y-%m-%dT%H:%M:%S}{offset[:3]}:{offset[3:5]}"


def _date(value: Any) -> str:
    return datetime.fromisoformat(value).strftime("%Y-%m-%d")


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "id": _id,
    "number": _number,
    "flag": _flag,
    "time": _time,
    "date": _date,
    "text": _text,
}
