"""A database that nobody writes to is read without a trace, and one that somebody writes to is never taken for one."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from livevote.failures import CorruptError
from livevote.log import quick_check, sqlite_reader
from livevote.log.at_rest import AtRest
from livevote.log.base import Reader
from livevote.log.lock import LOCK, Lock
from livevote.log.sqlite_reader import SqliteReader
from tests.log.cases import entries, opened_file, opened_reader, other_tool, room
from tests.process import CHECKOUT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed log in a directory of its own."""
    directory = tmp_path / "data"
    directory.mkdir()
    return directory / "log.sqlite3"


async def filled(path: Path, code: str = "B") -> None:
    async with opened_file(path) as log:
        await log.append(room(code, ballots=20), ticket=1)


def names(path: Path) -> set[str]:
    return {each.name for each in path.parent.iterdir()}


async def read_all(path: Path) -> tuple[int, int, int, str, str]:
    """All ways to read."""
    async with opened_reader(path) as reader:
        scanned, read = list(reader.scan()), await entries(reader, "B")
        return len(scanned), len(read), (await reader.head("B")).index, reader.damage(Event()), quick_check(path)


async def test_a_log_at_rest_is_read_without_a_trace(path: Path) -> None:
    await filled(path)
    before, times = names(path), path.parent.stat().st_mtime_ns
    assert await read_all(path) == (23, 23, 23, "", "")
    async with opened_reader(path) as reader:
        assert reader.count() == 23
    assert (names(path), path.parent.stat().st_mtime_ns) == (before, times)


async def test_a_link_to_a_live_log_leads_to_what_is_beside_the_log(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.sqlite3"
    link.symlink_to(path)
    async with opened_file(path) as log:
        await log.append(room("B", ballots=20), ticket=1)
        assert AtRest.of(link) is None
        assert await read_all(link) == (23, 23, 23, "", "")
    assert AtRest.of(link) is not None


async def test_a_log_is_at_rest_unless_somebody_may_write_to_it(path: Path) -> None:
    assert AtRest.of(path) is None, "there is none"
    await filled(path)
    assert AtRest.of(path) is not None
    lock = Lock(path.with_name(LOCK))
    assert AtRest.of(path) is None
    lock.release()
    for suffix in ("-wal", "-journal"):
        beside = path.with_name(f"{path.name}{suffix}")
        beside.touch()
        assert AtRest.of(path) is not None
        beside.write_bytes(b"x")
        assert AtRest.of(path) is None
        beside.unlink()
    (path.parent / LOCK).unlink()
    assert AtRest.of(path) is not None, "a copy has no lock"
    (path.parent / LOCK).symlink_to(LOCK)
    assert AtRest.of(path) is None, "whether it is held cannot be told"


Disturb = Callable[[Path], None]


def write(path: Path) -> None:
    """Somebody comes, writes and goes: the file is another one, and again there is none beside it."""
    assert AtRest.of(path) is not None
    with other_tool(path) as other:
        other.execute("PRAGMA user_version = 1")
        assert AtRest.of(path) is None
    assert AtRest.of(path) is not None


def spoil(path: Path) -> None:
    """As a reader finds the file in the middle of a write; what it holds now is in the write-ahead log."""
    good = path.with_name("good")
    shutil.copyfile(path, good)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(bytes(path.stat().st_size - 4096))


def mend(path: Path) -> None:
    path.with_name("good").replace(path)


async def test_a_scan_goes_on_where_it_was_when_somebody_comes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_reader, "_CHUNK", 4)
    await filled(path, "A")
    await filled(path)
    async with opened_reader(path) as reader:
        scan = reader.scan()
        found = [next(scan) for _ in range(6)]
        before = AtRest.of(path)
        assert before is not None
        write(path)
        assert not before.lasts()
        found += scan
        assert [(each.room, each.index) for each in found] == [(code, index) for code in "AB" for index in range(1, 24)]
        async with opened_file(path) as log:
            await log.append(room("C"), ticket=1)
            assert len(list(reader.scan())) == 51, "from now on it is read as a log that is alive"


async def test_a_scan_begins_again_when_somebody_came_before_its_first_record(path: Path) -> None:
    await filled(path)
    async with opened_reader(path) as reader:
        write(path)
        assert len(list(reader.scan())) == 23
        assert len(list(reader.scan())) == 23


READS: dict[str, Callable[[Reader], object]] = {
    "scan": lambda reader: len(list(reader.scan())),
    "count": lambda reader: reader.count(),
}


@pytest.mark.parametrize("way", READS)
async def test_what_is_read_in_the_middle_of_a_write_is_read_again(
    way: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(path)
    async with opened_reader(path) as reader:
        spoil(path)
        lasts = AtRest.lasts

        def mended(self: AtRest) -> bool:
            found = lasts(self)
            if path.with_name("good").exists():
                mend(path)
            return found

        monkeypatch.setattr(AtRest, "lasts", mended)
        assert READS[way](reader) == 23


async def test_a_head_that_is_read_in_the_middle_of_a_write_is_read_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(path)
    lasts = AtRest.lasts

    def mended(self: AtRest) -> bool:
        found = lasts(self)
        if path.with_name("good").exists():
            mend(path)
        return found

    monkeypatch.setattr(AtRest, "lasts", mended)
    async with opened_reader(path) as reader:
        spoil(path)
        assert (await reader.head("B")).index == 23
    async with opened_reader(path) as reader:
        write(path)
        assert (await reader.head("B")).index == 23


async def test_a_look_at_the_structure_is_taken_again_when_somebody_came(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(path)
    looked: list[bool] = []
    connect = sqlite3.connect

    def meets_a_writer(address: str, **options: Any) -> sqlite3.Connection:
        looked.append("immutable" in address)
        if len(looked) == 1:
            monkeypatch.setattr(sqlite3, "connect", connect)
            write(path)
            monkeypatch.setattr(sqlite3, "connect", meets_a_writer)
        opened: sqlite3.Connection = connect(address, **options)
        return opened

    monkeypatch.setattr(sqlite3, "connect", meets_a_writer)
    assert quick_check(path) == ""
    assert looked == [True, False]


async def test_damage_that_stays_is_named(path: Path) -> None:
    await filled(path)
    spoil(path)
    reader = SqliteReader(path, "", AtRest.of(path))
    for read in READS.values():
        with pytest.raises(CorruptError, match="cannot be read"):
            read(reader)
    with pytest.raises(CorruptError, match="cannot be read"):
        await reader.head("B")
    with pytest.raises(CorruptError, match="cannot be read"):
        await SqliteReader.open(path)
    assert names(path) == {"log.sqlite3", LOCK, "good"}


_READ_ONLY = """
import os, subprocess, sys
*command, data = sys.argv[1:]
subprocess.run(["mount", "--bind", data, data], check=True)
subprocess.run(["mount", "-o", "remount,ro,bind", data], check=True)
try:
    open(os.path.join(data, "new"), "w")
except OSError:
    os.execv(command[0], [*command, data])
sys.exit("it can be written")
"""


def test_a_log_on_a_read_only_disk_can_be_read(tmp_path: Path) -> None:
    data = tmp_path / "data"
    asyncio.run(filled(data / "livevote.db"))
    apart = ["unshare", "--mount", "--map-root-user"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], check=False).returncode:
        pytest.skip("no mount namespaces here")
    command = [*apart, sys.executable, "-c", _READ_ONLY, sys.executable, "-m", "livevote.cli", "rooms", "--data"]
    done = subprocess.run([*command, str(data)], cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", f"B  {23:>9}  Welcome\n")
