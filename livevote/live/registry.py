"""The rooms of this process by code, folded from the log at start and moved on by what comes back from it."""

import asyncio
import gc
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter

from livevote.clock import Clock
from livevote.domain import room as fold
from livevote.domain.records import Entry
from livevote.domain.room import BrokenLogError
from livevote.domain.state import Room
from livevote.failures import CorruptError
from livevote.keys import Keyring
from livevote.live.room import LiveRoom
from livevote.log import Reader

_room_of = attrgetter("room")


class Registry:
    """All rooms."""

    def __init__(self, *, keyring: Keyring, clock: Clock, base_url: Callable[[], str]) -> None:
        self._keyring = keyring
        self._clock = clock
        self._base_url = base_url
        self._rooms: dict[str, LiveRoom] = {}
        self.unsealed: dict[str, LiveRoom] = {}
        """Rooms with records that no checkpoint holds yet."""
        self.grown = asyncio.Event()
        """Set when a room becomes one of those."""
        self.urgent = asyncio.Event()
        """Set when the record was the host's and not a ballot."""

    def __len__(self) -> int:
        return len(self._rooms)

    def get(self, code: str) -> LiveRoom | None:
        """The room with this code."""
        return self._rooms.get(code)

    def all(self) -> list[LiveRoom]:
        """Every room, oldest first."""
        return sorted(self._rooms.values(), key=lambda room: room.state.created_at)

    def load(self, log: Reader) -> None:
        """Fold the whole log. Raises ``CorruptError`` for a log that does not fold, ``SetupError`` for a lost key."""
        states: dict[str, Room] = {}
        # The fold makes millions of objects and no garbage: collecting meanwhile only costs time.
        gc.disable()
        try:
            for entry in log.scan():
                states[entry.room] = fold.apply(states.get(entry.room), entry)
        except BrokenLogError as error:
            raise CorruptError(f"The log does not add up: {error}. Restore a backup; keep the damaged file.") from error
        finally:
            gc.enable()
        gc.freeze()
        for code, state in states.items():
            if state.code != code:
                raise CorruptError(f"The log of room {code} is that of room {state.code}. Restore a backup.")
        for state in states.values():
            self._open(state)

    def apply(self, entries: Sequence[Entry]) -> None:
        """Fold entries that came back from the log together."""
        # Nearly all come in the hundreds for one room: what is done once for them need not be done for each.
        for code, group in groupby(entries, _room_of):
            together = list(group)
            room = self._rooms.get(code)
            if room is None:
                room = self._open(fold.apply(None, together[0]))
                room.seal.add(together[:1])
                self.urgent.set()
                del together[0]
            if together and not room.apply(together):
                self.urgent.set()
            self.unsealed[code] = room
        self.grown.set()

    def _open(self, state: Room) -> LiveRoom:
        key = self._keyring.room(state.code)
        room = LiveRoom(state, key=key, clock=self._clock, base_url=self._base_url)
        self._rooms[state.code] = room
        return room
