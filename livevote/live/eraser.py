"""Takes the answers of rooms that were erased out of the log, the saved states and memory, behind everybody's votes.

Apart from the record that decides it: that is one moment, and a million openings are a minute of writing.
"""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial

from livevote.domain.erasure import blank
from livevote.live.gallery import Gallery
from livevote.live.keeper import Keeper
from livevote.live.registry import Registry
from livevote.live.room import LiveRoom
from livevote.live.writer import StoppedError, Writer
from livevote.log import Log, LogRetryError

_log = logging.getLogger("livevote")

_RECORDS = 500  # in one write, which takes about as long as a batch of votes
_PAGES = 100  # closed between two turns of the loop
_RETRY_S = 1.0


class Eraser:
    """Works on ``registry.erasing``, then on what is left beside the log.

    A room that is half done goes on at the next start.
    """

    def __init__(
        self,
        *,
        log: Log,
        registry: Registry,
        writer: Writer,
        keeper: Keeper,
        gallery: Gallery,
        retry_s: float = _RETRY_S,
    ) -> None:
        self._log = log
        self._registry = registry
        self._writer = writer
        self._keeper = keeper
        self._gallery = gallery
        self._retry_s = retry_s
        if log.has_traces():
            rooms = (room for room in registry.all() if room.state.erased_at is not None)
            registry.traced.update(room.code for room in rooms)

    async def run(self) -> None:
        """Erase what is to be erased, until cancelled or until the writer ends."""
        with suppress(StoppedError):
            while True:
                self._registry.erased.clear()
                for room in list(self._registry.erasing.values()):
                    await self._erase(room)
                await self._scrub()
                await self._registry.erased.wait()

    async def _erase(self, room: LiveRoom) -> None:
        # Hosts stay: their state says what became of the room, and they want to see when it is done.
        pages = [*room.voters(), *room.channel.subscribers("wall")]
        for number, page in enumerate(pages, 1):
            page.leave_with("no_such_room")
            if number % _PAGES == 0:
                await asyncio.sleep(0)
        head = room.state.head
        await self._until_done(partial(self._keeper.forget, room))
        # Before the answers: while some of those are left, the next start begins here again.
        await self._until_done(partial(self._gallery.forget, room))
        for after in range(0, head, _RECORDS):
            write = partial(self._log.forget, room.code, after=after, upto=min(after + _RECORDS, head))
            await self._until_done(partial(self._writer.chore, write))
            await self._writer.give_way()
        for _ in blank(room.state):
            await asyncio.sleep(0)
        if self._log.has_traces():
            self._registry.traced.add(room.code)
        del self._registry.erasing[room.code]

    async def _scrub(self) -> None:
        """Try until no trace is left, or until another room is to be erased."""
        is_told = False
        while self._log.has_traces() and not self._registry.erased.is_set():
            await self._until_done(partial(self._writer.chore, self._log.scrub))
            if not self._log.has_traces():
                break
            # What only a killed process left there is nobody's worry: those answers count.
            if self._registry.traced and not is_told:
                _log.warning(
                    "erased answers are still in the write-ahead log, because another program is reading the database "
                    "or the disk is full; they go when it ends"
                )
                is_told = True
            with suppress(TimeoutError):
                async with asyncio.timeout(self._retry_s):
                    await self._registry.erased.wait()
        if not self._log.has_traces():
            self._registry.traced.clear()

    async def _until_done(self, step: partial[Coroutine[object, object, None]]) -> None:
        while True:
            try:
                return await step()
            except (LogRetryError, OSError) as error:
                _log.warning("the answers of an erased room wait for the disk: %s", error)
            await asyncio.sleep(self._retry_s)
