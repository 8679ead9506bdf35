"""The sandbox as one WSGI application: the fake systems under their names, with faults in front of them."""

from __future__ import annotations

from flask import Flask, Response

from integration.sandbox.clarity import Clarity
from integration.sandbox.config import Config
from integration.sandbox.control import Control
from integration.sandbox.faults import FaultInjection, Faults
from integration.sandbox.odoo import Odoo
from integration.sandbox.page import render

BODY_LIMIT = 32 * 1024 * 1024


def create_app(config: Config) -> Flask:
    """The application; its records are in the configured directory and its webhooks are being sent."""
    config.data_dir.mkdir(parents=True, exist_ok=True)
    faults = Faults()
    clarity = Clarity(config.data_dir, config.clarity, faults)
    odoo = Odoo(config.data_dir, config.odoo.database, config.odoo.username, config.odoo.api_key)

    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.register_blueprint(clarity.blueprint, url_prefix="/clarity")
    app.register_blueprint(odoo.blueprint, url_prefix="/odoo")
    app.register_blueprint(Control(clarity, odoo, faults, config.token).blueprint(), url_prefix="/_sandbox")
    app.add_url_rule("/", view_func=lambda: Response(render(clarity, odoo, faults), content_type="text/html"))
    app.add_url_rule("/healthz", "healthz", lambda: {"status": "ok"})
    app.wsgi_app = FaultInjection(app.wsgi_app, faults)  # type: ignore[method-assign]
    clarity.start()
    return app
