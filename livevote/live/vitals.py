"""How a room is doing: who is about to come back, how long a message takes there and back, which tests failed.

Apart from the room, because it lasts no longer than the process and no log knows it. A page that does nothing has no
part in it: only those that vanish are noted, and of those that are pinged a few are measured.
"""

from collections import OrderedDict, deque
from itertools import count
from statistics import median
from typing import TypeVar

from livevote.clock import Clock
from livevote.protocol.messages import Check, ChecksInfo

K = TypeVar("K")

RECONNECTING_S = 60.0
"""Who has not come back by then has most likely left."""
_MOST_LOST = 10_000
_MOST_CHECKS = 10_000
_DELAY_S = 60.0  # three sweeps
_MOST_DELAYS = 128

SAMPLE = 32
"""Pages of a room that are measured in one sweep: enough for a median, and too few to cost anything."""

_PING, _PAYLOAD_BYTES = 0x89, 8  # RFC 6455 section 5.5.2


class Vitals:
    """What is known of the pages of one room."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        # When each was noted, the oldest first.
        self._lost: OrderedDict[str, float] = OrderedDict()
        self._asked: OrderedDict[tuple[object, bytes], float] = OrderedDict()
        self._numbers = count(1)
        self._delays: deque[tuple[float, int]] = deque(maxlen=_MOST_DELAYS)
        self._checks: OrderedDict[str, Check] = OrderedDict()
        self._counted: ChecksInfo | None = ChecksInfo()

    def lost(self, session: str) -> None:
        """The last page of a session has vanished without a word."""
        self._lost.pop(session, None)
        if len(self._lost) >= _MOST_LOST:
            self._lost.popitem(last=False)
        self._lost[session] = self._clock.monotonic_s()

    def back(self, session: str) -> None:
        """A page of the session is there."""
        self._lost.pop(session, None)

    @property
    def reconnecting(self) -> int:
        """How many sessions have vanished lately and are not back."""
        _forget(self._lost, self._clock.monotonic_s() - RECONNECTING_S)
        return len(self._lost)

    def ping(self, page: object) -> bytes:
        """A ping frame for ``page``, to be sent now: how long its pong takes is measured."""
        now_s = self._clock.monotonic_s()
        _forget(self._asked, now_s - _DELAY_S)
        payload = next(self._numbers).to_bytes(_PAYLOAD_BYTES, "big")
        self._asked[page, payload] = now_s
        return bytes((_PING, _PAYLOAD_BYTES)) + payload

    def pong(self, page: object, payload: bytes) -> None:
        """``page`` has sent a pong with this payload, asked for or not."""
        asked_s = self._asked.pop((page, payload), None)
        if asked_s is not None:
            now_s = self._clock.monotonic_s()
            self._delays.append((now_s, round(1000 * (now_s - asked_s))))

    @property
    def delay_ms(self) -> int | None:
        """The median of the round trips of the last minute; None where there was none."""
        since_s = self._clock.monotonic_s() - _DELAY_S
        newest = [delay_ms for at_s, delay_ms in self._delays if at_s >= since_s]
        return round(median(newest)) if newest else None

    def check(self, session: str, verdict: Check) -> None:
        """The phone of a session has tested itself: its newest verdict is the one that counts."""
        self._checks.pop(session, None)
        if len(self._checks) >= _MOST_CHECKS:
            self._checks.popitem(last=False)
        self._checks[session] = verdict
        self._counted = None

    @property
    def checks(self) -> ChecksInfo:
        """What all phones' tests came to."""
        if self._counted is None:
            found = self._checks.values()
            ok = sum(each.ok for each in found)
            self._counted = ChecksInfo(
                ok=ok,
                failed=len(found) - ok,
                delay_ms=round(median(each.delay_ms for each in found)),
                offset_ms=round(median(each.offset_ms for each in found)),
            )
        return self._counted


def _forget(noted: OrderedDict[K, float], before_s: float) -> None:
    """Drop what was noted before that moment."""
    while noted and next(iter(noted.values())) < before_s:
        noted.popitem(last=False)
