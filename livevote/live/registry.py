"""The rooms of this process by code, folded from the log at start and moved on by what comes back from it."""

import asyncio
import gc
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from itertools import groupby
from operator import attrgetter

from livevote.clock import Clock
from livevote.domain.erasure import is_blank
from livevote.domain.records import ERASURES, Entry, RoomErased
from livevote.domain.room import BrokenLogError, apply
from livevote.domain.state import Room
from livevote.domain.tally import fold
from livevote.failures import CorruptError
from livevote.keys import RoomKeys
from livevote.live.room import LiveRoom
from livevote.log import Reader, States, finish

_room_of = attrgetter("room")


class Registry:
    """All rooms."""

    def __init__(
        self,
        *,
        keyring: RoomKeys,
        clock: Clock,
        base_url: Callable[[], str],
        unanswered_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        self._keyring = keyring
        self._clock = clock
        self._base_url = base_url
        self._unanswered_ms = unanswered_ms
        self._rooms: dict[str, LiveRoom] = {}
        self.resumed: dict[str, int] = {}
        """Up to which record a room's state was not folded from the log, but taken as it had been saved."""
        self.unsealed: dict[str, LiveRoom] = {}
        """Rooms with records that no checkpoint holds yet."""
        self.erasing: dict[str, LiveRoom] = {}
        """Rooms that were erased and whose answers may still be in the log."""
        self.traced: set[str] = set()
        """Codes of rooms that were erased, and of whose answers the log may still have traces beside it."""
        self.erased = asyncio.Event()
        """Set when there is something to take out of the log, or out of the traces beside it."""
        self.grown = asyncio.Event()
        """Set when a room becomes one of those."""
        self.urgent = asyncio.Event()
        """Set when the record was the host's and not a ballot."""
        self.commanded: dict[str, LiveRoom] = {}
        """Rooms with such a record that their timers have not seen yet."""
        self.stirred = asyncio.Event()
        """Set when a room becomes one of those."""

    def __len__(self) -> int:
        return len(self._rooms)

    def get(self, code: str) -> LiveRoom | None:
        """The room with this code."""
        return self._rooms.get(code)

    def all(self) -> list[LiveRoom]:
        """Every room, oldest first."""
        return sorted(self._rooms.values(), key=lambda room: room.state.created_at)

    def load(self, log: Reader, states: States | None = None) -> None:
        """Fold the whole log, or what came after the ``states`` that fit it.

        Raises ``CorruptError`` for a log that does not fold, ``SetupError`` for a lost key.
        """
        # The fold makes millions of objects and no garbage: collecting meanwhile only costs time.
        gc.disable()
        try:
            for code in log.rooms():
                state = self._resumed(code, log, states)
                if state is None:
                    state = fold(log.scan(code))
                    assert state is not None, "a room of the log has a record"
                if state.code != code:
                    raise CorruptError(f"The log of room {code} is that of room {state.code}. Restore a backup.")
                room = self._open(state)
                if state.erased_at is not None and not is_blank(state):
                    self._erase(room)  # a start in the middle of it, or an older file was put back
        except BrokenLogError as error:
            raise CorruptError(f"The log does not add up: {error}. Restore a backup; keep the damaged file.") from error
        finally:
            gc.enable()
        gc.freeze()

    def _resumed(self, code: str, log: Reader, states: States | None) -> Room | None:
        """The room's state as it was saved, moved on to the end of its log; None where only a whole fold can tell."""
        if states is None or not states.path(code).exists():
            return None
        frozen = finish(states.load(code, self._keyring.room(code).state_key))
        if frozen is None:
            return None
        state, newer = frozen.room, log.scan(code, after=frozen.index - 1)
        with closing(newer):
            sealed = next(newer, None)
            if sealed is None or sealed.chain != frozen.chain:
                return None
            try:
                for entry in newer:
                    if isinstance(entry.record, (*ERASURES, RoomErased)):
                        # Somebody has put back a file that holds what was erased.
                        with suppress(OSError):
                            finish(states.remove(code))
                        return None
                    state = apply(state, entry)
            except BrokenLogError:
                return None  # the whole fold names the record, if it is the log that is wrong
        self.resumed[code] = frozen.index
        return state

    def apply(self, entries: Sequence[Entry]) -> None:
        """Fold entries that came back from the log together."""
        # Nearly all come in the hundreds for one room: what is done once for them need not be done for each.
        for code, group in groupby(entries, _room_of):
            together = list(group)
            room = self._rooms.get(code)
            if room is None:
                room = self._open(apply(None, together[0]))
                room.seal.add(together[:1])
                self.urgent.set()
                del together[0]
            if together and not room.apply(together):
                self.urgent.set()
                self.commanded[code] = room
                self.stirred.set()
                if isinstance(together[-1].record, RoomErased):
                    self._erase(room)
                elif isinstance(together[-1].record, ERASURES):
                    self.erased.set()
            self.unsealed[code] = room
        self.grown.set()

    def _erase(self, room: LiveRoom) -> None:
        self.erasing[room.code] = room
        self.erased.set()

    def _open(self, state: Room) -> LiveRoom:
        key = self._keyring.room(state.code)
        room = LiveRoom(state, key=key, clock=self._clock, base_url=self._base_url, unanswered_ms=self._unanswered_ms)
        self._rooms[state.code] = room
        return room
