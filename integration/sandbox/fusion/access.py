"""Who may call: OAuth 2.0 client credentials at the identity domain's token endpoint, and the check of its tokens."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from typing import Any

from flask import Response, request

from integration.sandbox.config import FusionConfig

UNAUTHORIZED = "<html><body>401 Authorization Required</body></html>"


class Tokens:
    """Access tokens: their expiry and a signature, so that they survive a restart.  The scope is any opaque text."""

    def __init__(self, config: FusionConfig) -> None:
        self._config = config
        self._key = hashlib.sha256(config.client_secret.encode()).digest()
        self._expired_early: set[str] = set()

    def issue(self) -> Response:
        """The token endpoint's answer to the present request."""
        if not self._known():
            return _answer(401, {"error": "invalid_client", "error_description": "Client authentication failed."})
        grant = request.form.get("grant_type")
        if grant == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            text = "The grant jwt-bearer is not played by this sandbox."
            return _answer(501, {"error": "unsupported_grant_type", "error_description": text})
        if grant != "client_credentials":
            return _answer(400, {"error": "unsupported_grant_type", "error_description": "Unknown grant type."})
        lifetime = self._config.token_lifetime
        text = f"{time.time() + lifetime:.3f}.{secrets.token_hex(8)}"
        token = f"{text}.{self._signature(text)}"
        return _answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": int(lifetime)})

    def refusal(self) -> Response | None:
        """The gateway's answer to a request without a good token; None when it may pass."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        text, _, signature = token.rpartition(".")
        genuine = hmac.compare_digest(signature.encode(), self._signature(text).encode())
        if genuine and request.environ.get("sandbox.token_expired"):
            self._expired_early.add(token)
        if genuine and kind.lower() == "bearer" and token not in self._expired_early:
            expires = float(text.rpartition(".")[0])
            if expires > time.time():
                return None
        headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        return Response(UNAUTHORIZED, 401, headers, content_type="text/html")

    def _known(self) -> bool:
        given = request.authorization
        id, secret = (given.username, given.password) if given and given.type == "basic" else ("", "")
        return hmac.compare_digest((id or "").encode(), self._config.client_id.encode()) and hmac.compare_digest(
            (secret or "").encode(), self._config.client_secret.encode()
        )

    def _signature(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def _answer(status: int, body: dict[str, Any]) -> Response:
    return Response(json.dumps(body), status, {"Cache-Control": "no-store"}, content_type="application/json")
