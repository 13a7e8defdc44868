"""One-time codes as secrets: how they are drawn, that only keyed hashes stay, and what a crash leaves."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from livevote.domain.code_text import ALPHABET, spelled
from livevote.domain.codes import root_of
from livevote.domain.records import CodesIssued, Entry
from livevote.domain.refusals import Refusal
from livevote.failures import DataDirectoryError, SetupError
from livevote.keys import Keyring
from livevote.live import codebook
from livevote.live.codebook import CodeBook, KnownCodesError, draw, load_list
from livevote.live.room import LiveRoom
from livevote.server import Server, running
from tests.client import config, venue


class KilledError(Exception):
    """Stands for the end of the process."""


def files(data: Path) -> list[Path]:
    return sorted((data / "keys" / "codes").glob("*"))


def everything(data: Path) -> list[tuple[Path, bytes]]:
    return [(path, path.read_bytes()) for path in data.rglob("*") if path.is_file()]


@asynccontextmanager
async def room_at(data: Path) -> AsyncIterator[tuple[Server, LiveRoom]]:
    async with venue(data) as at:
        room = at.server.registry.get(at.code)
        assert room is not None
        yield at.server, room


async def issued(server: Server, room: LiveRoom, codes: list[str]) -> CodesIssued:
    entry = await server.services.codes.issue(room, codes)
    assert isinstance(entry, Entry)
    assert isinstance(entry.record, CodesIssued)
    return entry.record


def test_codes_are_drawn_from_all_characters_and_differ() -> None:
    codes = draw(5000)
    assert len(set(codes)) == 5000
    assert all(spelled(code) == code for code in codes)
    for place in range(11):
        assert {code[place] for code in codes} == set(ALPHABET)


async def test_only_keyed_hashes_stay_and_the_log_has_their_root_alone(tmp_path: Path) -> None:
    codes = draw(50)
    async with room_at(tmp_path) as (server, room):
        record = await issued(server, room, codes)
        (path,) = files(tmp_path)
        hashes = sorted(map(room.key.code_hash, codes))
        assert path.read_bytes() == b"".join(hashes)
        assert path.name == f"{room.code}.{record.root}"
        assert record.root == root_of(hashes).hex()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for path, data in everything(tmp_path):
        assert not any(code.encode() in data or code[:10].encode() in data for code in codes), path
        if "keys" not in path.parts:
            assert not any(each in data or each.hex().encode() in data for each in hashes), path


async def test_a_code_is_found_with_its_place_also_after_a_restart(tmp_path: Path) -> None:
    codes, more = draw(7), draw(3)
    async with room_at(tmp_path) as (server, room):
        await issued(server, room, codes)
        await issued(server, room, more)
    async with running(config(tmp_path)) as server:
        (room,) = server.registry.all()
        found = [await server.services.codes.find(room, code) for code in (*codes, *more)]
        assert sorted(each.place for each in found if each) == [
            *((1, place) for place in range(7)),
            *((2, place) for place in range(3)),
        ]
        assert len({each.identity for each in found if each}) == 10
        for code in draw(20):
            assert await server.services.codes.find(room, code) is None


async def test_a_crash_between_the_file_and_the_record_leaves_a_file_that_harms_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, codes = draw(5), draw(5)
    async with room_at(tmp_path) as (server, room):

        async def killed(*_: object) -> None:
            raise KilledError

        monkeypatch.setattr(server.services.writer, "ask", killed)
        with pytest.raises(KilledError):
            await server.services.codes.issue(room, lost)
        assert len(files(tmp_path)) == 1
    async with running(config(tmp_path)) as server:
        (room,) = server.registry.all()
        assert room.state.code_lists == []
        assert await server.services.codes.find(room, lost[0]) is None
        await issued(server, room, codes)
        assert await server.services.codes.find(room, codes[0]) is not None
        assert await server.services.codes.find(room, lost[0]) is None
        # Those whose codes were printed before the crash bring them along.
        assert (await issued(server, room, lost)).list == 2
        assert await server.services.codes.find(room, lost[0]) is not None
        assert len(files(tmp_path)) == 2


async def test_a_code_is_in_one_list_only_once(tmp_path: Path) -> None:
    codes, more = draw(4), draw(4)
    async with room_at(tmp_path) as (server, room):
        await issued(server, room, codes)
        for known in (codes, [*more, codes[2]], [*more, more[0]]):
            with pytest.raises(KnownCodesError):
                await server.services.codes.issue(room, known)
        assert len(files(tmp_path)) == 1
        assert isinstance(await server.services.codes.issue(room, []), Refusal)


async def test_a_lost_or_changed_list_is_named_and_the_others_are_found(tmp_path: Path) -> None:
    codes, more = draw(4), draw(4)
    async with room_at(tmp_path) as (server, room):
        await issued(server, room, codes)
        (first,) = files(tmp_path)
        await issued(server, room, more)
    data = first.read_bytes()
    for damaged in (None, b"", data[:-1], data[:-32], data[32:] + data[:32]):
        if damaged is None:
            first.unlink()
        else:
            first.write_bytes(damaged)
        async with running(config(tmp_path)) as server:
            (room,) = server.registry.all()
            with pytest.raises(SetupError, match="from your backup"):
                await server.services.codes.find(room, codes[0])
            assert await server.services.codes.find(room, more[0]) is not None
    first.write_bytes(data)
    async with running(config(tmp_path)) as server:
        (room,) = server.registry.all()
        assert await server.services.codes.find(room, codes[0]) is not None


def test_a_place_that_cannot_be_written_or_read_is_named(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "keys", create=True)
    (tmp_path / "keys" / "codes").write_text("")
    with pytest.raises(DataDirectoryError, match="keys/codes"):
        keyring.keep_codes("ROOM22", "00", [bytes(32)])
    with pytest.raises(DataDirectoryError, match="keys/codes"):
        keyring.codes("ROOM22", "00")


async def test_lists_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with room_at(tmp_path) as (server, room):
        codes = draw(3)
        await issued(server, room, codes)
        keyring = server.services.keyring
        asked: list[str] = []
        read = keyring.codes

        def counted(code: str, root: str) -> list[bytes]:
            asked.append(root)
            return read(code, root)

        monkeypatch.setattr(keyring, "codes", counted)
        book = CodeBook(keyring=keyring, writer=server.services.writer)
        for code in (*codes, *draw(3)):
            await book.find(room, code)
        assert asked == [room.state.code_lists[0].root]


async def test_a_list_is_read_once_for_all_who_enter_their_codes_after_a_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = draw(20)
    async with room_at(tmp_path) as (server, room):
        await issued(server, room, codes)
    read: list[str] = []

    def noted(keyring: Keyring, code: str, list_: CodesIssued) -> list[bytes]:
        read.append(list_.root)
        return load_list(keyring, code, list_)

    monkeypatch.setattr(codebook, "load_list", noted)
    async with running(config(tmp_path)) as server:
        (room,) = server.registry.all()
        found = await asyncio.gather(*(server.services.codes.find(room, code) for code in codes))
        assert sorted(held.place for held in found if held is not None) == [(1, place) for place in range(20)]
    assert len(read) == 1


async def test_only_the_lists_that_were_asked_for_last_are_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codebook, "_LISTS", 2)
    async with room_at(tmp_path) as (server, room):
        lists = [draw(1) for _ in range(4)]
        for each in lists:
            await issued(server, room, each)
        book = server.services.codes
        for number, (code,) in enumerate(lists, 1):
            held = await book.find(room, code)
            assert held is not None
            assert held.place == (number, 0), "it is read once more where it has to be"
            assert len(book._lists) <= 2
