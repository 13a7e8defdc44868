"""Pictures of a few made-up points."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench import peers
from bench.plots import main
from bench.points import Point, keep

POINTS: dict[str, list[Point]] = {
    "by-ballots": [
        {"ballots": size, "start_s": size / 1e5, "verify_s": size / 5e4, "export_s": size / 6e4}
        for size in (1000, 9000)
    ],
    "by-sockets": [
        {
            "sockets": size,
            "fan_out_ms": size / 50,
            "answer_p50_ms": 2.5,
            "answer_p99_ms": 11,
            "cpu_per_frame_us": 20,
            "memory_mib": 60 + size / 400,
            "generator_percent": busy,
        }
        for size, busy in ((100, 40), (19_000, 95))
    ],
    "by-batch": [
        {"under_way": size, "batch": size / 1.5, "votes_per_s": 900 * size**0.5, "answer_ms": 4, "cpu_per_vote_us": 70}
        for size in (2, 2000)
    ],
    "by-joins": [
        {"at_once": size, "joins_per_s": 900, "join_p50_ms": size, "join_p99_ms": 2 * size} for size in (10, 200)
    ],
}
PNG = b"\x89PNG\r\n\x1a\n"


def drawn(file: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "bench.plots", str(file)],
        cwd=peers.TOP,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # It may say that it looks for fonts, the first time.
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_each_curve_is_a_picture_and_the_same_points_are_the_same_picture(tmp_path: Path) -> None:
    file = tmp_path / "curves.json"
    for name, points in POINTS.items():
        keep(
            file, name, points, {"CPU": "A processor", "cores": "2", "Python": "3.11.7", "date": "2026-01-02T03:04:05"}
        )
    pictures = [tmp_path / f"{name}.png" for name in POINTS]
    assert drawn(file) == [str(picture) for picture in pictures]
    first = [picture.read_bytes() for picture in pictures]
    assert all(picture.startswith(PNG) for picture in first)
    assert len(set(first)) == len(first)
    assert drawn(file) == [str(picture) for picture in pictures]
    assert [picture.read_bytes() for picture in pictures] == first
    # A phone shows 360 points across; a picture twice as wide is sharp there, and its letters are not too small.
    for picture in first:
        assert 720 <= int.from_bytes(picture[16:20], "big") <= 800


def test_only_what_was_measured_is_drawn(tmp_path: Path) -> None:
    file = tmp_path / "curves.json"
    keep(file, "by-joins", POINTS["by-joins"], {})
    assert drawn(file) == [str(tmp_path / "by-joins.png")]


def test_a_file_of_another_version_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "curves.json"
    keep(file, "by-joins", [{"at_once": 10}], {})
    done = subprocess.run(
        [sys.executable, "-m", "bench.plots", str(file)], cwd=peers.TOP, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (
        1,
        f"{file} has no 'joins_per_s': another version measured it. Measure anew.\n",
    )


def test_a_file_without_points_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "curves.json")]) == 1
    assert "Measure with 'python -m bench curves' first." in capsys.readouterr().err
