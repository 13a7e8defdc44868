"""The leaves that are kept: the right ones, read once, and never more than were allowed."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from livevote.domain.audit import leaf
from livevote.domain.records import Entry
from livevote.failures import CorruptError
from livevote.live.leaves import Leaves
from livevote.log.memory import MemoryLog
from tests.history import CODE
from tests.log.cases import more


class CountingLog(MemoryLog):
    """Notes what is read of it, and takes a turn of the loop for that."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[tuple[str, int, int | None]] = []

    async def read(
        self, room: str, *, after: int = 0, upto: int | None = None
    ) -> AsyncGenerator[Sequence[Entry], None]:
        self.reads.append((room, after, upto))
        await asyncio.sleep(0)
        async for entries in super().read(room, after=after, upto=upto):
            half = len(entries) // 2
            yield entries[:half]
            yield entries[half:]


async def kept(*, blocks: int, at_once: int = 1) -> tuple[Leaves, CountingLog, list[bytes]]:
    log = CountingLog()
    await log.append(more(CODE, 40) + more("OTHERX", 40, size=20), ticket=1)
    expected = [leaf(entry.body) for entry in log.scan() if entry.room == CODE]
    return Leaves(log=log, blocks=blocks, reads=asyncio.Semaphore(at_once)), log, expected


async def test_a_block_is_read_once_however_many_ask_at_once() -> None:
    leaves, log, expected = await kept(blocks=4)
    answers = await asyncio.gather(*(leaves.get(CODE, range(8, 24)) for _ in range(20)))
    assert all(answer == {place: expected[place] for place in range(8, 24)} for answer in answers)
    assert log.reads == [(CODE, 8, 24)]


async def test_rooms_and_ranges_are_told_apart() -> None:
    leaves, log, expected = await kept(blocks=4)
    assert await leaves.get(CODE, range(8)) == {place: expected[place] for place in range(8)}
    assert await leaves.get(CODE, range(7)) == {place: expected[place] for place in range(7)}
    other = await leaves.get("OTHERX", range(8))
    assert len(other) == 8
    assert set(other.values()).isdisjoint(expected)
    assert await leaves.get(CODE, range(8, 8)) == {}
    assert len(log.reads) == 4


async def test_what_was_not_asked_for_longest_goes_first() -> None:
    leaves, log, expected = await kept(blocks=2)
    for start in (0, 8, 0, 16, 0, 8):
        assert (await leaves.get(CODE, range(start, start + 8)))[start] == expected[start]
    assert [after for _, after, _ in log.reads] == [0, 8, 16, 8]


async def test_a_read_that_fails_is_tried_again() -> None:
    leaves, log, expected = await kept(blocks=2)
    whole = log._rooms
    log._rooms = {CODE: whole[CODE][:4]}
    with pytest.raises(CorruptError, match="lost records after 0"):
        await leaves.get(CODE, range(8))
    log._rooms = whole
    assert (await leaves.get(CODE, range(8)))[7] == expected[7]
