"""The pulse of a room: how often each reaction came lately. It is in memory alone, and nobody's name is with it."""

from collections import deque
from typing import get_args

from livevote.clock import Clock
from livevote.protocol.messages import Reaction

WINDOW_S = 30
"""How long a reaction is seen."""

REACTIONS: tuple[Reaction, ...] = get_args(Reaction)


class Pulse:
    """Reactions of the last ``WINDOW_S`` seconds, one set of counts for each second: as much memory for any crowd."""

    __slots__ = ("_clock", "_seconds")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seconds: deque[tuple[int, dict[Reaction, int]]] = deque()

    def add(self, kind: Reaction) -> None:
        """Somebody reacted."""
        now = self._forget_old()
        if not self._seconds or self._seconds[-1][0] != now:
            self._seconds.append((now, dict.fromkeys(REACTIONS, 0)))
        self._seconds[-1][1][kind] += 1

    def counts(self) -> dict[Reaction, int]:
        """How often each kind came lately, those that did not come among them."""
        self._forget_old()
        return {kind: sum(counts[kind] for _, counts in self._seconds) for kind in REACTIONS}

    def clear(self) -> None:
        """Forget all reactions."""
        self._seconds.clear()

    def _forget_old(self) -> int:
        now = int(self._clock.monotonic_s())
        while self._seconds and self._seconds[0][0] <= now - WINDOW_S:
            self._seconds.popleft()
        return now
