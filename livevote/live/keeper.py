"""Saves the states of large rooms now and then, so that a start need not fold their logs again.

Apart from the auditor, which compares with the log what was saved. It reads the log as everybody does and never touches
the running state: the way of a vote is the same with it and without.
"""

import asyncio
import contextlib
import logging
from contextlib import aclosing

from livevote.domain.erasure import is_blank
from livevote.domain.room import BrokenLogError
from livevote.failures import FailureError
from livevote.live.registry import Registry
from livevote.live.room import LiveRoom
from livevote.live.shadow import Shadow, aside
from livevote.log import Reader, States

_log = logging.getLogger("livevote")

LARGE = 50_000
"""Records up to which a whole fold is a matter of a quarter of a second."""
_WORTH = 10_000  # more records than before: the fold of fewer takes as long as saving them
_BUSY = 1_000  # records between two looks; a second fold takes up to half of the processor from votes
_WORTH_WHILE_BUSY = 500_000  # which a start folds in two or three seconds
_GROWTH = 1 / 8  # so saving costs each record the same, however large the room is
_SLICE = 100  # records between two turns of the loop
_PAUSE_S = 10.0


class Keeper:
    """Knows up to which record each room is saved. One task at a time may use it."""

    def __init__(self, *, log: Reader, registry: Registry, states: States) -> None:
        self._log = log
        self._registry = registry
        self._states = states
        self.saved: dict[str, int] = dict(registry.resumed)
        self._seen: dict[str, int] = {}
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        """Save what has grown, every few seconds, until cancelled. For logs that were checked."""
        while True:
            await self.look()
            await asyncio.sleep(_PAUSE_S)

    async def look(self) -> None:
        """Save every room that is ``due``, and one in the middle of a vote only where much would be lost."""
        for room in self._registry.all():
            if room.erased > self.saved.get(room.code, room.erased):
                await self.discard(room)  # it holds what was erased
            is_busy = room.state.head - self._seen.get(room.code, room.state.head) > _BUSY
            self._seen[room.code] = room.state.head
            if self.due(room, growth=_GROWTH, is_busy=is_busy):
                await self._try_to_save(room)

    def due(self, room: LiveRoom, *, growth: float = 0, is_busy: bool = False) -> bool:
        """Whether the room is large, and has grown by ``growth`` of itself and by enough to be worth it."""
        grown = room.state.head - self.saved.get(room.code, 0)
        worth = _WORTH_WHILE_BUSY if is_busy else _WORTH
        is_due = room.state.head > LARGE and grown >= max(worth, room.state.head * growth)
        # A saved state without answers says to the next start that none are left in the log.
        return is_due and room.code not in self._registry.erasing

    async def save(self, *, growth: float = _GROWTH) -> None:
        """Save every room that is ``due``."""
        for room in self._registry.all():
            if self.due(room, growth=growth):
                await self._try_to_save(room)

    async def _try_to_save(self, room: LiveRoom) -> None:
        try:
            await self._save(room)
        except (FailureError, BrokenLogError, OSError) as error:
            _log.warning("the state of room %s was not saved: %s", room.code, error)

    async def _save(self, room: LiveRoom) -> None:
        frozen = None
        if room.code in self.saved:
            frozen = await aside(self._states.load(room.code, room.key.state_key))
        shadow = Shadow(room.state, frozen)
        async with aclosing(self._log.read(room.code, after=shadow.head, upto=room.state.head)) as chunks:
            async for entries in chunks:
                for number, entry in enumerate(entries):
                    if number % _SLICE == 0:
                        await asyncio.sleep(0)
                    shadow.add(entry)
        await self.keep(room, shadow)

    async def keep(self, room: LiveRoom, shadow: Shadow) -> None:
        """Save what ``shadow`` has come to. Raises ``OSError``."""
        async with self._one_at_a_time:
            if room.state.erased_at is not None and (room.code in self._registry.erasing or not is_blank(shadow.room)):
                return  # it was erased meanwhile
            frozen = shadow.freeze()
            await aside(self._states.save(room.code, room.key.state_key, frozen))
            self.saved[room.code] = frozen.index

    async def discard(self, room: LiveRoom) -> None:
        """Delete what was saved: it is wrong."""
        with contextlib.suppress(OSError):
            await self.forget(room)

    async def forget(self, room: LiveRoom) -> None:
        """Delete what was saved: nobody shall find it. Raises ``OSError``."""
        async with self._one_at_a_time:
            self.saved.pop(room.code, None)
            await aside(self._states.remove(room.code))
