"""Pictures behind a URL that a stranger may have written: what is fetched, and from where never."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from integration.connectors import pictures
from integration.connectors.odoo.product.picture import PICTURE
from integration.errors import Hold, Needs, Retry
from tests.connectors.benches import PNG
from tests.connectors.odoo_targets import SandboxTarget, Shop, held
from tests.connectors.raw_server import Asked, server
from tests.connectors.test_odoo_products import post, product, row
from tests.connectors.test_odoo_variants import post as post_several
from tests.connectors.test_odoo_variants import shirt
from tests.connectors.work import MemoryWork

VARIABLE = "ODOO_PICTURE_HOSTS"


def answer(body: bytes = PNG, status: str = "200 OK", header: str = "X-Nothing: 1") -> bytes:
    return f"HTTP/1.1 {status}\r\n{header}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def fetched(script: Asked, path: str = "/mug.png") -> bytes:
    with server(script) as at:
        place = f"127.0.0.1:{at.port}"
        return pictures.fetch(f"http://{place}{path}", pictures.places(f"cdn.example, {place}"), VARIABLE)


def test_a_picture_is_fetched_also_behind_a_redirect() -> None:
    script = Asked(answer(b"", "302 Found", "Location: /there.png?size=1"), answer())
    assert fetched(script) == PNG
    assert [head.split("\r\n")[0] for head, _ in script.requests] == [
        "GET /mug.png HTTP/1.1",
        "GET /there.png?size=1 HTTP/1.1",
    ]


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "10.0.0.5", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]"]
)
def test_no_picture_comes_from_a_private_address(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pictures, "SECONDS", 2.0)
    with pytest.raises(Hold, match="private network") as refused:
        pictures.fetch(f"https://{host}/mug.png", pictures.places(host.strip("[]")), VARIABLE)
    assert VARIABLE in str(refused.value.hint)


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/mug.png",
        "http://cdn.example/mug.png",
        "https://cdn.example:8443/mug.png",
        "https://user:secret@cdn.example/mug.png",
        "https://127.0.0.1\\@cdn.example/mug.png",
        "file:///etc/passwd",
        "mug.png",
    ],
)
def test_no_picture_comes_from_a_place_that_nobody_named(url: str) -> None:
    with pytest.raises(Hold) as refused:
        pictures.fetch(url, pictures.places("cdn.example"), VARIABLE)
    assert refused.value.code == "picture_refused"
    assert "secret" not in f"{refused.value.reason} {refused.value.hint}"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (answer(b"", "302 Found", "Location: https://elsewhere.example/"), "does not name its host elsewhere.example"),
        (answer(b"", "302 Found", "Location: /again"), "more than 3 redirects"),
        (answer(b"<html></html>"), "it is no PNG"),
        (answer(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "it is no PNG"),
        (answer(PNG + bytes(pictures.LARGEST)), "larger than 3 MiB"),
        (answer(b"", "404 Not Found"), "answers 404"),
    ],
)
def test_what_is_no_picture_is_held(script: bytes, says: str) -> None:
    with pytest.raises(Hold, match=says):
        fetched(Asked(script))


def test_what_may_come_later_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "SECONDS", 0.3)
    for script in (Asked(answer(b"", "503 Service Unavailable")), Asked(b""), Asked(answer(), pause=1.0)):
        with pytest.raises(Retry) as later:
            fetched(script)
        assert not later.value.counts_for_breaker, "Odoo is well"


# --- in Odoo


def shown(shop: Shop, document: dict[str, Any], work: MemoryWork, place: str) -> str | None:
    return shop.target.connector(picture_hosts=place).post("product_picture", document, work).theirs


def test_a_picture_is_written_once_for_each_url(shop: Shop) -> None:
    script = Asked(answer())
    with server(script) as at:
        place = f"127.0.0.1:{at.port}"
        several = shirt(shop)
        records = {"one": post(shop, one := product(shop)).theirs, "several": post_several(shop, several).theirs}
        for key, theirs in ((one["key"], records["one"]), (several["key"], records["several"])):
            document = {"key": key, "url": f"http://{place}/mug.png"}
            with pytest.raises(Needs):
                shown(shop, {**document, "key": f"{key}-unknown"}, shop.new_work(), place)
            shop.crossrefs.theirs[PICTURE, key] = str(shown(shop, document, shop.new_work(), place))
            assert shop.crossrefs.theirs[PICTURE, key].startswith(f"{theirs} ")
            again = shop.new_work()
            shown(shop, document, again, place)
            assert again.outcomes == [("picture.update", "found")]
        assert len(script.requests) == 2, "the same is not fetched again"
        picture = row(shop, records["one"], "image_1920")["image_1920"]
        assert base64.b64decode(picture) == PNG
        shown(shop, {"key": one["key"], "url": f"http://{place}/cup.png"}, shop.new_work(), place)
        assert len(script.requests) == 3


def test_without_a_host_no_picture_is_taken(shop: Shop) -> None:
    document = product(shop)
    post(shop, document)
    work = shop.new_work()
    found = held(
        lambda: shop.connector.post("product_picture", {"key": document["key"], "url": "https://cdn.example/"}, work)
    )
    assert (found.code, VARIABLE in found.reason) == ("picture_refused", True)


def test_the_sandbox_refuses_what_odoo_cannot_decode(shop: Shop) -> None:
    if not isinstance(shop.target, SandboxTarget):
        pytest.skip("a real Odoo refuses it by itself")
    theirs = post(shop, product(shop)).theirs
    values = {"image_1920": base64.b64encode(b"hello").decode()}
    with pytest.raises(Exception, match="could not be decoded"):
        shop.target.owner("product.product", "write", [int(str(theirs))], vals=values)
