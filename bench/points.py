"""Where the points of the curves are kept between measuring, drawing and planning; needs nothing but Python."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from bench.meter import BUSY_PERCENT

FILE = Path(__file__).parent.parent / "docs" / "plots" / "curves.json"
Point = dict[str, float]
"""Figures by name, with the unit at the end of the name; the first one is the size that the others belong to."""


class Measured(TypedDict):
    """One curve."""

    machine: dict[str, str]
    points: list[Point]


def load(file: Path) -> dict[str, Measured]:
    """All curves by name. Raises ``OSError`` or ``ValueError`` where ``file`` is not there or has none."""
    curves: dict[str, Measured] = json.loads(file.read_text(encoding="utf-8"))
    return curves


def keep(file: Path, name: str, points: Sequence[Point], machine: dict[str, str]) -> None:
    """Put a curve into ``file`` in place of the one of that name; the other curves stay."""
    curves = load(file) if file.exists() else {}
    curves[name] = Measured(
        machine=machine, points=[{key: _rounded(value) for key, value in p.items()} for p in points]
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(curves, indent=1) + "\n", encoding="utf-8")


def doubtful(point: Point) -> bool:
    """Whether the load generator may be what was measured, because it had no time left."""
    return point.get("generator_percent", 0.0) >= BUSY_PERCENT


def _rounded(value: float) -> float:
    """Four digits: more would only make a difference in the file, not in what is known."""
    return value if isinstance(value, int) else float(f"{value:.4g}")
