"""The command line: ``python -m bench [SCENARIO ...]``."""

import argparse
import asyncio
import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from bench import machine, table
from bench.expected import BenchError
from bench.meter import doubts
from bench.process import Place
from bench.scenarios import SCENARIOS
from bench.sizes import QUICK, Sizes

LIMIT_S = 900
"""No scenario of a sensible size takes longer."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios and print one table; the exit code is 1 when votes were lost or a scenario could not run."""
    options = _parser().parse_args(arguments)
    sizes = _sizes(options)
    names = options.scenarios or list(SCENARIOS)
    if unknown := [name for name in names if name not in SCENARIOS]:
        print(f"There is no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}.", file=sys.stderr)
        return 2
    try:
        directory = Path(tempfile.mkdtemp(prefix="livevote-bench-", dir=options.dir))
    except OSError as error:
        print(f"Cannot make a data directory below {options.dir}: {error.strerror}.", file=sys.stderr)
        return 1
    # A stopped bench stops its server as well, also in the background, where shells have SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        return _run(names, sizes, directory, options)
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=... or python -m bench",
        description="Start livevote, put load on it and print what it took. Talks to 127.0.0.1 only.",
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"{', '.join(SCENARIOS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="small sizes, less than a minute in all")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    parser.add_argument("--dir", type=Path, help="make the data directory below DIR, on the disk that matters")
    parser.add_argument("--no-pin", action="store_true", help="let the system choose the cores")
    for field in fields(Sizes):
        small = getattr(QUICK, field.name)
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=_positive,
            metavar="N",
            help=f"{field.default:,} by default, {small:,} with --quick",
        )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _sizes(options: argparse.Namespace) -> Sizes:
    given = {field.name: getattr(options, field.name) for field in fields(Sizes)}
    return replace(QUICK if options.quick else Sizes(), **{name: size for name, size in given.items() if size})


def _run(names: Sequence[str], sizes: Sizes, directory: Path, options: argparse.Namespace) -> int:
    facts = machine.facts(directory)
    rows: list[table.Row] = []
    warnings: list[str] = []
    failures: list[str] = []
    if dict(facts)["file system"] in machine.VOLATILE:
        warnings.append("the data directory is in memory, where a commit costs nothing: choose a disk with --dir")
    try:
        machine.raise_file_limit(sizes.most_sockets(names))
        place = Place(directory, _pin(options, warnings))
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    for name in names:
        _progress(f"{name} ...")
        try:
            rows += asyncio.run(_bounded(name, place, sizes))
        except BenchError as error:
            failures.append(f"{name} failed: {error}")
    warnings += doubts(rows)
    print((table.markdown if options.markdown else table.plain)(facts, rows, warnings), flush=True)
    if options.json is not None:
        options.json.write_text(table.as_json(facts, rows, warnings), encoding="utf-8")
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def _pin(options: argparse.Namespace, warnings: list[str]) -> int | None:
    """Keep this process to one core; the server's core, or None for any."""
    pair = None if options.no_pin else machine.cores_for_two(os.sched_getaffinity(0))
    if pair is None:
        warnings.append("the server and the load generator were not pinned to a core each, so they share time")
        return None
    os.sched_setaffinity(0, {pair[0]})
    return pair[1]


async def _bounded(name: str, place: Place, sizes: Sizes) -> list[table.Row]:
    # A collection in the middle of a run would be measured as a slow server.
    gc.collect()
    gc.disable()
    try:
        async with asyncio.timeout(LIMIT_S):
            return await SCENARIOS[name](place, sizes)
    except TimeoutError:
        raise BenchError(f"{name} did not end within its time.") from None
    finally:
        gc.enable()


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
