"""Calls to a target over HTTP, and the only place where a status becomes an error.

`Http.send` answers with a 2xx `Reply` or raises what happens next:

==============================================  ====================================================
nothing was sent (no address, refused, TLS)     `Retry`, counts for the breaker
sent, but no whole answer in time               `Retry`, outcome unknown, counts for the breaker
429, or 503 with Retry-After                    `Throttled` by the target
401                                             credentials renewed once, then `Misconfigured`
any other                                       what the connector's ``problem`` says, or by default:
5xx                                             `Retry`, outcome unknown, counts for the breaker
408, 409, 425                                   `Retry`
403, 404, 410 that speak JSON                   `Hold`: this one record
3xx, and 403, 404, 405, 415 that speak no JSON  `Misconfigured`: this is not the API
other 4xx                                       `Reject`
==============================================  ====================================================

A failure that came of an answer carries its beginning as ``excerpt``.  That may hold personal data: it is stored
encrypted and shown on request only.  A reason never quotes an answer's body except through `plain`.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from integration import side_by_side
from integration.canonical.strict_json import is_too_deep
from integration.connectors import answers
from integration.connectors.answers import Answer, unreadable
from integration.connectors.contract import Gate, Request
from integration.connectors.line import BROKEN, Unsent
from integration.connectors.route import Route
from integration.errors import Failure, Hold, Misconfigured, Reject, Retry, Throttled

T = TypeVar("T")
Manner = Mapping[str, Any]
"""How else a call goes through the `Gate`."""
LARGEST_ANSWER = 20 * 1024 * 1024
LARGEST_EXCERPT = 2048
LONGEST_PAUSE = 3600.0
PAUSE_WITHOUT_WORD = 5.0
LONGEST_RETRY_AFTER = 64
LONGEST_MESSAGE = 1000
"""Of a target's words: patterns are tried on no more than this."""


@dataclass(frozen=True)
class Reply:
    """A whole answer.  Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON, fractions as Decimal, None for 204; `Retry`, outcome unknown, if it is none.

        So it is for what is JSON, but cannot be meant: NaN, absurdly long or large numbers, nesting beyond 64 levels.
        """
        if self.status == 204:
            return None
        try:
            document = json.loads(
                self.body,
                object_hook=Answer,
                parse_float=answers.decimal,
                parse_int=answers.integer,
                parse_constant=answers.decimal,
            )
            if is_too_deep(document):
                raise ValueError("nested too deeply")
        except (ValueError, RecursionError):  # the second: nested too deeply
            raise _with_excerpt(unreadable(f"the {self.status} answer is not JSON"), self) from None
        return document

    def read(self, what: str, meaning: Callable[[Any], T]) -> T:
        """What ``meaning`` makes of the body's JSON; `Retry`, outcome unknown, when that is not what it expects."""
        document = self.json()
        try:
            with answers.reading(what):
                return meaning(document)
        except Failure as failure:
            raise _with_excerpt(failure, self) from failure.__cause__

    def speaks_json(self) -> bool:
        """Whether the answer says it is JSON (``application/problem+json`` included)."""
        return "json" in self.headers.get("content-type", "")


Problem = Callable[[Reply], Failure | None]
"""A connector's reading of an answer that is not 2xx; None leaves it to the defaults."""


class Http:
    """One target as one process calls it.  Threads may share it, and the connections that it keeps open.

    ``headers`` go with every call; when they are a function it is asked anew for each.  ``renew`` throws away
    the credentials behind it, at most once per `send`.  ``timeout`` is in seconds and for the whole call; a bulk call
    has an eighth of it more for each further object.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout: float,
        gate: Gate,
        problem: Problem | None = None,
        headers: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
        renew: Callable[[], None] | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._gate = gate
        self._problem = problem or (lambda _: None)
        self._headers = headers if callable(headers) else lambda: headers or {}
        self._renew = renew
        self._route: Route | None = None

    def send(
        self, request: Request, *, headers: Mapping[str, str] | None = None, size: int = 1, **manner: Any
    ) -> Reply:
        """Sends one call and returns its 2xx answer; see the module's table for what it raises.

        ``headers`` are those that must not be frozen with the request (credentials).  A body of bytes is sent
        as it is, with the content type its headers name; None sends none; anything else is sent as JSON,
        decimals as numbers.  ``size`` and ``manner`` are for the `Gate`.  Work that is done side by side with other
        work lets that go on meanwhile.
        """
        return side_by_side.aside(lambda: self._send(request, headers, size, manner))

    def _send(self, request: Request, headers: Mapping[str, str] | None, size: int, manner: Manner) -> Reply:
        reply = self._attempt(request, headers, size, manner, renewable=self._renew is not None)
        if reply.status == 401 and self._renew:
            self._renew()
            reply = self._attempt(request, headers, size, manner, renewable=False)
        return reply

    def read(
        self,
        request: Request,
        meaning: Callable[[Any], T],
        *,
        headers: Mapping[str, str] | None = None,
        size: int = 1,
        **manner: Any,
    ) -> T:
        """Sends one call, and returns what ``meaning`` makes of its JSON; see `send` and `Reply.read`."""
        return self.send(request, headers=headers, size=size, **manner).read(_name(request), meaning)

    def _attempt(
        self, request: Request, headers: Mapping[str, str] | None, size: int, manner: Manner, *, renewable: bool
    ) -> Reply:
        credentials = {**self._headers(), **(headers or {})}
        with self._gate(size, **manner):
            reply = self._exchange(request, credentials, self._timeout * (1 + (size - 1) / 8))
            if 200 <= reply.status < 300 or (reply.status == 401 and renewable):
                return reply
            failure = _throttled(reply) or self._by_connector(reply) or _default(reply, _name(request))
            raise _with_excerpt(failure, reply)

    def _by_connector(self, reply: Reply) -> Failure | None:
        """The connector's reading of an error; one whose words are odd is left to the defaults."""
        try:
            return self._problem(reply)
        except answers.ODD:
            return None

    def _exchange(self, request: Request, credentials: Mapping[str, str], timeout: float) -> Reply:
        ends = time.monotonic() + timeout
        body, content_type = _encode(request.body)
        headers = {"Accept": "application/json", **content_type, **request.headers, **credentials}
        try:
            self._route = route = self._route or Route(self._base_url)
            reply = Reply(*route.call(request.method, request.path, headers, body, ends=ends, largest=LARGEST_ANSWER))
        except Unsent as why:
            reason = f"{_name(request)}: no connection ({why})"
            raise Retry(reason, counts_for_breaker=True, code="no_connection") from why
        except BROKEN as error:
            raise _unanswered(error, _name(request)) from error
        if len(reply.body) > LARGEST_ANSWER:
            reason = f"the answer is larger than {LARGEST_ANSWER} bytes"
            raise Retry(reason, unknown_outcome=True, code="answer_too_large")
        return reply


def basic_auth(login: str) -> Mapping[str, str]:
    """The header for ``user:password`` (RFC 7617, in UTF-8); none for an empty one."""
    return {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}


def plain(message: str, longest: int = 200) -> str:
    """A target's message with what may be personal taken out: quoted values, addresses, long numbers.

    >>> plain('No match for "Jane Doe" (jane@example.com, +48 600 700 800)')
    'No match for … (…, …)'
    >>> plain("exceeds 1000 characters")
    'exceeds 1000 characters'
    """
    text = message[:LONGEST_MESSAGE]
    if len(message) > LONGEST_MESSAGE:  # a word that is cut through, or a quotation, cannot be recognised
        text = re.sub(r"\S*\Z", "…", text, count=1)
    text = re.sub(r"""(["“«])[^"”»]*["”»]|(?<!\w)'[^']*'(?!\w)|\[[^\]]*\]""", "…", text)
    if len(message) > LONGEST_MESSAGE:
        text = re.sub(r"""(?:["“«]|(?<!\w)'|\[).*\Z""", "…", text, flags=re.DOTALL)
    text = re.sub(r"[^\s@(<]+@[\w.-]+", "…", text)
    text = re.sub(r"\+?\w*\d[\d\s./-]{2,}\d\w*\b(?! characters)", "…", text)  # how long a text may be is a rule
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _encode(body: Any) -> tuple[bytes | None, Mapping[str, str]]:
    """The bytes of a body: always the same for the same content, for a frozen request is repeated byte for byte."""
    if body is None or isinstance(body, bytes):
        return body, {}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_number)
    return text.encode("ascii"), {"Content-Type": "application/json"}


def _number(value: Any) -> float:
    """A decimal as JSON number; a float gives back every number of up to 15 digits."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is not part of a document")


def _unanswered(error: Exception, name: str) -> Retry:
    late = isinstance(error, TimeoutError)
    what, code = ("no answer in time", "timeout") if late else ("the connection broke", "connection_broken")
    return Retry(f"{name}: {what}", unknown_outcome=True, counts_for_breaker=True, code=code)


def _throttled(reply: Reply) -> Throttled | None:
    said = reply.headers.get("retry-after", "")
    if reply.status == 429 or (reply.status == 503 and said):
        return Throttled(f"the target asks to slow down ({reply.status})", after=_pause(said, reply), by_target=True)
    return None


def _pause(said: str, reply: Reply) -> float:
    """Seconds of a Retry-After (RFC 9110 10.2.3): a number, or a date, read by the target's own clock."""
    try:
        if len(said) > LONGEST_RETRY_AFTER:
            raise ValueError(said)
        if said.isdigit():
            seconds = float(said)
        else:
            now = reply.headers.get("date")
            until = parsedate_to_datetime(said).timestamp()
            seconds = until - (parsedate_to_datetime(now).timestamp() if now else time.time())
    except (ValueError, OverflowError):  # the second: a year that no calendar has
        seconds = PAUSE_WITHOUT_WORD
    return min(max(seconds, 1.0), LONGEST_PAUSE)


def _default(reply: Reply, name: str) -> Failure:
    status, reason = reply.status, f"{name}: {reply.status}"
    if status >= 500:
        return Retry(reason, unknown_outcome=True, counts_for_breaker=True, code=f"http_{status}")
    if status in {408, 409, 425}:
        return Retry(reason, code=f"http_{status}")
    if status == 401:
        hint = "The credentials are not accepted. Renew them, set their variables and run `fleet restart`."
        return Misconfigured(reason, hint=hint)
    if status < 400 or (status in {403, 404, 405, 415} and not reply.speaks_json()):
        return Misconfigured(
            f"{reason}, and not from the API",
            hint="Check the system's URL: it must be the API root, without a redirect.",
        )
    if status in {403, 404, 410}:
        hint = "Check that the record is still at the target and that our user may see it. {again}"
        return Hold(reason, hint=hint, code=f"http_{status}")
    hint = "Correct the order in Clarity, or the mapping and run `fleet mapping publish`. {again}"
    return Reject(reason, hint=hint, code=f"http_{status}")


def _with_excerpt(failure: Failure, reply: Reply) -> Failure:
    failure.excerpt = reply.body[:LARGEST_EXCERPT]
    return failure


def _name(request: Request) -> str:
    """How a call is named in a reason: without its query, which may hold an e-mail address."""
    return f"{request.method} {request.path.partition('?')[0]}".rstrip()
