"""The watch: what beat asks for every few seconds.  It finds what is wrong, and notifies people.

One watches at a time in the whole fleet.  A watch may run twice, late or never without harm: the next one sees what is
still wrong, and what could not be sent is tried again.  If beat does not ask for it, a dispatcher runs it.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import psycopg2.errors
import structlog

from integration.alerts import POSTGRES_AWAY, POSTGRES_BACK, Condition, Notice, joined, notice_of
from integration.channels import Channel
from integration.errors import Throttled
from integration.store import alerts, installations
from integration.store.database import UNAVAILABLE, Transaction
from tasks.alert_rules import QUESTIONS, Question
from tasks.celery import WATCH_TICK, app
from tasks.runtime import Runtime, current

logger = structlog.get_logger(__name__)

PATIENCE = "5s"
"""No question may keep Postgres busy for longer."""
AWAY_FOR = 30.0
"""Seconds that Postgres may be away before it is reported: a restart is not reported."""


@app.task(name="watch")
def watch() -> None:
    """Looks once, unless somebody else is at it."""
    runtime = current()
    try:
        with runtime.database.statement() as tx:
            alerts.heartbeat(tx)
            with alerts.exclusive(tx) as ours:
                if ours:
                    Watch(runtime).round()
    except UNAVAILABLE as error:
        logger.error("watch.failed", error=type(error).__name__)


class Watch:
    """One look at everything.  The caller of `round` holds `alerts.exclusive`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def round(self) -> None:
        """Brings the alerts up to date, writes the notice of what is to be reported, and sends what is unsent."""
        self._observe()
        channels = {self._key(url): Channel(url) for url in self._runtime.settings.alerts.urls}
        if channels:
            self._notify(list(channels))
        for key, channel in channels.items():
            self._send(key, channel)

    def _observe(self) -> None:
        found: list[Condition] = []
        asked: list[str] = []
        ahead = iter(QUESTIONS.items())
        while self._ask(ahead, asked, found):
            pass
        with self._runtime.database.transaction() as tx:
            raised, over = alerts.observe(tx, asked, found)
        for row in raised:
            logger.error("alert.raised", alert=row["kind"], about=row["about"], count=row["count"], says=row["says"])
        for row in over:
            logger.info("alert.resolved", alert=row["kind"], about=row["about"])

    def _ask(self, ahead: Iterator[tuple[str, Question]], asked: list[str], found: list[Condition]) -> bool:
        """Asks what is ahead in one transaction, until one question takes too long: it ends that; True when one did."""
        kind = ""
        try:
            with self._runtime.database.transaction(durable=False) as tx:
                tx.run(f"set local statement_timeout = '{PATIENCE}'")
                tx.plan_anew()
                for kind, question in ahead:
                    try:
                        found += list(question(self._runtime, tx))
                        asked.append(kind)
                    except Throttled as error:
                        self._leave_unknown(kind, error)
        except psycopg2.errors.QueryCanceled as error:
            self._leave_unknown(kind, error)
            return True
        return False

    def _leave_unknown(self, kind: str, error: Exception) -> None:
        logger.warning("watch.condition_unknown", condition=kind, error=type(error).__name__)

    def _notify(self, channels: Sequence[str]) -> None:
        with self._runtime.database.transaction() as tx:
            news = alerts.unreported(tx, self._runtime.settings.alerts.repeat)
            if news:
                alerts.report(tx, news, notice_of(news, _places(tx)), channels)

    def _send(self, key: str, channel: Channel) -> None:
        """Sends what the channel has not taken yet, as one message."""
        with self._runtime.database.statement() as tx:
            waiting = alerts.unsent(tx, key)
        if not waiting:
            return
        reason = channel.send(joined([each.notice for each in waiting]))
        with self._runtime.database.transaction() as tx:
            if reason is None:
                alerts.taken(tx, waiting)
                return
            after = alerts.refused(tx, waiting, reason)
        logger.error("notice.not_sent", channel=channel.name, notices=len(waiting), reason=reason, again_in=after)

    def _key(self, url: str) -> str:
        """Under which a channel's notices are kept: its name, and what distinguishes it from others of that name."""
        return f"{Channel(url).name} {hmac.new(self._runtime.match_secret, url.encode(), 'sha256').hexdigest()[:12]}"


class StandIn:
    """A dispatcher's thread that watches when the heartbeat is overdue: Redis, beat or worker-upkeep may be down.

    While Postgres itself is away nothing can be watched, and each dispatcher reports that for itself: to each
    channel once, and once when it is over.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._heard_at = time.monotonic()
        self._sent_to = {Channel(url): POSTGRES_BACK for url in runtime.settings.alerts.urls}
        self._again_at = 0.0
        self._connected = False

    def run(self, stop: threading.Event) -> None:
        """Looks every few seconds until it is stopped."""
        while not stop.wait(WATCH_TICK):
            try:
                self.look()
            except Exception as error:  # the thread must live
                logger.error("watch.failed", error=type(error).__name__)

    def look(self) -> None:
        """Watches once if no other process does; one that has just reached Postgres gives the others time for it."""
        try:
            with self._runtime.database.statement() as tx, alerts.exclusive(tx) as ours:
                self._heard_at = time.monotonic()
                if not self._connected:
                    alerts.heartbeat(tx)
                elif ours and not alerts.has_heartbeat(tx):
                    Watch(self._runtime).round()
                self._connected = True
        except UNAVAILABLE:
            self._connected = False
            if time.monotonic() - self._heard_at > AWAY_FOR:
                self._notify(POSTGRES_AWAY)
        else:
            self._notify(POSTGRES_BACK)

    def _notify(self, notice: Notice) -> None:
        """Sends it to the channels that did not get it last; what one does not take is sent again after a pause."""
        if time.monotonic() < self._again_at:
            return
        for channel in [channel for channel, sent in self._sent_to.items() if sent is not notice]:
            if reason := channel.send(notice):
                self._again_at = time.monotonic() + AWAY_FOR
                logger.error("notice.not_sent", channel=channel.name, reason=reason)
            else:
                self._sent_to[channel] = notice


def _places(tx: Transaction) -> dict[str, str]:
    """The host of each installation by its name."""
    return {row["name"]: urlsplit(row["url"]).netloc.rpartition("@")[2] for row in installations.all_installations(tx)}
