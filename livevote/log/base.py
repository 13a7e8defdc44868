"""The contract of a log: order, atomicity, durability and failure."""

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Sequence
from threading import Event
from typing import Protocol

import msgspec

from livevote.domain.audit import GENESIS, leaf, link, link_leaf
from livevote.domain.records import ERASURES, BallotCast, Draft, Entry, encode


class LogRetryError(Exception):
    """Nothing of the batch was kept; a later one may succeed: the disk is full, or another program locks the file."""


class LogFailedError(Exception):
    """The append failed and it is not known what was kept: nothing more may be appended by this process."""


class Head(msgspec.Struct, frozen=True):
    """Where a room's log ends: the index of its last record (0 for none) and the chain value there."""

    index: int
    chain: bytes


class Batch(msgspec.Struct, frozen=True):
    """Entries that were appended together, in order. ``ticket`` is the appender's own mark."""

    ticket: int
    entries: tuple[Entry, ...]


class Reader(Protocol):
    """Read access to a log; never blocks a writer and never writes."""

    @property
    def epoch(self) -> str:
        """The id of this incarnation of the log."""

    async def head(self, room: str) -> Head:
        """Where the room's log ends now."""

    def read(self, room: str, *, after: int = 0, upto: int | None = None) -> AsyncGenerator[Sequence[Entry], None]:
        """The durable entries of a room with ``after < index <= upto`` in order of index, in chunks.

        Without ``upto``, up to where the log ends now: what is appended meanwhile is not seen. Nothing that
        a writer could wait for is held between two chunks, however long the caller takes.
        """

    def replaced(self, room: str, *, upto: int) -> AsyncGenerator[Sequence[int], None]:
        """The indexes of ballots that a later one of their voter replaced, by the room's records up to ``upto``.

        In any order, and read faster than by ``read``, because no seal is looked at and nothing is decoded. A record
        that is not what livevote writes is left out: ``read`` names it.
        """

    def scan(self, room: str | None = None, *, after: int = 0) -> Generator[Entry, None, None]:
        """All entries, room by room, without giving way to anything else: for a start, before anybody is served.

        Of one ``room`` alone, those with an index greater than ``after``.
        """

    def rooms(self) -> list[str]:
        """The codes of all rooms, in the order in which ``scan`` gives them."""

    def count(self) -> int:
        """How many entries ``scan`` gives."""

    def damage(self, stop: Event) -> str:
        """What is wrong with the storage itself, below the records; empty if nothing.

        Reads all of it, unless ``stop`` is set meanwhile.
        """

    async def aclose(self) -> None:
        """Release everything. Safe to call twice."""


class Log(Reader, Protocol):
    """An append-only sequence of records for each room.

    Order: entries of a room have the indexes 1, 2, 3 ... in the order of the drafts, without a gap.
    Atomicity: an append is kept whole or not at all.
    Durability: when ``append`` returns, the entries survive the loss of power (as far as the disk honours fsync).
    Erasure: one of ``ERASURES`` takes the opening of the record that it names out of the log, in the same append. After
    a ``RoomErased`` ``forget`` does, because all openings of a room are more than one append should wait for.
    Failure: ``LogRetryError`` leaves the log as it was; after ``LogFailedError`` every further append raises it again.
    One append runs at a time: the caller waits for the answer before the next.
    """

    async def append(self, drafts: Sequence[Draft], *, ticket: int) -> None:
        """Make the drafts, of which there is at least one, durable.

        They then come back from ``follow`` as one batch with this ``ticket``.
        """

    async def forget(self, room: str, *, after: int, upto: int) -> None:
        """Take the openings of the room's ``COMMITTED`` records with ``after < index <= upto`` out of the log, durably.

        With ``upto`` at the end of the room's log nothing of them is left in the adapter's own files beside it either,
        unless somebody is reading: ``has_traces`` says so. It takes as long as so many records; failure is as with
        ``append``.
        """

    def has_traces(self) -> bool:
        """Whether the adapter's own files may still hold openings that are in the log no more.

        They go with ``scrub``, with a later record, or when the log is closed, once nobody reads what was before.
        """

    async def scrub(self) -> None:
        """Take such traces out, unless somebody is reading. Fails as ``append`` does where the log has failed."""

    async def adopt(self, chunks: Iterable[Sequence[Entry]]) -> None:
        """Take over the whole log of a room from elsewhere, all of it or nothing, byte for byte.

        Raises ``ValueError`` where an entry does not come next in its room. ``follow`` does not show
        them: they are taken over before anybody is served from this log.
        """

    def follow(self) -> AsyncIterator[Batch]:
        """All batches appended from now on, in order, each only after it is durable. Ends when the log is closed.

        There is one follower. State changes when a batch comes from here and never otherwise.
        """


def erased(entries: Sequence[Entry]) -> list[tuple[str, int]]:
    """Room and index of every record whose opening ``entries`` erase."""
    return [(entry.room, entry.record.index) for entry in entries if isinstance(entry.record, ERASURES)]


def superseded(entries: Sequence[Entry]) -> list[int]:
    """The indexes of the ballots that ``entries`` of one room replace."""
    records = (entry.record for entry in entries)
    return [record.supersedes for record in records if isinstance(record, BallotCast) and record.supersedes is not None]


class Heads:
    """The ends of all rooms' logs: turns drafts into entries with their index, body and chain value."""

    def __init__(self) -> None:
        self._heads: dict[str, Head] = {}

    def __getitem__(self, room: str) -> Head:
        return self._heads.get(room, Head(0, GENESIS))

    def link(self, drafts: Sequence[Draft]) -> tuple[Entry, ...]:
        """The entries that the drafts become if they are appended next. Moves no head: ``advance`` does."""
        if not drafts:
            raise ValueError("an append takes at least one record")
        ends: dict[str, tuple[int, bytes]] = {}
        entries = []
        for draft in drafts:
            room, record = draft.room, draft.record
            index, chain = ends.get(room) or (self[room].index, self[room].chain)
            body = encode(record)
            sealed = leaf(body)
            index, chain = ends[room] = index + 1, link_leaf(chain, sealed)
            entries.append(Entry(room, index, record, body, chain, draft.opening, sealed))
        return tuple(entries)

    def copy(self) -> "Heads":
        """The same ends, to go on from without moving these."""
        other = Heads()
        other._heads = dict(self._heads)
        return other

    def adopt(self, entries: Sequence[Entry]) -> None:
        """Take entries as they are. Raises ``ValueError`` where one does not come next."""
        for entry in entries:
            before = self[entry.room]
            if entry.index != before.index + 1 or entry.chain != link(before.chain, entry.body):
                raise ValueError(f"record {entry.index} of room {entry.room} does not follow record {before.index}")
            self._heads[entry.room] = Head(entry.index, entry.chain)

    def advance(self, entries: Sequence[Entry]) -> None:
        """The entries are in the log now."""
        for room, last in {entry.room: entry for entry in entries}.items():
            self._heads[room] = Head(last.index, last.chain)

    def set(self, room: str, head: Head) -> None:
        """Where a room's log was found to end."""
        self._heads[room] = head
