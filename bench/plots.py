"""Draws the curves that ``bench.curves`` measured: ``python -m bench.plots``. Needs matplotlib (``make plots``)."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.curves import FILE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Told apart also without colours, by their markers.
_STYLES = (("#1f5fbf", "o"), ("#c2410c", "s"), ("#15803d", "^"))
_Points = list[dict[str, float]]


def draw(stored: dict[str, Any], directory: Path) -> list[Path]:
    """Write one PNG for each curve there are points of."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.size": 11, "axes.grid": True, "grid.alpha": 0.3, "svg.hashsalt": "livevote"})
    drawn = []
    for name, (title, paint) in _PLOTS.items():
        if not (points := stored.get(name)):
            continue
        figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.2), dpi=110, constrained_layout=True)
        figure.suptitle(f"{title}  ({_machine(stored)})", fontsize=12)
        paint(axes, points)
        for each in axes:
            each.legend(frameon=False)
        path = directory / f"{name}.png"
        figure.savefig(path, metadata={"Software": "livevote"})
        pyplot.close(figure)
        drawn.append(path)
    return drawn


def _machine(stored: dict[str, Any]) -> str:
    facts = stored.get("machine", {})
    return f"{facts.get('CPU', '?')}, {facts.get('cores', '?')} cores, Python {facts.get('Python', '?')}"


def _lines(axes: "Axes", points: _Points, across: str, lines: dict[str, str]) -> None:
    for (label, name), (colour, marker) in zip(lines.items(), _STYLES, strict=False):
        axes.plot(
            [point[across] for point in points],
            [point[name] for point in points],
            color=colour,
            marker=marker,
            label=label,
        )


def _ballots(axes: "Sequence[Axes]", points: _Points) -> None:
    time, each = axes
    _lines(time, points, "ballots", {"whole check": "verify_s", "start": "start_s", "CSV of ballots": "export_s"})
    time.set(xscale="log", yscale="log", xlabel="ballots in the log", ylabel="seconds, whole process")
    per = [
        {"ballots": point["ballots"]}
        | {name: 1e6 * point[name] / point["ballots"] for name in ("verify_s", "start_s", "export_s")}
        for point in points
    ]
    _lines(each, per, "ballots", {"whole check": "verify_s", "start": "start_s", "CSV of ballots": "export_s"})
    each.set(xscale="log", ylim=(0, None), xlabel="ballots in the log", ylabel="\u00b5s for each ballot")
    # Below that the start of the process is most of it.
    each.set_ylim(0, 2 * max(value for point in per[2:] or per for name, value in point.items() if name != "ballots"))


def _sockets(axes: "Sequence[Axes]", points: _Points) -> None:
    wait, cost = axes
    _lines(wait, points, "sockets", {"screen age p99": "screen_p99_ms", "answer p99": "answer_p99_ms"})
    wait.set(xlabel="open sockets, 200 votes/s", ylabel="milliseconds", ylim=(0, None))
    _lines(cost, points, "sockets", {"server CPU for a frame (\u00b5s)": "cpu_per_frame_us"})
    cost.plot(
        [point["sockets"] for point in points],
        [point["memory_per_socket_kib"] for point in points],
        color=_STYLES[1][0],
        marker=_STYLES[1][1],
        label="memory of a socket (KiB)",
    )
    cost.set(xlabel="open sockets", ylim=(0, None))


def _batches(axes: "Sequence[Axes]", points: _Points) -> None:
    rate, wait = axes
    _lines(rate, points, "under_way", {"durable votes a second": "votes_per_s"})
    rate.set(xscale="log", xlabel="votes under way = size of a batch", ylim=(0, None))
    _lines(wait, points, "under_way", {"answer p99 (ms)": "answer_p99_ms", "answer p50 (ms)": "answer_p50_ms"})
    wait.set(xscale="log", yscale="log", xlabel="votes under way", ylabel="milliseconds")


def _joins(axes: "Sequence[Axes]", points: _Points) -> None:
    rate, wait = axes
    _lines(rate, points, "at_once", {"joins a second": "joins_per_s"})
    rate.set(xscale="log", xlabel="phones at once", ylim=(0, None))
    _lines(wait, points, "at_once", {"p99 (ms)": "join_p99_ms", "p50 (ms)": "join_p50_ms"})
    wait.set(xscale="log", yscale="log", xlabel="phones at once", ylabel="milliseconds from page to first result")


_PLOTS: "dict[str, tuple[str, Callable[[Sequence[Axes], _Points], None]]]" = {
    "ballots": ("Start, check and export against the size of the log", _ballots),
    "sockets": ("An open room against its size", _sockets),
    "batches": ("Durable votes against the size of a batch", _batches),
    "joins": ("Joining against how many do so at once", _joins),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw what is in ``FILE``, beside it."""
    parser = argparse.ArgumentParser(prog="python -m bench.plots", description="Draw the measured curves as PNG.")
    parser.add_argument("--file", type=Path, default=FILE, help="the points that bench.curves kept")
    options = parser.parse_args(arguments)
    try:
        stored = json.loads(options.file.read_text())
    except (OSError, ValueError) as error:
        print(f"Cannot read {options.file}: {error}. Measure with 'python -m bench.curves' first.", file=sys.stderr)
        return 1
    for path in draw(stored, options.file.parent):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
