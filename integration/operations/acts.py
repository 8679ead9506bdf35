"""Acts: what a job does about a slice of its deliveries, in one transaction; each item has a result.

An item whose delivery has changed since it was frozen is skipped, with the reason.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from integration.canonical import ACCEPTABLE, thaw
from integration.message import State, Step
from integration.operations.corrections import Correctable
from integration.operations.editing import corrected
from integration.rules.in_force import InForce
from integration.store import decisions, deliveries, repair
from integration.store.database import Row, Transaction
from integration.store.jobs import Result, applied, taken_effect
from integration.store.repair import Restart
from integration.vault import Vault

APPLIED, SKIPPED, FAILED = "applied", "skipped", "failed"
AGAIN = (State.READY, State.QUEUED, State.WAITING, State.HELD, State.DEAD)
"""In which a delivery is that has not passed the check for which it was held."""
NEVER_ROUTED = "no workflow took it"
NEVER_TRANSLATED = "it was never translated: it can start only with transform"


@dataclass(frozen=True)
class Means:
    """What a slice goes by: the definitions in force, how many deliveries each target has ``room`` for, and the vault.

    A target that is not among them is not configured.
    """

    known: InForce
    room: Mapping[int, int]
    vault: Vault


Act = Callable[[Transaction, Row, Sequence[Row], Means], list[Result]]


def changed(item: Row, *, follows: bool = True) -> str | None:
    """How a delivery differs from what was frozen of it; None where it does not.

    Nor does one in whose row a newer event, such as an echo of ours, waits for the very same reason: an act that
    ``follows`` is about that one now.
    """
    now = item["now"]
    if now is None:
        return "it is not kept any more"
    if now["version"] != item["version"]:
        alike = all(now[name] == item[name] for name in ("state", "code", "reason"))
        return None if follows and alike else "a newer event of the object has taken its place"
    if now["state"] != item["state"]:
        return f"it is {now['state']} now"
    if (now["round"], now["finished_at"]) != (item["round"], item["finished_at"]):
        return "it was corrected or sent again meanwhile"
    return None


def replay(tx: Transaction, job: Row, items: Sequence[Row], means: Means) -> list[Result]:
    """Sends deliveries again, each translated by the version in force for its object unless they keep their own."""
    step, pinned = job["options"].get("step"), job["options"].get("pinned")
    known = means.known

    def wrong(item: Row) -> str | None:
        return _not_configured(item, means) or (None if pinned else _not_in_force(item, known))

    results, good = _sorted(items, wrong)
    again: dict[int, int] = {}
    for published in filter(None, (known.whole, known.canary)):
        ids = [item["delivery"] for item in good if known.of(item["now"]["object_id"]) is published]
        begins = Step(step) if step else None
        restart = Restart(begins) if pinned else Restart.by(published, begins)
        again |= repair.replay(tx, ids, restart, job["who"])
    return results + [_sent(item, again) for item in good]


def approve(tx: Transaction, job: Row, items: Sequence[Row], means: Means) -> list[Result]:
    """Lets held deliveries go as they are, and has that decision last for their objects."""
    results, good = _sorted(items, lambda item: _not_configured(item, means) or _not_acceptable(item))
    ids = [item["delivery"] for item in good]
    made = decisions.approve(tx, ids, job["who"], why=job["options"].get("why"))
    again = repair.replay(tx, ids, Restart(goes_on=True), job["who"])
    return results + [_sent(item, again, made.get(item["delivery"])) for item in good]


def correct(tx: Transaction, job: Row, items: Sequence[Row], means: Means) -> list[Result]:
    """Corrects the events of held and dead deliveries; sends what waits of their objects again if the job says so."""
    settings = thaw(means.vault.open(base64.b64decode(job["options"]["sealed"])))
    results, good = _sorted(items, lambda item: _not_configured(item, means) or _not_in_force(item, means.known))
    return results + [_corrected(tx, job, item, settings, means) for item in good]


def resolve(tx: Transaction, job: Row, items: Sequence[Row], means: Means) -> list[Result]:  # noqa: ARG001
    """Closes held and dead deliveries as settled by a person."""
    results, good = _sorted(items, follows=False)
    repair.resolve(tx, [item["delivery"] for item in good], job["options"]["reason"], job["who"])
    return results + [Result(item["delivery"], APPLIED) for item in good]


def undo(tx: Transaction, job: Row, items: Sequence[Row], means: Means) -> list[Result]:  # noqa: ARG001
    """Takes back what another job has applied, where nothing has come of it yet."""
    gone = [Result(item["delivery"], SKIPPED, "it is not kept any more") for item in items if item["now"] is None]
    there = [item for item in items if item["now"]]
    return gone + UNDOES[job["undone"]](tx, job, there)


def _corrected(tx: Transaction, job: Row, item: Row, settings: Sequence[str], means: Means) -> Result:
    """Of an object with several deliveries the first one corrects all."""
    id, who = item["delivery"], job["who"]
    delivery = deliveries.look(tx, id)
    assert delivery
    if delivery.round != item["now"]["round"]:
        return Result(id, SKIPPED, "it was corrected with another delivery of its object")
    was = Correctable.of(delivery, means.vault, event=True)
    document = corrected(was.document, settings)
    if document == was.document:
        return Result(id, SKIPPED, "it has that value already")
    made = was.store_in_event(tx, means.vault, document, who, job["options"].get("why"))
    again: Mapping[int, int] = {}
    if job["options"].get("replay"):
        published = means.known.of(item["now"]["object_id"])
        again = repair.replay(tx, decisions.also_waiting(tx, id), Restart.by(published), who)
    return Result(id, APPLIED, again=again.get(id), decision=made[0])


def _revoke(tx: Transaction, job: Row, items: Sequence[Row]) -> list[Result]:
    """Revokes what was approved or corrected, where the delivery has not gone on since."""
    done = applied(tx, job["undoes"], [item["delivery"] for item in items])
    effective = taken_effect(tx, job["undoes"], list(done))
    results, open_ones = [], {}
    for item in items:
        id, now = item["delivery"], item["now"]
        passed = job["undone"] == "approve" and now["step"] != done[id]["step"]
        if id in effective or now["state"] not in AGAIN or passed:
            remark = f"it has gone on: {now['step']} {now['state']}; `fleet decisions revoke {done[id]['decision']}`"
            results.append(Result(id, SKIPPED, f"{remark} is for its later versions only"))
        else:
            open_ones[id] = done[id]["decision"]
    revoked = set(decisions.revoke(tx, decisions.made_with(tx, list(open_ones.values())), job["who"]))
    return results + [
        Result(id, APPLIED) if decision in revoked else Result(id, SKIPPED, f"decision {decision} is not in force")
        for id, decision in open_ones.items()
    ]


def _reopen(tx: Transaction, job: Row, items: Sequence[Row]) -> list[Result]:
    """Gives back what was resolved, where nothing came after that."""
    rows = repair.reopen(tx, [item["delivery"] for item in items], job["undoes"], job["who"])
    return [
        Result(row["id"], APPLIED) if row["reopened"] else Result(row["id"], SKIPPED, _why_not(row)) for row in rows
    ]


def _why_not(row: Row) -> str:
    if row["again"]:
        return f"it was sent again as {row['again']}"
    return f"{row['newer']} is newer" if row["newer"] else "it has changed since it was resolved"


def _sorted(
    items: Sequence[Row], wrong: Callable[[Row], str | None] = lambda _: None, *, follows: bool = True
) -> tuple[list[Result], list[Row]]:
    """The results of what cannot be done, and the rest."""
    results, good = [], []
    for item in items:
        if remark := changed(item, follows=follows):
            results.append(Result(item["delivery"], SKIPPED, remark))
        elif remark := wrong(item):
            results.append(Result(item["delivery"], FAILED, remark))
        else:
            good.append(item)
    return results, good


def _sent(item: Row, again: Mapping[int, int], decision: int | None = None) -> Result:
    id = item["delivery"]
    if id in again:
        return Result(id, APPLIED, again=again[id], decision=decision)
    return Result(id, FAILED, NEVER_ROUTED if item["now"]["workflow"] is None else NEVER_TRANSLATED)


def _not_configured(item: Row, means: Means) -> str | None:
    """What no workflow took has no target; that is said when it cannot be sent."""
    return "its target is not configured" if item["target"] and item["target"] not in means.room else None


def _not_in_force(item: Row, known: InForce) -> str | None:
    workflow = item["now"]["workflow"]
    gone = workflow is not None and workflow not in known.of(item["now"]["object_id"]).pins
    return f"{workflow} is not among the workflows in force" if gone else None


def _not_acceptable(item: Row) -> str | None:
    return None if item["code"] in ACCEPTABLE else f"what is held as {item['code']} cannot go as it is"


UNDOES: Mapping[str, Callable[[Transaction, Row, Sequence[Row]], list[Result]]] = {
    "approve": _revoke,
    "correct": _revoke,
    "resolve": _reopen,
}
"""By the act of the job that is undone."""
ACTS: Mapping[str, Act] = {
    "replay": replay,
    "approve": approve,
    "correct": correct,
    "resolve": resolve,
    "undo": undo,
}
SENDS = frozenset({"replay", "approve", "correct"})
"""What these do goes to a target, so they are paced by its limit."""
