"""The pages and their scripts, built for every language and compressed once, with the hashes that a policy names."""

import gzip
import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from livevote.failures import SetupError
from livevote.web import catalogs
from livevote.web.languages import DEFAULT, LANGUAGES

_CHECKOUT = Path(__file__).parent.parent.parent
_PAGES = Path(__file__).parent / "pages"
CHART = Path(__file__).parent / "static" / "chart.umd.js"
SCRIPTS = ("results", "receipts", "quiz", "board", "reactions", "poster")
"""What pages load later, by name."""


class Asset:
    """One file as it is sent."""

    def __init__(self, body: bytes, *, content_type: str) -> None:
        self.body = body
        self.content_type = content_type
        self.gzipped = gzip.compress(body, 9, mtime=0)
        self.etag = f'"{sha256(body).hexdigest()[:32]}"'


class Page(Asset):
    """An HTML page with one inline script and one inline style at most, both named by hash in its policy."""

    def __init__(self, body: bytes, *, language: str) -> None:
        super().__init__(body, content_type="text/html; charset=utf-8")
        self.language = language
        self._scripts = _hashes(body, b"script")
        self._styles = _hashes(body, b"style")

    def policy(self, *, host: str, secure: bool, ancestors: tuple[str, ...] = ()) -> str:
        """The Content-Security-Policy: nothing but what the page carries and this very server.

        ``ancestors`` are the sites that may show the page in a frame, each checked by ``domain.embedding``.
        """
        socket = f"{'wss' if secure else 'ws'}://{host}"
        return "; ".join(
            (
                "default-src 'none'",
                f"script-src 'self' {self._scripts}".rstrip(),
                "style-src " + (self._styles or "'none'"),
                "img-src 'self' data:",
                f"connect-src 'self' {socket}",
                "form-action 'self'",
                "base-uri 'none'",
                "frame-ancestors " + (" ".join(ancestors) or "'none'"),
                "require-trusted-types-for 'script'",
                "trusted-types livevote",
            )
        )


def _hashes(body: bytes, tag: bytes) -> str:
    found = re.findall(rb"<%s>(.*?)</%s>" % (tag, tag), body, flags=re.DOTALL)
    return " ".join(f"'sha256-{b64encode(sha256(text).digest()).decode()}'" for text in found)


class Pages:
    """One page in every language. A source that names no language in its head is a page in English for everybody."""

    def __init__(self, source: str, texts: Mapping[str, catalogs.Catalog]) -> None:
        packed = catalogs.pack(source)
        if catalogs.TRANSLATED in source:
            self._pages = {
                code: Page(catalogs.build(packed, language, texts[code]).encode(), language=code)
                for code, language in LANGUAGES.items()
            }
        else:
            self._pages = dict.fromkeys(LANGUAGES, Page(packed.encode(), language=DEFAULT))

    def find(self, language: str) -> Page:
        """The page for who is to get this one of ``LANGUAGES``."""
        return self._pages[language]


class Script:
    """A script that a page loads when it needs it, with the texts that it says in every language.

    ``NAME.js`` makes ``livevote.NAME``, which is given its texts as ``words``. They do not come with the page, so that
    who has only come to vote has only that to load.
    """

    def __init__(self, name: str, source: str, texts: Mapping[str, catalogs.Catalog]) -> None:
        packed = catalogs.pack(source)
        self._scripts = {code: _script(f"{packed}{_words(name, source, texts[code])}".encode()) for code in LANGUAGES}

    def find(self, language: str) -> Asset:
        """The script for a page in this language. For any other word, and for none, the English one."""
        return self._scripts.get(language) or self._scripts[DEFAULT]


def _words(name: str, source: str, catalog: catalogs.Catalog) -> str:
    said = {key: catalog[key] for key in catalogs.said_keys(source, catalog)}
    return f"livevote.{name}.words = {msgspec.json.encode(said).decode()};\n"


class Assets:
    """Every file that a browser gets. Raises ``SetupError`` for a checkout that was not set up."""

    def __init__(self) -> None:
        self._texts = catalogs.load()
        self.client = self._pages(_CHECKOUT / "client.html")
        self.host = self._pages(_PAGES / "host.html")
        self.check = self._pages(_PAGES / "check.html")
        self.replay = self._pages(_PAGES / "replay.html")
        self.wall = self._pages(_PAGES / "wall.html")
        self.not_found = self._pages(_PAGES / "not_found.html")
        self.code_sheet = self._pages(_PAGES / "code_sheet.html")
        self.code_sheet_refused = self._pages(_PAGES / "code_sheet_refused.html")
        self.chart = _script(_read(CHART))
        self.scripts = {name: self._load_script(name) for name in SCRIPTS}

    def _pages(self, path: Path) -> Pages:
        return Pages(_read(path).decode(), self._texts)

    def _load_script(self, name: str) -> Script:
        return Script(name, _read(_PAGES / f"{name}.js").decode(), self._texts)


def _script(body: bytes) -> Asset:
    return Asset(body, content_type="text/javascript; charset=utf-8")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path.name} is missing: run 'make run' once in a complete checkout.") from error
