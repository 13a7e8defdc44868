"""``by-ballots``: what a long log costs: a start, a whole check and an export, each a process of its own.

A start ends when a voter who joins sees the right tally. Each is done several times, in turn, and the figure is the
median; a log above ``ONCE_ABOVE`` is measured once.
"""

import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from bench import large_log
from bench.expected import BenchError
from bench.points import Point
from bench.process import START_S, Place, took_s
from bench.scenarios.restart import see_tally, until_healthy
from bench.server import running
from bench.sizes import Sizes
from livevote.config import Config

ONCE_ABOVE = 1_000_000
SLOWEST_PER_S = 50_000
"""A start that folds fewer ballots in a second than this, beside ``START_S``, has failed."""

_MIB = 1 << 20


async def measure(place: Place, sizes: Sizes, size: int) -> Point:
    """The point of a log with ``size`` ballots."""
    # A start and a check are measured as they are used: on any core.
    place = replace(place, core=None)
    name = f"by-ballots-{size}"
    config = Config(data=place.directory / name)
    exported = place.directory / f"{name}.csv"
    command = [sys.executable, "-m", "livevote.cli"]
    export = ["export", large_log.CODE, "--data", str(config.data), "--format", "ballots.csv", "--output"]
    start_s, verify_s, export_s, rss_bytes = [], [], [], []
    try:
        expected = await large_log.write(config, size)
        disk_bytes = config.database.stat().st_size
        for _ in range(1 if size > ONCE_ABOVE else sizes.curve_runs):
            async with running(place, name, within_s=START_S + size / SLOWEST_PER_S) as server:
                await until_healthy(server)
                await see_tally(server, expected)
                start_s.append(time.perf_counter() - server.spawned_at)
                rss_bytes.append(server.usage().rss_bytes)
            verify_s.append((await took_s([*command, "verify", str(config.data)]))[0])
            export_s.append((await took_s([*command, *export, str(exported)]))[0])
            if (rows := _lines(exported) - 1) != size:
                raise BenchError(f"The export has {rows} ballots, but the log {size}.")
            exported.unlink()
    finally:
        exported.unlink(missing_ok=True)
        shutil.rmtree(config.data, ignore_errors=True)
    return {
        "ballots": size,
        "start_s": median(start_s),
        "verify_s": median(verify_s),
        "export_s": median(export_s),
        "disk_mib": disk_bytes / _MIB,
        "memory_mib": max(rss_bytes) / _MIB,
        "runs": len(start_s),
    }


def _lines(file: Path) -> int:
    with file.open("rb") as read:
        return sum(part.count(b"\n") for part in iter(lambda: read.read(1 << 20), b""))
