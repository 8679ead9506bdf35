"""Who may call Clarity and how often: OAuth 2.0 client credentials (RFC 6749), scopes, and the rate limit."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from typing import Any
from urllib.parse import unquote_plus

from flask import Response, g, jsonify, request

from integration.sandbox.clarity.problems import Problem
from integration.sandbox.config import ClarityConfig

RESOURCES = ("orders", "customers", "products", "webhook-deliveries", "webhook-subscriptions")
PARTS_OF_ORDERS = ("shipments", "invoices", "refunds")
"""What the scopes of orders cover."""
SCOPES = tuple(f"{resource}:{right}" for resource in RESOURCES for right in ("read", "write"))


class Tokens:
    """Access tokens: JWTs signed with the client's secret, opaque to the client."""

    def __init__(self, config: ClarityConfig) -> None:
        self._config = config
        self._key = hashlib.sha256(config.client_secret.encode()).digest()
        self._expired_early: set[str] = set()

    def issue(self) -> Response:
        """The token endpoint's answer to the present request."""
        if request.mimetype != "application/x-www-form-urlencoded":
            return _refused(400, "invalid_request", "send a form")
        if not any(self._known(*credentials) for credentials in _credentials()):
            answer = _refused(401, "invalid_client", "unknown client or wrong secret")
            answer.headers["WWW-Authenticate"] = 'Basic realm="clarity"'
            return answer
        grant = request.form.get("grant_type")
        if grant != "client_credentials":
            error = "unsupported_grant_type" if grant else "invalid_request"
            return _refused(400, error, "grant_type is client_credentials")
        scopes = request.form.get("scope", "").split() or list(SCOPES)
        if not set(scopes) <= set(SCOPES):
            return _refused(400, "invalid_scope", f"known are {' '.join(SCOPES)}")
        lifetime = self._config.token_lifetime
        body = {
            "access_token": self._signed(scopes, lifetime),
            "token_type": "Bearer",
            "expires_in": int(lifetime),
            "scope": " ".join(scopes),
        }
        answer = jsonify(body)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def check(self) -> None:
        """Lets the present request pass, or raises the `Problem` that refuses it."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        claims = self._claims(token) if kind.lower() == "bearer" else None
        if claims is None:
            raise _unauthorized("invalid_token", "Send a bearer token of the token endpoint.")
        if request.environ.get("sandbox.token_expired"):
            self._expired_early.add(claims["jti"])
        if claims["exp"] <= time.time() or claims["jti"] in self._expired_early:
            raise _unauthorized("token_expired", "The token has expired.")
        resource = request.path.partition("/api/v1/")[2].split("/")[0]
        if resource in PARTS_OF_ORDERS:
            resource = "orders"
        needed = f"{resource}:{'read' if request.method in {'GET', 'HEAD'} else 'write'}"
        if resource in RESOURCES and needed not in claims["scope"].split():
            raise Problem(403, "insufficient_scope", f"This needs the scope {needed}.")

    def _known(self, client_id: str, client_secret: str) -> bool:
        return hmac.compare_digest(client_id.encode(), self._config.client_id.encode()) and hmac.compare_digest(
            client_secret.encode(), self._config.client_secret.encode()
        )

    def _signed(self, scopes: list[str], lifetime: float) -> str:
        at = time.time()
        claims = {
            "iss": "clarity-sandbox",
            "sub": self._config.client_id,
            "scope": " ".join(scopes),
            "iat": int(at),
            "exp": at + lifetime,
            "jti": secrets.token_hex(8),
        }
        text = f"{_packed({'alg': 'HS256', 'typ': 'JWT'})}.{_packed(claims)}"
        return f"{text}.{self._signature(text)}"

    def _claims(self, token: str) -> dict[str, Any] | None:
        text, _, signature = token.rpartition(".")
        if not text or not hmac.compare_digest(signature.encode(), self._signature(text).encode()):
            return None
        payload = text.partition(".")[2]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims

    def _signature(self, text: str) -> str:
        return _base64(hmac.new(self._key, text.encode(), hashlib.sha256).digest())


class RateLimit:
    """A token bucket for the one client; every answer carries what is left of it."""

    def __init__(self, config: ClarityConfig) -> None:
        self._limit = config.requests_per_minute
        self._burst = float(config.burst)
        self._left = self._burst
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> None:
        """Counts the present request; raises 429 when the bucket is empty."""
        per_second = self._limit / 60
        with self._lock:
            at = time.monotonic()
            self._left = min(self._burst, self._left + (at - self._at) * per_second)
            self._at = at
            allowed = self._left >= 1
            self._left -= 1 if allowed else 0
            g.rate_limit = {
                "RateLimit-Limit": str(int(self._limit)),
                "RateLimit-Remaining": str(int(self._left)),
                "RateLimit-Reset": str(int((self._burst - self._left) / per_second) + 1),
            }
        if not allowed:
            wait = str(int((1 - self._left) / per_second) + 1)
            raise Problem(429, "rate_limited", "Too many requests.", headers={"Retry-After": wait})


def _credentials() -> list[tuple[str, str]]:
    """By basic authentication (form-encoded as RFC 6749 2.3.1 asks, or plain as many clients do) or in the body."""
    basic = request.authorization
    if basic is None or basic.type != "basic":
        return [(request.form.get("client_id", ""), request.form.get("client_secret", ""))]
    plain = (basic.username or "", basic.password or "")
    return [plain, (unquote_plus(plain[0]), unquote_plus(plain[1]))]


def _refused(status: int, error: str, description: str) -> Response:
    answer = jsonify({"error": error, "error_description": description})
    answer.status_code = status
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _unauthorized(code: str, detail: str) -> Problem:
    return Problem(401, code, detail, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def _packed(part: dict[str, Any]) -> str:
    return _base64(json.dumps(part, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
