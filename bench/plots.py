"""Draws the curves of ``bench.points``: ``python -m bench.plots``; ``make plots`` measures them first."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.points import FILE, Measured, Point, doubtful, load

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Told apart also without colours, by their markers; both stand out from white, which is under them in the dark as well.
_STYLES = (("#1f5fbf", "o"), ("#c2410c", "s"), ("#15803d", "^"))
_GREY = "#6b7280"

# A panel as wide as a phone, one below the other: the letters are then those of the text around them.
_WIDTH_IN = 5.0
_HEIGHT_IN = 4.0
_DOTS_PER_IN = 150

_SHORT = 150
"""An axis that goes up by less has more than the powers of ten on it."""

Value = Callable[[Point], float]


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes. ``lines`` are labels and what they show of a point. ``straight`` adds a line to compare with,
    through the last point of the first line: 1 for what grows as the size does, 0 for what stays as it is."""

    title: str
    across: str
    up: str
    axis: str
    lines: dict[str, Value]
    straight: int | None = None
    rates: bool = False
    """Whether ``straight`` goes through the first point, as what would be reached if nothing ever ended it."""
    log: bool = True
    """Whether the values are drawn by their logarithms."""
    log_sizes: bool = True
    """Whether the sizes are."""


def _of(name: str) -> Value:
    return lambda point: point[name]


def _each(name: str, axis: str, times: float) -> Value:
    return lambda point: times * point[name] / point[axis]


_LOG = {"whole check": "verify_s", "CSV of ballots": "export_s", "start": "start_s"}
PANELS: dict[str, tuple[str, tuple[Panel, ...]]] = {
    "by-ballots": (
        "A log as it grows",
        (
            Panel(
                "Time of the whole process",
                "ballots in the log",
                "seconds",
                "ballots",
                {label: _of(name) for label, name in _LOG.items()},
                straight=1,
            ),
            Panel(
                "The same for each ballot",
                "ballots in the log",
                "\u00b5s for a ballot",
                "ballots",
                {label: _each(name, "ballots", 1e6) for label, name in _LOG.items()},
                straight=0,
            ),
        ),
    ),
    "by-sockets": (
        "A room as it fills",
        (
            Panel(
                "From a vote to the last screen, and to its answer",
                "open sockets",
                "milliseconds",
                "sockets",
                {
                    "last screen": _of("fan_out_ms"),
                    "answer, 99 %": _of("answer_p99_ms"),
                    "answer, 50 %": _of("answer_p50_ms"),
                },
                straight=1,
            ),
            Panel(
                "What one screen costs in a fan-out",
                "open sockets",
                "\u00b5s",
                "sockets",
                {"CPU time of the server": _of("cpu_per_frame_us")},
                straight=0,
                log=False,
            ),
            Panel(
                "What all of them cost",
                "open sockets",
                "MiB",
                "sockets",
                {"memory of the server": _of("memory_mib")},
                log=False,
                log_sizes=False,
            ),
        ),
    ),
    "by-batch": (
        "Votes as they come faster",
        (
            Panel(
                "Durable votes",
                "votes under way",
                "a second",
                "under_way",
                {"durable votes": _of("votes_per_s")},
                straight=1,
                rates=True,
            ),
            Panel(
                "What one vote costs",
                "votes under way",
                "\u00b5s, ms",
                "under_way",
                {"CPU time of the server, \u00b5s": _of("cpu_per_vote_us"), "mean answer, ms": _of("answer_ms")},
            ),
            Panel(
                "How many share an fsync, as the server counts",
                "votes under way",
                "votes",
                "under_way",
                {"votes in a batch": _of("batch")},
                straight=1,
                rates=True,
            ),
        ),
    ),
    "by-joins": (
        "People who come in",
        (
            Panel(
                "Joins: page, socket, first message",
                "people at once",
                "a second",
                "at_once",
                {"joins": _of("joins_per_s")},
                straight=0,
                log=False,
            ),
            Panel(
                "How long each takes",
                "people at once",
                "milliseconds",
                "at_once",
                {"99 %": _of("join_p99_ms"), "50 %": _of("join_p50_ms")},
                straight=1,
            ),
        ),
    ),
}


def draw(curves: dict[str, Measured], directory: Path) -> list[Path]:
    """Write one PNG for each curve that there is; their paths."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.size": 11, "axes.titlesize": 11, "axes.grid": True, "grid.alpha": 0.35})
    drawn = []
    for name, (title, panels) in PANELS.items():
        if name not in curves:
            continue
        figure, axes = pyplot.subplots(
            len(panels),
            figsize=(_WIDTH_IN, 0.6 + _HEIGHT_IN * len(panels)),
            dpi=_DOTS_PER_IN,
            facecolor="white",
            layout="constrained",
        )
        figure.suptitle(title, fontsize=13, fontweight="bold")
        for panel, each in zip(panels, axes, strict=True):
            _paint(each, panel, curves[name]["points"])
        figure.supxlabel(_machine(curves[name]["machine"]), fontsize=8, color=_GREY)
        path = directory / f"{name}.png"
        # The same points give the same bytes.
        figure.savefig(path, metadata={"Software": None})
        pyplot.close(figure)
        drawn.append(path)
    return drawn


def _machine(facts: dict[str, str]) -> str:
    parts = (facts.get("CPU", "?"), f"{facts.get('cores', '?')} cores", f"Python {facts.get('Python', '?')}")
    return ", ".join((*parts, facts.get("date", "")[:10])).rstrip(", ")


def _paint(axes: "Axes", panel: Panel, points: Sequence[Point]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

    sizes = [point[panel.axis] for point in points]
    for (label, value), (colour, marker) in zip(panel.lines.items(), _STYLES, strict=False):
        axes.plot(sizes, [value(point) for point in points], color=colour, marker=marker, label=label)
        # Hollow where the load generator had no time left.
        doubted = [point for point in points if doubtful(point)]
        axes.plot(
            [point[panel.axis] for point in doubted],
            [value(point) for point in doubted],
            color=colour,
            marker=marker,
            markerfacecolor="white",
            linestyle="none",
        )
    if panel.straight is not None:
        first = next(iter(panel.lines.values()))
        through = points[0 if panel.rates else -1]
        straight = [first(through) * (size / through[panel.axis]) ** panel.straight for size in sizes]
        label = "straight line" if panel.straight else "level line"
        axes.plot(sizes, straight, color=_GREY, linestyle="--", linewidth=1, zorder=1, label=label)
    if any(map(doubtful, points)):
        axes.plot([], [], color=_GREY, marker="o", markerfacecolor="white", linestyle="none", label=_DOUBT)
    axes.set_title(panel.title, loc="left")
    axes.set(xlabel=panel.across, ylabel=panel.up)
    if panel.log_sizes:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(sizes))
        axes.xaxis.set_minor_locator(NullLocator())
    if panel.log:
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < _SHORT else (1,)))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
    # Below the axes, where it hides nothing.
    axes.legend(fontsize=10, frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.19))


_DOUBT = "generator busy"


def _tick(value: float) -> str:
    """A size as people say it, and short, because sizes stand close to each other: 0.5, 30, 2k, 1M."""
    for unit, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw what is in the file, beside it."""
    parser = argparse.ArgumentParser(prog="python -m bench.plots", description="Draw the measured curves as PNG.")
    parser.add_argument("file", nargs="?", type=Path, default=FILE, help="the points that python -m bench has kept")
    file = parser.parse_args(arguments).file
    try:
        drawn = draw(load(file), file.parent)
    except (OSError, ValueError) as error:
        print(f"Cannot read {file}: {error}. Measure with 'python -m bench curves' first.", file=sys.stderr)
        return 1
    except KeyError as error:
        print(f"{file} has no {error}: another version measured it. Measure anew.", file=sys.stderr)
        return 1
    for path in drawn:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
