"""A program under test: a process of its own on its own core, read through ``/proc`` and stopped whatever happens.

The server and its peers are started in the same way, so that none of them is at an advantage.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.expected import BenchError

LISTENING = re.compile(rb"http://127\.0\.0\.1:(\d+)")

START_S = 60
STOP_S = 15


@dataclass(frozen=True, slots=True)
class Place:
    """Where programs of this run live: data directories below ``directory``, on ``core`` or anywhere (None)."""

    directory: Path
    core: int | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used: CPU time in all, resident memory now."""

    cpu_s: float
    rss_bytes: int


def cpu_clock(pid: int) -> int:
    """The clock of the CPU time of a whole process, for ``time.clock_gettime``: user and system time of all threads.

    It counts nanoseconds, where ``/proc/PID/stat`` counts hundredths of a second: too coarse for a short lap. The
    number is made as ``clock_getcpuclockid`` does it on Linux.
    """
    return (~pid << 3) | 2


def read_rss_bytes(status: str, *, field: str = "VmRSS") -> int:
    """Resident memory in the text of a ``/proc/PID/status``; ``VmHWM`` is the peak of it."""
    for line in status.splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no {field}: the process has ended")


class Process:
    """A running program. Made by ``started``."""

    def __init__(self, pid: int, port: int, spawned_at: float) -> None:
        self.pid = pid
        self.port = port
        self.spawned_at = spawned_at
        """When the process was started, on ``time.perf_counter``."""

    def forget_peak(self) -> None:
        """Let ``peak_rss_bytes`` begin anew. Raises ``BenchError`` where the kernel does not let us."""
        try:
            Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")
        except OSError as error:
            raise BenchError(f"The peak of the server's memory cannot be reset: {error}.") from error

    def peak_rss_bytes(self) -> int:
        """The most resident memory since ``forget_peak``."""
        return read_rss_bytes(Path(f"/proc/{self.pid}/status").read_text(encoding="ascii"), field="VmHWM")

    def usage(self) -> Usage:
        """The program's own use of the machine so far."""
        status = Path(f"/proc/{self.pid}/status")
        try:
            return Usage(time.clock_gettime(cpu_clock(self.pid)), read_rss_bytes(status.read_text(encoding="ascii")))
        except (OSError, ValueError) as error:
            raise BenchError(f"The server's use of the machine cannot be read: {error}.") from error


@asynccontextmanager
async def started(
    command: Sequence[str],
    *,
    place: Place,
    name: str,
    port: int | None = None,
    set_too: dict[str, str] | None = None,
    within_s: float = START_S,
) -> AsyncIterator[Process]:
    """Start ``command`` and wait until it prints the address it listens on; stop it at the end, whatever happens.

    A program that cannot tell its address is given one in ``port``, and is taken to listen when something answers
    there. ``set_too`` are environment variables. Raises ``BenchError`` when it is not up within ``within_s`` seconds.
    """
    log_path = place.directory / f"{name}.stderr"
    # Settings of the user's own server must not reach this one.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LIVEVOTE_")}
    environment |= {"PYTHONUNBUFFERED": "1", **(set_too or {})}
    with log_path.open("wb") as log:
        spawned_at = time.perf_counter()
        try:
            process = await asyncio.create_subprocess_exec(
                *command, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        except OSError as error:
            raise BenchError(f"{name} cannot be started: {error}.") from error
    drain: asyncio.Task[None] | None = None
    try:
        # The process has one thread yet; those that it starts later inherit the mask.
        keep_to(process.pid, place.core)
        assert process.stdout is not None
        if port is None:
            port = await _port(process, name, log_path, within_s)
        else:
            await _answers(process, name, port, log_path, within_s)
        drain = asyncio.create_task(_discard(process.stdout))
        yield Process(process.pid, port, spawned_at)
        if process.returncode is not None:
            raise BenchError(f"{name} ended with code {process.returncode} while it was used. {_last_words(log_path)}")
    finally:
        await _stop(process)
        if drain is not None:
            drain.cancel()


def keep_to(pid: int, core: int | None) -> None:
    """Let a process run on ``core`` alone, or with None on any one, whatever its parent keeps to."""
    with suppress(ProcessLookupError):  # it was as quick as that
        os.sched_setaffinity(pid, range(os.cpu_count() or 1) if core is None else {core})


async def took_s(command: Sequence[str], *, core: int | None = None, read: bool = False) -> tuple[float, bytes]:
    """Run ``command`` to its end, on ``core`` or on any: the seconds that it took, and its output if that is ``read``.

    Raises ``BenchError`` when it fails.
    """
    begun_s = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=Path(__file__).parent.parent,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE if read else asyncio.subprocess.DEVNULL,
    )
    with suppress(ProcessLookupError):  # it may have done its work already
        keep_to(process.pid, core)
    output, _ = await process.communicate()
    if process.returncode:
        raise BenchError(f"'{' '.join(command[:4])} ...' ended with code {process.returncode}.")
    return time.perf_counter() - begun_s, output or b""


async def _port(process: asyncio.subprocess.Process, name: str, log_path: Path, within_s: float) -> int:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(within_s):
            while line := await process.stdout.readline():
                if found := LISTENING.search(line):
                    return int(found[1])
            code = await process.wait()
    except TimeoutError:
        raise BenchError(f"{name} did not listen within {within_s:g} s. {_last_words(log_path)}") from None
    raise BenchError(f"{name} ended with code {code} before it listened. {_last_words(log_path)}")


async def _answers(process: asyncio.subprocess.Process, name: str, port: int, log_path: Path, within_s: float) -> None:
    ends_at = time.perf_counter() + within_s
    while time.perf_counter() < ends_at and process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise BenchError(f"{name} did not listen on port {port}. {_last_words(log_path)}")


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(1 << 16):
        pass


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _last_words(log_path: Path) -> str:
    lines = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "Its last words: " + " / ".join(lines[-5:]) if lines else "It wrote nothing on stderr."
