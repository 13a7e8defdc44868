"""Which adapter an address opens, and how drafts become entries."""

from hashlib import sha256
from pathlib import Path

import pytest

from livevote.domain.records import encode
from livevote.log import Head, open_log, open_reader
from livevote.log.base import Heads
from livevote.log.memory import MemoryLog
from livevote.log.sqlite import SqliteLog
from livevote.log.sqlite_reader import SqliteReader
from tests.log.cases import interleaved, more, opened_log, opened_reader, room


async def test_an_address_names_its_adapter(tmp_path: Path) -> None:
    async with opened_log("memory:") as memory, opened_log(f"sqlite:{tmp_path / 'log.sqlite3'}") as sqlite:
        assert (type(memory), type(sqlite)) == (MemoryLog, SqliteLog)
        async with opened_reader(tmp_path / "log.sqlite3") as reader:
            assert type(reader) is SqliteReader


async def test_a_path_may_hold_what_an_address_is_split_at(tmp_path: Path) -> None:
    path = tmp_path / "12:30" / "log.sqlite3"
    async with opened_log(f"sqlite:{path}") as log, opened_reader(path) as reader:
        assert reader.epoch == log.epoch


@pytest.mark.parametrize("url", ["", "log.sqlite3", "nats://localhost", "Memory:"])
async def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="a log is"):
        await open_log(url)


@pytest.mark.parametrize("url", ["", "memory:", "log.sqlite3"])
async def test_only_files_have_readers(url: str) -> None:
    with pytest.raises(ValueError, match="a log to read is"):
        await open_reader(url)


def test_heads_link_each_room_from_its_own_end() -> None:
    heads = Heads()
    end = sha256(b"anything").digest()
    heads.set("A", Head(7, end))
    first, second, third = heads.link(interleaved(more("A", 2), more("B", 1)))
    assert [(entry.room, entry.index) for entry in (first, second, third)] == [("A", 8), ("B", 1), ("A", 9)]
    assert first.chain == sha256(end + sha256(b"\x00" + first.body).digest()).digest()
    assert second.chain == sha256(bytes(32) + sha256(b"\x00" + second.body).digest()).digest()
    assert third.chain == sha256(first.chain + sha256(b"\x00" + third.body).digest()).digest()


def test_entries_keep_what_the_drafts_hold() -> None:
    drafts = room("A")
    found = Heads().link(drafts)
    assert [(entry.record, entry.opening) for entry in found] == [(draft.record, draft.opening) for draft in drafts]
    assert [entry.body for entry in found] == [encode(draft.record) for draft in drafts]


def test_heads_move_only_when_they_are_told_to() -> None:
    heads = Heads()
    found = heads.link(more("A", 3))
    assert heads["A"] == Head(0, bytes(32))
    assert heads.link(more("A", 3)) == found
    heads.advance(found)
    assert heads["A"] == Head(3, found[-1].chain)
    assert heads["B"] == Head(0, bytes(32))
