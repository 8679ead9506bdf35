"""The console's WSGI application: ``gunicorn 'integration.console.app:create_app()'``."""

from __future__ import annotations

import sys

import psycopg2
import structlog
from flask import Flask, Response, render_template, request
from gunicorn.arbiter import Arbiter
from werkzeug.exceptions import HTTPException

from integration import logs, preflight
from integration.console import drawing
from integration.console.access import Access
from integration.console.routes import ROUTES
from integration.console.site import Site
from integration.errors import Failure
from integration.settings import Settings
from integration.store.database import UNAVAILABLE

logger = structlog.get_logger(__name__)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}

FIX = {404: "Search for it, or begin at the overview.", 405: "Use the buttons of the page."}


def create_app(settings: Settings | None = None) -> Flask:
    """The application; it ends the process with one line where its settings cannot be right."""
    try:
        site = Site(settings or _configured())
        site.database.wait()
    except Failure as failure:
        print(failure.line, file=sys.stderr, flush=True)
        raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from None  # any other exit code, and Gunicorn tries for ever
    app = Flask("integration.console", static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    access = Access(site)
    app.before_request(access.admit)
    app.after_request(_protect)
    app.register_error_handler(Exception, _failed)
    drawing.register(app)
    for route in (*access.routes, *ROUTES):
        app.add_url_rule(route.path, route.name, route.bound_to(site), methods=[route.method])
    app.extensions["site"] = site
    app.extensions["roles"] = {route.name: route.role for route in (*access.routes, *ROUTES)}
    logger.info("console.ready")
    return app


def _configured() -> Settings:
    logs.configure("console")
    return preflight.load()


def _protect(response: Response) -> Response:
    """Headers of every answer; only what never changes may be kept by browsers and proxies."""
    response.headers.update(HEADERS)
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response


def _failed(error: Exception) -> tuple[str, int]:
    """A page that says what is wrong and what to do."""
    match error:
        case HTTPException() if error.code:
            own = error.description if error.description != type(error).description else None
            return _problem(error.code, error.name, own or FIX.get(error.code))
        case Failure():
            return _problem(422, error.reason, error.hint)
    if isinstance(error, UNAVAILABLE):
        return _problem(503, "Postgres does not answer", "Nothing is lost.  Try again in a moment.")
    logger.exception("console.defect", error=type(error).__name__)
    what = "a question to Postgres failed" if isinstance(error, psycopg2.Error) else "a defect of the console"
    return _problem(500, what, "Report it with the time and the console's log: `fleet logs console`.")


def _problem(status: int, reason: str, hint: str | None) -> tuple[str, int]:
    return render_template("problem.html", reason=reason, hint=hint), status
