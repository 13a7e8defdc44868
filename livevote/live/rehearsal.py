"""Rehearsals: a room's questions once more in a room of its own, with voters who do not exist, and nothing of it kept.

A rehearsal is a small server within the server: a log in memory, a registry, a writer and timers that know no other
room, and that no other part is given. So what must not reach the disk has no way there: not the database, not the
checkpoints, not the saved states, the backups or the exports.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from livevote.clock import Clock
from livevote.domain.questions import copied
from livevote.domain.records import (
    BoardSwitched,
    Draft,
    EmbeddingSet,
    LanguageSet,
    PseudonymsLinked,
    ReactionsSwitched,
    ReceiptsSwitched,
    Record,
    RoomCreated,
)
from livevote.keys import PassingKeys, random_code
from livevote.live.crowd import Crowd
from livevote.live.registry import Registry
from livevote.live.room import Apart, LiveRoom
from livevote.live.salts import salts
from livevote.live.sweep import sweep
from livevote.live.timers import Timers
from livevote.live.watch import watch
from livevote.live.writer import Writer
from livevote.log import MemoryLog
from livevote.log.base import Heads

_log = logging.getLogger("livevote")

LIFETIME_S = 2 * 60 * 60
MAX_VOTERS = 200
MAX_REHEARSALS = 10
MAX_RECORDS = 20_000
"""Of one rehearsal: 200 voters in a hundred rounds. Its log is in memory, and real phones may write to it as well."""
_LOOK_S = 1.0


class RehearsedError(Exception):
    """The room is being rehearsed, or is a rehearsal itself."""


class FullError(Exception):
    """As many rehearsals as the server allows are running."""


class Rehearsal:
    """One that runs. Made by ``Rehearsals.begin``."""

    def __init__(
        self,
        of: LiveRoom,
        code: str,
        *,
        clock: Clock,
        base_url: Callable[[], str],
        queue_limit: int,
        voters: int,
        seed: int,
        lifetime_s: float,
    ) -> None:
        self.of = of.code
        """The code of the room that is rehearsed."""
        self.voters = voters
        self.ends_at = clock.now_ms() + round(1000 * lifetime_s)
        """When it ends by itself, in ms since 1970; a label, as the monotonic clock decides."""
        self._clock = clock
        self._ends_s = clock.monotonic_s() + lifetime_s
        self._ending = asyncio.Event()
        self._log = MemoryLog()
        self._opening = Heads().link(_opening(of, code, clock.now_ms()))
        registry = Registry(
            keyring=PassingKeys(), clock=clock, base_url=base_url, unanswered_ms=lambda: writer.oldest_unanswered_ms
        )
        writer = Writer(log=self._log, registry=registry, clock=clock, queue_limit=queue_limit)
        self._writer = writer
        self._registry = registry
        registry.apply(self._opening)
        room = registry.get(code)
        assert room is not None
        room.apart = Apart(writer, self._log)
        self.room = room
        self.crowd = Crowd(room=self.room, writer=writer, clock=clock, voters=voters, seed=seed)

    @property
    def code(self) -> str:
        return self.room.code

    async def run(self) -> None:
        """Let it live until its end. Never cancel this: ``end`` it."""
        registry, writer = self._registry, self._writer
        await self._log.adopt([self._opening])
        writing = asyncio.create_task(writer.run(), name="rehearsal writer")
        others = [
            asyncio.create_task(each, name="rehearsal")
            for each in (
                Timers(registry=registry, writer=writer, clock=self._clock).run(),
                sweep(registry),
                watch(registry),
                self.crowd.run(),
            )
        ]
        watched = {writing, *others, asyncio.create_task(self._ending.wait(), name="rehearsal end")}
        # Whatever of it fails, all of it ends: half a rehearsal would be shown as a whole one.
        while self._goes_on():
            done, _ = await asyncio.wait(
                watched, timeout=min(_LOOK_S, self._ends_s - self._clock.monotonic_s()), return_when="FIRST_COMPLETED"
            )
            if done:
                break
        for task in watched - {writing}:
            task.cancel()
        writer.stop()
        for outcome in await asyncio.gather(*watched, return_exceptions=True):
            if isinstance(outcome, Exception):
                _log.error("a rehearsal ended early", exc_info=outcome)

    def _goes_on(self) -> bool:
        return self._clock.monotonic_s() < self._ends_s and self._log.count() < MAX_RECORDS

    def end(self) -> None:
        """Let ``run`` come to its end."""
        self._ending.set()

    async def wipe(self) -> None:
        """Send everybody away, once it has ended and nobody finds it any more."""
        for page in self.room.channel.subscribers():
            page.leave_with("rehearsal_over")
        await self.room.channel.aclose()
        await self._log.aclose()


class Rehearsals:
    """All rehearsals of this process."""

    def __init__(
        self,
        *,
        registry: Registry,
        clock: Clock,
        base_url: Callable[[], str],
        queue_limit: int,
        lifetime_s: float = LIFETIME_S,
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._base_url = base_url
        self._queue_limit = queue_limit
        self._lifetime_s = lifetime_s
        self._running: dict[str, Rehearsal] = {}
        self._tasks: dict[Rehearsal, asyncio.Task[None]] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._running)

    def get(self, code: str) -> LiveRoom | None:
        """The rehearsal's room with this code of its own."""
        found = self._running.get(code)
        return None if found is None else found.room

    def rooms(self) -> list[LiveRoom]:
        """The rooms of all that run."""
        return [each.room for each in self._running.values()]

    def find(self, code: str) -> Rehearsal | None:
        """The rehearsal with this code, or of the room with this code."""
        return next((each for each in self._running.values() if code in (each.code, each.of)), None)

    def begin(self, room: LiveRoom, *, voters: int, seed: int) -> Rehearsal:
        """Begin a rehearsal of ``room`` with so many simulated voters. Raises ``RehearsedError`` and ``FullError``."""
        if self.find(room.code) is not None:
            raise RehearsedError
        if self._closed or len(self._tasks) >= MAX_REHEARSALS:
            raise FullError
        rehearsal = Rehearsal(
            room,
            self._free_code(),
            clock=self._clock,
            base_url=self._base_url,
            queue_limit=self._queue_limit,
            voters=voters,
            seed=seed,
            lifetime_s=self._lifetime_s,
        )
        self._running[rehearsal.code] = rehearsal
        self._tasks[rehearsal] = asyncio.create_task(self._run(rehearsal), name="rehearsals")
        return rehearsal

    def _free_code(self) -> str:
        while True:
            code = random_code()
            if self._registry.get(code) is None and code not in self._running:
                return code

    async def _run(self, rehearsal: Rehearsal) -> None:
        try:
            await rehearsal.run()
        finally:
            self._running.pop(rehearsal.code, None)
            await rehearsal.wipe()
            del self._tasks[rehearsal]

    async def end(self, rehearsal: Rehearsal) -> None:
        """End one, and return when nothing of it is left but sockets that say goodbye. From now on its code is free."""
        self._running.pop(rehearsal.code, None)
        rehearsal.end()
        with suppress(KeyError):
            await asyncio.wait((self._tasks[rehearsal],))

    async def aclose(self) -> None:
        """End all, and begin none any more."""
        self._closed = True
        await asyncio.gather(*(self.end(each) for each in list(self._tasks)))


def _opening(of: LiveRoom, code: str, at: int) -> list[Draft]:
    """The first records of a rehearsal: the room as it is set, and its questions, none of which was ever opened."""
    room, drawn = of.state, salts()
    records: list[Record] = [
        RoomCreated(at=at, code=code, title=room.title),
        # A receipt says that a ballot is in the log for good. Here none is.
        ReceiptsSwitched(at=at, on=False),
        LanguageSet(at=at, language=room.language),
        EmbeddingSet(at=at, ancestors=room.embedding),
        BoardSwitched(at=at, on=room.board.on, approval=room.board.approval, per_voter=room.board.per_voter),
        ReactionsSwitched(at=at, on=room.reactions),
    ]
    if room.linked:
        records.append(PseudonymsLinked(at=at))
    questions = [copied(question, at, next(drawn)) for question in room.questions.values()]
    return [*(Draft(code, record) for record in records), *(Draft(code, *question) for question in questions)]
