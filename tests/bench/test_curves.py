"""All curves for real, in the smallest sizes, and the ladders that they climb."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.curves import CURVES
from bench.plots import PANELS
from bench.points import doubtful, keep, load
from bench.sizes import QUICK, Sizes
from tests.process import CHECKOUT

pytestmark = pytest.mark.long

TINY = {
    "curve-ballots": 200,
    "curve-sockets": 10,
    "curve-votes": 3,
    "race-sockets": 40,
    "curve-joins": 5,
    "curve-runs": 1,
    "fan-outs": 2,
    "live-votes-per-s": 20,
    "live-s": 1,
    "lap-s": 1,
    "joins": 20,
}


@pytest.mark.timeout(seconds=120)
def test_every_curve_is_measured_and_kept(tmp_path: Path) -> None:
    kept, figures = tmp_path / "kept" / "curves.json", tmp_path / "figures.json"
    sizes = [f"--{name}={size}" for name, size in TINY.items()]
    options = ["--no-pin", f"--dir={tmp_path}", f"--curves={kept}", f"--json={figures}", *sizes]
    done = subprocess.run(
        [sys.executable, "-m", "bench", "curves", *options],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    curves = load(kept)
    assert list(curves) == list(CURVES)
    for name, curve in curves.items():
        assert curve["machine"]["Python"]
        steps = CURVES[name].steps(Sizes(curve_ballots=200, curve_sockets=10, curve_votes=3, curve_joins=5))
        assert [next(iter(point.values())) for point in curve["points"]] == steps
        # All else is the server's doing, and costs something.
        for point in curve["points"]:
            assert all(value >= 0 for value in point.values()), point
        # What is drawn of them is there, and can stand on an axis of logarithms.
        for panel in PANELS[name][1]:
            assert all(value(point) > 0 for point in curve["points"] for value in panel.lines.values() if panel.log)
            assert all(point[panel.axis] > 0 for point in curve["points"])
    assert list(PANELS) == list(CURVES)
    ballots, sockets, alone, joins = (curve["points"][0] for curve in curves.values())
    assert min(ballots["start_s"], ballots["verify_s"], ballots["export_s"], ballots["memory_mib"]) > 0
    assert 0 < sockets["fan_out_ms"] <= sockets["slowest_fan_out_ms"]
    assert 0 < sockets["answer_p50_ms"] <= sockets["answer_p99_ms"]
    # Nobody but the only voter can be in the batch.
    assert alone["batch"] == 1
    assert 0 < joins["join_p50_ms"] <= joins["join_p99_ms"]
    assert json.loads(figures.read_text(encoding="utf-8"))["curves"].keys() == CURVES.keys()
    # Nothing is left behind but what was asked for, and pictures where there is somebody to draw them.
    assert sorted(found.name for found in tmp_path.iterdir()) == ["figures.json", "kept"]
    drawn = {f"{name}.png" for name in CURVES} if "were not drawn" not in done.stdout else set()
    assert {found.name for found in kept.parent.iterdir()} == {"curves.json", *drawn}


def test_a_ladder_ends_at_the_largest_size() -> None:
    assert CURVES["by-ballots"].steps(Sizes()) == [10_000, 100_000, 1_000_000]
    assert CURVES["by-ballots"].steps(Sizes(curve_ballots=10_000_000))[-2:] == [1_000_000, 10_000_000]
    assert CURVES["by-sockets"].steps(Sizes()) == [100, 1_000, 5_000, 10_000, 19_000]
    for curve in CURVES.values():
        assert len(curve.steps(QUICK)) >= 2


def test_the_largest_room_fits_into_twenty_thousand_descriptors() -> None:
    assert Sizes().most_sockets(CURVES) == 19_000
    assert Sizes(joins=30, curve_joins=5).most_sockets(["by-joins"]) == 35


def test_a_curve_that_is_measured_again_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "plots" / "curves.json"
    keep(file, "by-joins", [{"at_once": 10, "join_p50_ms": 1.23456}], {"cores": "2"})
    keep(file, "by-batch", [{"under_way": 1}], {"cores": "2"})
    keep(file, "by-joins", [{"at_once": 50, "join_p50_ms": 2.34567}], {"cores": "4"})
    assert load(file) == {
        "by-joins": {"machine": {"cores": "4"}, "points": [{"at_once": 50, "join_p50_ms": 2.346}]},
        "by-batch": {"machine": {"cores": "2"}, "points": [{"under_way": 1}]},
    }


def test_a_busy_load_generator_is_named() -> None:
    assert doubtful({"sockets": 5, "generator_percent": 90})
    assert not doubtful({"sockets": 5, "generator_percent": 89.9})
    assert not doubtful({"ballots": 5})
