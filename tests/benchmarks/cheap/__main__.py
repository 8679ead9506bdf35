"""``python -m tests.benchmarks.cheap PORT``: one process that plays Odoo, Clarity and Fusion and counts its calls."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import Counter

from tests.benchmarks.cheap.clarity import Clarity
from tests.benchmarks.cheap.fusion import Fusion
from tests.benchmarks.cheap.odoo import NoSuchMethod, Odoo
from tests.benchmarks.cheap.wire import Answer, Call, Connection

TOKENS = ("/oauth/token", "/oauth2/v1/token")
POLLS = re.compile(rb'"write_date"|LastUpdateDate')


class Targets:
    """The three systems.  ``GET /_cheap`` shows what was called and what took effect; ``POST /_cheap`` sets by how many
    milliseconds each system's answers are late."""

    def __init__(self) -> None:
        self._odoo, self._clarity, self._fusion = Odoo(), Clarity(), Fusion()
        self._calls: Counter[str] = Counter()
        self._polls = 0
        self._late: dict[str, float] = {}

    def answer(self, call: Call) -> Answer:
        if call.path == "/_cheap":
            return self._control(call)
        system, answer = self._of_system(call)
        return answer._replace(after=self._late[system] / 1000) if system in self._late else answer

    def _of_system(self, call: Call) -> tuple[str, Answer]:
        if call.path in TOKENS:
            self._calls["token"] += 1
            return "token", Answer(200, {"access_token": "cheap", "token_type": "Bearer", "expires_in": 3600})
        if call.path.startswith("/json/"):
            return "odoo", self._of_odoo(call)
        if call.path.startswith("/api/v1/"):
            what = "status" if call.path.endswith("/status") else "order"
            self._count(call, f"clarity {call.method} {what}")
            return "clarity", self._clarity.answer(call)
        self._count(call, f"fusion {call.method} {call.path.partition('/resources/')[2].split('/')[1]}")
        return "fusion", self._fusion.answer(call)

    def _of_odoo(self, call: Call) -> Answer:
        if call.path == "/json/version":
            self._count(call, "odoo version")
            return Answer(200, {"version_info": [19, 0, 0, "final", 0, ""], "version": "19.0"})
        model, _, method = call.path.removeprefix("/json/2/").partition("/")
        self._count(call, f"odoo {model}.{method}")
        try:
            return Answer(200, self._odoo.call(model, method, call.json()))
        except NoSuchMethod as error:
            return Answer(404, {"name": "werkzeug.exceptions.NotFound", "message": f"not played: {error}"})

    def _count(self, call: Call, name: str) -> None:
        """Polls are counted apart: they come by the clock, not by the order."""
        if POLLS.search(call.body) or POLLS.search(call.query.encode()):
            self._polls += 1
        else:
            self._calls[name] += 1

    def _control(self, call: Call) -> Answer:
        if call.method == "POST":
            self._late = call.json()
        fusion = [{"key": key, "number": order["OrderNumber"]} for key, order in self._fusion.orders.items()]
        effects = {"odoo": self._odoo.orders(), "clarity": self._clarity.statuses, "fusion": fusion}
        whole = effects if call.query == "effects" else {}
        return Answer(200, {"calls": self._calls, "polls": self._polls, "cpu": time.process_time(), **whole})


async def serve(port: int) -> None:
    """Until the process is ended."""
    targets = Targets()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(targets.answer), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
