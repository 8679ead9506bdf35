"""Channels: where notices go - e-mail, Slack, Teams, a webhook and whatever else has a URL in Apprise.

Such a URL holds secrets, in any of its parts.  It is never logged, stored or shown; a channel's name is.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from integration.alerts import Notice, shortened

WITH_A_HOST = {"json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos"}
"""In these URLs the host's place holds a host; in others it may hold a token."""
UNKNOWN = "Apprise does not know this kind of URL, or a part of it is missing"


@dataclass(frozen=True)
class Channel:
    """One channel by its Apprise URL."""

    url: str = field(repr=False)

    @property
    def name(self) -> str:
        """What it may be called in public: ``slack://***``, ``json://hooks.example``."""
        scheme, _, rest = self.url.partition("://")
        try:
            host = urlsplit(f"//{rest}").hostname if scheme.lower() in WITH_A_HOST else None
        except ValueError:
            host = None
        return f"{scheme.lower() if rest else '***'}://{host or '***'}"

    def send(self, notice: Notice) -> str | None:
        """Sends the notice; says why it was not taken, None when it was.  Each of its calls times out in seconds."""
        import apprise  # as late as this: its many services cost memory and time, and most processes never send

        logging.getLogger("apprise").propagate = False  # what it logs may hold parts of the URL
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:  # type: ignore[no-untyped-call]
            look = apprise.AppriseAsset(app_id="clarity-fleet", app_desc="clarity-fleet", app_url="")
            try:
                service = apprise.Apprise.instantiate(self.url, asset=look)
                if service is None:
                    return UNKNOWN
                sender = apprise.Apprise(service, asset=look)
                taken = sender.notify(
                    title=notice.title,
                    body=notice.body,
                    notify_type=apprise.NotifyType.SUCCESS if notice.resolved else apprise.NotifyType.FAILURE,
                    body_format=apprise.NotifyFormat.TEXT,
                )
            except Exception as error:  # a service of somebody else's: it must not stop the other channels
                return f"{type(error).__name__} in Apprise"
        return None if taken else self._public(said.getvalue())

    def _public(self, said: str) -> str:
        """Apprise's message without any part of the URL that the public name does not show."""
        written = set(re.split(r"[/:@?&=,#+]+", self.url))
        for part in sorted(written | set(map(unquote, written)), key=len, reverse=True):
            if len(part) > 3 and part not in self.name:
                said = said.replace(part, "***")
        return shortened(said) or "it was not taken"
