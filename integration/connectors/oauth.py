"""Bearer tokens by OAuth 2.0 client credentials (RFC 6749 4.4), fetched once per process for all its threads."""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import quote_plus

from integration.connectors.answers import to_number
from integration.connectors.contract import Gate, Request, Setting
from integration.connectors.http import Http, Problem, Reply, basic_auth
from integration.errors import Failure, Misconfigured, Retry
from integration.settings import System

EARLY = 60.0
"""Seconds before its end at which a token is no longer used."""
UNSAID_LIFETIME = 300.0
LONGEST_LIFETIME = 86400.0
TOKEN = re.compile(r"[\x21-\x7e]+")
"""What a header can carry (RFC 6750 2.1 allows less)."""
CREDENTIALS = (
    Setting("token_url", "where tokens are fetched (OAuth 2.0)", required=True),
    Setting("client_id", "the integration's client id (OAuth 2.0)", required=True),
    Setting("client_secret", "the client's secret (OAuth 2.0)", secret=True, required=True),
)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class ClientCredentials:
    """What a connector's `Http` needs: ``headers`` for each call, and ``renew`` when they were not accepted.

    The client says who it is by basic authentication (client_secret_basic).  Fetching a token is a call at the
    target too, and passes its gate.  ``system`` ("clarity") names the settings in hints.
    """

    def __init__(
        self,
        system: str,
        token_url: str,
        client_id: str,
        client_secret: str,
        *,
        gate: Gate,
        timeout: float,
        scope: str = "",
    ) -> None:
        self._system = system.upper()
        self._timeout = timeout
        self._http = Http(token_url, timeout=timeout, gate=gate, problem=self._problem)
        self._form = "grant_type=client_credentials" + (f"&scope={quote_plus(scope)}" if scope else "")
        # RFC 6749 2.3.1: both parts are form-encoded before they are joined.
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
        self._basic = basic_auth(pair)
        self._shared = _tokens[token_url, pair, scope]
        self._thread = threading.local()

    def headers(self) -> Mapping[str, str]:
        """The Authorization header; raises what `Http.send` does, `Misconfigured` when the client is refused.

        Waits for another thread that fetches the token no longer than a call may take, then raises `Retry`.
        """
        if not self._shared.lock.acquire(timeout=self._timeout):
            raise Retry("the token URL has not answered another call yet", counts_for_breaker=True, code="timeout")
        try:
            if time.monotonic() >= self._shared.use_until:
                self._fetch()
            token = self._thread.used = self._shared.token
        finally:
            self._shared.lock.release()
        return {"Authorization": f"Bearer {token}"}

    def renew(self) -> None:
        """Gives up the token this thread used last, unless another has replaced it meanwhile."""
        if not self._shared.lock.acquire(timeout=self._timeout):
            return  # somebody is fetching another one
        try:
            if self._shared.token == self._thread.used:
                self._shared.use_until = 0.0
        finally:
            self._shared.lock.release()

    def _fetch(self) -> None:
        asked_at = time.monotonic()
        try:
            token, lifetime = self._http.read(
                Request("POST", "", self._form.encode(), FORM), self._token, headers=self._basic
            )
        except Retry as failure:
            failure.unknown_outcome = False  # the call that the token was for has not been sent
            raise
        self._shared.token = token
        self._shared.use_until = asked_at + lifetime - min(EARLY, lifetime / 2)

    def _token(self, answer: Any) -> tuple[str, float]:
        """The token and the seconds it lives (RFC 6749 5.1)."""
        token = answer.get("access_token") if isinstance(answer, dict) else None
        lifetime = to_number(answer.get("expires_in") or UNSAID_LIFETIME) if token else None
        if not isinstance(token, str) or not TOKEN.fullmatch(token) or lifetime is None:
            raise self._misconfigured("the token URL answers without a token")
        return token, min(max(float(lifetime), 0.0), LONGEST_LIFETIME)

    def _problem(self, reply: Reply) -> Failure | None:
        if reply.status >= 500:
            return None
        return self._misconfigured(f"the token URL refuses our client ({reply.status})")

    def _misconfigured(self, reason: str) -> Misconfigured:
        names = f"{self._system}_TOKEN_URL, {self._system}_CLIENT_ID and {self._system}_CLIENT_SECRET"
        return Misconfigured(reason, hint=f"Check {names}, then run `fleet restart`.")


def http_with_tokens(
    system: System,
    gate: Gate,
    problem: Problem,
    *,
    scope: str = "",
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Http:
    """Calls to a system whose settings are `CREDENTIALS`, each with a bearer token and these ``headers``.

    Raises `Misconfigured` when one of the settings is missing.
    """
    url, id, secret = (system.option(setting.name) for setting in CREDENTIALS)
    tokens = ClientCredentials(system.name, url, id, secret, gate=gate, timeout=system.timeout, scope=scope)
    return Http(
        system.url,
        timeout=system.timeout,
        gate=gate,
        problem=problem,
        headers=lambda: {**headers, **tokens.headers()},
        renew=tokens.renew,
    )


@dataclass
class _Shared:
    """The token of one client in this process."""

    token: str = ""
    use_until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


_tokens: defaultdict[tuple[str, str, str], _Shared] = defaultdict(_Shared)
