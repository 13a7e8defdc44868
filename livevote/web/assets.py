"""The pages and Chart.js, read once, compressed once, with the hashes that their security policy names."""

import gzip
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from livevote.failures import SetupError

_CHECKOUT = Path(__file__).parent.parent.parent
_PAGES = Path(__file__).parent / "pages"
CHART = Path(__file__).parent / "static" / "chart.umd.js"


class Asset:
    """One file as it is sent."""

    def __init__(self, body: bytes, *, content_type: str) -> None:
        self.body = body
        self.content_type = content_type
        self.gzipped = gzip.compress(body, 9, mtime=0)
        self.etag = f'"{sha256(body).hexdigest()[:32]}"'


class Page(Asset):
    """An HTML page with one inline script and one inline style at most, both named by hash in its policy."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body, content_type="text/html; charset=utf-8")
        self._scripts = _hashes(body, b"script")
        self._styles = _hashes(body, b"style")

    def policy(self, *, host: str, secure: bool) -> str:
        """The Content-Security-Policy: nothing but what the page carries and this very server."""
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
                "frame-ancestors 'none'",
                "require-trusted-types-for 'script'",
                "trusted-types livevote",
            )
        )


def _hashes(body: bytes, tag: bytes) -> str:
    found = re.findall(rb"<%s>(.*?)</%s>" % (tag, tag), body, flags=re.DOTALL)
    return " ".join(f"'sha256-{b64encode(sha256(text).digest()).decode()}'" for text in found)


class Assets:
    """Every file that a browser gets. Raises ``SetupError`` for a checkout that was not set up."""

    def __init__(self) -> None:
        self.client = _page(_CHECKOUT / "client.html")
        self.host = _page(_PAGES / "host.html")
        self.replay = _page(_PAGES / "replay.html")
        self.not_found = _page(_PAGES / "not_found.html")
        self.code_sheet = _page(_PAGES / "code_sheet.html")
        self.chart = Asset(_read(CHART), content_type="text/javascript; charset=utf-8")


def _page(path: Path) -> Page:
    return Page(_read(path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path.name} is missing: run 'make run' once in a complete checkout.") from error
