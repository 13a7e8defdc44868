"""What all handlers share: the check of the host name, the headers, who may call, and errors in plain words."""

import hmac
import logging
from enum import Enum
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec
from tornado.web import HTTPError, RequestHandler

from livevote.domain.cohosts import is_cohost
from livevote.live.room import LiveRoom
from livevote.web import languages
from livevote.web.services import Services

_log = logging.getLogger("livevote")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), screen-wake-lock=(self)",
    "Cache-Control": "no-store",
    "Server": "livevote",
}
"""Headers of every answer."""

_SECURE_HEADERS = {
    "Strict-Transport-Security": "max-age=31536000",
    # Over plain HTTP browsers ignore it and complain on every page.
    "Cross-Origin-Opener-Policy": "same-origin",
}


def default_headers(*, secure: bool) -> dict[str, str]:
    """The headers of every answer of a server that is, or is not, reached over TLS."""
    return {**HEADERS, **_SECURE_HEADERS} if secure else HEADERS


class Access(Enum):
    """Who may call a route. Every handler names one, or the application refuses to start."""

    ANYBODY = "anybody"
    VOTER = "a voter's session cookie"
    HOST_TOKEN = "the room's host token"
    HOST = "the room's host token, or its cookie"
    OWN_HOST = "the host's own token and not a co-host's, or its cookie"
    PUBLISHED = "the room's host token, or its cookie, until the host has published it"
    OPERATOR_KEY = "the operator key"
    OPERATOR = "the operator key, or its cookie, or --open-hosting"


class ApiError(HTTPError):
    """A refusal of the HTTP API: a status, a code for programs and a sentence for people."""

    def __init__(self, status: int, code: str, message: str, *, retry_s: int | None = None) -> None:
        super().__init__(status, reason=HTTPStatus(status).phrase)
        self.code = code
        self.message = message
        self.retry_s = retry_s
        """After how many seconds to try again, where that is known."""


class Guarded(RequestHandler):
    """The checks before any handler runs, for requests and sockets alike."""

    access: ClassVar[Access]

    def initialize(self, services: Services) -> None:
        self.services = services

    def check_host(self) -> None:
        """Refuse a ``Host`` that is not ours: a name that a hostile name server points here (DNS rebinding)."""
        if self.request.host not in self.services.hosts:
            raise ApiError(421, "unknown_host", "This server does not go by that name. Start it with --url.")

    def cookie_host(self, room: LiveRoom) -> str | None:
        """As whom the cookie lets somebody host this room: "" for its host, else a co-host's id; None for nobody."""
        cohost = self.services.sessions.host(self, room.code, rehearsal=room.rehearsal)
        return cohost if not cohost or is_cohost(room.state, cohost) else None

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        # Tornado would log the request line with its address; a refusal is no event at all.
        if not isinstance(value, HTTPError):
            _log.error("a request failed", exc_info=(typ, value, tb))


class Handler(Guarded):
    """A request of the HTTP API or a page."""

    rehearses: ClassVar[bool] = False
    """Whether it is there for rehearsals as well. Who keeps anything of a room, or speaks of what is kept, is not."""

    def set_default_headers(self) -> None:
        for name, value in default_headers(secure=bool(self.settings.get("secure"))).items():
            self.set_header(name, value)

    def prepare(self) -> None:
        self.check_host()
        self.check_access()
        if not self.rehearses and self.path_kwargs.get("code") and self.room().rehearsal:
            raise ApiError(409, "rehearsal", "A rehearsal does not have this: nothing of it is kept.")

    def check_access(self) -> None:
        """Raise 401 unless this caller may call this. Asked again after a wait: co-hosts may be revoked."""
        if not self._is_allowed():
            raise ApiError(401, "no_key", f"This needs {self.access.value}.")

    def _is_allowed(self) -> bool:
        sessions = self.services.sessions
        match self.access:
            case Access.VOTER:
                return sessions.voter(self) is not None
            case Access.HOST_TOKEN:
                return self.token_host() is not None
            case Access.HOST:
                return self.is_host()
            case Access.OWN_HOST:
                return self.host() == ""
            case Access.PUBLISHED:
                return self.room().state.replay_public or self.is_host()
            case Access.OPERATOR_KEY:
                return self._has_operator_key()
            case Access.OPERATOR:
                open_to_all = self.services.config.open_hosting
                return open_to_all or self._has_operator_key() or sessions.is_operator(self)
            case _:
                return self.access is Access.ANYBODY

    def is_host(self) -> bool:
        """Whether this is a host of the room that the path names, or a co-host. Raises 404."""
        return self.host() is not None

    def host(self) -> str | None:
        """As whom this request hosts the room that the path names, as ``cookie_host`` says it. Raises 404."""
        cohost = self.token_host()
        return self.cookie_host(self.room()) if cohost is None else cohost

    def token_host(self) -> str | None:
        """As whom the token of this request lets it host the room that the path names. Raises 404.

        The host's token stands alone; a co-host's, ``c.ID.TOKEN``, says whose it is.
        """
        room, given = self.room(), self._bearer()
        if _same(given, room.key.host_token):
            return ""
        match given.split("."):
            case ["c", id, token] if is_cohost(room.state, id) and _same(token, room.key.cohost_token(id)):
                return id
        return None

    def room(self) -> LiveRoom:
        """The room that the path names. Raises 404."""
        room = self.services.room(self.path_kwargs["code"].upper())
        if room is None:
            raise ApiError(404, "no_such_room", "There is no room with this code.")
        return room

    def language(self, room: LiveRoom | None) -> str:
        """The language in which who asks gets a page of this room."""
        return languages.choose(
            cookies=self.request.headers.get("Cookie", ""),
            accepted=self.request.headers.get("Accept-Language", ""),
            room=languages.language_of(room),
        )

    def read(self, type_: type[Any]) -> Any:
        """The JSON body as ``type_``. Raises 400 with a reason that names the field."""
        try:
            return msgspec.json.decode(self.request.body, type=type_)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise ApiError(400, "bad_message", f"The body is not what this takes: {error}.") from None

    def answer(self, message: Any, *, status: int = 200) -> None:
        """Send a message as JSON."""
        self.set_status(status)
        self.send_json(msgspec.json.encode(message))

    def send_json(self, body: bytes) -> None:
        """Send JSON that is encoded already."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(body)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        if isinstance(error, ApiError):
            code, message = error.code, error.message
            if error.retry_s is not None:
                self.set_header("Retry-After", str(error.retry_s))
        else:
            code, message = "error", f"{HTTPStatus(status_code).phrase}."
        self.answer({"error": {"code": code, "message": message}}, status=status_code)

    def _bearer(self) -> str:
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def _has_operator_key(self) -> bool:
        return _same(self._bearer(), self.services.operator_key)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
