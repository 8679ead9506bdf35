"""Raw requests as a stranger, a broken proxy or a shop with a defect may send them: bytes, not always HTTP."""

from __future__ import annotations

import json
import random
import time

from integration.signature import sign
from tests.receiver.webhook import HINT_TOKEN, SECRET

METHODS = (b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"PRI", b"post", b"", b"G\x00T", b"X" * 300)
PATHS = (
    b"/webhooks/clarity",
    b"/webhooks/clarity",
    b"/webhooks/clarity",
    b"/webhooks/shopify",
    b"/hints/odoo/wrong",
    b"/hints/odoo/" + HINT_TOKEN.encode(),
    b"/healthz",
    b"/readyz",
    b"/",
    b"*",
    b"//webhooks/clarity",
    b"/webhooks/../webhooks/clarity",
    b"/webhooks/%00%ff",
    b"/webhooks/clarity?" + b"a=b&" * 200,
    b"http://x/webhooks/clarity",
    b"http://[/",
    b"/webhooks/\xff\xfe",
    b"",
)
VERSIONS = (b"HTTP/1.1",) * 6 + (b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9.9", b"HTTP/1.1 ", b"http/1.1", b"")
ENDS = (b"\r\n",) * 8 + (b"\n", b"\r", b"\r\n\r\n", b" \r\n")
TYPES = (b"application/json",) * 6 + (b"text/plain", b"application/json; charset=\xff", b"", b"/", b";" * 500)
STRANGE = (
    b"X-Long: " + b"y" * 9000,
    b": no name",
    b"No colon",
    b" folded: x",
    b"X\x00Y: z",
    b"Expect: 100-continue",
    b"Expect: 200-ok",
    b"Connection: close",
    b"Connection: keep-alive, upgrade",
    b"Upgrade: h2c",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: \x0bchunked",
    b"Content-Length: 5",
    b"Content-Length: +5",
    b"Content-Length: 99999999999999999999999",
    b"Content-Length: 6000000",
    b"Content-Encoding: gzip",
    b"Host: ",
    b"Host: a\r\nHost: b",
    b"Cookie: " + b"a=b; " * 300,
    b"webhook-id: \xc5\x82",
    b"webhook-timestamp: 99999999999999999",
    b"X-Forwarded-For: " + b"1.2.3.4, " * 100,
)
NUMBERS = ("1e9999999999999999999", "-0", "1e400", "NaN", "9" * 200, "0.1", '"1.10"', "null")


def raw_request(chance: random.Random, number: int) -> bytes:
    """One request, or something like it; a third of them are sound but for their content."""
    body = _body(chance, number)
    head = _head(chance, number, body)
    framed = _framing(chance, body)
    request = head + framed
    for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 8))):
        request = _damaged(chance, request)
    if chance.random() < 0.1:
        request += raw_request(chance, number)
    return request


def _head(chance: random.Random, number: int, body: bytes) -> bytes:
    sound = chance.random() < 0.5
    first = (
        b"POST /webhooks/clarity HTTP/1.1"
        if sound
        else b" ".join((chance.choice(METHODS), chance.choice(PATHS), chance.choice(VERSIONS)))
    )
    id, at = f"evt_fuzz_{number}", int(time.time()) + (0 if sound else chance.choice((0, 0, 301, -301, 10**9)))
    signature = sign(SECRET, id, at, body) if sound or chance.random() < 0.5 else f"v1,{chance.random()}"
    lines = [
        b"Host: x",
        b"Content-Type: " + (TYPES[0] if sound else chance.choice(TYPES)),
        b"webhook-id: " + id.encode(),
        b"webhook-timestamp: " + str(at).encode(),
        b"webhook-signature: " + signature.encode(),
    ]
    if not sound:
        lines = [line for line in lines if chance.random() < 0.8]
        lines += chance.choices(STRANGE, k=chance.randrange(4))
        chance.shuffle(lines)
    end = b"\r\n" if sound else chance.choice(ENDS)
    return end.join([first, *lines]) + end


def _framing(chance: random.Random, body: bytes) -> bytes:
    """The end of the headers with the body, framed by length or in chunks, rightly or not."""
    match chance.randrange(8):
        case 0:
            return b"\r\n" + body
        case 1:
            length = chance.choice((len(body) + 1, max(0, len(body) - 1), 0, 10**7))
            return b"Content-Length: %d\r\n\r\n" % length + body
        case 2 | 3:
            return b"Transfer-Encoding: chunked\r\n\r\n" + _chunks(chance, body)
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def _chunks(chance: random.Random, body: bytes) -> bytes:
    size = chance.choice((1, 7, 100, 5000))
    pieces = [body[start : start + size] for start in range(0, len(body), size)][:2000]
    sizes = (b"%x", b"%X", b"0%x", b"%x;a=b", b"%x;", b"-%x", b"0x%x", b"%x ")
    chosen = sizes[0] if chance.random() < 0.6 else chance.choice(sizes)
    end = chance.choice(
        (b"0\r\n\r\n",) * 4 + (b"0\r\nX-Trailer: y\r\n\r\n", b"0\r\n", b"", b"00000000000000000\r\n\r\n")
    )
    return b"".join(chosen % len(piece) + b"\r\n" + piece + b"\r\n" for piece in pieces) + end


def _body(chance: random.Random, number: int) -> bytes:
    match chance.randrange(6):
        case 0:
            return chance.randbytes(chance.choice((0, 1, 50, 3000)))
        case 1:
            return b"[" * chance.choice((1, 70, 20_000))
        case 2:
            text = f'{{"type": "order.created", "data": {{"id": "f-{number}", "total": {chance.choice(NUMBERS)}}}}}'
            return text.encode()
    data = {"id": f"f-{number}", "version": chance.choice((1, 0, -1, 10**30, "x", None, True)), "note": "x" * 200}
    event = {"id": f"evt_fuzz_{number}", "type": chance.choice(("order.created", "order.x", "", 7)), "data": data}
    return json.dumps(event).encode()


def _damaged(chance: random.Random, request: bytes) -> bytes:
    """One byte or run of it changed, doubled, taken away, or everything behind it."""
    at = chance.randrange(len(request) + 1)
    match chance.randrange(6):
        case 0:
            return request[:at]
        case 1:
            return request[:at] + chance.randbytes(1) + request[at + 1 :]
        case 2:
            return request[:at] + chance.choice((b"\r\n", b"\n", b"\x00", b" ", b"\xff", b"\r\n\r\n")) + request[at:]
        case 3:
            return request[:at] + request[at + chance.randrange(20) :]
        case 4:
            return request[:at] + request[max(0, at - 20) :]
    return request
