"""Replay documents as they are sent: each built once, however many people watch it.

Apart from the handlers, because a published replay is asked for by a whole room in the same second.
"""

import asyncio
import gzip

import msgspec

from livevote.live.room import LiveRoom
from livevote.log import Reader
from livevote.replay.document import Audience, Fold, read

_KEPT = 16  # documents; one of 100,000 ballots has a quarter of a megabyte


class Replays:
    """Builds and keeps documents.

    What everybody gets holds only rounds that are over, so no ballot changes it and it is built once for each command
    of the host. The host's is built anew whenever the log has grown.
    """

    def __init__(self, *, log: Reader) -> None:
        self._log = log
        self._kept: dict[tuple[str, Audience], tuple[tuple[str, int], bytes]] = {}
        # One at a time: who waits for the same document then finds it, and votes share the machine with one fold only.
        self._building = asyncio.Lock()

    async def get(self, room: LiveRoom, audience: Audience) -> bytes:
        """The document of this moment as gzipped JSON."""
        found, document = self._kept.get((room.code, audience), (None, b""))
        if found == self._version(room, audience):
            return document
        async with self._building:
            state = room.state
            erased_at = state.erased_at
            version = self._version(room, audience)
            name = room.code, audience
            found, document = self._kept.pop(name, (None, b""))
            if found != version:
                fold = await read(self._log, room.code, upto=state.head)
                # A pause of the loop in which nobody else could run, were it not for the thread.
                document = await asyncio.get_running_loop().run_in_executor(None, _pack, fold, audience)
            if state.erased_at == erased_at:  # else it may have answers that were deleted
                self._kept[name] = version, document
            while len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
            return document

    def forget(self, code: str) -> None:
        """Keep nothing of a room whose answers were deleted."""
        for name in [name for name in self._kept if name[0] == code]:
            del self._kept[name]

    @staticmethod
    def _version(room: LiveRoom, audience: Audience) -> tuple[str, int]:
        return room.state.origin, room.state.head if audience == "host" else room.commanded


def _pack(fold: Fold, audience: Audience) -> bytes:
    return gzip.compress(msgspec.json.encode(fold.document(audience)), 6, mtime=0)
