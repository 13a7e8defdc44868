"""Cookies: who a browser is to this server. Signed, HttpOnly, and the only place where a session id is seen."""

import math
from collections.abc import Iterable

from tornado.httputil import parse_cookie
from tornado.web import RequestHandler, create_signed_value, decode_signed_value

from livevote.keys import Keyring, random_id
from livevote.live.room import HeldCode

_MAX_HOSTED = 20
_DAYS = 400  # the longest that browsers keep a cookie
_DAY_S = 24 * 60 * 60
_MAX_STRANGERS = 8
_MAX_CODES = 20


class Sessions:
    """Reads and sets the cookies of voters, hosts and the operator.

    A voter's cookie is ``Lax``: with ``Strict`` a scanned QR code would send none and make a second voter. Hosts' and
    the operator's are ``Strict``: no other site ever has reason to send them along.

    Every voter's cookie has a name of its own, because two pages that a new browser asks for at the same moment both
    come with one. Under one name the later would replace the earlier, and who had voted with that would vote again.
    So both stay, and browsers list them in the order in which they got them (RFC 6265 section 5.4): the first is on
    every request that any of them is on, and it alone says who the voter is.
    """

    def __init__(self, keyring: Keyring, *, secure: bool) -> None:
        self._secure = secure
        self._secret = keyring.cookie_secret
        # The prefix makes browsers refuse the cookie without Secure, with a Domain or with another path.
        self._prefix = "__Host-livevote" if secure else "livevote"

    def voter(self, handler: RequestHandler) -> str | None:
        """The session id of the first valid cookie: 22 characters."""
        return self._first(self._sent(handler.request.headers.get("Cookie", "")))

    def cookie_for(self, header: str) -> bytes | None:
        """What a page's answer to a request with this ``Cookie`` header says about cookies, as lines of a head.

        Nothing for a browser that has a session; None where there is more to do than setting one.
        """
        sent = self._sent(header)
        if self._first(sent) is not None:
            return b""
        if len(sent) > _MAX_STRANGERS:
            return None
        name = self._new_name()
        value = create_signed_value(self._secret, name, random_id()).decode()
        end = "; Secure" if self._secure else ""
        return (
            f'Set-Cookie: {name}="{value}"; HttpOnly; Max-Age={_DAYS * _DAY_S}; Path=/; SameSite=Lax{end}\r\n'
        ).encode()

    def _sent(self, header: str) -> list[tuple[str, str]]:
        """The voters' cookies in a ``Cookie`` header, in the browser's order."""
        if self._prefix not in header:
            return []
        own = f"{self._prefix}."
        return [(name, value) for name, value in parse_cookie(header).items() if name.startswith(own)]

    def _first(self, cookies: Iterable[tuple[str, str]]) -> str | None:
        # It holds for as long as the browser keeps it: a vote cast while this machine's clock was years behind shall
        # still have its voter when the clock is right.
        for name, value in cookies:
            if (session := self._open(name, value)) is not None:
                return session
        return None

    def _open(self, name: str, text: str) -> str | None:
        value = decode_signed_value(self._secret, name, text, max_age_days=math.inf, min_version=2)
        return None if value is None else value.decode()

    def ensure_voter(self, handler: RequestHandler) -> bool:
        """Give the browser a session unless it has one; whether it had."""
        known = self.voter(handler) is not None
        if not known:
            # Cookies of other data directories under this address: without an end to them, requests would outgrow what
            # a server reads.
            for name in self._voters(handler)[:-_MAX_STRANGERS]:
                handler.clear_cookie(name, secure=self._secure, path="/")
            self._set(handler, self._new_name(), random_id(), "Lax")
        return known

    def _new_name(self) -> str:
        return f"{self._prefix}.{random_id()[:8]}"

    def _voters(self, handler: RequestHandler) -> list[str]:
        """The names of all voters' cookies that the browser sent, in its order."""
        return [name for name in handler.cookies if name.startswith(f"{self._prefix}.")]

    def code(self, handler: RequestHandler, room: str) -> HeldCode | None:
        """The one-time code that the browser has entered in this room."""
        # For as long as the browser keeps it, as a voter's. Its name is signed with it: one room's is no other's.
        name = self._code_name(room)
        if name not in handler.request.headers.get("Cookie", ""):
            return None  # nearly everybody, and reading cookies takes longer than looking
        value = self._get(handler, name, max_age_days=math.inf)
        if value is None:
            return None
        list_, place, identity = value.split(".")
        return HeldCode((int(list_), int(place)), identity)

    def enter_code(self, handler: RequestHandler, room: str, code: HeldCode) -> None:
        """Remember the one-time code that the browser has entered in this room."""
        others = [name for name in handler.cookies if name.startswith(f"{self._prefix}-code-")]
        for name in others[: -_MAX_CODES + 1]:  # or requests would outgrow what a server reads
            handler.clear_cookie(name, secure=self._secure, path="/")
        list_, place = code.place
        self._set(handler, self._code_name(room), f"{list_}.{place}.{code.identity}", "Lax")

    def _code_name(self, room: str) -> str:
        return f"{self._prefix}-code-{room}"

    def host(self, handler: RequestHandler, code: str, *, rehearsal: bool) -> str | None:
        """As whom the browser proved to host this room: "" for its host, else a co-host's id; None where it did not.

        Whether a co-host still is one, only the room's state says. Rehearsals have a cookie of their own: they are gone
        after hours, and shall push no room out.
        """
        return self._hosted(handler, self._host_name(rehearsal=rehearsal)).get(code)

    def sign_in_host(self, handler: RequestHandler, code: str, *, rehearsal: bool, cohost: str = "") -> None:
        """Remember that the browser holds this room's host token, or that of the co-host with this id."""
        name = self._host_name(rehearsal=rehearsal)
        hosted = self._hosted(handler, name)
        if cohost and hosted.pop(code, None) == "":
            cohost = ""  # a host who tries out a co-host's link stays the host
        # One cookie for all rooms, the newest first: a cookie for each would outgrow what a request may carry.
        newest = {code: cohost, **{other: id for other, id in hosted.items() if other != code}}
        entries = [f"{other}-{id}" if id else other for other, id in newest.items()]
        self._set(handler, name, ".".join(entries[:_MAX_HOSTED]), "Strict")

    def _host_name(self, *, rehearsal: bool) -> str:
        return f"{self._prefix}-rehearsal" if rehearsal else f"{self._prefix}-host"

    def _hosted(self, handler: RequestHandler, name: str) -> dict[str, str]:
        """The rooms of the cookie, the newest first: CODE where the browser has the host's token, else CODE-ID."""
        value = self._get(handler, name)
        entries = value.split(".") if value else []
        return {code: id for code, _, id in (entry.partition("-") for entry in entries)}

    def is_operator(self, handler: RequestHandler) -> bool:
        """Whether the browser proved to hold the operator key."""
        return self._get(handler, f"{self._prefix}-operator") == "operator"

    def sign_in_operator(self, handler: RequestHandler) -> None:
        """Remember that the browser holds the operator key."""
        self._set(handler, f"{self._prefix}-operator", "operator", "Strict")

    def _get(self, handler: RequestHandler, name: str, *, max_age_days: float = _DAYS) -> str | None:
        value = handler.get_signed_cookie(name, max_age_days=max_age_days, min_version=2)
        return None if value is None else value.decode()

    def _set(self, handler: RequestHandler, name: str, value: str, same_site: str) -> None:
        # An age and not a date, by which browsers would drop the cookies of a machine whose clock is behind.
        handler.set_signed_cookie(
            name,
            value,
            expires_days=None,
            max_age=_DAYS * _DAY_S,
            httponly=True,
            secure=self._secure,
            samesite=same_site,
            path="/",
        )
