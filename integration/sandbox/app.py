"""The sandbox as one WSGI application: the fake systems under their names, with faults in front of them."""

from __future__ import annotations

from flask import Flask, Response

from integration.sandbox.config import Config
from integration.sandbox.control import Control
from integration.sandbox.faults import FaultInjection, Faults
from integration.sandbox.page import render
from integration.sandbox.systems import Systems

BODY_LIMIT = 32 * 1024 * 1024


def create_app(config: Config) -> Flask:
    """The application; its records are in the configured directory and its webhooks are being sent."""
    config.data_dir.mkdir(parents=True, exist_ok=True)
    faults = Faults()
    systems = Systems.start(config, faults)

    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    app.json.sort_keys = False  # type: ignore[attr-defined]
    for name, system in systems.played():
        app.register_blueprint(system.blueprint, url_prefix=f"/{name}", name=name)
    control = Control(systems, faults, config.token)
    app.register_blueprint(control.blueprint(), url_prefix="/_sandbox")
    app.add_url_rule("/", view_func=lambda: Response(render(systems, faults, control), content_type="text/html"))
    app.add_url_rule("/healthz", "healthz", lambda: {"status": "ok"})
    app.wsgi_app = FaultInjection(app.wsgi_app, faults, config.kinds)  # type: ignore[method-assign]
    return app
