"""Checks logs against their seals and checkpoints: a small one before anybody is served, a large one meanwhile.

Apart from the notary, which writes what is checked here at the next start.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from threading import Event

from livevote.domain.audit import TamperedError, check
from livevote.domain.checker import Checker, ContradictedError
from livevote.domain.freeze import differences
from livevote.domain.note import Checkpoint
from livevote.domain.room import BrokenLogError
from livevote.failures import CorruptError, ShortageError
from livevote.live.keeper import Keeper
from livevote.live.registry import Registry
from livevote.live.room import LiveRoom
from livevote.live.seal import Seal
from livevote.live.shadow import Shadow
from livevote.log import Checkpoints, Reader, opened, opened_in_slices

_log = logging.getLogger("livevote")

_SLICE = 50  # records between two turns of the loop, about half a millisecond

_RETRY_S = 5.0


def explained(error: TamperedError, code: str) -> CorruptError:
    """What the operator can do about it."""
    if isinstance(error, ContradictedError):
        return CorruptError(
            f"The log was changed or is an older copy: {error}. Restore the newest backup; if there is none, 'livevote "
            f"accept-recovery {code}' goes on with what is left and records that. Keep the files as evidence."
        )
    return CorruptError(f"The log was changed: {error}. Restore a backup; keep the changed file as evidence.")


class Auditor:
    """Knows the checkpoints of every room and brings each room's seal up to its head.

    With a ``keeper`` it saves what a large log folds into, and compares with it a state that was saved. ``retry_s`` is
    the pause after a read that found no descriptor or memory left.
    """

    def __init__(
        self,
        *,
        log: Reader,
        registry: Registry,
        checkpoints: Checkpoints,
        keeper: Keeper | None = None,
        retry_s: float = _RETRY_S,
    ) -> None:
        self._log = log
        self._registry = registry
        self._checkpoints = checkpoints
        self._keeper = keeper
        self._notes: dict[str, list[bytes]] = {}
        self._storage_is_sound = False
        self._retry_s = retry_s

    async def begin(self, *, at_once: int) -> None:
        """Make every room ready to be served: sealed up to its head.

        Logs of together up to ``at_once`` records are checked from the first to the last, as are those that have no
        checkpoint to go on from. Of others only what came after their last checkpoint; ``finish`` does the rest.
        Raises ``CorruptError``.
        """
        self._check_that_no_room_is_missing()
        rooms = self._registry.all()
        small = sum(room.state.head for room in rooms) <= at_once
        if small:
            await self._check_storage()
        for room in rooms:
            notes = self._notes[room.code] = self._checkpoints.notes(room.code)
            seal = None if small or not notes else await self._go_on(room, notes, at_once)
            if seal is None:
                checker, shadow = Checker(room.code, self._open(room.code, notes)), self._shadow(room)
                await self._add(checker, room.state.head, shadow)
                seal = Seal(checker.tree, checker.chain)
                self._checked(room.code, checker)
                await self._compare(room, shadow)
            # The last note may be of the incarnation before: a recovery can end between its record and its checkpoint.
            for last in self._open(room.code, notes[-1:]):
                if last.origin == room.state.origin:
                    seal.signed(last, notes[-1])
            room.seal = seal
            if seal.checkpoint is None or seal.size > seal.checkpoint.size:
                self._registry.unsealed[room.code] = room
                self._registry.grown.set()

    async def _check_storage(self) -> None:
        stop = Event()
        try:
            damage = await asyncio.get_running_loop().run_in_executor(None, self._log.damage, stop)
        finally:
            stop.set()  # or the end of the process waits for the thread
        if damage:
            raise CorruptError(f"The database is damaged ({damage}). Restore a backup; keep the damaged file.")
        self._storage_is_sound = True

    def _check_that_no_room_is_missing(self) -> None:
        for code in self._checkpoints.rooms():
            if self._registry.get(code) is None:
                raise CorruptError(
                    f"Room {code} has checkpoints in {self._checkpoints.path(code)}, and it is not in the log. Restore "
                    f"the newest backup; if there is none, 'livevote accept-recovery {code}' goes on without it."
                )

    def _open(self, code: str, notes: list[bytes]) -> list[Checkpoint]:
        return opened(notes, self._checkpoints.signer, self._checkpoints.path(code))

    async def _go_on(self, room: LiveRoom, notes: list[bytes], at_once: int) -> Seal | None:
        """The seal from the last checkpoint on; None where only a whole check can tell."""
        (last,) = self._open(room.code, notes[-1:])
        frontier = self._checkpoints.frontier(room.code, last)
        newer = room.state.head - last.size
        if frontier is None or last.origin != room.state.origin or not 0 <= newer <= at_once:
            return None
        chain = last.chain
        async with aclosing(self._log.read(room.code, after=last.size - 1, upto=room.state.head)) as chunks:
            async for entries in chunks:
                for entry in entries:
                    if entry.index > last.size:
                        try:
                            sealed, chain = check(entry, chain)
                        except TamperedError as error:
                            raise explained(error, room.code) from error
                        frontier.append(sealed)
                    elif entry.chain != chain:
                        return None
        return Seal(frontier, chain)

    async def finish(self) -> None:
        """Check all that ``begin`` has not, while the server runs. Raises ``CorruptError``.

        A crowd of phones may take every descriptor there is. That ends no server: the check waits and goes on where it
        was, and what needs it (exports, proofs, the replay) is refused meanwhile.
        """
        if not self._storage_is_sound:
            await self._patiently(self._check_storage)
        for room in self._registry.all():
            if room.seal.tree is not None:
                continue
            path = self._checkpoints.path(room.code)
            checkpoints = await opened_in_slices(self._notes[room.code], self._checkpoints.signer, path)
            checker, shadow = Checker(room.code, checkpoints), self._shadow(room)
            while True:
                await self._patiently(partial(self._add, checker, room.seal.size, shadow))
                # Nothing may await between these two, or the room grows on.
                if room.seal.complete(checker.tree):
                    break
                if checker.tree.size == room.seal.size:
                    raise CorruptError(f"The log of room {room.code} was changed while it was being checked.")
            self._checked(room.code, checker)
            await self._compare(room, shadow)

    def _shadow(self, room: LiveRoom) -> Shadow | None:
        """What to fold the room's log into on the way, where that has to be compared or saved."""
        if self._keeper is None or not (room.code in self._registry.resumed or self._keeper.due(room)):
            return None
        return Shadow(room.state)

    async def _compare(self, room: LiveRoom, shadow: Shadow | None) -> None:
        """Compare a running state that began as a saved one with the fold of the log, which stands where it stands.

        Then save that, where it is worth it. Raises ``CorruptError``.
        """
        if shadow is None or self._keeper is None:
            return
        if room.code in self._registry.resumed:
            for found in differences(shadow.room, room.state):
                if found:
                    await self._keeper.discard(room)
                    raise CorruptError(
                        f"The saved state of room {room.code} is not what its log says ({found}): what was shown since "
                        "the start may be wrong. The log is intact, and the saved state was deleted: start again."
                    )
                await asyncio.sleep(0)
        if self._keeper.due(room):
            try:
                await self._keeper.keep(room, shadow)
            except OSError as error:
                _log.warning("the state of room %s was not saved: %s", room.code, error)

    async def _patiently(self, work: Callable[[], Awaitable[None]]) -> None:
        waits = False
        while True:
            try:
                return await work()
            except ShortageError as error:
                if not waits:
                    _log.warning("the check of the log waits: %s", error)
                waits = True
            await asyncio.sleep(self._retry_s)

    async def _add(self, checker: Checker, upto: int, shadow: Shadow | None = None) -> None:
        """Check the records that come next, up to ``upto``, and fold them into ``shadow``."""
        try:
            async with aclosing(self._log.read(checker.code, after=checker.tree.size, upto=upto)) as chunks:
                async for entries in chunks:
                    for number, entry in enumerate(entries):
                        if number % _SLICE == 0:
                            await asyncio.sleep(0)
                        checker.add(entry)
                        if shadow is not None:
                            shadow.add(entry)
        except TamperedError as error:
            raise explained(error, checker.code) from error
        except BrokenLogError as error:
            raise CorruptError(f"The log does not add up: {error}. Restore a backup; keep the damaged file.") from error

    def _checked(self, code: str, checker: Checker) -> None:
        try:
            checker.finish()
        except TamperedError as error:
            raise explained(error, code) from error
        self._notes.pop(code)
