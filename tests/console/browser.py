"""A browser without a screen: follows redirects, keeps cookies, and says where a form was sent from."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode

from flask import Flask
from werkzeug.test import TestResponse

HOST = "127.0.0.1:8001"
BASE = f"http://{HOST}"


class Browser:
    def __init__(self, app: Flask) -> None:
        self._client = app.test_client()

    def get(self, path: str, **query: str) -> TestResponse:
        asked = f"{path}?{urlencode(query)}" if query else path
        return self._client.get(asked, base_url=BASE, follow_redirects=True)

    def post(
        self, path: str, *, site: str | None = "same-origin", origin: str | None = None, **form: str
    ) -> TestResponse:
        """Sends a form; by default as a page of the console does."""
        headers = {name: value for name, value in (("Sec-Fetch-Site", site), ("Origin", origin)) if value}
        return self._client.post(path, base_url=BASE, data=form, headers=headers, follow_redirects=True)

    def press(self, page: TestResponse, text: str, **typed: str) -> TestResponse:
        """Presses the button with this text: its form is sent as it is on the page, with what is typed."""
        for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", page.text, re.S):
            if button := re.search(rf"<button([^>]*)>{re.escape(text)}</button>", form):
                fields = {**_named(re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", form)), **_named([button[0]])}
                action = re.search(r'action="([^"]*)"', form)
                assert action
                return self.post(html.unescape(action[1]), **fields, **typed)
        raise AssertionError(f"no button {text!r} on {page.request.path}")


def _named(tags: list[str]) -> dict[str, str]:
    found = {}
    for tag in tags:
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value:
            found[name[1]] = html.unescape(value[1])
    return found
