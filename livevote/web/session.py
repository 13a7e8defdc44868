"""Cookies: who a browser is to this server. Signed, HttpOnly, and the only place where a session id is seen."""

from tornado.web import RequestHandler

from livevote.keys import Keyring, random_id

_MAX_HOSTED = 20
_DAYS = 400  # the longest that browsers keep a cookie


class Sessions:
    """Reads and sets the cookies of voters, hosts and the operator.

    A voter's cookie is ``Lax``: with ``Strict`` a scanned QR code would send none and make a second voter. Hosts' and
    the operator's are ``Strict``: no other site ever has reason to send them along.
    """

    def __init__(self, keyring: Keyring, *, secure: bool) -> None:
        self._keyring = keyring
        self._secure = secure
        # The prefix makes browsers refuse the cookie without Secure, with a Domain or with another path.
        self._prefix = "__Host-livevote" if secure else "livevote"

    def voter(self, handler: RequestHandler) -> str | None:
        """The session id of a valid cookie: 22 characters."""
        return self._get(handler, self._prefix)

    def ensure_voter(self, handler: RequestHandler) -> bool:
        """Give the browser a session unless it has one; whether it had."""
        known = self.voter(handler) is not None
        if not known:
            self._set(handler, self._prefix, random_id(), "Lax")
        return known

    def is_host(self, handler: RequestHandler, code: str) -> bool:
        """Whether the browser proved to hold the host token of this room."""
        return code in self._hosted(handler)

    def sign_in_host(self, handler: RequestHandler, code: str) -> None:
        """Remember that the browser holds this room's host token."""
        # One cookie for all rooms, the newest first: a cookie for each would outgrow what a request may carry.
        codes = [code, *(other for other in self._hosted(handler) if other != code)]
        self._set(handler, f"{self._prefix}-host", ".".join(codes[:_MAX_HOSTED]), "Strict")

    def _hosted(self, handler: RequestHandler) -> list[str]:
        return (self._get(handler, f"{self._prefix}-host") or "").split(".")

    def is_operator(self, handler: RequestHandler) -> bool:
        """Whether the browser proved to hold the operator key."""
        return self._get(handler, f"{self._prefix}-operator") == "operator"

    def sign_in_operator(self, handler: RequestHandler) -> None:
        """Remember that the browser holds the operator key."""
        self._set(handler, f"{self._prefix}-operator", "operator", "Strict")

    def _get(self, handler: RequestHandler, name: str) -> str | None:
        value = handler.get_signed_cookie(name, max_age_days=_DAYS, min_version=2)
        return None if value is None else value.decode()

    def _set(self, handler: RequestHandler, name: str, value: str, same_site: str) -> None:
        handler.set_signed_cookie(
            name, value, expires_days=_DAYS, httponly=True, secure=self._secure, samesite=same_site, path="/"
        )
