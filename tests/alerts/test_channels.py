"""Channels: any service of Apprise, named in public without its secrets."""

from __future__ import annotations

import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from integration.alerts import TEST, Alert, Notice, joined, notice_of
from integration.channels import UNKNOWN, Channel
from tests.alerts.inbox import Hook

TOKENS = "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (f"slack://{TOKENS}/#ops", "slack://***"),
        (f"https://hooks.slack.com/services/{TOKENS}", "https://***"),
        ("jsons://user:pa55word@hooks.example:8443/token?x=1", "jsons://hooks.example"),
        ("mailtos://anna:pa55word@mail.example?to=ops@shop.example", "mailtos://mail.example"),
        ("workflows://prod.azure.example/workflow/signature", "workflows://***"),
        ("pa55word", "***://***"),
        ("json://[", "json://***"),
    ],
)
def test_the_name_holds_no_secret(url: str, name: str) -> None:
    assert Channel(url).name == name
    assert url not in repr(Channel(url))


def test_a_webhook_gets_title_text_and_kind(hook: Hook) -> None:
    assert Channel(hook.url).send(Notice("title", "first line\n\nsecond <b> & line", False)) is None
    (taken,) = hook.notices
    assert (taken["title"], taken["message"], taken["type"]) == ("title", "first line\n\nsecond <b> & line", "failure")


@pytest.mark.parametrize("url", ["", "pa55word", "nonsense://x", "slack://too/short", "json://"])
def test_what_apprise_does_not_know(url: str) -> None:
    assert Channel(url).send(TEST) == UNKNOWN


def test_what_went_wrong_is_said_without_the_secrets(hook: Hook) -> None:
    hook.status = 401
    said = Channel(hook.url).send(TEST)
    assert said and "401" in said
    hook.close()
    said = Channel(hook.url).send(TEST)
    assert said and "onnection error" in said


def test_a_service_that_names_its_secret_in_its_log(hook: Hook) -> None:
    """Who knows the topic of ntfy may read it; its warnings name it."""
    hook.status = 404
    program = """
import sys
from integration import logs
from integration.alerts import TEST
from integration.channels import Channel
logs.configure("test")
print(Channel(sys.argv[1]).send(TEST))
"""
    url = f"ntfy://127.0.0.1:{hook.port}/topic-nobody-knows"
    ended = subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, check=True)
    assert "Failed to send ntfy notification to topic '***'" in ended.stdout
    assert "topic-nobody-knows" not in ended.stdout + ended.stderr


class Postbox(socketserver.StreamRequestHandler):
    """As much of SMTP as it takes to be given a mail."""

    def handle(self) -> None:
        self.say(220)
        while line := self.rfile.readline():
            verb = line.split()[0].upper()
            if verb == b"DATA":
                self.say(354)
                mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append(mail.decode())  # type: ignore[attr-defined]
            self.say(250)

    def say(self, code: int) -> None:
        self.wfile.write(f"{code} ok\r\n".encode())


@pytest.fixture
def mails() -> Iterator[tuple[int, list[str]]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Postbox) as server:
        server.mails = []  # type: ignore[attr-defined]
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1], server.mails  # type: ignore[attr-defined]
        server.shutdown()


def test_a_mail(mails: tuple[int, list[str]]) -> None:
    port, taken = mails
    url = f"mailto://127.0.0.1:{port}?from=fleet@shop.example&to=ops@shop.example&mode=insecure"
    assert Channel(url).send(Notice("clarity-fleet: test", "a first line\na second", True)) is None
    (mail,) = taken
    assert "Subject: clarity-fleet: test" in mail
    assert "To: ops@shop.example" in mail


def test_a_title_stays_short_and_lines_too() -> None:
    at = datetime(2026, 11, 21, 10, 2, tzinfo=UTC)
    alerts = [Alert(n, "dead", f"odoo-{n}", 5, "x" * 5000, "Do it.", at, None) for n in range(40)]
    notice = notice_of(alerts, {})
    assert notice.title.startswith("clarity-fleet: 40 alerts - dead letters: odoo-0 (5); dead letters: odoo-1 (5)")
    assert len(notice.title) <= 120
    assert max(map(len, notice.body.splitlines())) <= 300


def test_notices_that_gathered_are_one_and_bad_news_stay_bad() -> None:
    good, bad = Notice("good", "it is over", True), Notice("bad", "it broke", False)
    assert joined([good]) is good
    assert joined([bad, good]) == Notice("clarity-fleet: 2 notices", "bad\n\nit broke\n\ngood\n\nit is over", False)
