"""Costs as curves: ``python -m bench.curves [CURVE ...]`` measures them, ``python -m bench.plots`` draws them.

- ``ballots``: time against the size of the log, for a start, a whole check and an export. Anything steeper than a
  straight line would be a trap for whoever has a long evening.
- ``sockets``: what a frame costs, and how long an answer and a screen take, against the number of open sockets.
- ``joins``: phones that load the page and open their socket, against how many do so at once.
- ``batches``: durable votes against the number of votes under way, which is how large a batch becomes.

Points that were measured before stay in the file; a point that is measured again is replaced.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path

from bench import large_log, machine
from bench.expected import BenchError
from bench.meter import doubts
from bench.process import Place, took_s
from bench.scenarios import closed, joins, live, restart
from bench.server import running
from bench.sizes import Sizes
from bench.table import Row
from livevote.config import Config

FILE = Path(__file__).parent.parent / "docs" / "plots" / "curves.json"
BALLOTS = (10_000, 30_000, 100_000, 300_000, 1_000_000)
SOCKETS = (100, 1_000, 5_000, 10_000, 19_000)
UNDER_WAY = (1, 4, 16, 64, 256, 1_000, 4_000)
AT_ONCE = (10, 50, 200, 1_000)
VOTES_PER_S = 200
DURING_S = 15

Point = dict[str, float]


async def ballots(place: Place, size: int) -> Point:
    """Seconds for a start, a whole check and an export of a log with ``size`` ballots."""
    name = f"ballots-{size}"
    config = Config(data=place.directory / name)
    await large_log.write(config, size)
    try:
        async with running(place, name) as server:
            await restart.until_healthy(server)
            start_s = time.perf_counter() - server.spawned_at
            rss_mib = server.usage().rss_bytes / (1 << 20)
        return {
            "ballots": size,
            "disk_mib": config.database.stat().st_size / (1 << 20),
            "start_s": start_s,
            "memory_mib": rss_mib,
            "verify_s": await _took_s("verify", str(config.data)),
            "export_s": await _took_s(
                *("export", large_log.CODE, "--data", str(config.data), "--format", "ballots.csv"),
                *("--output", str(place.directory / f"{name}.csv")),
            ),
        }
    finally:
        (place.directory / f"{name}.csv").unlink(missing_ok=True)
        config.database.unlink()


async def sockets(place: Place, size: int) -> Point:
    """Answers, screens and CPU time of an open room with ``size`` sockets and a steady stream of votes."""
    sizes = replace(Sizes(), live_sockets=size, live_votes_per_s=VOTES_PER_S, live_s=DURING_S)
    return _point(
        "sockets",
        size,
        await live.run(place, sizes),
        {
            "votes sent": "votes_per_s",
            "answer p50": "answer_p50_ms",
            "answer p99": "answer_p99_ms",
            "screen age p50": "screen_p50_ms",
            "screen age p99": "screen_p99_ms",
            "frames delivered": "frames_per_s",
            "server CPU per frame": "cpu_per_frame_us",
            "server memory per socket": "memory_per_socket_kib",
            "server busy": "server_percent",
        },
    )


async def batches(place: Place, size: int) -> Point:
    """Durable votes with ``size`` of them under way at any time."""
    return _point(
        "under_way",
        size,
        await closed.run(place, replace(Sizes(), closed_sockets=size)),
        {
            "durable votes": "votes_per_s",
            "answer p50": "answer_p50_ms",
            "answer p99": "answer_p99_ms",
            "server CPU per durable vote": "cpu_per_vote_us",
        },
    )


async def joined(place: Place, size: int) -> Point:
    """Page and socket for 2,000 phones, ``size`` of them at once."""
    return _point(
        "at_once",
        size,
        await joins.run(place, replace(Sizes(), join_concurrency=size)),
        {
            "joins": "joins_per_s",
            "join p50": "join_p50_ms",
            "join p99": "join_p99_ms",
            "server CPU per join": "cpu_per_join_ms",
        },
    )


CURVES: dict[str, tuple[Callable[[Place, int], Coroutine[None, None, Point]], tuple[int, ...]]] = {
    "ballots": (ballots, BALLOTS),
    "sockets": (sockets, SOCKETS),
    "batches": (batches, UNDER_WAY),
    "joins": (joined, AT_ONCE),
}


def _point(axis: str, size: int, rows: Sequence[Row], wanted: dict[str, str]) -> Point:
    for doubt in doubts(rows):
        print(f"warning: at {size:,}: {doubt}", file=sys.stderr)
    values = {row.figure: row.value for row in rows if isinstance(row.value, float | int)}
    return {axis: size, **{name: values[figure] for figure, name in wanted.items()}}


async def _took_s(*command: str) -> float:
    return (await took_s([sys.executable, "-m", "livevote.cli", *command]))[0]


def merged(known: Sequence[Point], axis: str, found: Sequence[Point]) -> list[Point]:
    """All points by size, the newer one where there are two."""
    return [point for _, point in sorted({point[axis]: point for point in (*known, *found)}.items())]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and keep the points in ``FILE``."""
    parser = argparse.ArgumentParser(prog="python -m bench.curves", description="Measure cost curves on 127.0.0.1.")
    parser.add_argument("curves", nargs="*", metavar="CURVE", help=f"{', '.join(CURVES)}; all by default")
    parser.add_argument("--at", type=int, action="append", metavar="N", help="only this size; may be given again")
    parser.add_argument("--file", type=Path, default=FILE, help="where the points are kept")
    parser.add_argument("--dir", type=Path, help="make the data directory below DIR")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.curves if name not in CURVES]:
        parser.error(f"there is no curve {', '.join(unknown)}; there are {', '.join(CURVES)}")
    stored = json.loads(options.file.read_text()) if options.file.exists() else {}
    machine.raise_file_limit(max(SOCKETS))
    try:
        with tempfile.TemporaryDirectory(prefix="livevote-curves-", dir=options.dir) as directory:
            pair = machine.cores_for_two(os.sched_getaffinity(0))
            place = Place(Path(directory), None if pair is None else pair[1])
            if pair is not None:
                os.sched_setaffinity(0, {pair[0]})
            stored["machine"] = dict(machine.facts(place.directory))
            for name in options.curves or CURVES:
                measure, sizes = CURVES[name]
                for size in options.at or sizes:
                    point = asyncio.run(measure(place, size))
                    print(name, json.dumps(point), flush=True)
                    stored[name] = merged(stored.get(name, []), next(iter(point)), [point])
                    options.file.parent.mkdir(parents=True, exist_ok=True)
                    options.file.write_text(json.dumps(stored, indent=1) + "\n")
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
