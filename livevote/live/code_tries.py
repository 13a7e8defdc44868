"""How many wrong one-time codes may be entered: by one browser, and in one room.

Addresses do not count: a whole room can stand behind one. Only codes that are well formed and wrong are counted, which
one typing error in 37 is: so people are hardly ever told to wait, and guessing is.
"""

import math
from collections import OrderedDict

import msgspec

from livevote.clock import Clock

SESSION_TRIES = 5
"""Wrong codes of one browser before it has to wait."""
FIRST_PAUSE_S = 30
"""How long it waits then. After each further wrong code it is twice as long."""
LONGEST_PAUSE_S = 15 * 60
ROOM_TRIES = 1000
"""Wrong codes of a whole room before it has to wait ..."""
ROOM_TRIES_PER_S = 10
"""... and how many a second it may go on with: 100,000 guesses in three hours, of 10 ** 15 codes."""
_SESSIONS = 20_000


class _Session(msgspec.Struct):
    wrong: int = 0
    until_s: float = -math.inf


class _Room(msgspec.Struct):
    wrong: float = 0.0
    since_s: float = 0.0

    def leak(self, now_s: float) -> None:
        self.wrong = max(0.0, self.wrong - (now_s - self.since_s) * ROOM_TRIES_PER_S)
        self.since_s = now_s


class CodeTries:
    """Counts wrong codes. What it holds is bounded: the sessions that tried longest ago are forgotten first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: OrderedDict[tuple[str, str], _Session] = OrderedDict()
        self._rooms: dict[str, _Room] = {}

    def begin(self, room: str, session: str) -> int:
        """Count a try that may be wrong; for how many seconds it has to wait, 0 if it may be made now."""
        now_s = self._clock.monotonic_s()
        everybody = self._rooms.setdefault(room, _Room(since_s=now_s))
        everybody.leak(now_s)
        mine = self._sessions.setdefault((room, session), _Session())
        self._sessions.move_to_end((room, session))
        if len(self._sessions) > _SESSIONS:
            self._sessions.popitem(last=False)
        wait_s = max(mine.until_s - now_s, (everybody.wrong + 1 - ROOM_TRIES) / ROOM_TRIES_PER_S)
        if wait_s > 0:
            return math.ceil(wait_s)
        # Now and not when it is known: many tries at once are as many tries.
        everybody.wrong += 1
        mine.wrong += 1
        if mine.wrong >= SESSION_TRIES:
            pause_s = FIRST_PAUSE_S * 2 ** min(mine.wrong - SESSION_TRIES, 10)
            mine.until_s = now_s + min(pause_s, LONGEST_PAUSE_S)
        return 0

    def was_not_looked_at(self, room: str, session: str) -> None:
        """Nobody could say whether the last try was right: it is not held against this browser.

        The room's count stays, or whoever guesses would be free to as long as one of several lists cannot be read.
        """
        self._take_back(room, session)

    def was_right(self, room: str, session: str) -> None:
        """The last try was no guess: it does not count, nor do those of this browser before it."""
        self._rooms[room].wrong -= 1
        self._sessions.pop((room, session), None)

    def was_known(self, room: str, session: str) -> None:
        """The last try was the code that this browser has already: it does not count, and excuses no other one."""
        self._rooms[room].wrong -= 1
        self._take_back(room, session)

    def _take_back(self, room: str, session: str) -> None:
        mine = self._sessions.get((room, session))
        if mine is not None:
            mine.wrong -= 1
            mine.until_s = -math.inf  # it could try, so no pause of an earlier one was left
