"""Deletes pictures that no question shows any more, behind everybody's votes.

Apart from ``pictures``, which keeps files and knows no rooms.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

from livevote.clock import Clock
from livevote.domain.kinds.image import ImageRules
from livevote.domain.state import Room
from livevote.live.room import LiveRoom
from livevote.pictures import Pictures

_log = logging.getLogger("livevote")

KEPT_MS = 24 * 60 * 60 * 1000
"""A host uploads first and asks later: for so long a picture may be without a question."""
_PAUSE_S = 60 * 60


class Gallery:
    """Knows which pictures are shown: those that a question of any room names, or a round was asked with.

    The questions of a room that was erased show nothing any more.
    """

    def __init__(
        self,
        *,
        pictures: Pictures,
        rooms: Callable[[], Iterable[LiveRoom]],
        clock: Clock,
        pause_s: float = _PAUSE_S,
    ) -> None:
        self._pictures = pictures
        self._rooms = rooms
        self._clock = clock
        self._pause_s = pause_s
        self._idle: set[str] = set()
        """Old enough and not shown when somebody looked last."""

    async def run(self) -> None:
        """Look every hour, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._pause_s)

    async def look(self) -> None:
        """Delete what was idle the last time and is so now."""
        try:
            before_ms = self._clock.now_ms() - KEPT_MS
            old = await self._pictures.kept(before_ms=before_ms)
            idle = old - self._shown()
            # Twice, because a clock that jumps ahead makes everything old at once.
            await self._pictures.remove(idle & self._idle, before_ms=before_ms)
            self._idle = idle
        except OSError as error:
            _log.warning("pictures that nobody shows any more could not be deleted: %s", error)

    async def forget(self, room: LiveRoom) -> None:
        """Delete the pictures of a room that was erased, unless another room shows them too. Raises ``OSError``."""
        await self._pictures.remove(named(room.state) - self._shown())

    def _shown(self) -> set[str]:
        return {picture for room in self._rooms() if room.state.erased_at is None for picture in named(room.state)}


def named(room: Room) -> set[str]:
    """The pictures that the room's questions name, or named when a round was asked."""
    return {
        picture
        for question in room.questions.values()
        for wording in (question.wording, *(asked.wording for asked in question.rounds))
        if isinstance(wording.rules, ImageRules)
        for picture in wording.rules.pictures
    }
