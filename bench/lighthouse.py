"""The scores that Lighthouse gives a page on its mobile preset: a slow phone in a slow network, simulated.

Lighthouse is among the packages of ``bench/peers``, in the version that the lock file pins. The browser is started here
and not by Lighthouse, so that it ends with this process whatever happens, and asks nobody but the server.
"""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.expected import BenchError
from bench.peers import TOP

RUN_S = 120
"""One run takes fifteen seconds."""
START_S = 30

PERFORMANCE = "performance"
CATEGORIES = (PERFORMANCE, "accessibility", "best-practices")

_PROGRAM = TOP / "bench" / "peers" / "node_modules" / "lighthouse" / "cli" / "index.js"
_NOTED = TOP / ".venv" / ".browser"
_DEVTOOLS = re.compile(rb"DevTools listening on ws://127\.0\.0\.1:(\d+)/")
_QUIET = ("--disable-background-networking", "--disable-component-update", "--no-first-run", "--disable-sync")


def _browser() -> str | None:
    if _NOTED.exists():
        return _NOTED.read_text(encoding="utf-8").strip()
    return shutil.which("chromium") or shutil.which("google-chrome")


def missing() -> str:
    """Why there is no score to be had, as a sentence; empty when there is one."""
    if shutil.which("node") is None or not _PROGRAM.exists():
        return "not measured: lighthouse is missing, see tools/setup bench"
    return "" if _browser() else "not measured: there is no Chromium on this machine"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What Lighthouse says of one load of a page."""

    scores: dict[str, float]
    """Out of 100, by category."""
    short: frozenset[str]
    """The audits that cost points elsewhere than in the performance, where nearly each of them does."""


async def judge(url: str, runs: int, categories: Sequence[str] = (PERFORMANCE,)) -> list[Judgement]:
    """What is said of each of ``runs`` loads of ``url``. Raises ``BenchError`` when nothing is."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        async with _chromium(Path(directory)) as port:
            return [_read(await _report(url, port, categories), url, categories) for _ in range(runs)]


@asynccontextmanager
async def _chromium(directory: Path) -> AsyncIterator[int]:
    """A browser without a window and with a profile of its own; the port on which it takes orders."""
    browser = _browser()
    if browser is None:
        raise BenchError("There is no Chromium on this machine.")
    options = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={directory}", *_QUIET]
    if os.geteuid() == 0:
        options.append("--no-sandbox")
    process = await asyncio.create_subprocess_exec(
        browser, *options, "about:blank", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        try:
            async with asyncio.timeout(START_S):
                while (said := _DEVTOOLS.search(line := await process.stderr.readline())) is None:
                    if not line:
                        raise BenchError("Chromium ended before it could be used.")
        except TimeoutError as error:
            raise BenchError(f"Chromium did not start within {START_S} s.") from error
        yield int(said[1])
    finally:
        if process.returncode is None:
            process.terminate()
        # What it still says must be read, or it waits for that for ever.
        await process.communicate()


async def _report(url: str, port: int, categories: Sequence[str]) -> Any:
    process = await asyncio.create_subprocess_exec(
        *("node", str(_PROGRAM), url, f"--port={port}", "--quiet", "--output=json", "--no-enable-error-reporting"),
        f"--only-categories={','.join(categories)}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(RUN_S):
            output, said = await process.communicate()
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise BenchError(f"Lighthouse did not end within {RUN_S} s.") from error
    if process.returncode:
        raise BenchError(f"Lighthouse failed: {said.decode(errors='replace').strip()[-300:]}")
    return json.loads(output)


def _read(report: Any, url: str, categories: Sequence[str]) -> Judgement:
    scores = {name: report["categories"][name]["score"] for name in categories}
    if None in scores.values():
        raise BenchError(f"Lighthouse could not judge {url}.")
    short = {
        audit["id"]
        for name in categories
        if name != PERFORMANCE
        for audit in report["categories"][name]["auditRefs"]
        if audit["weight"] and report["audits"][audit["id"]]["score"] not in (None, 1)
    }
    return Judgement({name: 100 * float(score) for name, score in scores.items()}, frozenset(short))
