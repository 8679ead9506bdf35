"""Addresses are judged as the client that calls them parses them, and hold no credentials afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from apprise.manager_plugins import NotificationManager

from integration.addresses import HTTP_CHANNELS
from integration.connectors import CONNECTORS
from integration.connectors.contract import Request
from integration.connectors.http import Http
from integration.connectors.odoo.client import Client
from integration.errors import Misconfigured
from integration.local.processes import PROJECT, read_procfile
from integration.settings import Settings
from integration.systems import KINDS

HERE = "http://127.0.0.1:8090"
ELSEWHERE = [
    "http://erp.example",
    "http://10.0.0.1\\@127.0.0.1/",
    "http://10.0.0.1\\\\@127.0.0.1/",
    "http:\\\\10.0.0.1\\@127.0.0.1/",
    "http://127.0.0.1@10.0.0.1/",
    "http://127.0.0.1:80@10.0.0.1/",
    "http://user:pass@127.0.0.1@10.0.0.1/",
    "http://127.0.0.1\t.erp.example/",
    "http://127.0.0.1\n.erp.example/",
    "http://127.0.0.1 .erp.example/",
    "http://127.0.0.1\x00.erp.example/",
    "\thttp://10.0.0.1/",
    "http://127.0.0.1\u3002erp.example/",
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://127.0.0.\u0661/",
    "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://0.0.0.0/",
    "http://127.0.0.1./",
    "http://localhost./",
    "http://localhost.erp.example/",
    "http://127.0.0.1%2eerp.example/",
    "http://127.0.0.1%00.erp.example/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::1%25eth0]/",
    "http://[::]/",
    "http:/10.0.0.1/",
    "http:10.0.0.1/",
    "http:///10.0.0.1/",
    "//10.0.0.1/",
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "HTTP://ERP.EXAMPLE/",
    "http://127.0.0.1:x/",
]
SYSTEMS = {f"{kind.upper()}_URL": HERE for kind in KINDS}
SETTINGS = [setting.variable(kind) for kind, each in CONNECTORS.items() for setting in each.settings]
ADDRESSES = [*SYSTEMS, *(name for name in SETTINGS if name.endswith("_URL"))]


def load(**variables: str) -> Settings:
    return Settings.load({"FLEET_HOME": "/nonexistent", **SYSTEMS, **variables})


@pytest.mark.parametrize("url", ELSEWHERE)
def test_no_address_is_http_to_another_machine(url: str) -> None:
    assert {"CLARITY_TOKEN_URL", "FUSION_TOKEN_URL"} <= set(ADDRESSES)
    for variable in [*ADDRESSES, "ODOO_SOME_OTHER_URL"]:
        with pytest.raises(Misconfigured, match=f"{variable} is (http:// to another machine|not an http)") as raised:
            load(**{variable: url})
        assert raised.value.hint
        assert variable in raised.value.hint
        assert url not in raised.value.reason + raised.value.hint


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8090/x", "http://localhost", "http://[::1]:80", "HTTP://LocalHost", "https://10.0.0.1"]
)
def test_https_and_this_machine_are_called(url: str) -> None:
    for variable in ADDRESSES:
        load(**{variable: url})


@pytest.mark.parametrize("scheme", sorted(HTTP_CHANNELS))
def test_no_channel_is_http_to_another_machine(scheme: str) -> None:
    load(FLEET_ALERT_URLS=f"{scheme}://127.0.0.1/x {scheme}s://hooks.example/x")
    for url in ("hooks.example/s3cret", "user:s3cret@hooks.example", "10.0.0.1\\@127.0.0.1/s3cret"):
        with pytest.raises(Misconfigured, match="FLEET_ALERT_URLS holds a .* is http:// to another machine") as raised:
            load(FLEET_ALERT_URLS=f"{scheme}://{url}")
        assert "s3cret" not in f"{raised.value.reason} {raised.value.hint}"


def test_every_channel_of_apprise_that_speaks_http_is_known() -> None:
    missing = {
        scheme
        for plugin in NotificationManager().plugins()
        if plugin.secure_protocol
        and any(hasattr(sys.modules[each.__module__], "requests") for each in plugin.mro()[:-1])
        for scheme in ([plugin.protocol] if isinstance(plugin.protocol, str) else plugin.protocol or ())
    }
    assert missing
    assert missing <= HTTP_CHANNELS


def test_credentials_are_no_part_of_where_a_system_is() -> None:
    settings = load(ODOO_URL="https://jane:s3%40cret@erp.example:8069/odoo/")
    odoo = settings.systems["odoo"]
    assert (odoo.url, odoo.options["url_login"]) == ("https://erp.example:8069/odoo", "jane:s3@cret")
    assert "s3" not in repr(settings)
    assert all("cret" not in value for name, value in odoo.options.items() if name != "url_login")
    assert load(ODOO_URL="https://erp.example:8069/odoo").systems["odoo"].url == odoo.url


@pytest.mark.parametrize("variable", [each for each in ADDRESSES if each != "ODOO_URL"])
def test_credentials_that_nobody_would_send_are_refused(variable: str) -> None:
    with pytest.raises(Misconfigured, match=f"{variable} holds a user name or a password") as raised:
        load(**{variable: "https://jane:s3cret@erp.example"})
    assert "s3cret" not in f"{raised.value.reason} {raised.value.hint}"


@pytest.mark.parametrize("url", ["https://erp.example?key=s3cret", "https://erp.example/#s3cret"])
def test_what_paths_cannot_be_put_behind_is_refused(url: str) -> None:
    for variable in SYSTEMS:
        with pytest.raises(Misconfigured, match=f"{variable} holds a query or a fragment"):
            load(**{variable: url})


@contextmanager
def listening() -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """A server that sends everybody elsewhere; it notes the path and the credentials of each call."""
    asked: list[tuple[str, str | None]] = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(302)
            self.send_header("Location", "http://erp.example/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@contextmanager
def gate(size: int = 1) -> Iterator[None]:
    yield


def test_no_redirect_is_followed() -> None:
    with listening() as (url, asked):
        with pytest.raises(Misconfigured, match="302, and not from the API"):
            Http(url, timeout=5, gate=gate).send(Request("GET", "/x", None, {}))
        assert asked == [("/x", None)]


def test_a_proxy_before_odoo_gets_the_credentials_of_the_url() -> None:
    with listening() as (url, asked):
        own = load(
            ODOO_URL=url.replace("://", "://jane:s3%40cret@"), ODOO_DB="db", ODOO_USERNAME="fleet", ODOO_API_KEY="key"
        )
        with pytest.raises(Misconfigured):
            Client(own.systems["odoo"], gate).call("res.users", "context_get")
        assert asked == [("/json/version", "Basic amFuZTpzM0BjcmV0"), ("/jsonrpc", "Basic amFuZTpzM0BjcmV0")]


@pytest.mark.parametrize(("name", "program"), [("receiver", "gunicorn"), ("flower", "python")])
def test_what_is_started_without_addresses_listens_on_this_machine_only(name: str, program: str) -> None:
    """As another runner of Procfiles may start it; the words of its command are printed instead of run."""
    (command,) = (each.command for each in read_procfile(PROJECT / "Procfile", {}) if each.name == name)
    printed = command.replace(program, r"printf '%s\n'", 1)
    words = subprocess.check_output(["/bin/sh", "-c", printed], env={"PATH": os.defpath}, text=True).splitlines()
    binds = load().binds
    if name == "receiver":
        assert [words[at + 1] for at, word in enumerate(words) if word == "--bind"] == [binds["receiver"], binds["ops"]]
    else:
        host, _, port = binds["flower"].partition(":")
        assert {f"--address={host}", f"--port={port}"} <= set(words)
