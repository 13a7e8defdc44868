"""Row 10: a start and a check of a large log, beside what the sqlite3 command takes to count it.

A start is measured from the start of the process until a voter who joins then sees the right result; the check is the
whole process ``livevote verify``, the measure the whole process ``sqlite3`` with one ``GROUP BY`` over the same file.
Every one of them may use all cores. The log is made by the project's own rules, and all find it in the page cache.
"""

import shutil
import sys
import time
from dataclasses import replace

from bench import large_log
from bench.process import Place, took_s
from bench.reach import Finding, Target, not_measured, number_of, ratios
from bench.scenarios.audit import COUNT
from bench.scenarios.restart import see_tally, until_healthy
from bench.server import running
from bench.sizes import Sizes
from livevote.config import Config

START = Target(10, "start to the first right tally ÷ SELECT ... GROUP BY by sqlite3", 2, 0.1, lower=True)
VERIFY = Target(10, "livevote verify ÷ SELECT ... GROUP BY by sqlite3", 12, 5, lower=True)
TARGETS = (START, VERIFY)


async def run(place: Place, sizes: Sizes) -> list[Finding]:
    """What this comparison found."""
    sqlite3 = shutil.which("sqlite3")
    if sqlite3 is None:
        return not_measured(TARGETS, "not measured: there is no sqlite3 command on this machine")
    config = Config(data=place.directory / large_log.NAME)
    expected = await large_log.ensure(config, sizes.ballots)
    anywhere = replace(place, core=None)
    started_s, counted_s, verified_s = [], [], []
    for _ in range(sizes.log_pairs):
        async with running(anywhere, large_log.NAME) as server:
            await until_healthy(server)
            await see_tally(server, expected)
            started_s.append(time.perf_counter() - server.spawned_at)
        counted_s.append((await took_s([sqlite3, "-readonly", str(config.database), COUNT]))[0])
        verify = [sys.executable, "-m", "livevote.cli", "verify", str(config.data)]
        verified_s.append((await took_s(verify))[0])
    counted = f"{number_of(counted_s)} s"
    return [
        Finding(START, ratios(started_s, counted_s), f"{number_of(started_s)} s, {counted}; {sizes.ballots:,} ballots"),
        Finding(VERIFY, ratios(verified_s, counted_s), f"{number_of(verified_s)} s, {counted}"),
    ]
