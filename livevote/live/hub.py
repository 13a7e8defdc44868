"""The fan-out: one frame for each role and tick, the same bytes to everybody, and only the newest to the slow.

The hub owns the ``Subscriber`` protocol; whatever has a socket implements it.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Literal, Protocol

from livevote.clock import Clock

_log = logging.getLogger("livevote")

Part = Literal["board", "pulse"]
"""What is sent beside the state, in a frame of its own."""
PARTS: tuple[Part, ...] = ("board", "pulse")

Role = Literal["voter", "wall", "host"]
ROLES: tuple[Role, ...] = ("voter", "wall", "host")

_COUNTING: tuple[Role, ...] = ("wall", "host")
"""Where it shows how many voters there are."""

MIN_TICK_S = 0.1
MAX_TICK_S = 1.0
TICK_PER_FAN_OUT = 2.5  # leaves three fifths of the loop to votes when a fan-out takes long
PART_EVERY_S = 1.0  # a board with a hundred posts for ten thousand phones is 180 MB
SLICE_S = 0.002  # how long votes may wait for a fan-out in progress
_LOOK_AT_CLOCK_EVERY = 16


class Subscriber(Protocol):
    """An open socket as the hub sees it."""

    alive: bool
    """Set whenever the client is heard of; the sweeper clears it."""

    def send(self, frame: bytes) -> None:
        """Hand over one frame. Never raises and never waits: a closed socket drops it."""

    @property
    def writing(self) -> bool:
        """Whether an earlier frame has not gone out completely."""

    def leave_with(self, name: str) -> None:
        """Close with a code of ``protocol.codes``, by its name."""


class Views(Protocol):
    """How the hub gets the newest frames of a room."""

    async def prepare(self) -> None:
        """Bring up to date what frames are made from, where that takes longer than a slice. Called before each tick."""

    def own(self, subscriber: Subscriber) -> bytes | None:
        """What this voter's page alone gets behind the frame for everybody; None if that is nothing."""

    def tick(self, role: Role, *, full: bool) -> bytes | None:
        """What everybody gets: the whole state if ``full``, else what ballots change; None if that is nothing."""

    def part(self, part: Part, role: Role) -> bytes | None:
        """What everybody gets of a part that may have changed; None if that is nothing."""

    def catch_up(self, subscriber: Subscriber, role: Role) -> None:
        """Send one subscriber all that its page shows, its own ballot included."""


class Channel:
    """All subscribers of one room.

    Ticks last ``clamp(100 ms, 2.5 x the last fan-out, 1 s)``; the first change after a quiet time goes out at once, and
    parts in one tick a second at most. A subscriber that is still busy with an earlier frame lags: nothing more until
    it has drained, then the newest.
    """

    def __init__(self, *, views: Views, clock: Clock) -> None:
        self._views = views
        self._clock = clock
        # In the order in which they came, which is about that of their sockets in memory: a fan-out in the order of a
        # set, which is none, took longer.
        self._subscribers: dict[Role, dict[Subscriber, None]] = {role: {} for role in ROLES}
        self._lagging: set[Subscriber] = set()
        # What has changed since the last tick, for each role: nothing, the ballots only (False), anything (True).
        self._changed: dict[Role, bool] = {}
        self._own = False
        self._parts: set[Part] = set()
        self._task: asyncio.Task[None] | None = None
        self._next_at_s = 0.0
        self._parts_at_s = 0.0
        self._sending = False
        self._closing = False

    def join(self, subscriber: Subscriber, role: Role) -> None:
        """Send ``subscriber`` the state of this moment and every tick from now on."""
        self._views.catch_up(subscriber, role)
        self._subscribers[role][subscriber] = None
        self._presence_changed(role)

    def leave(self, subscriber: Subscriber, role: Role) -> None:
        """Send it nothing any more. Safe to call twice."""
        self._subscribers[role].pop(subscriber, None)
        self._lagging.discard(subscriber)
        self._presence_changed(role)

    def sync(self, subscriber: Subscriber, role: Role) -> None:
        """Send ``subscriber`` all that its page shows: now, or when it can take it.

        Not in the middle of a fan-out either: the older frame of that tick would follow, and ``as_of`` go back (I10).
        """
        if self._sending or subscriber.writing:
            self._lagging.add(subscriber)
            self._start()
        else:
            self._views.catch_up(subscriber, role)

    def behind(self, voter: Subscriber) -> bool:
        """Whether ``voter`` may not have been sent the newest state: it is busy, or a tick with one is not over."""
        return voter.writing or voter in self._lagging or self._sending or self._changed.get("voter", False)

    def has(self, role: Role) -> bool:
        """Whether anybody of this role is here, and not only on the way in."""
        return bool(self._subscribers[role])

    def subscribers(self, *roles: Role) -> list[Subscriber]:
        """Everybody in these roles, or in all of them, as of now."""
        return [subscriber for role in roles or ROLES for subscriber in self._subscribers[role]]

    def changed(self, *, full: bool, own: bool = False) -> None:
        """The room has moved on: ``full`` if more than the ballots of a round changed, ``own`` if what each voter gets
        alone did."""
        for role in ROLES:
            self._changed[role] = full or self._changed.get(role, False)
        self._own = own or self._own
        self._start()

    def part_changed(self, part: Part) -> None:
        """Something that is sent beside the state may have moved on."""
        self._parts.add(part)
        self._start()

    def resync(self, role: Role) -> None:
        """Send everybody of a role all that their pages show, a few at a time."""
        self._lagging.update(self._subscribers[role])
        self._start()

    def refresh(self, role: Role) -> None:
        """Send everybody in ``role`` a new frame, although the log has not moved on."""
        if self._subscribers[role]:
            self._changed.setdefault(role, False)
            self._start()

    def _presence_changed(self, role: Role) -> None:
        if role == "voter":
            for counting in _COUNTING:
                self.refresh(counting)

    def _start(self) -> None:
        if not self._closing and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._until_quiet(), name="fan-out")

    async def _until_quiet(self) -> None:
        # Who lags keeps the ticks going, but not a channel that closes: a page that never reads would hold it forever.
        # The same goes for parts, one of which changes by itself for as long as it is looked at: see ``aclose``.
        while self._changed or ((self._lagging or self._parts) and not self._closing):
            await asyncio.sleep(max(0.0, self._next_at_s - self._clock.monotonic_s()))
            begun_s = self._clock.monotonic_s()
            done = await self._try_to_fan_out()
            took_s = self._clock.monotonic_s() - begun_s
            wait_s = min(max(MIN_TICK_S, TICK_PER_FAN_OUT * took_s), MAX_TICK_S) if done else MAX_TICK_S
            self._next_at_s = begun_s + wait_s

    async def _try_to_fan_out(self) -> bool:
        try:
            await self._fan_out()
        except Exception:
            _log.exception("a result could not be sent; the next tick tries again")
            return False
        return True

    async def _fan_out(self) -> None:
        changed, self._changed = self._changed, {}
        own, self._own = self._own, False
        parts: set[Part] = set()
        if self._parts and (self._closing or self._clock.monotonic_s() >= self._parts_at_s):
            parts, self._parts = self._parts, parts
            self._parts_at_s = self._clock.monotonic_s() + PART_EVERY_S
        self._sending = True
        try:
            await self._views.prepare()
            for role in ROLES:
                subscribers = self._subscribers[role]
                recovered = [one for one in self._lagging if one in subscribers and not one.writing]
                frame = self._views.tick(role, full=changed[role]) if role in changed and subscribers else None
                if frame is not None:
                    await self._send(frame, [one for one in subscribers if one not in self._lagging])
                changed.pop(role, None)
                if own and role == "voter":
                    await self._send(None, [one for one in subscribers if one not in self._lagging])
                    own = False
                for part in parts if subscribers else ():
                    if (frame := self._views.part(part, role)) is not None:
                        await self._send(frame, [one for one in subscribers if one not in self._lagging])
                await self._recover(recovered, role)
        except Exception:
            if not self._closing:  # or a frame that can never be made would keep the channel open
                self._put_back(changed, own=own, parts=parts)
            raise
        finally:
            self._sending = False

    def _put_back(self, changed: dict[Role, bool], *, own: bool, parts: set[Part]) -> None:
        """What a tick has not sent is due in the next one."""
        for role, full in changed.items():
            self._changed[role] = full or self._changed.get(role, False)
        self._own = self._own or own
        self._parts |= parts

    async def _send(self, frame: bytes | None, to: Iterable[Subscriber]) -> None:
        """Send ``frame`` to each, or to each its own if there is None for everybody."""
        slice_ends_s = self._clock.monotonic_s() + SLICE_S
        for number, subscriber in enumerate(to):
            if subscriber.writing:
                self._lagging.add(subscriber)
                continue
            each = self._views.own(subscriber) if frame is None else frame
            if each is not None:
                subscriber.send(each)
            if number % _LOOK_AT_CLOCK_EVERY == 0 and self._clock.monotonic_s() > slice_ends_s:
                await asyncio.sleep(0)
                slice_ends_s = self._clock.monotonic_s() + SLICE_S

    async def _recover(self, subscribers: list[Subscriber], role: Role) -> None:
        for number, subscriber in enumerate(subscribers):
            self._lagging.discard(subscriber)
            if subscriber in self._subscribers[role]:
                self._views.catch_up(subscriber, role)
            if number % _LOOK_AT_CLOCK_EVERY == _LOOK_AT_CLOCK_EVERY - 1:
                await asyncio.sleep(0)

    async def aclose(self) -> None:
        """Send what has changed to everybody who can take it, and no more after that."""
        self._closing = True
        if self._task is not None:
            await self._task
        if self._parts:
            await self._try_to_fan_out()
