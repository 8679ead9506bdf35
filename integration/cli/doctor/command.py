"""``fleet doctor``: checks everything that orders need, before they need it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from email.utils import parsedate_to_datetime

import click
import psycopg2
import redis
import requests
from rich.text import Text

from integration import connectors, logs
from integration.canonical.hints import plain, with_variables_of
from integration.cli.doctor import fleet_checks as own_parts
from integration.cli.doctor.round_trip import findings as a_round_trip
from integration.connectors.contract import Finding, Gate, Verdict
from integration.errors import Failure, Misconfigured, Throttled
from integration.settings import Settings, System
from integration.store import installations
from integration.store.database import Database
from integration.systems import variable
from integration.terminal.listing import show_rows
from integration.terminal.option_types import SystemName
from integration.terminal.render import console, json_option, visible
from integration.throttle import Throttle

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}
PATIENCE = 20.0
"""Seconds to wait for a place at a target that is busy."""
REACH_SECONDS = 10.0
CLOCK_WARNING, CLOCK_ERROR = 60.0, 300.0
"""Seconds; webhooks and tokens of somebody whose clock is five minutes off are refused."""

Findings = Iterator[tuple[str, Finding]]


@click.command()
@click.argument("systems", nargs=-1, type=SystemName(), metavar="[SYSTEM]...")
@click.option("--round-trip", is_flag=True, help="Also send one order through a fleet of sandboxes, and time it.")
@json_option
@click.pass_context
def doctor(ctx: click.Context, systems: tuple[str, ...], round_trip: bool, as_json: bool) -> None:
    """Check everything that orders need: addresses, credentials, rights, fields, settings, stores.

    Each finding names its fix.  With SYSTEM, checks only these systems.  Changes nothing at any system; sends a running
    fleet one webhook.test, which it stores and skips.  Exit code 1 when there is an error; a warning says which orders
    will be held.

    \b
    Examples:
      fleet doctor
      fleet doctor odoo
      fleet doctor --round-trip --json
    """
    logs.configure("doctor", level="ERROR")
    settings = Settings.load()
    if absent := [name for name in systems if name not in settings.systems]:
        names = ", ".join(settings.systems) or "none"
        raise Failure(f"{', '.join(absent)} is not configured", hint=f"Systems that are: {names}.")
    found: list[tuple[str, Finding]] = []
    for group, finding in _findings(settings, systems, round_trip):
        if not as_json:
            _show(group, finding, first=not found or found[-1][0] != group)
        found.append((group, finding))
    counts = Counter(finding.verdict for _, finding in found)
    if as_json:
        show_rows([{"group": group, **finding.__dict__} for group, finding in found])
    else:
        console.print(f"\n{_number(counts['error'], 'error')}, {_number(counts['warning'], 'warning')}", style="bold")
    ctx.exit(1 if counts["error"] else 0)


def _findings(settings: Settings, systems: tuple[str, ...], round_trip: bool) -> Findings:
    if not systems:
        yield from (("fleet", finding) for finding in own_parts.findings(settings))
    for name in systems or settings.systems:
        system = settings.systems[name]
        yield from ((name, _named_as_set(system, finding)) for finding in _examined(settings, system))
    if round_trip:
        yield from (("round trip", finding) for finding in a_round_trip(settings))


def _named_as_set(system: System, finding: Finding) -> Finding:
    """The finding with the system's variables under its own name."""
    fix = finding.fix and with_variables_of(system, finding.fix)
    return replace(finding, says=with_variables_of(system, finding.says), fix=fix)


def _examined(settings: Settings, system: System) -> Iterator[Finding]:
    """All findings about a system; stops early where the next check is impossible."""
    if missing := connectors.missing(system):
        yield Finding("settings", "error", f"{', '.join(missing)} not set", "Set it, and run `fleet restart`.")
        return
    try:
        with _admitted(settings, system) as gate:
            reached = yield from _reached(system, gate)
            if reached:
                yield from connectors.connect(system, gate).examine()
    except Misconfigured as failure:
        yield Finding("credentials", "error", failure.reason, plain(failure.hint))
    except Throttled as failure:
        fix = "Try again a little later; `fleet targets ls` shows why, and `fleet targets resume` ends a pause."
        yield Finding("calls", "warning", f"not looked at: {failure.reason}", fix)
    except Failure as failure:
        fix = f"See whether it is well and {variable(system.name, 'url')} is right, then try again."
        yield Finding("calls", "error", failure.reason, plain(failure.hint) or fix)
    except Exception as error:  # anything may answer at a wrong address
        fix = f"Check {variable(system.name, 'url')}; if it is right, please report this."
        yield Finding("calls", "error", f"the answers are not understood ({type(error).__name__})", fix)


@contextmanager
def _admitted(settings: Settings, system: System) -> Iterator[Gate]:
    """A place at the target among the fleet's calls; raises `Throttled` when there is none for a while.

    Where Postgres or Redis is away the fleet makes no calls: ours then keep the rate by themselves.
    """
    throttle = _throttle(settings, system)
    if throttle is None:
        yield _paced(system.rate)
        return
    with ExitStack() as stack:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                admission = stack.enter_context(throttle.admit())
                break
            except Throttled as refused:
                if time.monotonic() + refused.after > deadline:
                    raise
                time.sleep(refused.after)
        yield admission.call


def _throttle(settings: Settings, system: System) -> Throttle | None:
    """The target's throttle, if it is one that the fleet knows and the stores answer."""
    if not settings.database_url or not settings.redis_url:
        return None
    database = Database(settings.database_url, connections=1)
    identity = (system.kind, system.url, system.database)
    try:
        with database.transaction() as tx:
            known = installations.all_installations(tx)
    except psycopg2.Error:
        return None
    finally:
        database.close()
    name = next((row["name"] for row in known if (row["kind"], row["url"], row["database"]) == identity), None)
    client = redis.Redis.from_url(settings.redis_url, socket_timeout=5, socket_connect_timeout=2, retry=None)
    throttle = Throttle(client, name or "", system.rate, system.concurrency)
    try:
        throttle.state()
    except Throttled:
        return None
    return throttle if name else None


def _paced(rate: float) -> Gate:
    @contextmanager
    def gate(size: int = 1) -> Iterator[None]:  # noqa: ARG001 - it looks at one thing at a time
        time.sleep(1 / rate)
        yield

    return gate


def _reached(system: System, gate: Gate) -> Generator[Finding, None, bool]:
    """Whether anything answers at the address, and how far its clock is off ours."""
    began = time.time()
    try:
        with gate(), _ask(system.url) as answer:
            date, now = answer.headers.get("Date"), (began + time.time()) / 2
    except requests.RequestException as error:
        says, fix = _unreachable(error)
        yield Finding("address", "error", f"{says}: nothing can be sent", f"{fix} ({variable(system.name, 'url')})")
        return False
    yield Finding("address", "ok", "something answers there")
    try:
        off = parsedate_to_datetime(date).timestamp() - now if date else 0.0
    except ValueError:
        off = 0.0
    yield _clock(off)
    return True


def _ask(url: str) -> requests.Response:
    """Any answer will do; its body is not read."""
    return requests.get(
        url, timeout=REACH_SECONDS, allow_redirects=False, stream=True, auth=lambda unchanged: unchanged
    )


def _unreachable(error: requests.RequestException) -> tuple[str, str]:
    """What happened, and what to do; never the texts of urllib3, which name whole URLs."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "its certificate is not trusted here", "Have it signed by a known authority, or set REQUESTS_CA_BUNDLE"
    if isinstance(error, requests.exceptions.SSLError):
        return "it does not speak TLS", "See whether host and port are those of https"
    if isinstance(error, requests.Timeout):
        return f"no answer within {REACH_SECONDS:.0f} s", "See whether a firewall lies in between"
    if "NameResolutionError" in str(error):
        return "the name of its host is not known", "Correct the host's name"
    return "no connection", "See whether it runs, and that host and port are right"


def _clock(off: float) -> Finding:
    if abs(off) <= CLOCK_WARNING:
        return Finding("clock", "ok", f"agrees with ours to {abs(off) + 1:.0f} s")
    verdict: Verdict = "error" if abs(off) > CLOCK_ERROR else "warning"
    side = "ahead of" if off > 0 else "behind"
    says = f"is {abs(off):.0f} s {side} ours: from {CLOCK_ERROR:.0f} s on webhooks and tokens are refused"
    return Finding("clock", verdict, says, "Let both machines set their clocks by NTP (timedatectl set-ntp true).")


def _show(group: str, finding: Finding, *, first: bool) -> None:
    if first:
        console.print(Text(group, style="bold"))
    mark, colour = MARKS[finding.verdict]
    console.print(Text.assemble((f"  {mark} ", colour), f"{finding.about}: {visible(finding.says)}"), soft_wrap=True)
    if finding.fix:
        console.print(Text(f"    fix: {visible(finding.fix)}", style="dim"), soft_wrap=True)


def _number(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"
