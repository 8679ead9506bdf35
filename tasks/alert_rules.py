"""The conditions: each of the things that can be wrong with the fleet, in words for a person, with what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import groupby

from redis import RedisError

from integration.alerts import FLEET, Condition
from integration.canonical.hints import with_variables_of
from integration.message import State
from integration.refusals import REFUSALS
from integration.store import alert_queries, jobs, views
from integration.store.database import Row, Transaction
from integration.store.ledger import Ledger
from tasks.runtime import Runtime

TOP = 5
STAYS = "5 minutes"
"""A job of which nothing was done for longer makes no progress."""
LEVELS = (50, 70, 90, 100)
LEAST_ALLOWED = 10
"""So many failures a day are allowed however few deliveries there are: one of three is no trend."""

Question = Callable[[Runtime, Transaction], Iterable[Condition]]


def redis(own: Runtime, tx: Transaction) -> Iterator[Condition]:  # noqa: ARG001
    """Redis does not answer."""
    try:
        own.redis.ping()
    except RedisError as error:
        says = (
            f"It does not answer ({type(error).__name__}).\n"
            "Webhooks are accepted and kept; nothing is carried, and nothing is polled, until it does."
        )
        fix = "See that the server at REDIS_URL runs and can be reached; everything goes on by itself then."
        yield Condition("redis", FLEET, 1, says, fix)


def watch(own: Runtime, tx: Transaction) -> Iterator[Condition]:  # noqa: ARG001
    """Nobody asks for the watch, though Redis would carry it: a dispatcher sees to it."""
    if since := alert_queries.overdue_watch(tx):
        says = "Since then nothing is polled, the ledger is not checked, and paused targets are not probed."
        fix = "`fleet logs beat worker-upkeep` says why; `fleet restart beat worker-upkeep` starts them anew."
        yield Condition("watch", FLEET, 1, says, fix, since)


def credentials(own: Runtime, tx: Transaction) -> Iterator[Condition]:
    """A target that does not accept our credentials: the fleet has paused it."""
    for row in alert_queries.paused(tx, own.targets, "fleet"):
        says = f"{row['reason']}\nNothing is sent there until that is fixed; deliveries that wait: {row['count']}."
        fix = f"{_sentence(row['hint'])}It is tried again each minute; `fleet targets ls` shows whether it answers."
        yield Condition("credentials", row["about"], row["count"], says, fix, row["since"])


def paused(own: Runtime, tx: Transaction) -> Iterator[Condition]:
    """A target that an operator has paused: a reminder for the operator, and for the others."""
    for row in alert_queries.paused(tx, own.targets, "operator"):
        says = f"By {row['who']}: {row['reason']}\nNothing is called there; deliveries that wait: {row['count']}."
        yield Condition("paused", row["about"], row["count"], says, row["hint"], row["since"])


def dying(own: Runtime, tx: Transaction) -> Iterator[Condition]:
    """A target that is paused because objects died there in a row."""
    for row in alert_queries.paused(tx, own.targets, "deaths"):
        says = (
            f"{row['reason']}\nNothing is called there until a person resumes it; deliveries that wait: {row['count']}."
        )
        yield Condition("dying", row["about"], row["count"], says, row["hint"], row["since"])


def breaker(own: Runtime, tx: Transaction) -> Iterator[Condition]:
    """A target that fails so often that it is left alone.  Raises `Throttled` without Redis."""
    waiting = views.open_by_target(tx)
    for name, throttle in own.throttles.items():
        if throttle.state().breaker != "closed":
            installation = own.installations[name]
            count = waiting.get(installation.id, 0)
            says = f"Too many calls failed: now and then one is made, to see.\nDeliveries that wait: {count}."
            fix = "See that the system is up and can be reached.  `fleet targets ls` shows when it is asked again."
            yield Condition("breaker", installation.name, count, says, fix)


def dead(own: Runtime, tx: Transaction) -> Iterator[Condition]:  # noqa: ARG001 - all are asked alike
    """Dead letters."""
    return _shelved(tx, State.DEAD)


def held(own: Runtime, tx: Transaction) -> Iterator[Condition]:  # noqa: ARG001
    """What a person has to decide."""
    return _shelved(tx, State.HELD)


def needs(own: Runtime, tx: Transaction) -> Iterator[Condition]:
    """Deliveries that have waited for another object for an hour."""
    for row in alert_queries.needing(tx, own.targets):
        what = "\n".join(dict.fromkeys(reason or "" for reason in row["reasons"]))
        says = f"Deliveries that have waited for more than an hour: {row['count']}.\n{what}\n{_first(row['first'])}"
        fix = "See the state of the object that is waited for: `fleet held ls`, `fleet dead ls`, `fleet messages ls`."
        yield Condition("needs", row["about"], row["count"], says, fix, row["since"])


def queue(own: Runtime, tx: Transaction) -> Iterator[Condition]:
    """A queue whose oldest delivery is due for too long."""
    for row in alert_queries.overdue(tx, own.targets, own.settings.alerts.queue_age):
        says = f"Deliveries that are due: {row['count']}; the oldest is waiting since the time above."
        fix = "`fleet targets ls` shows whether the target is slow; if not, start another worker for this queue."
        yield Condition("queue", row["about"], row["count"], says, fix, row["since"])


def job(own: Runtime, tx: Transaction) -> Iterator[Condition]:  # noqa: ARG001
    """A job that runs, and of which nothing was done for some minutes."""
    for row in jobs.staying(tx, STAYS):
        waits, sent = jobs.waiting(tx, row["id"]), jobs.sent(tx, row["id"])
        lines = [f"{each['count']} wait for {each['target']}{_paused(each)}" for each in waits]
        lines += [f"{each['count']} that it has sent are under way at {each['target']}{_paused(each)}" for each in sent]
        says = "\n".join([f"It is to {row['act']}, by {row['who']}.", *lines])
        if any(each["paused"] for each in (*waits, *sent)):
            look = "`fleet targets ls` shows what is paused: the job goes on by itself when that is resumed."
        else:
            look = "`fleet targets ls` shows whether the target takes anything, `fleet logs worker-upkeep` what fails."
        fix = f"{look}  `fleet jobs pause {row['id']}` or `cancel {row['id']}` if it is not to go on."
        count = sum(each["count"] for each in (*waits, *sent))
        yield Condition("job", f"job {row['id']}", count, says, fix, row["since"])


def polls(own: Runtime, tx: Transaction) -> Iterator[Condition]:
    """Streams that could not be read for some time, or not at all for want of a right."""
    rows = alert_queries.failing_polls(tx, own.targets)
    for about, each in groupby(rows, key=lambda row: row["about"]):
        streams = list(each)
        says = "\n".join(f"{row['stream']}, failed {row['count']} times: {row['reason']}" for row in streams)
        hint = next((row["hint"] for row in streams if row["hint"]), None)
        fix = f"{_sentence(hint)}`fleet poll {streams[0]['system']}` tries it now."
        count, since = sum(row["count"] for row in streams), min(row["since"] for row in streams)
        yield Condition("polls", about, count, says, fix, since)


def silence(own: Runtime, tx: Transaction) -> Iterator[Condition]:
    """A source of webhooks that is silent for longer than it ever is."""
    for row in alert_queries.silent(tx, own.targets):
        usual = timedelta(seconds=round(row["usual"]))
        says = f"Nothing has come since then; as a rule something comes within {usual} (hours:minutes:seconds)."
        fix = (
            "See in Clarity whether its webhook subscription is active and what its calls are answered; "
            "`fleet messages ls` shows what came last."
        )
        yield Condition("silence", row["about"], 1, says, fix, row["since"])


def flood(own: Runtime, tx: Transaction) -> Iterator[Condition]:
    """A source that brings far more messages than ever before, or the same objects again and again."""
    for row in alert_queries.flooding(tx, own.targets):
        if row["objects"]:
            says = f"The same {row['objects']} objects came {row['count']} times within ten minutes."
        else:
            says = f"Messages of the last hour: {row['count']}; the busiest day before brought {row['usual']}."
        fix = (
            "See what comes: `fleet messages ls`.  If somebody imports or corrects many records there, it ends by "
            "itself; if not, `fleet targets pause` stops the polls until the cause is found."
        )
        yield Condition("flood", row["about"], row["count"], says, fix, row["since"])


def refused(own: Runtime, tx: Transaction) -> Iterator[Condition]:
    """Webhooks that are refused, so many that they may be Clarity's, or an attack."""
    for about, each in groupby(alert_queries.refused(tx), key=lambda row: row["about"]):
        reasons = list(each)
        newest = REFUSALS[reasons[0]["reason"]]
        by_status: Counter[int] = Counter()
        for row in reasons:
            by_status[REFUSALS[row["reason"]].status] += row["count"]
        says = [
            *(
                f"Webhooks that were answered with {status} in the last hour: {by_status[status]}."
                for status in by_status
            ),
            f"The newest came at {reasons[0]['newest']:%H:%M} UTC: {newest.because}.",
        ]
        since = min(row["since"] for row in reasons)
        system = next((name for name, source in own.installations.items() if source.name == about), "")
        fix = with_variables_of(own.settings.systems.get(system), newest.fix)
        fix = f"{fix}  `fleet messages refused` lists every reason."
        yield Condition("refused", about, by_status.total(), "\n".join(says), fix, since)


def rejected(own: Runtime, tx: Transaction) -> Iterator[Condition]:  # noqa: ARG001
    """Webhooks of the last hour that were signed correctly and could not be read."""
    for row in alert_queries.rejected(tx):
        says = "\n".join((f"Webhooks of the last hour: {row['count']}.", *row["reasons"]))
        fix = "They were answered with 400 and are kept for seven days: see what Clarity sends."
        yield Condition("rejected", row["about"], row["count"], says, fix, row["since"])


def conflict(own: Runtime, tx: Transaction) -> Iterator[Condition]:  # noqa: ARG001
    """Events of the last hour that came again with another body: somebody's defect, or an attack."""
    for row in alert_queries.conflicting(tx):
        says = f"Events of the last hour: {row['count']}; what came first counts.\n{_first(row['first'])}"
        fix = f"Ask Clarity's operator which is right: `fleet messages show {row['first'][0]}`."
        yield Condition("conflict", row["about"], row["count"], says, fix, row["since"])


def budget(own: Runtime, tx: Transaction) -> Iterator[Condition]:
    """More of a day's deliveries ended dead or held than half of what is allowed."""
    allowed = own.settings.alerts.budget
    for row in alert_queries.ended(tx, own.targets):
        used = 100 * row["failed"] / max(row["ended"] * allowed / 100, LEAST_ALLOWED)
        if level := max((each for each in LEVELS if each <= used), default=0):
            says = (
                f"{level} % is used up: {row['failed']} of the {row['ended']} deliveries that ended in the last "
                f"24 hours are dead or held; {allowed:g} % may be (or {LEAST_ALLOWED}, if that is more)."
            )
            fix = "What fails alike has one cause: `fleet dead ls`, `fleet held ls`."
            yield Condition("budget", row["about"], row["failed"], says, fix, row["since"], level)


def of_ledger(balance: Ledger) -> list[Condition]:
    """The ledger's alarm as a condition; empty when it is balanced."""
    if balance.balanced:
        return []
    lines = [f"{each.rule}: {each.count} {_first(each.sample) if each.sample else ''}" for each in balance.imbalances]
    fix = (
        "`fleet ledger` adds it up again.  If it stays: look in the logs of this time, and at who changed the database."
    )
    return [Condition("ledger", FLEET, len(balance.imbalances), "\n".join(lines), fix)]


QUESTIONS: Mapping[str, Question] = {
    question.__name__: question
    for question in (
        *(redis, watch, credentials, paused, dying, breaker, dead, held, needs, queue, job, polls),
        *(silence, flood, refused, rejected, conflict, budget),
    )
}
"""What the watch asks, by the kind of condition; the ledger is asked each minute by its own task."""


def _shelved(tx: Transaction, state: State) -> Iterator[Condition]:
    rows = sorted(alert_queries.shelved(tx, state.value), key=lambda row: str(row["about"]))  # stable: the most first
    for about, each in groupby(rows, key=lambda row: row["about"]):
        groups = list(each)
        first = sorted(id for row in groups for id in row["first"])[:TOP]
        count = sum(row["count"] for row in groups)
        more = [f"and {len(groups) - TOP} more kinds"] if len(groups) > TOP else []
        says = "\n".join([f"Deliveries: {count}", *map(_group, groups[:TOP]), *more, _first(first)])
        fix = (
            f"{_sentence(groups[0]['hint'])}`fleet {state.value} show {first[0]}` shows one, "
            f"`fleet {state.value} ls` all."
        )
        yield Condition(state.value, about, count, says, fix, min(row["since"] for row in groups))


def _group(row: Row) -> str:
    return f"{row['count']} × {row['fingerprint'] or '-'}: {row['reason'] or 'no reason was given'}"


def _paused(row: Row) -> str:
    return f", which is paused: {row['paused']}" if row["paused"] else ""


def _first(ids: Sequence[int]) -> str:
    return f"first ids: {', '.join(map(str, ids))}"


def _sentence(hint: str | None) -> str:
    return f"{hint.rstrip('. ')}.  " if hint else ""
