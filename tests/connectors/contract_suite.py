"""What every connector promises of every verb and every stream: a class of tests to be inherited, once per system.

`Bench` is what a system brings to it.  The verbs and streams are those of the connector's own tables, so a new one is
held against the contract as soon as it is offered; without a document on the bench its tests fail.  A module that
inherits `Contract` imports `pytest_generate_tests`, too.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from integration.canonical import freeze, thaw
from integration.connectors import CONNECTORS, posts
from integration.connectors.contract import Change, Connector, Document, Posted, Request
from integration.errors import Failure, Hold, Misconfigured, Retry
from integration.settings import System
from tests.connectors.distorting import proxy, put
from tests.connectors.work import Crossrefs, MemoryWork

MOST_EFFECTS = 8
"""Calls of one post that take effect; so many answers are lost in turn."""
ODD_WHOLES: list[Any] = [None, [], "odd"]
PERSONAL = ("Roe", "jane.roe", "600 700 800", "Main Street")
SAYS = 'No match for "Jane Roe, Main Street 1" (jane.roe@mail.example, +48 600 700 800)'
REFUSALS = (400, 401, 403, 404, 409, 422, 429, 500, 503)


class Bench(ABC):
    """One system as its contract needs it; what it counts comes from the system's own books."""

    kind: str
    system: System
    is_real: bool = False
    """A real system cannot be asked for odd answers."""
    writes_nothing: frozenset[str] = frozenset()
    """The entities whose post only links what is there: no answer of theirs can be lost."""

    @abstractmethod
    def connector(self, system: System) -> Connector[Any]:
        """A new connector of the system as it is configured there; it remembers nothing."""

    @property
    @abstractmethod
    def wrong_key(self) -> dict[str, str]:
        """Options that the system does not accept."""

    @abstractmethod
    def document(self, entity: str) -> Document:
        """What a workflow would send: a document of its own for each call."""

    @abstractmethod
    def key(self, entity: str, document: Document) -> str:
        """Our id of the object, under which a crossref remembers it."""

    @abstractmethod
    def count(self, entity: str, document: Document) -> int:
        """How often the document has taken effect."""

    def ambiguous(self, entity: str) -> Document | None:  # noqa: ARG002 - each system knows its own
        """A document whose customer could be two records there; None where ids leave no doubt."""
        return None

    def existing(self, entity: str) -> str:
        """The id of an object that can be fetched."""
        raise NotImplementedError(entity)

    def together(self, stream: str, monkeypatch: pytest.MonkeyPatch) -> tuple[datetime, list[str], set[str]]:
        """Makes several changes of one and the same time, with more of them than a page has.

        Returns since when to ask, the keys of open orders, and the ids of the changes.
        """
        raise NotImplementedError(stream)

    def at(self, url: str | None = None) -> Connector[Any]:
        """A connector of the system, or of the same paths at another server."""
        path = urlsplit(self.system.url).path
        return self.connector(replace(self.system, url=url + path) if url else self.system)


class LosesAnswer(MemoryWork):
    """The answer of one effect, the ``nth`` from 0, is lost once, after it has taken effect."""

    def __init__(self, crossrefs: Crossrefs, nth: int) -> None:
        super().__init__(crossrefs)
        self._left = nth
        self.lost = False

    def perform(
        self,
        effect: str,
        request: Request,
        send: Callable[[Request], Any],
        again: Callable[[Request], Any] | None = None,
    ) -> Any:
        def losing(frozen: Request) -> Any:
            answer = send(frozen)
            self._left -= 1
            if self._left == -1:
                self.lost = True
                raise Retry("the connection broke", unknown_outcome=True, counts_for_breaker=True)
            return answer

        return super().perform(effect, request, losing, again)


def send(bench: Bench, entity: str, document: Document, work: MemoryWork, url: str | None = None) -> Posted:
    """One hop, as the road makes it: the document is thawed, and what was posted is remembered."""
    connector = bench.at(url)
    posted = connector.post(entity, connector.enrich(entity, thaw(freeze(document)), work), work)
    if posted.theirs:
        work.remember(entity, bench.key(entity, document), posted.theirs)
    return posted


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test takes the ``entity`` or ``stream`` of the connector's tables that it names."""
    kind = getattr(metafunc.cls, "kind", None)
    if kind is None:
        return
    connector = CONNECTORS[kind]
    fetched = [entity for entity, verbs in connector.verbs.items() if verbs.fetch]
    posted = metafunc.cls.entities or posts(kind)
    for name, values in {"entity": posted, "fetched": fetched, "stream": connector.streams}.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, sorted(values))


class Contract:
    """Inherited once per system, with its ``kind`` and a fixture ``bench``.

    ``entities`` are those that a further bench of the same system is about; None: all.
    """

    kind: str
    entities: frozenset[str] | None = None

    def test_a_wrong_key_is_misconfigured(self, bench: Bench) -> None:
        assert bench.at().whoami()
        wrong = replace(bench.system, options={**bench.system.options, **bench.wrong_key})
        with pytest.raises(Misconfigured) as refused:
            bench.connector(wrong).whoami()
        assert all(f"{bench.kind}_{name}".upper() in f"{refused.value.hint}" for name in bench.wrong_key)

    def test_a_missing_setting_is_named(self, bench: Bench) -> None:
        for setting in CONNECTORS[bench.kind].settings:
            if setting.required:
                without = replace(bench.system, options={**bench.system.options, setting.name: ""})
                with pytest.raises(Misconfigured, match=f"{setting.variable(bench.kind)} is not set"):
                    bench.connector(without).whoami()

    def test_what_is_posted_twice_takes_effect_once(self, bench: Bench, entity: str) -> None:
        document, work = bench.document(entity), MemoryWork()
        first = send(bench, entity, document, work)
        assert bench.count(entity, document) == 1
        for again in (work, MemoryWork(work.crossrefs), MemoryWork()):  # by crossref, and by the business key
            assert send(bench, entity, document, again).theirs == first.theirs
        assert bench.count(entity, document) == 1

    @pytest.mark.parametrize("forgets", [False, True], ids=["remembers", "forgets"])
    def test_a_lost_answer_is_one_effect(self, bench: Bench, entity: str, forgets: bool) -> None:
        """Whichever answer it is; and also where the fleet no longer knows that it has called."""
        for nth in range(MOST_EFFECTS):
            document, work = bench.document(entity), LosesAnswer(Crossrefs(), nth)
            with suppress(Retry):
                send(bench, entity, document, work)
            if not work.lost:
                assert (nth == 0) == (entity in bench.writes_nothing)
                return
            if forgets:
                work.forget()
            assert send(bench, entity, document, work)
            assert bench.count(entity, document) == 1
        pytest.fail(f"more than {MOST_EFFECTS} calls take effect")

    def test_what_is_posted_is_shown(self, bench: Bench, entity: str) -> None:
        document, work = thaw(freeze(bench.document(entity))), MemoryWork()
        before = bench.at().shown(entity, document, work)
        assert before is None or list(differing(document, before))
        send(bench, entity, document, work)
        shown = bench.at().shown(entity, document, work)
        assert shown
        assert list(differing(document, shown)) == []

    def test_what_could_be_two_is_held_until_a_person_chooses(self, bench: Bench, entity: str) -> None:
        document = bench.ambiguous(entity)
        if document is None:
            pytest.skip("ids leave no doubt")
        before, work = bench.count(entity, document), MemoryWork()
        with pytest.raises(Hold) as held:
            send(bench, entity, document, work)
        choices = held.value.candidates
        assert len(choices) == 2
        said = f"{held.value.reason} {held.value.hint} {choices}"
        assert [value for value in PERSONAL if value in said] == []
        assert (bench.count(entity, document), work.crossrefs.theirs) == (before, {})
        work.remember(choices[1]["entity"], choices[1]["key"], choices[1]["id"])
        work.new_round()  # it goes on
        assert send(bench, entity, document, work).theirs

    def test_what_is_fetched_is_the_object(self, bench: Bench, fetched: str) -> None:
        id = bench.existing(fetched)
        assert bench.at().fetch(fetched, id)["id"] == id
        with pytest.raises(Hold):
            bench.at().fetch(fetched, "there-is-none")

    def test_a_stream_loses_nothing_of_one_moment(
        self, bench: Bench, stream: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        since, keys, expected = bench.together(stream, monkeypatch)
        found = list(read(bench.at(), stream, since, keys))
        assert {change.id for change in found} >= expected
        assert {change.type for change in found} <= CONNECTORS[bench.kind].streams[stream].events
        assert [change.at for change in found] == sorted(change.at for change in found)

    def test_answers_of_a_wrong_shape_are_no_defect(self, bench: Bench, entity: str) -> None:
        if bench.is_real:
            pytest.skip("a real system answers as it does")
        with proxy(bench.system.url) as through:
            send(bench, entity, bench.document(entity), MemoryWork(), through.url)
            for number in range(len(through.answers)):
                for odd in ODD_WHOLES:
                    document, work = bench.document(entity), MemoryWork()
                    through.answers.clear()
                    through.distorts = number, put((), odd)
                    try:
                        send(bench, entity, document, work, through.url)
                    except Failure as failure:
                        if not isinstance(failure, Retry):
                            work.new_round()  # a person sends it again
                    through.distorts = None
                    send(bench, entity, document, work, through.url)
                    assert bench.count(entity, document) == 1, (number, odd)

    def test_no_reason_holds_personal_values(self, bench: Bench, entity: str) -> None:
        if bench.is_real:
            pytest.skip("a real system answers as it does")
        for status in REFUSALS:
            with refusing(status) as url, pytest.raises(Failure) as failed:
                send(bench, entity, bench.document(entity), MemoryWork(), url)
            said = f"{failed.value} {failed.value.reason} {failed.value.hint}"
            assert [value for value in PERSONAL if value in said] == [], status


def read(connector: Connector[Any], stream: str, since: datetime, keys: list[str]) -> Iterator[Change]:
    """The changes of one run, page by page."""
    page: Document | None = None
    while True:
        got = connector.changes(stream, since, page, lambda _: keys)
        yield from got.changes
        if got.next is None:
            return
        assert got.next != page
        page = got.next


def differing(ours: Any, shown: Any, path: str = "") -> Iterator[str]:
    """The places of what is shown whose value is not the document's; what is shown beside it does not count."""
    if isinstance(ours, dict) and isinstance(shown, dict):
        for name in ours.keys() & shown.keys():
            yield from differing(ours[name], shown[name], f"{path}.{name}")
    elif isinstance(ours, list) and isinstance(shown, list):
        if len(ours) != len(shown):
            yield f"{path} has {len(shown)} instead of {len(ours)}"
        for place, (one, other) in enumerate(zip(ours, shown, strict=False)):
            yield from differing(one, other, f"{path}.{place}")
    elif ours != shown:
        yield f"{path} is {shown!r}, not {ours!r}"


@contextmanager
def refusing(status: int) -> Iterator[str]:
    """A server that refuses every call, and says why in the words of every system at once."""
    details = [{"pointer": "/lines/0", "detail": SAYS, "o:errorPath": "/lines/0", "o:errorCode": "27008"}]
    odoo = {"name": "odoo.exceptions.ValidationError", "message": SAYS, "arguments": [SAYS], "debug": SAYS}
    fusion = {"o:errorCode": "27008", "o:errorDetails": details}
    body = {**odoo, **fusion, "title": SAYS, "detail": SAYS, "code": "validation_failed", "errors": details}
    content = json.dumps({**body, "error": {"code": 200, "message": SAYS, "data": odoo}}).encode()

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", "application/problem+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_PATCH = do_DELETE = do_POST

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
