"""The contract of a log, stated once for every adapter."""

import asyncio
from collections import defaultdict
from hashlib import sha256
from pathlib import Path
from threading import Event

import msgspec
import pytest

from livevote.domain.commands import EraseAnswer
from livevote.domain.records import Draft, Entry, encode
from livevote.domain.tally import fold
from livevote.log import Head, LogFailedError
from tests.history import CODE, ask, cast, dump, opened, with_board
from tests.log.cases import batches, entries, interleaved, more, opened_log, plain, room


@pytest.fixture(params=["sqlite", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory:" if request.param == "memory" else f"sqlite:{tmp_path / 'log.sqlite3'}"


def chained(given: list[Entry]) -> bytes:
    """The chain value after these entries of one room, worked out by hand."""
    chain = bytes(32)
    for entry in given:
        chain = sha256(chain + sha256(b"\x00" + entry.body).digest()).digest()
        assert entry.chain == chain
    return chain


async def test_a_room_without_records_ends_at_zero(url: str) -> None:
    async with opened_log(url) as log:
        assert await log.head("A") == Head(0, bytes(32))
        assert await entries(log) == []
        assert await entries(log, "A") == []


async def test_records_of_interleaved_rooms_keep_their_order_without_a_gap(url: str) -> None:
    first, second = room("A", ballots=3), room("B", ballots=1)
    async with opened_log(url) as log:
        await log.append(interleaved(first[:4], second), ticket=1)
        await log.append(first[4:], ticket=2)
        for code, drafts in [("A", first), ("B", second)]:
            found = await entries(log, code)
            assert [entry.index for entry in found] == list(range(1, len(drafts) + 1))
            assert [(entry.room, entry.body) for entry in found] == [(code, encode(draft.record)) for draft in drafts]
            assert [encode(entry.record) for entry in found] == [entry.body for entry in found]


async def test_the_chain_is_worked_out_over_each_room_alone(url: str) -> None:
    async with opened_log(url) as log:
        await log.append(interleaved(room("A"), room("B", ballots=5)), ticket=1)
        await log.append(more("A", 2), ticket=2)
        for code in "AB":
            found = await entries(log, code)
            assert await log.head(code) == Head(len(found), chained(found))


async def test_openings_come_back_byte_for_byte(url: str) -> None:
    drafts = room("A", ballots=4)
    async with opened_log(url) as log:
        await log.append(drafts, ticket=1)
        found = await entries(log, "A")
    assert [entry.opening for entry in found] == [draft.opening for draft in drafts]
    assert sum(entry.opening is not None for entry in found) == 4


async def test_what_was_read_folds(url: str) -> None:
    async with opened_log(url) as log:
        await log.append(room("A", ballots=4), ticket=1)
        state = fold(await entries(log, "A"))
    assert state is not None
    assert state.questions["q1"].rounds[0].tally.counts() == (2, 1, 1)


@pytest.mark.parametrize(
    ("after", "upto", "indexes"),
    [
        (0, None, [1, 2, 3, 4, 5]),
        (2, None, [3, 4, 5]),
        (5, None, []),
        (9, None, []),
        (0, 2, [1, 2]),
        (0, 9, [1, 2, 3, 4, 5]),
        (0, 0, []),
        (1, 3, [2, 3]),
        (3, 3, []),
        (4, 2, []),
    ],
)
async def test_reading_begins_after_and_ends_upto(url: str, after: int, upto: int | None, indexes: list[int]) -> None:
    async with opened_log(url) as log:
        await log.append(interleaved(room("A"), room("B")), ticket=1)
        for code in "AB":
            found = await entries(log, code, after=after, upto=upto)
            assert [(entry.room, entry.index) for entry in found] == [(code, index) for index in indexes]


async def test_what_later_ballots_replaced_is_told_up_to_any_record(url: str) -> None:
    history = opened().did(
        cast("ada", 0, id="a1"),
        cast("bob", 0, id="b1"),
        cast("ada", 1, id="a2"),
        cast("ada", 2, id="a3"),
        # What people type is in no record where a ballot's own fields are.
        cast('","supersedes":4,"x', 0, id='{"supersedes":4,'),
        EraseAnswer(index=4),
    )
    async with opened_log(url) as log:
        await log.append(interleaved(history.drafts("A"), room("B")), ticket=1)
        for upto, replaced in [(0, []), (5, []), (6, [4]), (7, [4, 6]), (len(history.entries), [4, 6])]:
            found = [index async for part in log.replaced("A", upto=upto) for index in part]
            assert sorted(found) == replaced
        assert [index async for part in log.replaced("B", upto=5) for index in part] == []


async def test_openings_are_forgotten_within_their_bounds_and_the_chain_stays(url: str) -> None:
    async with opened_log(url) as log:
        await log.append(interleaved(room("A", ballots=4), room("B", ballots=2)), ticket=1)
        before = await entries(log, "A")
        for after, upto, left in ((0, 4, [5, 6, 7]), (4, 6, [7]), (4, 6, [7]), (6, 7, [])):
            await log.forget("A", after=after, upto=upto)
            found = await entries(log, "A")
            assert [entry.index for entry in found if entry.opening is not None] == left
            assert [(entry.body, entry.chain) for entry in found] == [(entry.body, entry.chain) for entry in before]
        assert sum(entry.opening is not None for entry in await entries(log, "B")) == 2
        assert not log.has_traces(), "nobody reads"
        await log.scrub()
        await log.append(more("A", 1), ticket=2)
    with pytest.raises(LogFailedError):
        await log.forget("A", after=0, upto=1)
    with pytest.raises(LogFailedError):
        await log.scrub()


async def test_a_scan_gives_all_room_by_room(url: str) -> None:
    async with opened_log(url) as log:
        await log.append(interleaved(room("B"), room("C", ballots=0), room("A")), ticket=1)
        found = await entries(log)
        one_by_one = [entry for code in "ABC" for entry in await entries(log, code)]
        assert _comparable(found) == _comparable(one_by_one)
        assert [entry.room for entry in found] == ["A"] * 5 + ["B"] * 5 + ["C"] * 3


async def test_a_scan_is_whole_however_long(url: str) -> None:
    async with opened_log(url) as log:
        assert list(log.scan()) == []
        await log.append(interleaved(room("B"), room("C", ballots=0), room("A")), ticket=1)
        await log.append(more("A", 2500), ticket=2)
        assert len(list(log.scan())) == 2513


async def test_a_scan_of_one_room_begins_where_it_is_told(url: str) -> None:
    async with opened_log(url) as log:
        assert log.rooms() == []
        await log.append(interleaved(room("B"), room("C", ballots=0), room("A")), ticket=1)
        await log.append(more("A", 2500), ticket=2)
        assert log.rooms() == ["A", "B", "C"]
        for code in "ABC":
            assert _comparable(list(log.scan(code))) == _comparable([one for one in log.scan() if one.room == code])
        assert [entry.index for entry in log.scan("A", after=1003)] == list(range(1004, 2506))
        assert [entry.index for entry in log.scan("B", after=4)] == [5]
        assert list(log.scan("B", after=5)) == list(log.scan("D")) == []


async def test_long_logs_are_read_whole(url: str) -> None:
    async with opened_log(url) as log:
        await log.append(more("A", 2500), ticket=1)
        assert [entry.index for entry in await entries(log, "A")] == list(range(1, 2501))


async def test_what_is_appended_while_reading_is_not_seen(url: str) -> None:
    async with opened_log(url) as log:
        await log.append(interleaved(more("A", 1500), more("B", 1)), ticket=1)
        reading = log.read("A")
        seen = list(await anext(reading))
        await log.append([*more("A", 1), *more("B", 1), *more("C", 1)], ticket=2)
        seen += [entry async for chunk in reading for entry in chunk]
        assert len(seen) == 1500
        assert len(await entries(log)) == 1504


async def test_batches_come_back_in_order_with_their_tickets(url: str) -> None:
    drafts = interleaved(room("A"), room("B"))
    async with opened_log(url) as log:
        for ticket, part in [(7, drafts[:3]), (3, drafts[3:4]), (9, drafts[4:])]:
            await log.append(part, ticket=ticket)
        kept = await entries(log)
        await log.aclose()
        found = await batches(log)
    assert [(batch.ticket, len(batch.entries)) for batch in found] == [(7, 3), (3, 1), (9, 6)]
    followed = defaultdict(list)
    for batch in found:
        for entry in batch.entries:
            followed[entry.room].append(entry)
    assert _comparable(followed["A"] + followed["B"]) == _comparable(kept)
    assert dump(fold(followed["A"])) == dump(fold(kept[: len(followed["A"])]))


async def test_a_batch_comes_back_only_when_it_can_be_read(url: str) -> None:
    async with opened_log(url) as log:
        following = log.follow()
        waiting = asyncio.ensure_future(anext(following))
        await _turns()
        assert not waiting.done()
        await log.append(room("A"), ticket=1)
        batch = await waiting
        assert _comparable(await entries(log, "A")) == _comparable(list(batch.entries))
        await log.aclose()
        assert [left async for left in following] == []


async def test_following_ends_when_the_log_is_closed(url: str) -> None:
    async with opened_log(url) as log:
        following = asyncio.ensure_future(batches(log))
        await log.append(more("A", 1), ticket=1)
        await _turns()
        assert not following.done()
        await log.aclose()
        assert [batch.ticket for batch in await following] == [1]


async def test_a_closed_log_takes_no_more_records(url: str) -> None:
    async with opened_log(url) as log:
        await log.append(more("A", 1), ticket=1)
        await log.aclose()
        for ticket in (2, 3):
            with pytest.raises(LogFailedError):
                await log.append(more("A", 1), ticket=ticket)
        assert [batch.ticket for batch in await batches(log)] == [1]


async def test_a_log_can_be_closed_twice(url: str) -> None:
    async with opened_log(url) as log:
        await log.aclose()
        await log.aclose()


async def test_an_append_without_records_is_a_mistake_that_changes_nothing(url: str) -> None:
    async with opened_log(url) as log:
        with pytest.raises(ValueError, match=r"^an append takes at least one record$"):
            await log.append([], ticket=1)
        await log.append(more("A", 1), ticket=2)
        await log.aclose()
        assert [batch.ticket for batch in await batches(log)] == [2]


async def test_an_epoch_does_not_change(url: str) -> None:
    async with opened_log(url) as log:
        epoch = log.epoch
        await log.append(more("A", 1), ticket=1)
        assert log.epoch == epoch != ""


def _comparable(given: list[Entry]) -> list[object]:
    return [plain(entry) for entry in given]


async def _turns() -> None:
    """Let everything run that can run."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_count_is_the_length_of_a_scan(url: str) -> None:
    async with opened_log(url) as log:
        assert log.count() == 0
        await log.append(interleaved(room("B"), room("C", ballots=0), room("A")), ticket=1)
        assert log.count() == len(list(log.scan())) == 13


async def test_an_erasure_takes_the_opening_out_of_the_log_with_the_record_that_says_so(url: str) -> None:
    history = opened().did(cast("ann", 0), cast("bob", 1))
    erasure = history.decide(EraseAnswer(5))
    assert isinstance(erasure, Draft)
    async with opened_log(url) as log:
        await log.append(history.drafts(CODE), ticket=1)
        await log.append([erasure, *more("B", 1)], ticket=2)
        found = await entries(log, CODE)
        assert [entry.opening is None for entry in found] == [True, True, True, False, True, True]
        history.put(erasure)
        assert dump(fold(found)) == dump(history.state)
        await log.aclose()
        assert [len(batch.entries) for batch in await batches(log)] == [5, 2]


async def test_a_post_is_erased_like_an_answer(url: str) -> None:
    history = with_board().did(ask("ann", "Why?"), ask("bob", "How?"))
    erasure = history.decide(EraseAnswer(3))
    assert isinstance(erasure, Draft)
    async with opened_log(url) as log:
        await log.append(history.drafts(CODE), ticket=1)
        assert [entry.opening is None for entry in await entries(log, CODE)] == [True, True, False, False]
        await log.append([erasure], ticket=2)
        found = await entries(log, CODE)
        assert [entry.opening is None for entry in found] == [True, True, True, False, True]
        history.put(erasure)
        assert dump(fold(found)) == dump(history.state)


async def test_a_log_is_adopted_byte_for_byte_and_goes_on(url: str) -> None:
    history = opened().did(cast("ann", 0), cast("bob", 1), EraseAnswer(5))
    async with opened_log(url) as log:
        await log.append(room("A"), ticket=1)
        await log.adopt([history.entries[:2], history.entries[2:]])
        assert _comparable(await entries(log, CODE)) == _comparable(history.entries)
        await log.append(more(CODE, 1), ticket=2)
        assert (await log.head(CODE)).index == 7
        chained(await entries(log, CODE))


async def test_what_does_not_come_next_is_not_adopted_and_neither_is_the_rest(url: str) -> None:
    history = opened().did(cast("ann", 0), cast("bob", 1))
    gap = [history.entries[:2], history.entries[3:]]
    forged = [history.entries[:2], [msgspec.structs.replace(history.entries[2], body=b"{}")]]
    async with opened_log(url) as log:
        for chunks in (gap, forged):
            with pytest.raises(ValueError, match="does not follow record 2"):
                await log.adopt(chunks)
            assert await entries(log, CODE) == []
            assert await log.head(CODE) == Head(0, bytes(32))
        await log.adopt([history.entries])
        with pytest.raises(ValueError, match="record 1 of room"):
            await log.adopt([history.entries])


async def test_a_sound_log_has_no_damage(url: str) -> None:
    async with opened_log(url) as log:
        await log.append(room("A"), ticket=1)
        assert log.damage(Event()) == ""
