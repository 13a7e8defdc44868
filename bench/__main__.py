"""The command line: ``python -m bench [NAME ...]``."""

import argparse
import asyncio
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TypeVar

from bench import machine, peers, points, reach, table
from bench.comparisons import COMPARISONS
from bench.curves import CURVES
from bench.expected import BenchError
from bench.meter import doubts
from bench.process import Place
from bench.scenarios import SCENARIOS
from bench.sizes import QUICK, Sizes

T = TypeVar("T")

LIMIT_S = 1200
"""No scenario, comparison or point of a curve takes longer, in a sensible size."""

ALL_CURVES = "curves"
DRAW_S = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code is 1 when votes were lost or something could not run, 0 also for misses."""
    options = _parser().parse_args(arguments)
    sizes = _sizes(options)
    names = _names(options.names)
    if unknown := [name for name in names if name not in COMPARISONS | SCENARIOS | CURVES]:
        known = ", ".join([*COMPARISONS, *SCENARIOS, *CURVES, ALL_CURVES])
        print(f"There is no scenario {', '.join(unknown)}; there are {known}.", file=sys.stderr)
        return 2
    if options.into is not None and reach.BEGIN not in options.into.read_text(encoding="utf-8"):
        print(f"{options.into} has no line '{reach.BEGIN}'.", file=sys.stderr)
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


def _names(given: Sequence[str]) -> list[str]:
    """What to run: by default all comparisons."""
    names: list[str] = []
    for name in given or COMPARISONS:
        names += CURVES if name == ALL_CURVES else [name]
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=... or python -m bench",
        description="Start livevote, put load on it and print what it took. Talks to 127.0.0.1 only.",
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"comparisons: {', '.join(COMPARISONS)}; all of these by default. Scenarios: {', '.join(SCENARIOS)}. "
        f"Curves: {', '.join(CURVES)}; all of these as '{ALL_CURVES}'",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, less than three minutes in all")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="also put the table of targets into this Markdown file"
    )
    parser.add_argument(
        "--curves", type=Path, metavar="FILE", default=points.FILE, help="where points of curves are kept and drawn"
    )
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
    findings: list[reach.Finding] = []
    curves: dict[str, list[points.Point]] = {}
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
            if name in COMPARISONS:
                findings += asyncio.run(_bounded(name, COMPARISONS[name].run(place, sizes)))
            elif name in CURVES:
                curves[name] = _curve(name, place, sizes)
                points.keep(options.curves, name, curves[name], dict(facts))
            else:
                rows += asyncio.run(_bounded(name, SCENARIOS[name](place, sizes)))
        except BenchError as error:
            failures.append(f"{name} failed: {error}")
            if name in COMPARISONS:
                findings += reach.not_measured(COMPARISONS[name].targets, f"failed: {error}")
    findings.sort(key=lambda found: found.target.row)
    if findings:
        facts += peers.versions()
        if options.quick:
            warnings.append("with --quick, sizes are small and runs are few: the targets are meant for a full run")
    warnings += doubts(rows) + reach.warnings_of(findings) + _doubtful(curves)
    if curves:
        warnings += _draw(options.curves)
    print(_tables(facts, findings, rows, curves, warnings, markdown=options.markdown), flush=True)
    if options.into is not None:
        reach.put_into(options.into, _tables(facts, findings, [], {}, warnings, markdown=True))
    if options.json is not None:
        figures = {"machine": dict(facts), "reach": reach.values(findings), "figures": table.values(rows)}
        figures |= {"curves": curves}
        options.json.write_text(json.dumps(figures | {"warnings": warnings}, indent=2) + "\n", encoding="utf-8")
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def _tables(
    facts: Sequence[tuple[str, str]],
    findings: Sequence[reach.Finding],
    rows: Sequence[table.Row],
    curves: dict[str, list[points.Point]],
    warnings: Sequence[str],
    *,
    markdown: bool,
) -> str:
    """Everything that was measured, as one text."""
    if markdown:
        parts = [table.markdown_facts(facts)]
        parts += [reach.markdown(findings)] if findings else []
        parts += [table.markdown(rows)] if rows else []
        parts += [table.markdown_table(*_cells(found), right=found[0]) for found in curves.values()]
        parts += [table.markdown_warnings(warnings)] if warnings else []
    else:
        parts = [table.plain_facts(facts)]
        parts += [reach.plain(findings)] if findings else []
        parts += [table.plain(rows)] if rows else []
        parts += [table.aligned(*_cells(found), right=found[0]) for found in curves.values()]
        parts += ["\n".join(f"warning: {warning}" for warning in warnings)] if warnings else []
    return "\n\n".join(parts)


def _cells(found: Sequence[points.Point]) -> tuple[list[str], list[list[str]]]:
    """A curve as the columns and rows of a table."""
    return list(found[0]), [[table.number(value) for value in point.values()] for point in found]


def _curve(name: str, place: Place, sizes: Sizes) -> list[points.Point]:
    found = []
    for size in CURVES[name].steps(sizes):
        _progress(f"{name}, {size:,} ...")
        found.append(asyncio.run(_bounded(f"{name}, {size:,}", CURVES[name].measure(place, sizes, size))))
    return found


def _doubtful(curves: dict[str, list[points.Point]]) -> list[str]:
    return [
        f"{name} at {next(iter(point.values())):,}: the load generator was busy for "
        f"{point['generator_percent']:.0f} % of its core, so the figures may be its own"
        for name, found in curves.items()
        for point in found
        if points.doubtful(point)
    ]


def _draw(file: Path) -> list[str]:
    """Draw ``file`` in a process of its own, which has nothing of what was measured in its memory; what went wrong."""
    command = [sys.executable, "-m", "bench.plots", str(file)]
    try:
        done = subprocess.run(command, cwd=peers.TOP, capture_output=True, text=True, timeout=DRAW_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [f"the curves were not drawn: {error}"]
    if done.returncode:
        return [f"the curves were not drawn: {done.stderr.strip()}"]
    _progress(done.stdout.strip())
    return []


def _pin(options: argparse.Namespace, warnings: list[str]) -> int | None:
    """Keep this process to one core; the server's core, or None for any."""
    pair = None if options.no_pin else machine.cores_for_two(os.sched_getaffinity(0))
    if pair is None:
        warnings.append("the server and the load generator were not pinned to a core each, so they share time")
        return None
    os.sched_setaffinity(0, {pair[0]})
    return pair[1]


async def _bounded(name: str, measuring: Awaitable[T]) -> T:
    # A collection in the middle of a run would be measured as a slow server.
    gc.collect()
    gc.disable()
    try:
        async with asyncio.timeout(LIMIT_S):
            return await measuring
    except TimeoutError:
        raise BenchError(f"{name} did not end within its time.") from None
    finally:
        gc.enable()


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
