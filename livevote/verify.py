"""Checks a log against its own seals and adds it up again, offline, without a server and without writing anything.

Apart from ``live.auditor``, which does the first half while a server runs: this is for somebody who got a file and
trusts nobody.
"""

from collections.abc import Iterable, Iterator

import msgspec

from livevote.domain.audit import GENESIS, TamperedError, check, leaf
from livevote.domain.merkle import Frontier
from livevote.domain.records import BallotCast, Entry
from livevote.domain.room import BrokenLogError, apply
from livevote.domain.state import Room
from livevote.domain.tally import Snapshot, snapshot


class Verdict(msgspec.Struct, frozen=True):
    """An intact room: what it holds, the fingerprints to compare, and every round's result.

    ``root`` is the Merkle root over all records (RFC 6962) and ``chain`` the running value, 32 bytes each.
    """

    room: Room
    records: int
    ballots: int
    root: bytes
    chain: bytes
    results: tuple[Snapshot, ...]


def verify(entries: Iterable[Entry]) -> Iterator[Verdict]:
    """One verdict for each room of ``entries``, which come room by room.

    Raises ``TamperedError`` at the first record that is not what was sealed or that the rules do not allow.
    """
    checking: _Checking | None = None
    for entry in entries:
        if checking is None or checking.code != entry.room:
            if checking is not None:
                yield checking.verdict()
            checking = _Checking(entry.room)
        checking.add(entry)
    if checking is not None:
        yield checking.verdict()


class _Checking:
    """One room on its way through the checks."""

    def __init__(self, code: str) -> None:
        self.code = code
        self._room: Room | None = None
        self._chain = GENESIS
        self._tree = Frontier()
        self._ballots = 0

    def add(self, entry: Entry) -> None:
        self._chain = check(entry, self._chain)
        self._tree.append(leaf(entry.body))
        try:
            self._room = apply(self._room, entry)
        except BrokenLogError as error:
            raise TamperedError(str(error)) from error
        self._ballots += isinstance(entry.record, BallotCast)

    def verdict(self) -> Verdict:
        room = self._room
        assert room is not None, "a room is made from its first entry"
        return Verdict(
            room=room,
            records=room.head,
            ballots=self._ballots,
            root=self._tree.root(),
            chain=self._chain,
            results=tuple(
                snapshot(room, question, asked) for question in room.questions.values() for asked in question.rounds
            ),
        )
