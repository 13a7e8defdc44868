"""The log in a file: what it survives, how it fails, what it refuses to open, and what SQL users see of it."""

import asyncio
import errno
import os
import resource
import shutil
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, aclosing, contextmanager, suppress
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from livevote.domain.commands import AskAgain, CloseVoting, EditQuestion, EraseAnswer
from livevote.domain.records import Draft
from livevote.failures import (
    AlreadyRunningError,
    CorruptError,
    DataDirectoryError,
    NoSuchRoomError,
    SetupError,
    ShortageError,
)
from livevote.log import Head, LogFailedError, LogRetryError, Reader, sqlite, sqlite_reader
from livevote.log.lock import is_held
from livevote.log.reading import Rows
from livevote.log.schema import MIGRATIONS, migrate
from livevote.log.sqlite import MAX_BATCH
from tests.client import eventually
from tests.history import SALT, answer, cast, opened
from tests.log.cases import (
    batches,
    connection_of,
    entries,
    interleaved,
    more,
    opened_file,
    opened_log,
    opened_reader,
    other_tool,
    plain,
    room,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite3"


async def filled(path: Path) -> None:
    """A closed log with two rooms."""
    async with opened_file(path) as log:
        await log.append(interleaved(room("A"), room("B", ballots=0)), ticket=1)


async def pragma(path: Path, name: str) -> object:
    async with opened_file(path) as log:
        [row] = await connection_of(log).execute_fetchall(f"PRAGMA {name}")
        return row[0]


async def test_i1_everything_is_there_after_reopening(path: Path) -> None:
    async with opened_file(path) as log:
        await log.append(interleaved(room("A"), room("B")), ticket=1)
        before = [plain(entry) for entry in await entries(log)]
        epoch, head = log.epoch, await log.head("A")
    async with opened_file(path) as log:
        assert [plain(entry) for entry in await entries(log)] == before
        assert (log.epoch, await log.head("A")) == (epoch, head)
        await log.append(more("A", 1), ticket=2)
        [added] = await entries(log, "A", after=head.index)
        assert added.index == head.index + 1


async def test_every_new_file_has_its_own_epoch(tmp_path: Path) -> None:
    async with opened_file(tmp_path / "a" / "log.sqlite3") as first, opened_file(tmp_path / "b" / "x") as second:
        assert len(first.epoch) == len(second.epoch) == 32
        assert first.epoch != second.epoch


@pytest.mark.parametrize(("name", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("trusted_schema", 0)])
async def test_i1_the_writing_connection_is_set_up_for_durability(path: Path, name: str, value: object) -> None:
    await filled(path)
    assert await pragma(path, name) == value


async def test_directories_with_odd_names_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "a b?mode=rwc#%41" / "and one more" / "log.sqlite3"
    await filled(path)
    async with opened_reader(path) as reader:
        assert len(await entries(reader)) == 8


async def test_i18_a_second_log_of_one_directory_is_refused(path: Path) -> None:
    async with opened_file(path) as log:
        assert is_held(path.with_name("livevote.lock"))
        with pytest.raises(AlreadyRunningError):
            async with opened_file(path):
                pass
        await log.append(more("A", 1), ticket=1)
    await filled(path)


@pytest.mark.parametrize("count", [1, MAX_BATCH])
async def test_a_batch_may_be_as_large_as_its_limit(path: Path, count: int) -> None:
    async with opened_file(path) as log:
        await log.append(more("A", count), ticket=1)
        assert (await log.head("A")).index == count


async def test_a_batch_of_any_size_is_kept_whole_and_in_order(path: Path) -> None:
    counts = (*range(1, 34), 63, 64, 65, 129, 999, 1000, 1025)
    async with opened_file(path) as log:
        for ticket, count in enumerate(counts):
            await log.append([*more("A", count - 1), *more("B", 1)], ticket=ticket)
        await log.aclose()
        appended = [entry for batch in await batches(log) for entry in batch.entries]
        kept = [*await entries(log, "A"), *await entries(log, "B")]
    assert len(kept) == sum(counts)
    assert [plain(entry) for entry in kept] == [plain(entry) for entry in sorted(appended, key=lambda one: one.room)]


async def test_a_larger_batch_is_a_mistake_that_changes_nothing(path: Path) -> None:
    async with opened_file(path) as log:
        with pytest.raises(ValueError, match=f"at most {MAX_BATCH} records, not {MAX_BATCH + 1}"):
            await log.append(more("A", MAX_BATCH + 1), ticket=1)
        await log.append(more("A", 1), ticket=2)
        assert (await log.head("A")).index == 1


async def test_i11_a_full_disk_keeps_nothing_of_the_batch_and_can_be_helped(path: Path) -> None:
    async with opened_file(path) as log:
        await log.append(more("A", 3), ticket=1)
        connection, head = connection_of(log), await log.head("A")
        await connection.execute("PRAGMA max_page_count = 1")  # SQLite takes the present size for less than that
        for ticket in (2, 3):
            with pytest.raises(LogRetryError, match="full"):
                await log.append([*more("A", 1), *more("B", 1), *more("A", 200, size=1000)], ticket=ticket)
            assert (await log.head("A"), await log.head("B")) == (head, Head(0, bytes(32)))
        assert len(await entries(log)) == 3
        await connection.execute("PRAGMA max_page_count = 1000000")
        await log.append(more("A", 200, size=1000), ticket=4)
        assert (await log.head("A")).index == 203
        await log.aclose()
        assert [batch.ticket for batch in await batches(log)] == [1, 4]


async def test_i11_after_a_failed_append_every_append_fails(path: Path) -> None:
    """Another program has written the record that comes next: no one may say what is in the log now."""
    async with opened_file(path) as log:
        await log.append(more("A", 3), ticket=1)
        with other_tool(path) as other:
            other.execute("INSERT INTO records (room, idx, body, chain) VALUES ('A', 4, '{}', x'00')")
        with pytest.raises(LogFailedError, match="SQLITE_CONSTRAINT_PRIMARYKEY"):
            await log.append([*more("B", 1), *more("A", 1)], ticket=2)
        with pytest.raises(LogFailedError, match=r"^the log takes no more records$"):
            await log.append(more("C", 1), ticket=3)
        await log.aclose()
        assert [batch.ticket for batch in await batches(log)] == [1]
    with other_tool(path) as other:
        assert other.execute("SELECT room, count(*) FROM records GROUP BY room").fetchall() == [("A", 4)]


async def test_i11_a_file_that_another_program_keeps_locked_is_tried_again(path: Path) -> None:
    async with opened_file(path) as log:
        await connection_of(log).execute("PRAGMA busy_timeout = 0")
        with other_tool(path) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LogRetryError, match="locked"):
                await log.append(more("A", 1), ticket=1)
            other.execute("ROLLBACK")
        assert await entries(log) == []
        await log.append(more("A", 1), ticket=2)
        assert len(await entries(log)) == 1


async def test_i11_an_error_without_a_code_fails_the_log(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> None:
        raise sqlite3.ProgrammingError("not like this")

    async with opened_file(path) as log:
        with monkeypatch.context() as patched:
            patched.setattr(connection_of(log), "execute", refuse)
            with pytest.raises(LogFailedError, match="ProgrammingError: not like this"):
                await log.append(more("A", 1), ticket=1)
        with pytest.raises(LogFailedError):
            await log.append(more("A", 1), ticket=2)


async def test_an_erased_answer_is_in_no_file_any_more(path: Path) -> None:
    history = opened().did(cast("ann", 0), cast("bob", 1))
    erasure = history.decide(EraseAnswer(5))
    assert isinstance(erasure, Draft)
    async with opened_file(path) as log:
        await log.append(history.drafts("A"), ticket=1)
        assert files_with(answer(1), path) == [f"{path.name}-wal"]
        await log.append([Draft("A", erasure.record)], ticket=2)
        assert files_with(answer(1), path) == []
        assert files_with(answer(0), path) == [path.name]


async def test_an_erasure_stands_although_its_traces_cannot_be_removed_now(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = opened().did(cast("ann", 0))
    erasure = history.decide(EraseAnswer(4))
    assert isinstance(erasure, Draft)

    async def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("database table is locked")

    async with opened_file(path) as log:
        await log.append(history.drafts("A"), ticket=1)
        monkeypatch.setattr(connection_of(log), "execute_fetchall", refuse)
        await log.append([Draft("A", erasure.record)], ticket=2)
        await log.append(more("A", 1), ticket=3)
        await log.aclose()
        assert [batch.ticket for batch in await batches(log)] == [1, 2, 3]


@pytest.mark.parametrize(("again_s", "left"), [(0.0, 0), (1000.0, 1)])
async def test_who_reads_during_an_erasure_holds_no_vote_up_and_the_traces_go_later(
    path: Path, monkeypatch: pytest.MonkeyPatch, again_s: float, left: int
) -> None:
    monkeypatch.setattr(sqlite, "_AGAIN_S", again_s)
    history = opened().did(cast("ann", 0), cast("bob", 1))
    erasure = history.decide(EraseAnswer(5))
    assert isinstance(erasure, Draft)
    async with opened_file(path) as log:
        await log.append(history.drafts("A"), ticket=1)
        with other_tool(path) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM records").fetchall()
            begun_s = time.monotonic()
            await log.append([Draft("A", erasure.record)], ticket=2)
            assert time.monotonic() - begun_s < 4  # SQLite would have waited for five
            assert files_with(answer(1), path) != []
            other.execute("ROLLBACK")
        for ticket in (3, 4):
            await log.append(more(f"B{ticket}", 1), ticket=ticket)
            assert len(files_with(answer(1), path)) == left
        [(waits_ms,)] = await connection_of(log).execute_fetchall("PRAGMA busy_timeout")
        assert waits_ms == 5000


async def test_i1_nothing_comes_back_before_it_is_committed(path: Path) -> None:
    """Another program holds the write lock, so the statement waits in its thread while the loop goes on."""
    async with opened_file(path) as log:
        following = log.follow()
        came_back = asyncio.ensure_future(anext(following))
        with other_tool(path) as other:
            other.execute("BEGIN IMMEDIATE")
            appending = asyncio.ensure_future(log.append(more("A", 1), ticket=1))
            for _ in range(50):
                await asyncio.sleep(0)
            assert not appending.done()
            assert not came_back.done()
            assert other.execute("SELECT count(*) FROM records").fetchone() == (0,)
            other.execute("ROLLBACK")
        await appending
        assert (await came_back).ticket == 1
        await log.aclose()
        assert [batch async for batch in following] == []
        with other_tool(path) as other:
            assert other.execute("SELECT count(*) FROM records").fetchone() == (1,)


def content(path: Path) -> bytes:
    return path.read_bytes()


def as_if_killed(path: Path, directory: Path) -> Path:
    """The files of an open log, copied away as a killed process would have left them."""
    shutil.copytree(path.parent, directory, ignore=shutil.ignore_patterns("*-shm", directory.name))
    assert (directory / f"{path.name}-wal").stat().st_size > 0
    return directory / path.name


def files_with(data: bytes, path: Path) -> list[str]:
    return [found.name for found in path.parent.iterdir() if data in found.read_bytes()]


def names_beside(path: Path) -> list[str]:
    return [found.name for found in path.parent.iterdir()]


def _directory(path: Path) -> None:
    path.mkdir()


def _garbage(path: Path) -> None:
    path.write_bytes(b"These are not the bytes of a database. " * 100)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def _broken_page(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    for page in range(1, len(raw) // 4096):
        raw[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    path.write_bytes(raw)


def _foreign(path: Path) -> None:
    path.unlink()
    with other_tool(path) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")


def _half_foreign(path: Path) -> None:
    path.unlink()
    with other_tool(path) as other:
        other.executescript("CREATE TABLE migrations (id INTEGER); CREATE TABLE meta (key TEXT, value TEXT)")


def _without_epoch(path: Path) -> None:
    with other_tool(path) as other:
        other.execute("DELETE FROM meta")


@pytest.mark.parametrize("damage", [_garbage, _truncated, _broken_page, _foreign, _half_foreign, _without_epoch])
async def test_a_damaged_or_foreign_file_is_not_opened(path: Path, damage: Callable[[Path], None]) -> None:
    await filled(path)
    damage(path)
    before = content(path)
    for _ in range(2):  # the second time shows that the lock was let go
        with pytest.raises(CorruptError):
            async with opened_file(path):
                pass
    with pytest.raises(CorruptError):
        async with opened_reader(path) as reader:
            await entries(reader)
    assert content(path) == before


async def test_a_log_without_its_epoch_is_named(path: Path) -> None:
    await filled(path)
    _without_epoch(path)
    for opening in (opened_file, opened_reader):
        with pytest.raises(CorruptError, match=r"cannot be read \(no row for SELECT value FROM meta"):
            async with opening(path):
                pass


async def test_damage_is_explained(path: Path) -> None:
    _garbage(path)
    with pytest.raises(
        CorruptError,
        match=r"\.sqlite3 cannot be read \(file is not a database\)\. Restore a backup, or start with another --data "
        r"directory; keep the damaged file\.$",
    ):
        async with opened_file(path):
            pass


async def test_damage_that_sqlite_quotes_is_explained(path: Path) -> None:
    await filled(path)
    with other_tool(path) as tool:
        tool.execute("PRAGMA writable_schema = ON")
        tool.execute("UPDATE sqlite_schema SET sql = CAST(x'435245415445d4' AS TEXT) WHERE type = 'trigger'")
    for opening in (opened_file, opened_reader):
        with pytest.raises(CorruptError, match=rf"^The database {path} cannot be read \("):
            async with opening(path):
                pass


async def test_whatever_meets_damage_names_the_file(path: Path) -> None:
    await filled(path)
    async with opened_reader(path) as reader:
        _garbage(path)
        tries: list[Callable[[], Awaitable[object]]] = [
            lambda: reader.head("A"),
            lambda: entries(reader, "A", upto=5),
            lambda: entries(reader),
            lambda: replaced(reader, "A", 5),
            lambda: asyncio.to_thread(reader.count),
            lambda: asyncio.to_thread(reader.damage, threading.Event()),
        ]
        for attempt in tries:
            with pytest.raises(CorruptError, match=rf"^The database {path} cannot be read \(file is not a database\)"):
                await attempt()


@pytest.mark.parametrize(
    "body",
    [
        "'{}'",
        "'nonsense'",
        "''",
        '\'{"@type":"ballot_cast/9"}\'',
        "CAST(x'ff' AS TEXT)",
        "CAST(x'7b224074797065223a22ff227d' AS TEXT)",  # {"@type":"\xff"}
    ],
)
async def test_a_record_that_is_not_ours_is_corruption(path: Path, body: str) -> None:
    await filled(path)
    with other_tool(path) as other:
        other.execute(f"INSERT INTO records (room, idx, body, chain) VALUES ('A', 6, {body}, x'00')")
    async with opened_file(path) as log:
        for code in ("A", None):
            with pytest.raises(
                CorruptError,
                match=r"^Record 6 of room A is none of livevote's \(.*\)\. Restore a backup; keep the damaged file\.$",
            ):
                await entries(log, code)
        assert len(await entries(log, "A", upto=5)) == 5


@pytest.mark.parametrize(
    "change",
    ["body = NULL", "chain = NULL", "chain = 'text'", "salt = 'text', answer = ''", "idx = 'text'", "room = x'31'"],
)
async def test_a_value_whose_type_rotted_is_corruption(path: Path, change: str) -> None:
    await filled(path)
    _rot(path, change)
    async with opened_reader(path) as reader:
        with pytest.raises(
            CorruptError, match=r"other types than it was written with\. Restore a backup; keep the damaged file\.$"
        ):
            list(reader.scan())


@pytest.mark.parametrize("change", ["salt = NULL", "answer = NULL"])
async def test_half_an_opening_is_none(path: Path, change: str) -> None:
    await filled(path)
    _rot(path, change)
    async with opened_reader(path) as reader:
        assert [entry.opening is None for entry in await entries(reader, "A")] == [True, True, True, False, True]


def _rot(path: Path, change: str) -> None:
    """Change the last ballot as a bit does it, past the types and the triggers of the table."""
    with other_tool(path) as tool:
        tool.execute("DROP TRIGGER records_are_never_changed")
        tool.execute("PRAGMA writable_schema = ON")
        tool.execute(
            "UPDATE sqlite_schema SET sql = replace(replace(sql, 'STRICT, ', ''), ' NOT NULL', '') "
            "WHERE name = 'records'"
        )
        tool.execute("PRAGMA writable_schema = RESET")
    with other_tool(path) as tool:
        tool.execute("PRAGMA ignore_check_constraints = ON")
        tool.execute(f"UPDATE records SET {change} WHERE room = 'A' AND idx = 5")


async def test_a_room_name_that_is_no_text_is_corruption(path: Path) -> None:
    await filled(path)
    with other_tool(path) as other:
        other.execute("INSERT INTO records (room, idx, body, chain) VALUES (CAST(x'ff' AS TEXT), 1, '{}', x'00')")
    async with opened_reader(path) as reader:
        with pytest.raises(CorruptError):
            await entries(reader)
        with pytest.raises(CorruptError):
            list(reader.scan())


async def test_a_file_of_a_newer_version_is_not_opened(path: Path) -> None:
    await filled(path)
    with other_tool(path) as other:
        other.execute("INSERT INTO migrations VALUES ('9999_later.sql', '00', '2030-01-01T00:00:00Z')")
    with pytest.raises(SetupError, match="newer version"):
        async with opened_file(path):
            pass


async def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirectoryError, match=f"Cannot make the data directory {tmp_path}/file/data: Not a dir"):
        async with opened_file(tmp_path / "file" / "data" / "log.sqlite3"):
            pass


async def test_a_read_that_finds_no_descriptor_is_a_shortage_and_works_later(path: Path) -> None:
    await filled(path)
    async with opened_reader(path) as reader:
        with no_descriptors():
            with pytest.raises(ShortageError, match="Cannot open"):
                await entries(reader, "A")
            with pytest.raises(ShortageError, match="Cannot open"):
                reader.damage(threading.Event())
        assert len(await entries(reader, "A")) == 5
        assert reader.damage(threading.Event()) == ""


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Everything that this process could still open is taken."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())), hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        with suppress(OSError):
            while True:
                stack.callback(os.close, os.open("/dev/null", os.O_RDONLY))
        yield


async def test_too_little_memory_is_a_shortage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(path)

    def fail(*_: object) -> None:
        raise MemoryError

    async with opened_reader(path) as reader:
        monkeypatch.setattr(sqlite_reader, "_decode", fail)
        with pytest.raises(ShortageError, match="too little memory"):
            await entries(reader, "A")


async def test_a_file_that_cannot_be_opened_is_named(path: Path) -> None:
    _directory(path)
    threads = set(threading.enumerate())  # one of an earlier test may still be about to end
    for opening in (opened_file, opened_reader):
        with pytest.raises(DataDirectoryError, match=r"Cannot open .*log\.sqlite3.*Check its owner and mode"):
            async with opening(path):
                pass
        assert set(threading.enumerate()) <= threads


async def test_a_file_that_another_program_locks_is_not_called_damaged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(path)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: connect(*args, **{"timeout": 0, **kwargs}))
    with other_tool(path) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("PRAGMA user_version = 1")
        for opening in (opened_file, opened_reader):
            with pytest.raises(DataDirectoryError, match=r"database is locked.*no other program"):
                async with opening(path):
                    pass
    await filled(path)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR_FSYNC])
async def test_a_disk_without_space_is_not_taken_for_damage(
    path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def meets_a_full_disk(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = code
        raise error

    monkeypatch.setattr(sqlite, "_set_pragmas", meets_a_full_disk)
    with pytest.raises(DataDirectoryError, match=r"log\.sqlite3: database or disk is full\. .* the space on it"):
        async with opened_file(path):
            pass


async def test_a_place_without_write_ahead_log_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataDirectoryError, match=r"cannot set journal_mode to wal .*\(it is memory\)\. Choose a loc"):
        async with opened_log("sqlite::memory:"):
            pass


async def test_a_reader_sees_what_a_writer_appends(path: Path) -> None:
    async with opened_file(path) as log, opened_reader(path) as reader:
        assert reader.epoch == log.epoch
        assert await reader.head("A") == Head(0, bytes(32))
        for count in (1, 2):
            await log.append(more("A", 1), ticket=count)
            assert await reader.head("A") == await log.head("A")
            assert [entry.index for entry in await entries(reader)] == list(range(1, count + 1))


def connections(path: Path) -> int:
    """How many connections to a file this process has open, as long as no other one holds a lock on it."""
    descriptors = Path("/proc/self/fd").iterdir()
    return sum(descriptor.is_symlink() and descriptor.readlink() == path for descriptor in descriptors)


async def test_a_reader_who_loses_interest_leaves_nothing_open(path: Path) -> None:
    """Nobody closes a generator that an error left: a connection in it would outlive the loop."""
    async with opened_file(path) as log:
        await log.append(more("A", 2500), ticket=1)
    async with opened_reader(path) as reader:
        # Who was given the last chunk, which is often the only one, has everything and goes.
        reading = reader.read("A", upto=1)
        await anext(reading)
        assert connections(path) == 0
        reading = reader.read("A", upto=2500)
        await anext(reading)
        assert connections(path) == 1
        del reading
        await eventually(lambda: connections(path) == 0)


async def test_a_reader_who_takes_a_rest_stops_no_checkpoint(path: Path) -> None:
    async with opened_file(path) as log:
        await log.append(more("A", 2500), ticket=1)
        async with aclosing(log.read("A")) as reading:
            read = len(await anext(reading))
            await log.append(more("A", 10), ticket=2)
            [(busy, *_)] = await connection_of(log).execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
            assert (busy, path.with_name(f"{path.name}-wal").stat().st_size) == (0, 0)
            async for entries in reading:
                read += len(entries)
        assert read == 2500


async def test_a_read_that_is_cancelled_leaves_no_connection(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    fetch, close = Rows._fetch, Rows.close

    def slowly(self: Any, *query: Any) -> Any:
        begun.set()
        assert go_on.wait(5)
        return fetch(self, *query)

    def closed(self: Any) -> None:
        go_on.set()
        close(self)

    async with opened_file(path) as log:
        await log.append(more("A", 3), ticket=1)
    async with opened_reader(path) as reader:
        monkeypatch.setattr(Rows, "_fetch", slowly)
        monkeypatch.setattr(Rows, "close", closed)
        reading = asyncio.create_task(entries(reader, "A", upto=3))
        await eventually(begun.is_set)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await eventually(lambda: connections(path) == 0)


async def test_a_reader_never_writes_not_even_what_a_killed_writer_left_to_do(path: Path, tmp_path: Path) -> None:
    async with opened_file(path) as log:
        await log.append(room("A"), ticket=1)
        killed = as_if_killed(path, tmp_path / "killed")
    before = content(killed)
    async with opened_reader(killed) as reader:
        assert len(await entries(reader)) == len(list(reader.scan())) == (await reader.head("A")).index == 5
        assert not hasattr(reader, "append")
    assert content(killed) == before


async def test_i1_what_a_killed_writer_appended_is_there(path: Path, tmp_path: Path) -> None:
    async with opened_file(path) as log:
        await log.append(room("A"), ticket=1)
        killed, before = as_if_killed(path, tmp_path / "killed"), [plain(entry) for entry in log.scan()]
    async with opened_file(killed) as log:
        assert [plain(entry) for entry in log.scan()] == before
        await log.append(more("A", 1), ticket=2)


async def test_i1_what_a_killed_writer_left_unsynced_is_synced_before_it_is_shown(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened_file(path) as log:
        await log.append(room("A"), ticket=1)
        killed = as_if_killed(path, tmp_path / "killed")
    synced: list[str] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    async with opened_file(killed) as log:
        assert synced == [f"{killed}-wal", str(killed.parent)]
        assert len(list(log.scan())) == 5


async def test_i11_a_log_that_cannot_be_synced_is_not_opened(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened_file(path) as log:
        await log.append(room("A"), ticket=1)
        killed = as_if_killed(path, tmp_path / "killed")

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DataDirectoryError, match=r"Cannot sync .*-wal: Input/output error"):
        async with opened_file(killed):
            pass


async def test_a_reader_works_without_the_lock_and_does_not_take_it(path: Path) -> None:
    await filled(path)
    async with opened_reader(path) as reader:
        await filled(path)
        assert len(await entries(reader)) == 16


async def test_a_reader_needs_a_file_and_makes_none(path: Path) -> None:
    with pytest.raises(NoSuchRoomError, match=r"There is no log at .*log\.sqlite3"):
        async with opened_reader(path):
            pass
    assert names_beside(path) == []


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM records",
        "DELETE FROM records WHERE idx = 4",
        "UPDATE records SET body = '{}'",
        "UPDATE records SET chain = x'00'",
        "UPDATE records SET idx = idx + 10",
        "UPDATE records SET room = 'Z'",
        "UPDATE records SET salt = x'00', answer = '{}'",
        "UPDATE records SET answer = '{\"choices\":[2]}' WHERE idx = 4",
        "UPDATE records SET salt = NULL, answer = NULL, body = '{}' WHERE idx = 4",
        "UPDATE records SET answer = NULL WHERE idx = 4",
        "UPDATE records SET salt = NULL WHERE idx = 4",
        "INSERT INTO records (room, idx, body, chain) VALUES ('A', 4, '{}', x'00')",
        "INSERT INTO records (room, idx, body, chain) VALUES ('A', 0, '{}', x'00')",
        "INSERT INTO records (room, idx, body, chain, salt) VALUES ('A', 6, '{}', x'00', x'00')",
    ],
)
async def test_i7_sql_cannot_change_what_was_recorded(path: Path, sql: str) -> None:
    await filled(path)
    with other_tool(path) as other:
        before = other.execute("SELECT * FROM records").fetchall()
        with pytest.raises(sqlite3.IntegrityError):
            other.execute(sql)
        assert other.execute("SELECT * FROM records").fetchall() == before


async def test_an_opening_can_be_erased_and_nothing_else_changes(path: Path) -> None:
    await filled(path)
    with other_tool(path) as other:
        other.execute("UPDATE records SET salt = NULL, answer = NULL WHERE room = 'A' AND idx = 4")
    async with opened_file(path) as log:
        found = await entries(log, "A")
        assert [entry.opening is None for entry in found] == [True, True, True, True, False]
        assert await log.head("A") == Head(5, found[-1].chain)


async def test_views_show_ballots_and_results_with_changed_votes(path: Path) -> None:
    history = opened(kind="multiple").did(cast("ann", 0), cast("bob", 0, 1), cast("ann", 1, 2), cast("cid", 0))
    history.did(CloseVoting("q1"), AskAgain("q1"), cast("ann", 2, round=2))
    async with opened_file(path) as log:
        await log.append(interleaved(history.drafts("A"), room("B", ballots=1)), ticket=1)
    with other_tool(path) as other:
        assert other.execute(
            "SELECT idx, question, round, voter, rev, counted, answer FROM ballots WHERE room = 'A' ORDER BY idx"
        ).fetchall() == [
            (4, "q1", 1, "ann", 0, 0, '{"choices":[0]}'),
            (5, "q1", 1, "bob", 0, 1, '{"choices":[0,1]}'),
            (6, "q1", 1, "ann", 1, 1, '{"choices":[1,2]}'),
            (7, "q1", 1, "cid", 0, 1, '{"choices":[0]}'),
            (10, "q1", 2, "ann", 0, 1, '{"choices":[2]}'),
        ]
        assert other.execute("SELECT * FROM results ORDER BY room, round, choice").fetchall() == [
            ("A", "q1", 1, 0, "Tea", 2),
            ("A", "q1", 1, 1, "Coffee", 2),
            ("A", "q1", 1, 2, "Water", 1),
            ("A", "q1", 2, 2, "Water", 1),
            ("B", "q1", 1, 0, "Tea", 1),
        ]
        assert other.execute("SELECT time FROM ballots WHERE idx = 4 AND room = 'A'").fetchone() == (
            "2026-09-21T14:13:20.003Z",
        )


async def test_views_show_what_each_round_was_asked_with(path: Path) -> None:
    history = opened().did(cast("ann", 0), EditQuestion("q1", options=("Black tea", "Coffee", "Water")))
    history.did(cast("bob", 0), CloseVoting("q1"))
    history.did(EditQuestion("q1", options=("Milk", "Tea"), meaning=True), AskAgain("q1"), cast("ann", 0, round=2))
    history.did(CloseVoting("q1"), EditQuestion("q1", options=("Oat milk", "Tea")))
    async with opened_file(path) as log:
        await log.append(history.drafts("A"), ticket=1)
    with other_tool(path) as other:
        assert other.execute("SELECT * FROM results ORDER BY round, choice").fetchall() == [
            ("A", "q1", 1, 0, "Black tea", 2),
            ("A", "q1", 2, 0, "Oat milk", 1),
        ]


async def test_what_is_forgotten_is_in_no_file(path: Path) -> None:
    history = opened().did(*(cast(f"voter{number}", number % 3) for number in range(50)))
    async with opened_file(path) as log:
        await log.append(history.drafts("A"), ticket=1)
        assert any(SALT in file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
        await log.forget("A", after=0, upto=len(history.entries))
        assert not any(SALT in file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


async def test_who_reads_keeps_traces_of_what_is_forgotten_until_they_are_scrubbed(path: Path) -> None:
    history = opened().did(*(cast(f"voter{number}", number % 3) for number in range(50)))
    async with opened_file(path) as log:
        await log.append(history.drafts("A"), ticket=1)
        with other_tool(path) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM records").fetchall()
            await log.forget("A", after=0, upto=len(history.entries))
            await log.scrub()
            assert log.has_traces()
            assert files_with(SALT, path) != []
            other.execute("ROLLBACK")
        await log.scrub()
        assert not log.has_traces()
        assert files_with(SALT, path) == []


async def test_what_a_killed_process_left_beside_the_log_may_be_traces(path: Path) -> None:
    async with opened_file(path) as log:
        assert not log.has_traces()
        await log.append(more("A", 1), ticket=1)
        with other_tool(path) as other:  # who has the file open keeps the write-ahead log where it is
            other.execute("SELECT count(*) FROM records").fetchall()
            await log.aclose()
            async with opened_file(path) as later:
                assert later.has_traces()
                await later.scrub()
                assert not later.has_traces()


async def test_forgetting_fails_as_an_append_does(path: Path) -> None:
    history = opened().did(cast("ann", 0))
    async with opened_file(path) as log:
        await log.append(history.drafts("A"), ticket=1)
        with other_tool(path) as other:
            other.execute("BEGIN IMMEDIATE")
            await connection_of(log).execute("PRAGMA busy_timeout = 0")
            with pytest.raises(LogRetryError):
                await log.forget("A", after=0, upto=4)
            other.execute("ROLLBACK")
        await log.forget("A", after=0, upto=4)
        assert [entry.opening for entry in await entries(log, "A")] == [None] * 4


async def test_views_leave_out_erased_answers(path: Path) -> None:
    history = opened().did(cast("ann", 0), cast("bob", 1), cast("cid", 2), cast("bob", 2))
    async with opened_file(path) as log:
        await log.append(history.did(EraseAnswer(4), EraseAnswer(7)).drafts("A"), ticket=1)
    with other_tool(path) as other:
        assert other.execute("SELECT idx, voter, counted, answer FROM ballots ORDER BY idx").fetchall() == [
            (4, "ann", 0, None),
            (5, "bob", 0, '{"choices":[1]}'),
            (6, "cid", 1, '{"choices":[2]}'),
            (7, "bob", 0, None),
        ], "an erased answer does not bring back the one that it had replaced"
        assert other.execute("SELECT option, votes FROM results").fetchall() == [("Water", 1)]
        assert history.room.questions["q1"].rounds[0].tally.counts() == (0, 0, 1)


async def test_a_database_of_the_first_version_gets_the_views_of_this_one(path: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    shutil.copy(MIGRATIONS / "0001_records.sql", first)
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        await migrate(connection, directory=first)
    history = opened().did(cast("ann", 0), cast("bob", 1), EraseAnswer(4))
    for ticket, drafts in enumerate((history.drafts("A"), room("B"))):
        async with opened_file(path) as log:
            await log.append(drafts, ticket=ticket)
    with other_tool(path) as other:
        assert other.execute("SELECT idx, counted FROM ballots WHERE room = 'A'").fetchall() == [(4, 0), (5, 1)]
        assert other.execute("SELECT sum(votes) FROM results").fetchall() == [(3,)]


async def replaced(log: Reader, room: str, upto: int) -> set[int]:
    return {index async for part in log.replaced(room, upto=upto) for index in part}


async def test_what_was_replaced_is_found_in_every_stretch(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_reader, "_STRETCH", 2)
    async with opened_file(path) as log:
        history = opened().did(*[cast("ada", number % 2, id=f"a{number}") for number in range(6)])
        await log.append(history.drafts("A"), ticket=1)
        last = len(history.entries)
        for upto in range(last + 1):
            assert await replaced(log, "A", upto) == set(range(last - 5, upto))


@pytest.mark.parametrize(
    "change",
    [
        "body = replace(body, '\"supersedes\":4', '\"supersedes\":5')",
        "body = replace(body, '\"supersedes\":4', '\"supersedes\":99999999999999999999')",
        "body = replace(body, '\"supersedes\":4', '\"supersedes\":-4')",
        "body = replace(body, '\"supersedes\":4', '\"supersede\":4')",
        "body = replace(body, '\"supersedes\":4', '\"supersedes\":x')",
        "body = replace(body, 'ballot_cast/1', 'ballot_lost/1')",
        "body = 'rotten'",
        "body = CAST(x'ff00ff' AS TEXT)",
    ],
)
async def test_a_record_that_cannot_be_right_replaces_nothing(path: Path, change: str) -> None:
    async with opened_file(path) as log:
        await log.append(opened().did(cast("ada", 0, id="a1"), cast("ada", 1, id="a2")).drafts("A"), ticket=1)
        assert await replaced(log, "A", 5) == {4}
    with other_tool(path) as connection:
        connection.execute("DROP TRIGGER records_are_never_changed")
        connection.execute(f"UPDATE records SET {change} WHERE idx = 5")
    async with opened_reader(path) as reader:
        assert await replaced(reader, "A", 5) == set()
