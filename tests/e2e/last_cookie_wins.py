"""The worst first visit, on a livevote with the promise broken on purpose: all voters' cookies have one name."""

from tornado.web import RequestHandler

from livevote import cli
from livevote.keys import random_id
from livevote.web.session import Sessions
from tests.e2e import first_visit  # noqa: F401 - imported for what it does to the pages


def _ensure_voter(self: Sessions, handler: RequestHandler) -> bool:
    known = self.voter(handler) is not None
    if not known:
        self._set(handler, f"{self._prefix}.voter", random_id(), "Lax")
    return known


Sessions.ensure_voter = _ensure_voter  # type: ignore[method-assign]

if __name__ == "__main__":
    cli.main()
