"""The voters' page as bytes that are ready to send, for the requests that ``door`` answers by itself.

``page_handlers.VoterPage`` says what the answer is; this is its most frequent form, built once for each language and
each name under which the server is reached. ``tests/web/test_door.py`` compares the two, byte for byte.
"""

import re
import time
from collections.abc import Mapping
from functools import lru_cache

from tornado.httputil import format_timestamp

from livevote.keys import CODE_LENGTH
from livevote.web import languages
from livevote.web.base import default_headers
from livevote.web.page_handlers import page_headers
from livevote.web.request_head import RequestHead
from livevote.web.services import Services

_TARGET = re.compile(rf"/([0-9A-Za-z]{{{CODE_LENGTH}}})?")
_NAMES = 32
"""For how many names of this server answers are kept: a hostile client can invent more."""


class PageAnswers:
    """Answers to those who want the voters' page and get it, whole and compressed."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._parts = lru_cache(_NAMES * len(languages.LANGUAGES))(self._build)
        self._second = 0
        self._date = b""

    def find(self, head: RequestHead) -> bytes | None:
        """The whole answer; None for a request that is another or is to be refused."""
        target, headers, _ = head
        wanted = _TARGET.fullmatch(target)
        host = headers.get("host", "")
        if wanted is None:
            return None
        room = self._services.room(wanted[1].upper()) if wanted[1] else None
        if (
            (wanted[1] and room is None)
            or "gzip" not in headers.get("accept-encoding", "")
            or headers.get("connection", "keep-alive").lower() != "keep-alive"
            or host not in self._services.hosts
        ):
            return None
        cookie = self._services.sessions.cookie_for(headers.get("cookie", ""))
        if cookie is None:
            return None
        language = languages.choose(
            cookies=headers.get("cookie", ""),
            accepted=headers.get("accept-language", ""),
            room=languages.language_of(room),
        )
        before, after, body = self._parts(host, language)
        return b"".join((before, self._now(), after, cookie, b"\r\n", body))

    def _build(self, host: str, language: str) -> tuple[bytes, bytes, bytes]:
        """What stands before the date, between date and cookie, and after the empty line."""
        page = self._services.assets.client.find(language)
        secure = self._services.config.secure
        headers: Mapping[str, str] = {
            "Content-Type": "",  # Tornado's place for it
            "Date": "\n",
            **default_headers(secure=secure),
            **page_headers(page, host=host, secure=secure),
            "Content-Encoding": "gzip",
            "Content-Length": str(len(page.gzipped)),
        }
        first = {"Server": headers["Server"]}
        text = "".join(f"{name}: {value}\r\n" for name, value in {**first, **headers}.items())
        before, after = f"HTTP/1.1 200 OK\r\n{text}".encode().split(b"\n\r\n")
        return before, b"\r\n" + after, page.gzipped

    def _now(self) -> bytes:
        now = int(time.time())
        if now != self._second:
            self._second, self._date = now, format_timestamp(now).encode()
        return self._date
