"""The one-time codes of the rooms: drawn, kept as keyed hashes, and found again when somebody enters one.

Apart from ``domain.codes``, because codes are secrets and chance: this is the one place where a code itself is seen.
"""

import asyncio
import secrets
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import partial

from livevote.domain.code_text import ALPHABET, SECRET_CHARS, check_character
from livevote.domain.codes import root_of
from livevote.domain.commands import AsCohost, IssueCodes
from livevote.domain.records import CodesIssued
from livevote.domain.refusals import Refusal
from livevote.domain.room import decide
from livevote.failures import FailureError, SetupError
from livevote.keys import Keyring, RoomKey
from livevote.live.outcome import Outcome
from livevote.live.room import HeldCode, LiveRoom
from livevote.live.writer import Writer


def draw(count: int) -> list[str]:
    """As many new codes: 50 random bits each, and the character that checks them."""
    codes: dict[str, None] = {}
    while len(codes) < count:
        secret = "".join(secrets.choice(ALPHABET) for _ in range(SECRET_CHARS))
        last = check_character(secret)
        if last is not None:
            codes[secret + last] = None
    return list(codes)


class KnownCodesError(Exception):
    """Codes that are to be issued are in an earlier list of the room, or twice among themselves."""


_LISTS = 200
"""Lists in memory: of 5,000 codes each takes half a megabyte."""


class CodeBook:
    """Issues and finds codes. Reads lists in a thread, and keeps those that were asked for last."""

    def __init__(self, *, keyring: Keyring, writer: Writer) -> None:
        self._keyring = keyring
        self._writer = writer
        self._lists: dict[tuple[str, str], list[bytes]] = {}
        """In the order in which they were asked for last."""
        # One at a time: after a start a whole room enters its codes at once, and one of them reads the list for all.
        self._reading = asyncio.Lock()
        # One at a time as well: the thread that hashes a list takes the processor from votes.
        self._issuing = asyncio.Lock()

    async def issue(self, room: LiveRoom, codes: Sequence[str], *, cohost: str = "") -> Outcome:
        """Make ``codes`` the room's next list: the entry of the log that says so, or why there is none.

        ``cohost`` is the id of the co-host who asks for it, if one does.

        Raises ``KnownCodesError``, and a ``FailureError`` where an earlier list cannot be read or this one be kept.
        """
        async with self._issuing:
            earlier = [await self._hashes(room, issued) for issued in room.state.code_lists]
            loop = asyncio.get_running_loop()
            work = partial(hashed, room.key, codes, earlier)
            hashes, issuing = await loop.run_in_executor(None, work)
            command = AsCohost(cohost, issuing) if cohost else issuing
            # Asked before the file is made, so that a refused list leaves nothing behind.
            refusal = decide(room.state, command, at=0)
            if isinstance(refusal, Refusal):
                return refusal
            # Kept before the record that names it: so every code that is in the log can be entered.
            await loop.run_in_executor(None, self._keyring.keep_codes, room.code, issuing.root, hashes)
            return await self._writer.ask(room.code, command)

    async def find(self, room: LiveRoom, code: str) -> HeldCode | None:
        """The list and place of a code and who it makes its browser; None for one that was never issued here.

        Raises ``FailureError`` where a list cannot be read.
        """
        wanted = room.key.code_hash(code)
        unread: FailureError | None = None
        for issued in room.state.code_lists:
            try:
                hashes = await self._hashes(room, issued)
            except FailureError as error:
                unread = error
                continue
            place = bisect_left(hashes, wanted)
            if place < len(hashes) and hashes[place] == wanted:
                return HeldCode((issued.list, place), room.key.code_identity(code))
        if unread is not None:
            raise unread
        return None

    async def _hashes(self, room: LiveRoom, issued: CodesIssued) -> list[bytes]:
        name = room.code, issued.root
        if name not in self._lists:
            async with self._reading:
                if name not in self._lists:
                    loop = asyncio.get_running_loop()
                    found = await loop.run_in_executor(None, load_list, self._keyring, room.code, issued)
                    self._lists[name] = found
        known = self._lists[name] = self._lists.pop(name)
        while len(self._lists) > _LISTS:
            del self._lists[next(iter(self._lists))]
        return known


def hashed(key: RoomKey, codes: Sequence[str], earlier: Iterable[Sequence[bytes]]) -> tuple[list[bytes], IssueCodes]:
    """The sorted hashes of ``codes``, to be kept, and the command that makes them the room's next list.

    Raises ``KnownCodesError``; ``earlier`` are the lists that there are.
    """
    hashes = sorted(map(key.code_hash, codes))
    taken = set(hashes)
    if len(taken) < len(hashes) or not all(map(taken.isdisjoint, earlier)):
        raise KnownCodesError
    return hashes, IssueCodes(len(hashes), root_of(hashes).hex())


def load_list(keyring: Keyring, room: str, issued: CodesIssued) -> list[bytes]:
    """The sorted hashes of a list that is in the log. Raises ``FailureError`` where they are not those."""
    hashes = keyring.codes(room, issued.root)
    if root_of(hashes).hex() != issued.root:
        raise SetupError(
            f"The codes of list {issued.list} of room {room} are not those in the log: put them back from your backup "
            "of the keys."
        )
    return hashes
