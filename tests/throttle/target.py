"""One target, what calls of it come to, and what else may happen to it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from redis import Redis

from integration.errors import Retry
from integration.throttle import Throttle

SICK = Retry("no answer", counts_for_breaker=True)
BUSY = Retry("write conflict")


def fast(redis: Redis, **changes: object) -> Throttle:
    """A target whose rate and slots block nobody."""
    return Throttle(redis, "odoo-1", **{"rate": 100_000.0, "concurrency": 1000, **changes})


def call(throttle: Throttle, outcome: Exception | None = None) -> tuple[bool, float | None]:
    """One hop with one call; what it says of the attempt and of the streak."""
    with throttle.admit() as hop:
        if outcome is None:
            with hop.call():
                pass
        else:
            with pytest.raises(type(outcome)), hop.call():
                raise outcome
        return hop.spends_attempt, hop.opened_after


HOLDER = """
import sys, time
from redis import Redis
from integration.throttle import Throttle
with Throttle(Redis.from_url(sys.argv[1]), "odoo-1", 100_000.0, 1, lease=0.6).admit():
    print("inside", flush=True)
    time.sleep(60)
"""


def die_inside(url: str) -> None:
    """A process that is killed while it holds a slot of a target that has one, with a lease of 0.6 s."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "inside\n"
    holder.kill()
    holder.communicate()


def rewind(redis: Redis, field: str, seconds: float) -> None:
    """Lets time pass for one field of the state."""
    key = "throttle:{odoo-1}"
    redis.hset(key, field, str(float(redis.hget(key, field) or 0) - seconds * 1000))
