"""Copies of a log file: whole, as of one moment, and with a reason where there is none; and SQLite's own check."""

import os
import sqlite3
import stat
from pathlib import Path
from threading import Event

import pytest

from livevote.failures import CorruptError, DataDirectoryError
from livevote.log import quick_check, reading, snapshot
from tests.log.cases import connection_of, entries, more, opened_file, opened_reader, other_tool, plain, room


def silent(_done: int, _total: int) -> None:
    """Nobody watches."""


async def test_a_copy_holds_what_is_in_the_write_ahead_log_and_needs_no_other_file(tmp_path: Path) -> None:
    source, target = tmp_path / "log.sqlite3", tmp_path / "copy.sqlite3"
    async with opened_file(source) as log:
        await log.append(room("A"), ticket=1)
        snapshot(source, target, report=silent)
        await log.append(more("A", 1), ticket=2)
        before = [plain(entry) for entry in log.scan()]
        assert target.with_name("copy.sqlite3-wal").exists() is False
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
    async with opened_reader(target) as reader:
        assert [plain(entry) for entry in await entries(reader)] == before[:-1]
        assert reader.epoch == log.epoch
    async with opened_file(target) as copy:
        await copy.append(more("A", 1), ticket=1)
        assert copy.count() == len(before)


async def test_a_copy_is_as_of_one_moment_although_the_log_grows(tmp_path: Path) -> None:
    source, target = tmp_path / "log.sqlite3", tmp_path / "copy.sqlite3"
    async with opened_file(source) as log:
        await log.append(more("A", 3000, size=300), ticket=1)
        seen: list[tuple[int, int]] = []

        def append_meanwhile(done: int, total: int) -> None:
            seen.append((done, total))
            with other_tool(source) as other:
                other.execute("INSERT INTO records (room, idx, body, chain) VALUES ('B', ?, '{}', x'00')", (len(seen),))

        snapshot(source, target, report=append_meanwhile)
        assert len(seen) >= 2
        assert all(0 <= done <= 2 * total for done, total in seen)
        assert seen == sorted(seen)
    async with opened_reader(target) as reader:
        assert reader.count() == 3000


async def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    source, target = tmp_path / "log.sqlite3", tmp_path / "copy.sqlite3"
    async with opened_file(source):
        target.write_text("precious")
        with pytest.raises(DataDirectoryError, match=r"Cannot write .*copy\.sqlite3: File exists"):
            snapshot(source, target, report=silent)
    assert target.read_text() == "precious"


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    source = tmp_path / "log.sqlite3"
    async with opened_file(source):
        with pytest.raises(DataDirectoryError, match="No such file or directory"):
            snapshot(source, tmp_path / "nowhere" / "copy", report=silent)


async def test_a_copy_that_the_disk_does_not_take_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "log.sqlite3"

    def fsync(_: int) -> None:
        raise OSError(5, "Input/output error")

    async with opened_file(source):
        monkeypatch.setattr("os.fsync", fsync)
        target = tmp_path / "copy"
        with pytest.raises(
            DataDirectoryError, match=f"^Cannot copy {source} to {target}: Input/output error. Check the"
        ):
            snapshot(source, target, report=silent)


async def test_what_sqlite_cannot_write_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "log.sqlite3"
    async with opened_file(source):
        # What SQLite says of a file that is no longer empty stands for whatever it finds when it writes.
        monkeypatch.setattr("livevote.log.copies._create", _filled)
        target = tmp_path / "copy"
        with pytest.raises(DataDirectoryError, match=f"^Cannot copy {source} to {target}: output file already exists"):
            snapshot(source, target, report=silent)


def _filled(target: Path) -> int:
    with other_tool(target) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    return os.open(target, os.O_WRONLY)


async def test_ctrl_c_is_not_swallowed_by_sqlite(tmp_path: Path) -> None:
    source = tmp_path / "log.sqlite3"

    def interrupted(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    async with opened_file(source) as log:
        await log.append(more("A", 3000), ticket=1)
        with pytest.raises(KeyboardInterrupt):
            snapshot(source, tmp_path / "copy", report=interrupted)


async def test_a_damaged_log_is_not_copied(tmp_path: Path) -> None:
    source = tmp_path / "log.sqlite3"
    async with opened_file(source) as log:
        await log.append(more("A", 3000, size=300), ticket=1)
    raw = bytearray(source.read_bytes())
    for page in range(10, len(raw) // 4096):
        raw[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    source.write_bytes(raw)
    with pytest.raises(CorruptError, match=f"^The database {source} .* malformed"):
        snapshot(source, tmp_path / "copy", report=silent)
    assert "Page " in quick_check(source)
    source.write_bytes(b"no database at all " * 500)
    for try_ in (lambda: snapshot(source, tmp_path / "other", report=silent), lambda: quick_check(source)):
        with pytest.raises(CorruptError, match=rf"^The database {source} cannot be read \(file is not a database\)"):
            try_()


async def test_a_check_of_a_large_file_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_STEPS", 10)
    source, stop = tmp_path / "log.sqlite3", Event()
    async with opened_file(source) as log:
        await log.append(more("A", 3000, size=300), ticket=1)
    raw = bytearray(source.read_bytes())
    raw[-4096:] = b"\xff" * 4096
    source.write_bytes(raw)
    async with opened_reader(source) as reader:
        assert quick_check(source, stop=stop) == reader.damage(stop) != ""
        stop.set()
        assert quick_check(source, stop=stop) == reader.damage(stop) == ""


async def test_a_file_that_is_locked_cannot_be_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "log.sqlite3"
    async with opened_file(source) as log:
        await log.append(room("A"), ticket=1)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: connect(*args, **{"timeout": 0, **kwargs}))
    with other_tool(source) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("PRAGMA user_version = 1")
        with pytest.raises(DataDirectoryError, match="locked"):
            quick_check(source)


async def test_a_sound_file_passes_while_it_is_written(tmp_path: Path) -> None:
    async with opened_file(tmp_path / "log.sqlite3") as log:
        await log.append(room("A"), ticket=1)
        await connection_of(log).execute("BEGIN IMMEDIATE")
        assert quick_check(tmp_path / "log.sqlite3") == ""
        await connection_of(log).execute("ROLLBACK")
