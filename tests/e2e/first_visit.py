"""livevote for a browser that asks for its first two pages at the same moment, at the worst of all moments.

Neither request carries a cookie, so both answers set one; and the second answer waits until the first page has voted.
"""

import asyncio

from livevote import cli
from livevote.web.page_answer import PageAnswers
from livevote.web.page_handlers import VoterPage
from livevote.web.request_head import RequestHead

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
    room = self.services.registry.get(code)
    assert room is not None
    asked = room.state.questions["q1"].rounds[0]
    while not asked.ballots:
        await asyncio.sleep(0.02)
    return await _get(self, code)


def _leave_it(self: PageAnswers, head: RequestHead) -> bytes | None:  # noqa: ARG001
    return None  # the door answers at once, and nothing could come in between


VoterPage.get = _get_together  # type: ignore[method-assign]
PageAnswers.find = _leave_it  # type: ignore[method-assign]

if __name__ == "__main__":
    cli.main()
