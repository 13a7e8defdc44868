"""All comparisons for real, in the smallest sizes: livevote and those peers that are there are started and measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.comparisons import COMPARISONS
from bench.reach import BEGIN, END
from tests.process import CHECKOUT

pytestmark = pytest.mark.long

TINY = {
    "pairs": 1,
    "race-sockets": 25,
    "lap-s": 1,
    "fan-sockets": 10,
    "fan-outs": 2,
    "idle-sockets": 20,
    "joins": 20,
    "join-concurrency": 5,
    "burst-voters": 10,
    "burst-rounds": 1,
    "hall-sockets": 20,
    "hall-votes-per-s": 20,
    "hall-s": 1,
    "stalled-sockets": 20,
    "stalled-votes-per-s": 50,
    "stalled-s": 1,
    "log-pairs": 1,
    "ballots": 200,
    "store-votes": 5,
    "store-pairs": 1,
}


@pytest.mark.timeout(seconds=120)
def test_every_comparison_measures_and_the_page_gets_its_table(tmp_path: Path) -> None:
    page, figures = tmp_path / "page.md", tmp_path / "figures.json"
    page.write_text(f"# A page\n\n{BEGIN}\n{END}\n", encoding="utf-8")
    sizes = [f"--{name}={size}" for name, size in TINY.items()]
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--no-pin", f"--dir={tmp_path}", f"--into={page}", f"--json={figures}", *sizes],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(figures.read_text(encoding="utf-8"))["reach"]
    assert len(rows) == sum(len(comparison.targets) for comparison in COMPARISONS.values())
    assert [row["row"] for row in rows] == sorted(row["row"] for row in rows)
    for row in rows:
        # What is not measured says so; the peers are not part of what the tests install.
        assert (row["value"] is None) is row["beside"].startswith("not measured"), row
    # These need nothing but livevote.
    measured = {row["row"] for row in rows if row["value"] is not None}
    assert {5, 6, 7, 8, 9, 11, 12} <= measured
    assert page.read_text(encoding="utf-8").count("\n| 12 | ") == 2
    # Nothing is left behind.
    assert sorted(found.name for found in tmp_path.iterdir()) == ["figures.json", "page.md"]


def test_a_page_without_a_place_for_the_table_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page\n", encoding="utf-8")
    assert main(["page", f"--into={page}"]) == 2
    assert "has no line" in capsys.readouterr().err
