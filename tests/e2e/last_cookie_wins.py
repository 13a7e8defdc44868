"""The worst first visit, on a livevote with the promise broken on purpose: all voters' cookies have one name."""

from livevote import cli
from livevote.web import session
from tests.e2e import first_visit  # noqa: F401 - imported for what it does to the pages

_Sessions = session.Sessions


def _ensure_voter(self: session.Sessions, handler: session.RequestHandler) -> bool:
    known = self.voter(handler) is not None
    if not known:
        self._set(handler, f"{self._prefix}.voter", session.random_id(), "Lax")
    return known


_Sessions.ensure_voter = _ensure_voter  # type: ignore[method-assign]

if __name__ == "__main__":
    cli.main()
