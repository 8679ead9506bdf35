"""Who may do what in the console: signing in, sessions, roles, and requests that other sites make.

A request that changes something has to come from a page of the console itself.  Browsers say where it comes from, by
``Sec-Fetch-Site`` or at least by ``Origin`` (OWASP, Cross-Site Request Forgery Prevention); one that says neither is
refused.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import Response, current_app, g, redirect, render_template, request, url_for
from werkzeug.exceptions import Forbidden, NotFound, TooManyRequests

from integration.console.site import Route, Site, user
from integration.store import users
from integration.store.database import Transaction

logger = structlog.get_logger(__name__)

COOKIE = "fleet_session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SHORTEST, LONGEST = 12, 256
"""Characters of a password (NIST SP 800-63B asks for at least eight)."""
TRIES, EVERY = 10, 300.0
"""So many failed tries by one name, or from one address, in so many seconds; then one has to wait."""
MOST_REMEMBERED = 10_000


class Tries:
    """Failed tries to sign in, by name and by address.  The console is one process, so they need no table."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = Lock()

    def check(self, *keys: str) -> None:
        """Raises `TooManyRequests` where one of these has failed too often."""
        with self._lock:
            if any(len(self._recent(key)) >= TRIES for key in keys):
                raise TooManyRequests("Too many tries to sign in.  Try again in five minutes.")

    def failed(self, *keys: str) -> None:
        with self._lock:
            for key in keys:
                self._failed[key] = [*self._recent(key), time.monotonic()]
                self._failed.move_to_end(key)
            while len(self._failed) > MOST_REMEMBERED:
                self._failed.popitem(last=False)

    def _recent(self, key: str) -> list[float]:
        return [at for at in self._failed.get(key, ()) if at > time.monotonic() - EVERY]


class Access:
    """Admits requests, and has the pages by which people sign in and out."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._hasher = PasswordHasher()
        self._tries = Tries()
        self._nobody = self._hasher.hash("the password of nobody")
        self.routes = (
            Route("GET", "/healthz", self.healthz, None),
            Route("GET", "/sign-in", self.sign_in, None),
            Route("POST", "/sign-in", self.begin, None),
            Route("GET", "/sign-in/<key>", self.link, None),
            Route("POST", "/sign-in/<key>", self.use_link, None),
            Route("POST", "/sign-out", self.sign_out, "viewer"),
            Route("GET", "/account", self.account, "viewer"),
            Route("POST", "/account", self.set_password, "viewer"),
        )

    def admit(self) -> Response | None:
        """Lets a request pass, sends it to the sign-in, or refuses it."""
        if request.endpoint == "static":
            return None
        if request.endpoint not in current_app.extensions["roles"]:
            raise NotFound
        if request.method not in SAFE and not _of_our_own():
            raise Forbidden("This request did not come from a page of the console.")
        needed, g.user = current_app.extensions["roles"][request.endpoint], None
        if key := request.cookies.get(COOKIE):
            with self._site.database.statement() as tx:
                g.user = users.user_of(tx, key)
        if needed is None:
            return None
        if g.user is None:
            back = request.full_path.rstrip("?") if request.method in SAFE else None
            return _see_other(url_for("sign_in", back=back))
        if not g.user.may(needed):
            raise Forbidden(f"This needs the role {needed}; you are {g.user.role}.")
        return None

    def healthz(self, _: Site) -> Response:
        """Whether the console answers at all; it asks nothing of Postgres."""
        return Response('{"status":"ok"}\n', mimetype="application/json")

    def sign_in(self, _: Site) -> str:
        return render_template("sign_in.html", back=_inside(request.args.get("back")))

    def begin(self, _: Site) -> Response | tuple[str, int]:
        name, password = request.form.get("name", "")[:200], request.form.get("password", "")[:LONGEST]
        who = (f"name {name}", f"from {request.remote_addr}")
        self._tries.check(*who)
        with self._site.database.transaction() as tx:
            encoded = users.password_of(tx, name)
            if not self._is_right(encoded, password):
                self._tries.failed(*who)
                logger.warning("console.sign_in_refused")
                back = _inside(request.form.get("back"))
                return render_template("sign_in.html", back=back, name=name, wrong=True), 401
            return self._signed_in(tx, name, _inside(request.form.get("back")))

    def link(self, _: Site, key: str) -> str:
        """Asks before it signs in: what only looks at a link, as mail programs do, does not use it up."""
        return render_template("link.html", key=key)

    def use_link(self, _: Site, key: str) -> Response:
        self._tries.check(f"from {request.remote_addr}")
        with self._site.database.transaction() as tx:
            name = users.use_link(tx, key[:100])
            if name:
                return self._signed_in(tx, name, None)
        self._tries.failed(f"from {request.remote_addr}")
        raise Forbidden("This link was used, or is older than a quarter of an hour.  `fleet users link` makes another.")

    def sign_out(self, _: Site) -> Response:
        with self._site.database.transaction() as tx:
            users.end_session(tx, request.cookies.get(COOKIE, ""))
        answer = _see_other(url_for("sign_in"))
        answer.delete_cookie(COOKIE)
        return answer

    def account(self, _: Site) -> str:
        return render_template("account.html", shortest=SHORTEST)

    def set_password(self, _: Site) -> Response | tuple[str, int]:
        new = request.form.get("new", "")
        if not SHORTEST <= len(new) <= LONGEST:
            return render_template("account.html", shortest=SHORTEST, wrong=True), 422
        name = user().name
        with self._site.database.transaction() as tx:
            users.set_password(tx, name, self._hasher.hash(new), name)
            return self._signed_in(tx, name, None)

    def _is_right(self, encoded: str | None, password: str) -> bool:
        """Takes as long for a name that nobody has."""
        try:
            return self._hasher.verify(encoded or self._nobody, password) and encoded is not None
        except (VerificationError, InvalidHashError):
            return False

    def _signed_in(self, tx: Transaction, name: str, back: str | None) -> Response:
        key = users.begin_session(tx, name)
        assert key
        answer = _see_other(back or url_for("overview"))
        secure = request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"
        answer.set_cookie(COOKIE, key, httponly=True, samesite="Lax", secure=secure, max_age=12 * 3600)
        logger.info("console.signed_in")
        return answer


def _of_our_own() -> bool:
    if site := request.headers.get("Sec-Fetch-Site"):
        return site == "same-origin"
    return bool(origin := request.headers.get("Origin")) and urlsplit(origin).netloc == request.host


def _inside(path: Any) -> str | None:
    """A path of the console itself; None for what would lead elsewhere."""
    return path if isinstance(path, str) and path.startswith("/") and not path.startswith(("//", "/\\")) else None


def _see_other(path: str) -> Response:
    answer = redirect(path, 303)
    assert isinstance(answer, Response)
    return answer
