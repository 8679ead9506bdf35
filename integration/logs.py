"""Logging of every process: one line per event on stderr, JSON or for people, with nothing personal or secret in it.

structlog's events and the records of the standard library (celery, gunicorn, urllib3 ...) take the same way out, so
what is masked is masked for all of them, in exception texts too.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LONGEST_VALUE = 2_000
LONGEST_TRACE = 8_000
LONGEST_LIST = 50
DEEPEST = 4
MASK = "***"
QUIET = ("celery.app.trace", "celery.worker.strategy")
"""They log two lines a task; a delivery's outcome is in Postgres, and the fleet logs every failure itself."""


def configure(process: str, *, console: bool | None = None, level: str = "INFO") -> None:
    """Sends everything this process logs to stderr, masked and marked with the process's name.

    ``console`` chooses lines for people instead of JSON; left open, it is whether stderr is a terminal.  May be
    called again, and after gunicorn or celery have set up loggers of their own: those lose their handlers.
    """
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _of(process),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    after: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _masked,
        _renderer(sys.stderr.isatty() if console is None else console),
    ]
    _take_over(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=after), level)


def mask(text: str) -> str:
    """The text without e-mail addresses, credentials, secrets and keys; ``***`` replaces them.

    >>> mask("POST https://anna:hunter2@shop.example/?api_key=4711 for anna@shop.example")
    'POST https://***@shop.example/?api_key=*** for ***'
    """
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return _LONG_RUN.sub(_without_keys, text)


_SENSITIVE = r"password|passwd|passphrase|secret|token|api[_-]?key|authorization|cookie|credential"
# Each is linear in the length of the text: bounded or possessive where a run could be tried at every character.
_PATTERNS = [
    # user:password@ in a URL
    (re.compile(r"(?<=://)[^\s/?#\"']*@"), f"{MASK}@"),
    # headers whose whole value is the secret
    (
        re.compile(r"(?i)\b(authorization|cookie)(\\?[\"']?\s*[:=]\s*\\?[\"']?)[^\"'\\\r\n]+"),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/-]{8,}=*"), rf"\1 {MASK}"),
    (re.compile(r"\b(whsec_|whsk_)[\w+/=-]+"), rf"\1{MASK}"),
    # JSON web tokens
    (re.compile(r"(?<![\w-])eyJ[\w-]++\.[\w-]+(?:\.[\w-]+)?"), MASK),
    # the secret part of the address that a system without signatures calls
    (re.compile(r"(/hints/[^/\s\"']{1,40}/)[^\s\"'?#]+"), rf"\1{MASK}"),
    # name=value and "name": "value"
    (
        re.compile(
            rf"(?i)((?:{_SENSITIVE})[\w-]{{0,40}}\\?[\"']?\s{{0,3}}[:=]\s{{0,3}})"
            r"""(\\?["'])?(?(2)(?:(?!\2).)+|[^\s"'&,;{}()\[\]\\]+)"""
        ),
        rf"\1\2{MASK}",
    ),
    # e-mail addresses, also as a query encodes them
    (re.compile(r"(?<![\w.+-])[\w.+-]++(?:@|%40)[\w-]+(?:\.[\w-]+)+"), MASK),
    # keys of Odoo: 40 hex digits
    (re.compile(r"\b[0-9a-f]{40}\b"), MASK),
]
_LONG_RUN = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")


def _without_keys(run: re.Match[str]) -> str:
    """Masks a run that is random base64; paths, UUIDs and hashes in hex are not."""
    text = run[0]
    upper = sum(map(str.isupper, text))
    lower = sum(map(str.islower, text))
    digits = sum(map(str.isdigit, text))
    return MASK if upper >= 6 and lower >= 6 and digits >= 2 else text


def _masked(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {
        key: _trace(value) if key in {"exception", "stack"} else _value(key, value, DEEPEST)
        for key, value in event.items()
    }


def _value(key: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if re.search(_SENSITIVE, key, re.IGNORECASE):
        return MASK
    if depth and isinstance(value, Mapping):
        return {mask(str(name)): _value(str(name), item, depth - 1) for name, item in value.items()}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [_value(key, item, depth - 1) for item in list(value)[:LONGEST_LIST]]
    # Cut before masking too: a body of megabytes logged by mistake must not cost seconds.
    text = mask(str(value)[: 4 * LONGEST_VALUE])
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"


def _trace(value: Any) -> str:
    """A traceback: its end says most."""
    text = mask(str(value)[-4 * LONGEST_TRACE :])
    return text if len(text) <= LONGEST_TRACE else "…" + text[-LONGEST_TRACE:]


def _of(process: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    return add


def _renderer(for_people: bool) -> Processor:
    if for_people:
        return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def _take_over(formatter: logging.Formatter, level: str) -> None:
    """Makes the root logger the only one that writes, and uncaught exceptions come this way too."""
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [stream]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel("WARNING")
    for logger in list(root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.propagate = True
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda failed: _log_uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    logging.getLogger("uncaught").critical("uncaught exception", exc_info=(kind, error or kind(), trace))
