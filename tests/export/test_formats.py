"""What holds for all formats: their bytes, one moment for all of them, flat memory, and turns for everybody else."""

import asyncio
import csv
import gc
import io
import json
import tracemalloc
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from functools import cache

import msgspec
import pytest

from livevote.domain.audit import GENESIS, commitment, link
from livevote.domain.records import (
    BallotCast,
    Entry,
    Opening,
    QuestionDefined,
    Record,
    RoomCreated,
    VotingClosed,
    VotingOpened,
    encode,
)
from livevote.export import FORMATS, Source, rooms
from livevote.export.results import Fold
from livevote.export.source import SLICE
from livevote.failures import CorruptError
from livevote.log.base import Head
from livevote.log.memory import MemoryLog
from tests.export.cases import CHECKPOINTS, EXPECTED, HOSTILE, evening, exported, hostile, logged, written
from tests.history import AT, CODE, SALT, answer, ballot

TEXTS = [name for name in FORMATS if name != "workbook.xlsx"]
TABLES = [name for name in FORMATS if name.endswith(".csv")]
OF_QUIZZES = "leaderboard.csv"
"""Empty where there was none; its own tests have one."""


@pytest.mark.parametrize("name", TEXTS)
async def test_the_evening_gives_these_bytes(name: str) -> None:
    assert await exported(name, evening()) == (EXPECTED / name).read_bytes()


@pytest.mark.parametrize("name", FORMATS)
async def test_what_comes_after_the_moment_is_in_no_file(name: str) -> None:
    held = evening()
    log = await logged(held)
    source = await Source.now(log, CODE, CHECKPOINTS)
    before = await written(name, source)
    await log.append([ballot("eve", 1, round=2)], ticket=2)
    assert await written(name, source) == before
    if name == OF_QUIZZES:
        return
    assert await written(name, await Source.now(log, CODE, CHECKPOINTS)) != before


@pytest.mark.parametrize("name", FORMATS)
async def test_progress_counts_every_record_of_every_pass(name: str) -> None:
    read: list[int] = []
    source = replace(await Source.now(await logged(evening()), CODE, CHECKPOINTS), on_read=read.append)
    await written(name, source)
    assert sum(read) == source.head.index * FORMATS[name].passes


@pytest.mark.parametrize("name", TABLES)
async def test_no_cell_of_a_csv_begins_like_a_formula(name: str) -> None:
    text = (await exported(name, hostile())).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not [cell for row in rows for cell in row if cell[:1] and cell[0] in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"]
    if name not in ("series.csv", OF_QUIZZES):
        found = {cell.removeprefix("'") for row in rows for cell in row}
        assert found >= {text.removeprefix("'") for text in HOSTILE}


async def test_json_has_the_texts_as_they_are() -> None:
    results = json.loads(await exported("results.json", hostile()))
    assert [option["text"] for option in results["questions"][0]["rounds"][0]["options"]] == list(HOSTILE)
    assert [option["count"] for option in results["questions"][0]["rounds"][0]["options"]] == [1] * len(HOSTILE)
    lines = [json.loads(line) for line in (await exported("records.jsonl", hostile())).splitlines()]
    assert [line["record"].get("voter") for line in lines[-len(HOSTILE) :]] == list(HOSTILE)


async def test_the_records_can_be_sealed_again() -> None:
    chain = GENESIS
    for line in (await exported("records.jsonl", evening())).splitlines():
        found = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        chain = link(chain, bytes(found["record"]))
        assert json.loads(bytes(found["chain"])) == chain.hex()
        record = json.loads(bytes(found["record"]))
        assert ("salt" in found) == (record["@type"] in ("ballot_cast/1", "post_asked/1"))
        if "salt" in found and bytes(found["salt"]) != b"null":
            opening = Opening(bytes.fromhex(json.loads(bytes(found["salt"]))), bytes(found["answer"]))
            assert record["commitment"] == commitment(opening)


async def test_a_log_that_does_not_add_up_is_not_exported() -> None:
    log = MemoryLog()
    with pytest.raises(CorruptError, match="has no records"):
        await written("results.csv", await Source.now(log, CODE, CHECKPOINTS))
    drafts = evening().drafts()
    await log.append([drafts[0], *drafts[2:]], ticket=1)
    with pytest.raises(CorruptError, match=r"does not add up.*livevote verify"):
        await written("results.csv", await Source.now(log, CODE, CHECKPOINTS))


async def test_rooms_are_listed_with_title_and_records() -> None:
    assert rooms(await logged(evening())) == [(CODE, "=Spring & autumn", 32)]
    assert rooms(MemoryLog()) == []


_CHUNK = 1000


class LongLog(MemoryLog):
    """One question with many voters, all of whom change their answer once in a while, read in chunks as from a disk."""

    def __init__(self, ballots: int) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        rules = msgspec.Raw(b'{"max":1,"min":1}')
        self._add(RoomCreated(at=AT, code=CODE, title="Long"))
        self._add(QuestionDefined(AT, "q1", "single", "Which?", ("A", "B", "C"), rules, changeable=True))
        self._add(VotingOpened(at=AT, question="q1", round=1))
        openings = [Opening(SALT, answer(choice)) for choice in range(3)]
        seals = [commitment(opening) for opening in openings]
        last: dict[int, tuple[int, int]] = {}
        for number in range(ballots):
            voter = number % (ballots // 2)
            rev, before = last.get(voter, (-1, None))
            last[voter] = rev + 1, len(self.entries) + 1
            at = AT + number // 3
            cast = BallotCast(at, f"b{number}", f"v{voter}", "q1", 1, rev + 1, before, seals[number % 3])
            self._add(cast, openings[number % 3])
        self._add(VotingClosed(at=AT + ballots, question="q1", round=1))

    def _add(self, record: Record, opening: Opening | None = None) -> None:
        body = encode(record)
        chain = link(self.entries[-1].chain if self.entries else GENESIS, body)
        self.entries.append(Entry(CODE, len(self.entries) + 1, record, body, chain, opening))

    async def head(self, room: str) -> Head:
        assert room == CODE
        return Head(len(self.entries), self.entries[-1].chain)

    async def read(
        self, room: str, *, after: int = 0, upto: int | None = None
    ) -> AsyncGenerator[Sequence[Entry], None]:
        assert room == CODE
        for start in range(after, upto or len(self.entries), _CHUNK):
            yield self.entries[start : start + _CHUNK]


@cache
def long_log(ballots: int) -> LongLog:
    return LongLog(ballots)


async def peak_bytes(name: str, source: Source) -> int:
    """The most memory that writing the file takes, on top of what is there."""
    gc.collect()
    tracemalloc.start()
    try:
        async for _ in FORMATS[name].write(source):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def state_bytes(log: LongLog) -> int:
    """The memory that the folded log takes."""
    gc.collect()
    tracemalloc.start()
    try:
        fold = Fold(CODE)
        for entry in log.entries:
            fold.add(entry)
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.timeout(seconds=60)
@pytest.mark.parametrize("name", ["ballots.csv", "records.jsonl"])
async def test_memory_is_flat(name: str) -> None:
    # Both take 0.2 MB for any size; 50,000 rows that are held would be 20 MB.
    assert await peak_bytes(name, await Source.now(long_log(50_000), CODE, CHECKPOINTS)) < 1_000_000


@pytest.mark.timeout(seconds=60)
@pytest.mark.parametrize(
    ("name", "ballots"), [("results.html", 10_000), ("series.csv", 10_000), ("workbook.xlsx", 3_000)]
)
async def test_memory_is_flat_apart_from_the_state(name: str, ballots: int) -> None:
    log = long_log(ballots)
    assert await peak_bytes(name, await Source.now(log, CODE, CHECKPOINTS)) < state_bytes(log) + 1_000_000


async def test_others_get_a_turn_after_every_slice() -> None:
    turns = 0

    async def someone_else() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(someone_else())
    await written("results.json", await Source.now(long_log(10_000), CODE, CHECKPOINTS))
    beside.cancel()
    assert turns >= 10_000 / SLICE


@pytest.mark.parametrize("name", FORMATS)
async def test_nothing_false_leaves_under_a_true_fingerprint(name: str) -> None:
    """The root covers commitments, not answers: a changed answer would pass beside it."""
    log = MemoryLog()
    entries = list(evening().entries)
    place = next(place for place, entry in enumerate(entries) if entry.opening is not None)
    opening = entries[place].opening
    assert opening is not None
    other = b'{"choices":[0]}' if b"1" in opening.answer else b'{"choices":[1]}'
    entries[place] = msgspec.structs.replace(entries[place], opening=Opening(opening.salt, other))
    await log.adopt([entries])
    with pytest.raises(CorruptError, match=f"the answer of record {place + 1} does not fit its commitment"):
        await written(name, await Source.now(log, CODE, CHECKPOINTS))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("at", [10**18, -(10**18), -(10**13)], ids=["far", "before any year", "1653"])
async def test_times_outside_the_calendar_of_a_format_are_shown_and_stop_nothing(name: str, at: int) -> None:
    log = MemoryLog()
    drafts = evening().drafts()
    await log.append([msgspec.structs.replace(draft, record=_at(draft.record, at)) for draft in drafts], ticket=1)
    content = await written(name, await Source.now(log, CODE, CHECKPOINTS))
    if (name.endswith((".csv", ".html")) or name == "results.json") and name != OF_QUIZZES:
        assert (f"{at} ms" if abs(at) == 10**18 else "1653-02-10T06:13:20") in content.decode()


def _at(record: Record, at: int) -> Record:
    return msgspec.structs.replace(record, at=at)
