"""The fan-out: one frame for each role and tick, the same bytes to everybody, and only the newest to the slow.

The hub owns the ``Subscriber`` protocol; whatever has a socket implements it.
"""

import asyncio
from collections.abc import Iterable
from typing import Literal, Protocol

from livevote.clock import Clock

Role = Literal["voter", "host"]
ROLES: tuple[Role, ...] = ("voter", "host")

MIN_TICK_S = 0.1
MAX_TICK_S = 1.0
_TICK_PER_FAN_OUT = 2.5  # leaves three fifths of the loop to votes when a fan-out takes long
_SLICE_S = 0.002  # how long votes may wait for a fan-out in progress
_LOOK_AT_CLOCK_EVERY = 16


class Subscriber(Protocol):
    """An open socket as the hub sees it."""

    def send(self, frame: bytes) -> None:
        """Hand over one frame. Never raises and never waits: a closed socket drops it."""

    @property
    def writing(self) -> bool:
        """Whether an earlier frame has not gone out completely."""


class Render(Protocol):
    """How the hub gets the newest frame of a room."""

    def __call__(self, role: Role, *, full: bool) -> bytes | None:
        """The whole state if ``full``, else only what ballots change; None if the role has nothing to see of that."""


class Channel:
    """All subscribers of one room.

    Ticks last ``clamp(100 ms, 2.5 x the last fan-out, 1 s)``; the first change after a quiet time goes out at once.
    """

    def __init__(self, *, render: Render, clock: Clock) -> None:
        self._render = render
        self._clock = clock
        self._subscribers: dict[Role, set[Subscriber]] = {role: set() for role in ROLES}
        self._lagging: set[Subscriber] = set()
        # What has changed since the last tick, for each role: nothing, the ballots only (False), anything (True).
        self._changed: dict[Role, bool] = {}
        self._task: asyncio.Task[None] | None = None
        self._next_at_s = 0.0

    def join(self, subscriber: Subscriber, role: Role) -> None:
        """Send the next ticks to ``subscriber``, who already has the state of this moment."""
        self._subscribers[role].add(subscriber)
        self._presence_changed(role)

    def leave(self, subscriber: Subscriber, role: Role) -> None:
        """Send it nothing any more."""
        self._subscribers[role].discard(subscriber)
        self._lagging.discard(subscriber)
        self._presence_changed(role)

    def subscribers(self) -> list[Subscriber]:
        """Everybody, as of now."""
        return [subscriber for role in ROLES for subscriber in self._subscribers[role]]

    def changed(self, *, full: bool) -> None:
        """The room has moved on: ``full`` if more than the ballots of a round changed."""
        for role in ROLES:
            self._changed[role] = full or self._changed.get(role, False)
        self._start()

    def _presence_changed(self, role: Role) -> None:
        if role == "voter" and self._subscribers["host"]:
            self._changed.setdefault("host", False)
            self._start()

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._until_quiet(), name="fan-out")

    async def _until_quiet(self) -> None:
        while self._changed or self._lagging:
            await asyncio.sleep(max(0.0, self._next_at_s - self._clock.monotonic_s()))
            begun_s = self._clock.monotonic_s()
            await self._fan_out()
            took_s = self._clock.monotonic_s() - begun_s
            self._next_at_s = begun_s + min(max(MIN_TICK_S, _TICK_PER_FAN_OUT * took_s), MAX_TICK_S)

    async def _fan_out(self) -> None:
        changed, self._changed = self._changed, {}
        for role in ROLES:
            recovered = [one for one in self._lagging if one in self._subscribers[role] and not one.writing]
            frame = self._render(role, full=changed[role]) if role in changed and self._subscribers[role] else None
            if frame is not None:
                await self._send(frame, self._subscribers[role] - self._lagging)
            if recovered and (state := self._render(role, full=True)) is not None:
                self._lagging.difference_update(recovered)
                await self._send(state, recovered)

    async def _send(self, frame: bytes, to: Iterable[Subscriber]) -> None:
        slice_ends_s = self._clock.monotonic_s() + _SLICE_S
        for number, subscriber in enumerate(to):
            if subscriber.writing:
                self._lagging.add(subscriber)
                continue
            subscriber.send(frame)
            if number % _LOOK_AT_CLOCK_EVERY == 0 and self._clock.monotonic_s() > slice_ends_s:
                await asyncio.sleep(0)
                slice_ends_s = self._clock.monotonic_s() + _SLICE_S

    async def aclose(self) -> None:
        """Let the tick in progress end, so that the last result reaches the screens."""
        self._lagging.clear()
        if self._task is not None:
            await self._task
