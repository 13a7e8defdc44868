"""Ballots by voter in a fifth of a dict's memory, and in a form that goes to a file and back without touching each.

Apart from ``state``, whose dicts are faster: the fold of a whole log stays with those. This is for rounds that come out
of a file, and for a second state that stands beside a running one.
"""

import struct
from abc import abstractmethod
from collections.abc import ItemsView, Iterator, MutableMapping, Sequence
from hashlib import blake2b
from typing import Any, Generic, TypeVar

import msgspec

from livevote.domain.kinds.base import Answer
from livevote.domain.state import Ballot

ID_BYTES = 22
"""128 bits in base64url: the length of every pseudonym, and of the ballot ids that pages make."""
SALT_BYTES = 16

_ROW = struct.Struct(f"<{ID_BYTES}sIQHI")  # ballot id, index, at, rev, number of the answer
_NUMBER_BYTES = 4
_BUCKETS_AT_ONCE = 128
_HASH_BYTES = 4
_MIN_BUCKETS = 1024
_PER_BUCKET = 32  # as many keys are searched in half a microsecond


def buckets_for(ballots: int) -> int:
    """How many buckets suit so many ballots: a power of two. With a thousand times as many ballots a look-up takes some
    microseconds more."""
    return 1 << (max(_MIN_BUCKETS, ballots // _PER_BUCKET) - 1).bit_length()


K = TypeVar("K")


class Answers:
    """The different answers of a round, numbered; 0 is the one that was erased."""

    __slots__ = ("_numbers", "all")

    def __init__(self, given: Sequence[Answer | None] = (None,)) -> None:
        self.all = list(given)
        self._numbers = {answer: number for number, answer in enumerate(self.all)}

    def number(self, answer: Answer | None) -> int:
        """The answer's number, a new one if it has none."""
        found = self._numbers.get(answer)
        if found is None:
            found = self._numbers[answer] = len(self.all)
            self.all.append(answer)
        return found

    def blank(self) -> None:
        """Forget the answers: all numbers are of none."""
        self.all = [None] * len(self.all)
        self._numbers = {None: 0}


class Packed(MutableMapping[K, Ballot], Generic[K]):
    """A mapping of ``Ballot`` values as rows of a fixed length, in buckets by a hash of the key.

    What has another shape than what livevote's own pages send stands in ``others``. ``salt`` keeps whoever chooses the
    keys of an imported log from putting all of them into one bucket. The number of ``buckets`` stays.
    """

    width: int
    """The bytes of a key."""

    def __init__(self, answers: Answers, *, salt: bytes, buckets: int) -> None:
        self.answers = answers
        self.salt = salt
        self._salted = blake2b(digest_size=_HASH_BYTES, salt=salt)
        self.buckets: list[tuple[bytearray, bytearray] | None] = [None] * buckets
        """Keys and rows, in the same order."""
        self.others: dict[K, Ballot] = {}
        self._mask = buckets - 1
        self._packed = 0

    @abstractmethod
    def _spelled(self, key: K) -> bytes | None:
        """The key in ``width`` bytes; None for one of another shape."""

    @abstractmethod
    def _read(self, spelled: bytes) -> K:
        """The key that is spelled so."""

    def _place(self, spelled: bytes) -> tuple[int, int]:
        """The number of the key's bucket and its place in there, -1 for none."""
        hashed = self._salted.copy()
        hashed.update(spelled)
        number = int.from_bytes(hashed.digest(), "little") & self._mask
        bucket = self.buckets[number]
        if bucket is None:
            return number, -1
        at = bucket[0].find(spelled)
        while at > 0 and at % self.width:
            at = bucket[0].find(spelled, at + 1)
        return number, at // self.width

    def _row(self, ballot: Ballot) -> bytes | None:
        name = ballot.id.encode()
        if len(name) != ID_BYTES:
            return None
        try:
            return _ROW.pack(name, ballot.index, ballot.at, ballot.rev, self.answers.number(ballot.answer))
        except struct.error:
            return None  # a number that no clock and no room of ours makes

    def _ballot(self, row: tuple[bytes, int, int, int, int]) -> Ballot:
        name, index, at, rev, answer = row
        return Ballot(name.decode(), index, rev, at, self.answers.all[answer])

    def _found(self, key: K) -> Ballot | None:
        # Without an exception: of most voters the fold asks once, and finds nothing.
        spelled = self._spelled(key)
        if spelled is not None:
            number, place = self._place(spelled)
            if place >= 0:
                bucket = self.buckets[number]
                assert bucket is not None
                return self._ballot(_ROW.unpack_from(bucket[1], place * _ROW.size))
        return self.others.get(key)

    def get(self, key: K, default: Any = None) -> Any:
        """As a dict's."""
        found = self._found(key)
        return default if found is None else found

    def __getitem__(self, key: K) -> Ballot:
        found = self._found(key)
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: K, ballot: Ballot) -> None:
        spelled, row = self._spelled(key), self._row(ballot)
        if spelled is None or row is None:
            self.pop(key, None)
            self.others[key] = ballot
            return
        number, place = self._place(spelled)
        bucket = self.buckets[number]
        if bucket is None:
            bucket = self.buckets[number] = bytearray(), bytearray()
        if place >= 0:
            bucket[1][place * _ROW.size : (place + 1) * _ROW.size] = row
            return
        if self.others:
            self.others.pop(key, None)
        bucket[0].extend(spelled)
        bucket[1].extend(row)
        self._packed += 1

    def __delitem__(self, key: K) -> None:
        spelled = self._spelled(key)
        if spelled is not None:
            number, place = self._place(spelled)
            if place >= 0:
                bucket = self.buckets[number]
                assert bucket is not None
                del bucket[0][place * self.width : (place + 1) * self.width]
                del bucket[1][place * _ROW.size : (place + 1) * _ROW.size]
                self._packed -= 1
                return
        del self.others[key]

    def items(self) -> ItemsView[K, Ballot]:
        """As a dict's, without a look-up for each key."""
        return _Items(self)

    def __iter__(self) -> Iterator[K]:
        return (key for key, _ in self.pairs())

    def pairs(self) -> Iterator[tuple[K, Ballot]]:
        """All keys and their ballots."""
        for bucket in self.buckets:
            if bucket is not None:
                keys = bytes(bucket[0])
                for place, row in enumerate(_ROW.iter_unpack(bucket[1])):
                    yield self._read(keys[place * self.width : (place + 1) * self.width]), self._ballot(row)
        yield from self.others.items()

    def __len__(self) -> int:
        return self._packed + len(self.others)

    def sizes(self) -> bytes:
        """How many rows each bucket has, four bytes each, little-endian."""
        found = [0 if bucket is None else len(bucket[0]) // self.width for bucket in self.buckets]
        return struct.pack(f"<{len(found)}I", *found)

    @property
    def is_blank(self) -> bool:
        """Whether no ballot has an answer."""
        answers = all(answer is None for answer in self.answers.all)
        return answers and all(ballot.answer is None for ballot in self.others.values())

    def blank(self) -> Iterator[None]:
        """Take the answers out of all ballots, their numbers as well: those tell who answered the same."""
        self.answers.blank()
        for number, bucket in enumerate(self.buckets):
            if bucket is not None:
                rows = bucket[1]
                for place in range(_ROW.size - _NUMBER_BYTES, _ROW.size):
                    rows[place :: _ROW.size] = bytes(len(rows) // _ROW.size)
            if number % _BUCKETS_AT_ONCE == 0:
                yield
        self.others = {key: msgspec.structs.replace(ballot, answer=None) for key, ballot in self.others.items()}

    def fill(self, number: int, keys: bytes, rows: bytes) -> None:
        """Take over a whole bucket that was written from one of the same number and salt."""
        self.buckets[number] = bytearray(keys), bytearray(rows)
        self._packed += len(keys) // self.width


class _Items(ItemsView[K, Ballot]):
    _mapping: Packed[K]

    def __iter__(self) -> Iterator[tuple[K, Ballot]]:
        return self._mapping.pairs()


ROW_BYTES = _ROW.size


class PackedBallots(Packed[str]):
    """``Round.ballots``: by voter."""

    width = ID_BYTES

    def _spelled(self, key: str) -> bytes | None:
        spelled = key.encode()
        return spelled if len(spelled) == ID_BYTES else None

    def _read(self, spelled: bytes) -> str:
        return spelled.decode()


class PackedSuperseded(Packed[tuple[str, str]]):
    """``Round.superseded``: by voter and ballot id."""

    width = 2 * ID_BYTES

    def _spelled(self, key: tuple[str, str]) -> bytes | None:
        voter, name = key[0].encode(), key[1].encode()
        return voter + name if len(voter) == len(name) == ID_BYTES else None

    def _read(self, spelled: bytes) -> tuple[str, str]:
        return spelled[:ID_BYTES].decode(), spelled[ID_BYTES:].decode()
