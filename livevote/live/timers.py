"""Closes rounds at their planned ends, by the same command as a host and through the same queue.

Only the order of the log says what counts. So a timer is no more than somebody with a watch: it may be late, be
overtaken by a host, or be told once more, and there is one close all the same.
"""

import asyncio
from contextlib import suppress
from functools import partial

import msgspec

from livevote.clock import Clock
from livevote.domain.commands import CloseVoting
from livevote.domain.voting import MAX_TIMER_S
from livevote.live.outcome import Outcome
from livevote.live.registry import Registry
from livevote.live.room import LiveRoom
from livevote.live.writer import Writer
from livevote.protocol.codes import Unsure

_RETRY_S = 1.0
"""After how long a close is asked for again that could not be written, such as on a full disk."""


class _Armed(msgspec.Struct):
    """A round's timer. ``due_s`` is on the monotonic clock."""

    command: CloseVoting
    due_s: float
    asked: bool = False
    """Whether the command was submitted and has no answer yet."""


class Timers:
    """The timers of all rooms. A room has one at most, because only one of its questions is open at a time."""

    def __init__(self, *, registry: Registry, writer: Writer, clock: Clock) -> None:
        self._registry = registry
        self._writer = writer
        self._clock = clock
        self._armed: dict[str, _Armed] = {}

    async def run(self) -> None:
        """Arm what the log has planned, and close what is due as long as nobody cancels this."""
        registry = self._registry
        for room in registry.all():
            self._look(room)
        while True:
            for room in registry.commanded.values():
                self._look(room)
            registry.commanded.clear()
            registry.stirred.clear()
            rest_s = self.ring()
            with suppress(TimeoutError):
                async with asyncio.timeout(rest_s):
                    await registry.stirred.wait()

    def _look(self, room: LiveRoom) -> None:
        """Arm, move or drop the room's timer, as its state says."""
        question = room.state.current
        asked = None if question is None else question.rounds[-1]
        if question is None or asked is None or asked.closed_at is not None or asked.closes_at is None:
            self._armed.pop(room.code, None)
            return
        command = CloseVoting(question.id, round=asked.number, closes_at=asked.closes_at)
        armed = self._armed.get(room.code)
        if armed is None or armed.command != command:
            # From here on the wall clock may jump: what is left is measured with the other one. What it says now is
            # believed within bounds, so that a start with a wrong clock keeps no round open for years.
            left_ms = max(0, min(asked.closes_at - self._clock.now_ms(), 1000 * MAX_TIMER_S))
            self._armed[room.code] = _Armed(command, self._clock.monotonic_s() + left_ms / 1000)

    def ring(self) -> float | None:
        """Ask for the close of every round that is due. Returns after how many seconds the next one is, if any."""
        now_s = self._clock.monotonic_s()
        for code, armed in list(self._armed.items()):
            if not armed.asked and armed.due_s <= now_s:
                armed.asked = True
                self._writer.submit(code, armed.command, partial(self._answered, code, armed))
        return min((armed.due_s - now_s for armed in self._armed.values() if not armed.asked), default=None)

    def _answered(self, code: str, armed: _Armed, outcome: Outcome) -> None:
        if isinstance(outcome, Unsure):
            armed.asked, armed.due_s = False, self._clock.monotonic_s() + _RETRY_S
            self._registry.stirred.set()
        elif self._armed.get(code) is armed:
            # Closed, or refused because somebody else has closed it or moved its end.
            del self._armed[code]
