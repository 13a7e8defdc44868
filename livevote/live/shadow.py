"""A room's log folded once more, apart from the running state: to compare the two, and to save what it comes to.

A running state moves on between any two steps; this one stands still while it is compared or written.
"""

import asyncio
from collections.abc import Generator
from secrets import token_bytes
from typing import TypeVar

from livevote.domain.audit import GENESIS
from livevote.domain.freeze import Frozen, follow
from livevote.domain.packed import SALT_BYTES
from livevote.domain.records import Entry
from livevote.domain.state import Room

T = TypeVar("T")


class Shadow:
    """A second state of a log: from its beginning, or from ``frozen`` on. ``running`` is the first, if there is one."""

    def __init__(self, running: Room | None = None, frozen: Frozen | None = None) -> None:
        self._running = running
        self._room = None if frozen is None else frozen.room
        self._chain = GENESIS if frozen is None else frozen.chain
        self._salt = token_bytes(SALT_BYTES)

    @property
    def head(self) -> int:
        """The index of the last record that went in."""
        return 0 if self._room is None else self._room.head

    @property
    def room(self) -> Room:
        """The state. There is one from the first record on."""
        assert self._room is not None
        return self._room

    def add(self, entry: Entry) -> None:
        """Fold the next entry. Raises ``BrokenLogError``."""
        self._room = follow(self._room, entry, salt=self._salt, like=self._running)
        self._chain = entry.chain

    def freeze(self) -> Frozen:
        """The state as it is now, to be saved before the next ``add``."""
        return Frozen(self.room, self.head, self._chain)


async def aside(steps: Generator[None, None, T]) -> T:
    """Take each step in a thread: the loop waits neither for the disk nor, for longer than one of them, for Python."""
    loop = asyncio.get_running_loop()
    while True:
        step = loop.run_in_executor(None, _step, steps)
        try:
            ended = await asyncio.shield(step)
        except asyncio.CancelledError:
            # Nobody else may touch the file before the thread has finished with it.
            await asyncio.wait((step,))
            raise
        if ended is not None:
            return ended[0]


def _step(steps: Generator[None, None, T]) -> tuple[T] | None:
    try:
        next(steps)
    except StopIteration as stop:
        return (stop.value,)
    return None
