"""``python -m integration.sandbox --config FILE``: serves the sandbox until it is stopped."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from integration.sandbox.app import create_app
from integration.sandbox.config import Config, ConfigError

OPTIONS: dict[str, Any] = {
    "workers": 1,  # the faults in force and the senders of webhooks live in this one process
    "threads": 32,
    "worker_class": "gthread",
    "worker_connections": 1000,
    "keepalive": 30,
    "timeout": 0,  # a latency on request is no reason to be killed
    "graceful_timeout": 2,
    "loglevel": "warning",
    "control_socket_disable": True,
}


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with one worker, which opens the records after the fork."""

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__()

    def load_config(self) -> None:
        self.cfg.set("bind", self._config.bind)
        for name, value in OPTIONS.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(self._config)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m integration.sandbox", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration, JSON")
    try:
        config = Config.read(parser.parse_args().config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    Server(config).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
