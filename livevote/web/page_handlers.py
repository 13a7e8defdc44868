"""The pages a browser opens, and the scripts they load."""

from typing import Any

from livevote.web.assets import Asset, Page, Pages
from livevote.web.base import Access, Handler


def page_headers(asset: Asset, *, host: str, secure: bool, ancestors: tuple[str, ...] = ()) -> dict[str, str]:
    """The headers with which a file is sent, compressed or not, from the server that is called ``host``.

    ``ancestors`` are the sites that may show it in a frame.
    """
    headers = {
        "Content-Type": asset.content_type,
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Encoding",
        "Etag": asset.etag,
    }
    if isinstance(asset, Page):
        headers["Vary"] += ", Accept-Language, Cookie"
        headers["Content-Language"] = asset.language
        headers["Content-Security-Policy"] = asset.policy(host=host, secure=secure, ancestors=ancestors)
    return headers


class _AssetHandler(Handler):
    access = Access.ANYBODY
    rehearses = True

    def send(
        self, found: Asset | Pages, *, status: int = 200, unchanged: bool = True, ancestors: tuple[str, ...] = ()
    ) -> None:
        """Send a file as the browser can take it: not at all (if that may be: ``unchanged``), compressed, or plain.

        ``ancestors`` are the sites that may show it in a frame.
        """
        room = self.services.room(self.path_kwargs.get("code", "").upper())
        asset = found.find(self.language(room)) if isinstance(found, Pages) else found
        host, secure = self.request.host, self.services.config.secure
        for name, value in page_headers(asset, host=host, secure=secure, ancestors=ancestors).items():
            self.set_header(name, value)
        self.set_status(status)
        if status == 200 and unchanged and self.check_etag_header():
            self.set_status(304)
            self.finish()
        elif "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.finish(asset.gzipped)
        else:
            self.finish(asset.body)

    def compute_etag(self) -> str | None:
        return None  # it was computed when the server started

    async def head(self, **kwargs: Any) -> None:
        await self.get(**kwargs)  # type: ignore[misc]


class VoterPage(_AssetHandler):
    """``client.html``, with a session for browsers that have none. An unknown code gets a page that says so."""

    async def get(self, code: str = "") -> None:
        if code and self.services.room(code.upper()) is None:
            self.send(self.services.assets.not_found, status=404)
            return
        known = self.services.sessions.ensure_voter(self)
        self.send(self.services.assets.client, unchanged=known)


class HostPage(_AssetHandler):
    """The host's page. It holds no secret: those stand behind the ``#`` of the link, which is never sent."""

    async def get(self, code: str = "") -> None:
        if code and self.services.room(code.upper()) is None:
            self.send(self.services.assets.not_found, status=404)
            return
        known = self.services.sessions.ensure_voter(self)
        self.send(self.services.assets.host, unchanged=known)


class CheckPage(_AssetHandler):
    """The test of a phone and its network. It needs a session, because a voter's socket does."""

    async def get(self, code: str) -> None:
        if self.services.registry.get(code.upper()) is None:
            self.send(self.services.assets.not_found, status=404)
            return
        known = self.services.sessions.ensure_voter(self)
        self.send(self.services.assets.check, unchanged=known)


class ReplayPage(_AssetHandler):
    """The player of a replay. It holds nothing itself: the API decides who gets the evening."""

    async def get(self, code: str) -> None:
        if self.services.registry.get(code.upper()) is None:
            self.send(self.services.assets.not_found, status=404)
        else:
            self.send(self.services.assets.replay)


class WallPage(_AssetHandler):
    """What stands on the projector. It knows no secret, and needs no session: it shows what every voter sees."""

    async def get(self, code: str) -> None:
        room = self.services.room(code.upper())
        if room is None:
            self.send(self.services.assets.not_found, status=404)
        else:
            # Never from a cache: where it may be shown stands in its headers, and changes without it.
            self.send(self.services.assets.wall, unchanged=False, ancestors=room.state.embedding)


class Chart(_AssetHandler):
    """Chart.js, loaded when there is a result to draw."""

    async def get(self) -> None:
        self.send(self.services.assets.chart)


class Script(_AssetHandler):
    """A script that pages load when they need it; ``?language=de`` is that of the page."""

    async def get(self, script: str) -> None:
        self.send(self.services.assets.scripts[script].find(self.get_query_argument("language", "")))


class NotFound(_AssetHandler):
    """Every other path: JSON below /api, a page elsewhere."""

    def prepare(self) -> None:
        self.check_host()
        if self.request.path.startswith("/api/"):
            self.answer({"error": {"code": "no_such_route", "message": "There is nothing here."}}, status=404)
        else:
            self.send(self.services.assets.not_found, status=404)
