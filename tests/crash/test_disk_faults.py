"""A disk that reports errors, that writes less than it was given, or that is full.

After an error nothing more is acknowledged and the process ends with its code; a full disk stops only the voting. What
was acknowledged before is in the log afterwards (I1, I9, I11).
"""

import asyncio
import os
import random
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest
from tornado.httpclient import AsyncHTTPClient

from livevote.failures import CorruptError
from tests.client import Page
from tests.crash.disk import Small, small
from tests.crash.faults import Fault, Played, calls, needs_strace, played, recovered, traced
from tests.crash.history import BrokenPromiseError, History, check
from tests.crash.sample_room import SampleRoom, entered
from tests.crash.storm import FAST
from tests.evidence import Record, size
from tests.process import Process, process, run_cli

pytestmark = pytest.mark.crash

_SEED = int(os.environ.get("LIVEVOTE_CRASH_SEED", "1"))
_AT_ONCE = 2
_EVERY = size(24, 6, 1)
"""Of how many places one is tried; of every call at least one is."""

_LIMITS = size(4, 8, 300)
_BEFORE_IT_STARTS = (200, 32_768)  # the index of the write-ahead log is 32 KiB
_WHILE_IT_SERVES = (32_768, 42_000)
_FILLINGS = size(10, 10, 200)
_FILLINGS_A_SERVER = 10
_IN_VAIN = ("failed", "retry_later")
_CANNOT_START = (73, 78)


class Limit(msgspec.Struct, frozen=True):
    """Files may grow to so many bytes: the write across it is short, and the next one fails."""

    most_bytes: int

    @property
    def prefix(self) -> tuple[str, ...]:
        return "prlimit", f"--fsize={self.most_bytes}"

    def options(self, _: Path) -> list[str]:
        return []


def judge(end: Played, history: History, fault: Fault | Limit) -> None:
    """Whether an evening that met a fault ended as promised. Raises ``BrokenPromiseError`` where it did not."""

    def demand(holds: bool, what: str) -> None:
        if not holds:
            raise BrokenPromiseError(f"I11: {what} after {fault}: {end.code} {end.errors} {end.said[-3:]}")

    lines = end.errors.splitlines()
    demand(all(line.startswith("livevote: ") for line in lines) and len(lines) == bool(end.code), "not one sentence")
    demand(not any(said.startswith("rejected") for said in end.said), "a final no")
    reasons = {said.split()[2] for said in end.said if said.startswith("unknown")}
    # A checkpoint is no vote: where one cannot be written, the server stops in order.
    unsealed = end.code == 74 and "A checkpoint could not be written" in end.errors
    demand(reasons <= {*_IN_VAIN, *(["stopping"] if unsealed else [])}, f"answers for other reasons {reasons}")
    if "failed" in reasons:
        demand(end.code == 74, "no failure")
        first = next(number for number, said in enumerate(end.said) if said.endswith("failed"))
        demand(not any(said.startswith("recorded") for said in end.said[first:]), "an acknowledgement")
    elif not unsealed:
        demand(history.acked.keys() == history.sent.keys(), "votes without an answer")
        demand(end.code in (0, 74) or (end.code in _CANNOT_START and not history.sent), "another failure")
    if isinstance(fault, Fault) and fault.what == "error=EIO" and _was_part_of_an_append(end.traced):
        demand(end.code != 0, "no failure at all")


def _was_part_of_an_append(trace: str) -> bool:
    """Whether the fault hit a write to the write-ahead log, or the sync that follows one.

    Elsewhere it can hit a checkpoint, which comes after the acknowledgement and is simply made again later.
    """
    before = ""
    for line in trace.splitlines():
        call = line.split(" ", 1)[-1].strip()
        if "(INJECTED)" in line:
            return "-wal>" in call and (call.startswith("pwrite64") or before.startswith("pwrite64"))
        before = call
    return False


async def suffer(directory: Path, fault: Fault | Limit, *modules: str) -> Played:
    """One evening with a fault, judged; then one without it on what is left."""
    data, history = directory / "data", History()
    directory.mkdir()  # noqa: ASYNC240 - nothing else runs on this loop that could not wait
    try:
        end = await asyncio.get_running_loop().run_in_executor(
            None, lambda: played(data, fault.options(data), *modules, prefix=fault.prefix)
        )
        history.hear(end.said)
        judge(end, history, fault)
        await recovered(data, history)
    except Exception as error:
        error.add_note(f"after {fault}")
        raise
    shutil.rmtree(directory)
    return end


async def suffer_each(directory: Path, faults: Iterable[Fault | Limit]) -> list[Played]:
    """Every one of these, two at once."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(number: int, fault: Fault | Limit) -> Played:
        async with turns:
            return await suffer(directory / str(number), fault)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(in_turn(number, fault)) for number, fault in enumerate(faults)]
    return [task.result() for task in tasks]


def met(ends: Sequence[Played]) -> int:
    """How many of these met their fault: nearly all, or the rig looks in the wrong place."""
    found = sum("(INJECTED)" in end.traced for end in ends)
    assert found >= 0.9 * len(ends)
    return found


def places(
    found: Mapping[tuple[str, str], int], names: Sequence[str], what: str, *, start: int = 0, onwards: bool = False
) -> list[Fault]:
    """One of ``_EVERY`` of the places where an evening makes one of these calls, and one of each call."""
    every = [
        Fault(what, call, file, number, onwards)
        for (call, file), count in sorted(found.items())
        if call in names
        for number in range(1, count + 1)
    ]
    chosen = every[start::_EVERY]
    missed = set(names) - {fault.call for fault in chosen}
    return chosen + [next(fault for fault in every if fault.call == call) for call in sorted(missed)]


@needs_strace
@pytest.mark.timeout(seconds=1800)
async def test_after_an_error_nothing_is_acknowledged_and_the_process_ends(tmp_path: Path) -> None:
    record = Record("disk-errors", "an I/O error, passing or lasting, at each write and sync", directory=tmp_path)
    found = calls(tmp_path / "plain")
    names = ("pwrite64", "write", "fdatasync", "fsync", "ftruncate")
    passing = places(found, names, "error=EIO")
    lasting = places(found, names, "error=EIO", start=_EVERY // 2, onwards=True)
    record.write(errors=met(await suffer_each(tmp_path, [*passing, *lasting])))


@needs_strace
@pytest.mark.timeout(seconds=1800)
async def test_where_nothing_can_be_written_for_a_moment_voting_goes_on_after_it(tmp_path: Path) -> None:
    record = Record("disk-no-space", "no space, or a write of no bytes, at each write", directory=tmp_path)
    found = calls(tmp_path / "plain")
    full = places(found, ("pwrite64", "write", "mkdir"), "error=ENOSPC")
    nothing = places(found, ("pwrite64",), "retval=0", start=_EVERY // 2)
    record.write(faults=met(await suffer_each(tmp_path, [*full, *nothing])))


@needs_strace
@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit")
@pytest.mark.timeout(seconds=1800)
async def test_a_write_that_is_cut_short_is_an_error_like_others(tmp_path: Path) -> None:
    record = Record("disk-short-writes", "a write cut short at a random byte", directory=tmp_path, seed=_SEED)
    rng = random.Random(_SEED)
    limits = [Limit(rng.randrange(*rng.choice((_BEFORE_IT_STARTS, _WHILE_IT_SERVES)))) for _ in range(_LIMITS)]
    ends = await suffer_each(tmp_path, limits)
    assert {end.code for end in ends} >= {73, 74}
    record.write(limits=len(ends))


@needs_strace
@pytest.mark.parametrize("what", ["error=EIO", "error=ENOSPC"])
async def test_the_rig_sees_a_log_that_takes_an_error_for_success(tmp_path: Path, what: str) -> None:
    async def suffer_some(numbers: Iterable[int]) -> None:
        for number in numbers:
            fault = Fault(what, "pwrite64", "livevote.db-wal", number, onwards=True)
            data, history = tmp_path / str(number), History()
            end = played(data, fault.options(data), "tests.crash.error_is_success")
            history.hear(end.said)
            await recovered(data, history)

    # The next start may see it first: a checkpoint was signed over what never was in the log.
    with pytest.raises((BrokenPromiseError, CorruptError), match=r"I1:|records are missing"):
        await suffer_some(range(20, 48, 4))


@needs_strace
async def test_the_rig_sees_a_process_that_goes_on_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(BrokenPromiseError, match="I11"):
        await suffer(
            tmp_path / "one", Fault("error=EIO", "fdatasync", "livevote.db-wal", 9), "tests.crash.error_is_success"
        )


@needs_strace
@pytest.mark.timeout(seconds=300)
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
async def test_a_server_that_meets_an_error_says_so_everywhere_and_ends(tmp_path: Path, call: str) -> None:
    record = Record(f"disk-errors-served-{call}", "an I/O error while a server serves", directory=tmp_path)
    numbers = range(1, size(2, 2, 20) + 1)
    for number in numbers:
        data, history = tmp_path / f"{call}{number}", History()
        fault = Fault("error=EIO", call, "livevote.db-wal", number)
        with process(data, *FAST) as server:
            async with entered(server, history) as room:
                assert (await room.vote())["type"] == "recorded"
                # A page that does not read, and so never closes, keeps the server from ending at once.
                silent = await room.connect()
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                assert await _health(reader, writer) == 200
                with traced(server.pid, tmp_path / "strace", fault.options(data)):
                    answer = await room.vote_until_in_vain()
                    assert (answer["type"], answer["code"]) == ("unknown", "failed")
                    assert await _health(reader, writer) == 503
                    assert await room.page.closed() == 1012
                    silent.close()
                    while await silent.read_message() is not None:
                        pass
                    code, errors = await asyncio.get_running_loop().run_in_executor(None, server.end)
                writer.close()
                await writer.wait_closed()
        assert (code, errors.count("\n")) == (74, 1), errors
        assert errors.startswith(f"livevote: A write to {data / 'livevote.db'} failed: SQLITE_IOERR")
        await _start_and_retry(data, history, room)
    record.write(errors=len(numbers))


async def _health(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """The status of /healthz, over a connection that was open before: new ones are refused at the end."""
    address, port = writer.get_extra_info("peername")
    writer.write(f"GET /healthz HTTP/1.1\r\nHost: {address}:{port}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(int(line.split()[1]) for line in head.splitlines() if line.lower().startswith("content-length"))
    await reader.readexactly(length)
    return int(head.split()[1])


async def _start_and_retry(data: Path, history: History, before: SampleRoom) -> None:
    """Start again, send what has no answer again, stop: all of it is in the log then."""
    with process(data, *FAST) as server:
        await check(history, data / "livevote.db", before.code)
        async with entered(server, history, cookie=before.cookie) as room:
            for id_ in history.sent.keys() - history.acked.keys():
                assert (await room.vote(id_))["type"] == "recorded"
        assert server.terminate() == (0, "")
    await check(history, data / "livevote.db", before.code)


@pytest.mark.timeout(seconds=1800)
async def test_a_full_disk_stops_the_voting_and_nothing_else(tmp_path: Path) -> None:
    record = Record("disk-full", "a disk filled up to a page, and emptied again", directory=tmp_path)
    done = 0
    while done < _FILLINGS:
        with small(tmp_path / "small", mib=16) as disk:
            data, history = disk.path / "data", History()
            with process(data, *FAST) as server:
                async with entered(server, history) as room:
                    assert (await room.vote())["type"] == "recorded"
                    for free_pages in range(_FILLINGS_A_SERVER):
                        await _fill_and_empty(disk, room, server, history, free_pages=free_pages)
                        done += 1
                    await _fill(disk, room)
                server.kill()
            code, errors = await asyncio.get_running_loop().run_in_executor(None, _start_where_it_is_full, data)
            assert (code, errors.count("\n")) in ((0, 0), (73, 1)), errors
            disk.empty()
            await _start_and_retry(data, history, room)
    record.write(fillings=done)


async def _fill(disk: Small, room: SampleRoom, *, free_pages: int = 0) -> str:
    """Fill the disk and vote until there is no space for it; the id of the ballot that waits for some."""
    disk.fill(free_pages=free_pages)
    answer = await room.vote_until_in_vain()
    assert (answer["type"], answer["code"]) == ("unknown", "retry_later")
    id_: str = answer["id"]
    return id_


async def _fill_and_empty(disk: Small, room: SampleRoom, server: Process, history: History, *, free_pages: int) -> None:
    id_ = await _fill(disk, room, free_pages=free_pages)
    assert (await AsyncHTTPClient().fetch(f"{server.base}/healthz")).code == 200
    # Reading goes on: a new page gets the result, and all that was acknowledged is exported.
    page = Page(await room.connect())
    assert (await page.until_type("state"))["tally"]["voters"] == 1
    page.close()
    await page.closed()
    export = await asyncio.get_running_loop().run_in_executor(
        None, lambda: run_cli("export", room.code, "--data", str(disk.path / "data"))
    )
    assert (export.returncode, len(export.stdout.splitlines())) == (0, 1 + len(history.acked)), export.stderr
    assert (await room.vote(id_))["code"] == "retry_later"
    disk.empty()
    assert (await room.vote(id_))["type"] == "recorded"


def _start_where_it_is_full(data: Path) -> tuple[int, str]:
    """How a start ends there: with a sentence, or well after all."""
    try:
        with process(data) as server:
            return server.terminate()
    except AssertionError:
        ended = run_cli("run", "--host", "127.0.0.1", "--port", "0", "--data", str(data))
        return ended.returncode, ended.stderr
