"""A stream whose pages lead nowhere fails for people to see, and begins its run anew: nothing is passed over."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from integration.connectors.answers import endless
from integration.connectors.contract import Document, OpenKeys, Page
from tasks.runtime import Runtime
from tests.road.test_polls import NOW, Reader, Warehouse


class Circling(Warehouse):
    """After its first page it says for ever that the next one is where this one was, or that the list has no end."""

    repaired = False
    says_so = False

    def changes(self, stream: str, since: datetime, page: Document | None, open_keys: OpenKeys, *more: Any) -> Page:
        found = super().changes(stream, since, page, open_keys, *more)
        if self.repaired or page is None:
            return found
        if self.says_so:
            raise endless("the pickings")
        return replace(found, next=page)


def failed(reader: Reader) -> tuple[object, ...]:
    return tuple(reader.value(f"select {column} from cursors") for column in ("failures", "code", "page"))


def test_a_place_that_never_moves_is_a_failure_and_the_run_begins_anew(runtime: Runtime) -> None:
    for says_so in (False, True):
        stream = Circling(page_size=1)
        stream.says_so = says_so
        reader = Reader(runtime, stream)
        for number in range(3):
            stream.put(f"{says_so}-{number}", NOW + timedelta(seconds=number - 60))
        [run] = reader.poll()
        assert (run.failure and run.failure.code, len(stream.asked)) == ("endless_list", 2)
        assert failed(reader) == (1, "endless_list", None)
        stream.repaired = True
        [run] = reader.poll()
        assert run.failure is None
        assert failed(reader) == (0, None, None)
        for number in range(3):
            assert any(f"{says_so}-{number}" in id for id in reader.taken_in())
        reader.run("delete from cursors")
