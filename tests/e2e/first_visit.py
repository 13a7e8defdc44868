"""livevote for a browser that asks for its first two pages at the same moment, at the worst of all moments.

Neither request carries a cookie, so both answers set one; and the second answer waits until the test says that the
first page has voted: it puts a file called ``HAS_VOTED`` into the data directory.
"""

import asyncio

from livevote import cli
from livevote.web.page_answer import PageAnswers
from livevote.web.page_handlers import VoterPage
from livevote.web.request_head import RequestHead
from tests.e2e.rooms import HAS_VOTED

_get = VoterPage.get
_both_asked = asyncio.Event()
_asked = 0


async def _get_together(self: VoterPage, code: str = "") -> None:
    global _asked
    if not code or self.request.cookies:
        return await _get(self, code)
    _asked += 1
    if _asked == 1:
        await _both_asked.wait()
        return await _get(self, code)
    _both_asked.set()
    # Not as soon as the log has the ballot: a page that has not been told yet leaves it to the other tabs to send it
    # again, and then it is the second page that votes for the first.
    while not (self.services.config.data / HAS_VOTED).exists():
        await asyncio.sleep(0.02)
    return await _get(self, code)


def _leave_it(self: PageAnswers, head: RequestHead) -> bytes | None:  # noqa: ARG001
    return None  # the door answers at once, and nothing could come in between


VoterPage.get = _get_together  # type: ignore[method-assign]
PageAnswers.find = _leave_it  # type: ignore[method-assign]

if __name__ == "__main__":
    cli.main()
