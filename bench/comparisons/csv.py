"""Row 11: the export of all ballots as CSV, and what voters notice of it.

The export is downloaded from the running server by a process of its own. Beside it stands the sqlite3 command with
``.mode csv`` over the same file: over the view ``ballots``, which is made for people who open the file with SQLite and
has the same facts in its columns, also which ballot counts; and, for comparison only, over the bare rows of the table.
sqlite3 writes to nowhere. Then voters vote steadily, before an export and while one runs. Memory is the peak of the
server's process during the exports without voters, above what it had before the first of them.
"""

import asyncio
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench import large_log
from bench.contest import RECORDED, join
from bench.download import TOKEN
from bench.expected import BenchError
from bench.frames import Votes
from bench.http import HOST, api
from bench.lines import Lines
from bench.meter import Meter
from bench.process import Place, took_s
from bench.reach import Finding, Laps, Target, not_measured, number_of, ratios
from bench.scenarios.live import SEED, arrivals
from bench.scenarios.restart import until_healthy
from bench.server import HostedRoom, Server, running
from bench.sizes import Sizes
from bench.stats import percentile
from livevote.config import Config
from livevote.keys import Keyring

NAME = "csv"
VIEW = Target(11, "CSV rows/s ÷ rows/s of sqlite3 .mode csv, same columns", 0.5, 0.9)
BARE = Target(11, "CSV rows/s ÷ rows/s of sqlite3 .mode csv, bare rows of the table")
ANSWERS = Target(11, "p99 of answers during an export ÷ before it", 2, 1.2, lower=True)
MEMORY = Target(11, "RSS growth of an export", 16, 4, unit="MB", lower=True)
TARGETS = (VIEW, BARE, ANSWERS, MEMORY)
EXPORT = f"/api/rooms/{large_log.CODE}/exports/ballots.csv"
QUERIES = {VIEW: "SELECT * FROM ballots", BARE: "SELECT idx, body, answer FROM records"}
VOTERS = 100
VOTES_PER_S = 200
BEFORE_S = 5
LONGEST_S = 300
POLL_S = 0.1


@dataclass(slots=True)
class _Rates:
    """Rows a second, in the order of the pairs."""

    ours: list[float] = field(default_factory=list)
    theirs: dict[Target, list[float]] = field(default_factory=lambda: {target: [] for target in QUERIES})


async def run(place: Place, sizes: Sizes) -> list[Finding]:
    """What this comparison found."""
    large = Config(data=place.directory / large_log.NAME)
    config = Config(data=place.directory / NAME)
    await large_log.ensure(large, sizes.ballots)
    # Votes go into this one, and other comparisons know what is in theirs.
    shutil.copytree(large.data, config.data)
    token = Keyring(config.keys, create=False).room(large_log.CODE).host_token
    async with running(place, NAME) as server:
        await until_healthy(server)
        before_bytes = await _until_checked(server, token)
        server.forget_peak()
        rates = _Rates()
        for _ in range(sizes.log_pairs):
            rows, took = await _export(server, token)
            rates.ours.append(rows / took)
            await _sqlite3(config, rows, rates)
        growth_mb = (server.peak_rss_bytes() - before_bytes) / 1e6
        answers = await _answers(server, HostedRoom(server.port, large_log.CODE, token), token, sizes.log_pairs)
    findings = []
    for target, theirs in rates.theirs.items():
        if theirs:
            beside = f"{number_of(rates.ours)}/s, {number_of(theirs)}/s; {rows:,} ballots"
            findings.append(Finding(target, ratios(rates.ours, theirs), beside))
        else:
            findings += not_measured([target], "not measured: there is no sqlite3 command on this machine")
    return [
        *findings,
        answers,
        Finding(MEMORY, [growth_mb], f"the peak of {sizes.log_pairs} exports, one after the other"),
    ]


async def _sqlite3(config: Config, rows: int, rates: _Rates) -> None:
    sqlite3 = shutil.which("sqlite3")
    if sqlite3 is None:
        return
    for target, query in QUERIES.items():
        took, _ = await took_s([sqlite3, "-readonly", str(config.database), ".mode csv", ".headers on", query])
        rates.theirs[target].append(rows / took)


async def _answers(server: Server, room: HostedRoom, token: str, pairs: int) -> Finding:
    """Voters vote before an export and during it."""
    due = arrivals(per_s=VOTES_PER_S, during_s=LONGEST_S, seed=SEED)
    least = BEFORE_S * VOTES_PER_S
    votes = Votes("q1", 1, options=large_log.OPTIONS)
    lines = Lines(server.port)
    before_ms, during_ms, laps = [], [], Laps()
    try:
        join(lines, room, VOTERS)
        for _ in range(pairs):
            before_ms.append(1000 * percentile(lines.steady(votes, due[:least], answer=RECORDED), 99))
            process = await _spawn(server, token)
            meter = Meter(server.usage())
            took = lines.steady(votes, due, answer=RECORDED, until=partial(_has_ended, process.pid))
            laps.add(meter.stop(server.usage()), len(took))
            await _rows_of(process)
            during_ms.append(1000 * percentile(took, 99))
    finally:
        lines.close()
    beside = f"{number_of(during_ms)} ms, {number_of(before_ms)} ms; {VOTES_PER_S} votes/s"
    return Finding(ANSWERS, ratios(during_ms, before_ms), beside, max(laps.generator_percent))


async def _export(server: Server, token: str) -> tuple[int, float]:
    """One export: its rows, and the seconds that it took."""
    return await _rows_of(await _spawn(server, token))


async def _until_checked(server: Server, token: str) -> int:
    """Wait until exports are allowed, which is when the server has checked the log; its memory before the first one."""
    ends_at = time.perf_counter() + LONGEST_S
    while time.perf_counter() < ends_at:
        rss_bytes = server.usage().rss_bytes
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(api(server.port, "GET", EXPORT, token=token))
        status = (await reader.readline()).split(b" ", 2)[1]
        # An export that has begun is not wanted yet.
        writer.transport.abort()
        if status == b"200":
            return rss_bytes
        await asyncio.sleep(POLL_S)
    raise BenchError(f"The server did not allow an export within {LONGEST_S} s.")


async def _spawn(server: Server, token: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        # It shares the load generator's core, and must not make that late: answers would look late, too.
        *("nice", "-n", "19", sys.executable, "-m", "bench.download", str(server.port), EXPORT),
        cwd=Path(__file__).parent.parent.parent,
        env=os.environ | {TOKEN: token},
        stdout=asyncio.subprocess.PIPE,
    )


async def _rows_of(process: asyncio.subprocess.Process) -> tuple[int, float]:
    output, _ = await process.communicate()
    if process.returncode:
        raise BenchError("The ballots could not be exported.")
    lines, _, took = output.split()
    return int(lines) - 1, float(took)


def _has_ended(pid: int) -> bool:
    """Whether a child has ended, without waiting for it: the event loop stands still in the meantime."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
