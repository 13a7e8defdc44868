"""The table of what is to be reached."""

from pathlib import Path

import pytest

from bench.comparisons import COMPARISONS
from bench.comparisons.stalled import unread_bytes
from bench.meter import Interval
from bench.reach import (
    BEGIN,
    END,
    Finding,
    Laps,
    Target,
    markdown,
    not_measured,
    plain,
    put_into,
    ratios,
    values,
    warnings_of,
)

MORE = Target(1, "votes", 3, 5)
LESS = Target(5, "memory", 10, 5, unit="KB", lower=True)
EITHER = Target(6, "all in", 5, unit="s", lower=True)


@pytest.mark.parametrize(
    ("target", "value", "reached"),
    [
        (MORE, 5, "goal"),
        (MORE, 4.9, "floor"),
        (MORE, 3, "floor"),
        (MORE, 2.9, "MISSED"),
        (LESS, 5, "goal"),
        (LESS, 10, "floor"),
        (LESS, 10.1, "MISSED"),
        (EITHER, 5, "yes"),
        (EITHER, 5.1, "MISSED"),
        (Target(2, "for comparison"), 1, ""),
    ],
)
def test_what_a_value_reaches(target: Target, value: float, reached: str) -> None:
    assert target.reached(value) == reached
    assert Finding(target, [value]).reached == reached


def test_every_row_is_measured_by_one_comparison_and_no_goal_is_below_its_floor() -> None:
    targets = [target for comparison in COMPARISONS.values() for target in comparison.targets]
    assert {target.row for target in targets} == set(range(1, 13))
    assert len({target.figure for target in targets}) == len(targets)
    for target in targets:
        if target.goal is not None:
            assert target.floor is not None
            assert (target.goal < target.floor) is target.lower


def test_a_finding_is_the_median_with_its_spread() -> None:
    found = Finding(MORE, [2.0, 9.0, 4.0], "a, b", 91)
    assert found.value == 4
    assert found.doubtful
    assert found.cells() == ("1", "votes", "≥ 3", "≥ 5", "4.00", "2.00", "9.00", "3", "floor", "91 %!", "a, b")
    assert warnings_of([found, Finding(MORE, [1], generator_percent=90)]) == [
        "row 1, votes: the load generator was busy for 91 % of its core, so the figure may be its own"
    ]


def test_what_was_not_measured_says_why() -> None:
    [found] = not_measured([LESS], "no node here")
    assert found.value is None
    assert found.cells() == ("5", "memory", "≤ 10 KB", "≤ 5 KB", "", "", "", "", "not measured", "", "no node here")


def test_pairs_become_ratios() -> None:
    assert ratios([2, 9], [1, 3]) == [2, 3]
    with pytest.raises(ValueError, match="longer"):
        ratios([2], [1, 3])


def test_laps_give_rates_and_costs() -> None:
    laps = Laps()
    laps.add(Interval(wall_s=2, server_s=1, generator_s=0.5, others_s=0), 1000)
    assert laps.rates() == [500]
    assert laps.cpu_us() == [1000]
    assert laps.server_percent() == [50]
    assert laps.generator_percent == [25]


def test_the_table_is_text_markdown_and_values() -> None:
    findings = [Finding(MORE, [1.0]), Finding(LESS, [4.0])]
    lines = plain(findings).splitlines()
    assert lines[0].startswith("row  figure  ")
    assert "MISSED" in lines[2]
    assert "| **MISSED** |" in markdown(findings).splitlines()[2]
    assert values(findings)[1]["values"] == [4.0]
    assert values(findings)[1]["reached"] == "goal"


def test_the_table_takes_its_place_in_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n", encoding="utf-8")
    put_into(page, "new")
    put_into(page, "newer")
    assert page.read_text(encoding="utf-8") == f"before\n\n{BEGIN}\n\nnewer\n\n{END}\n\nafter\n"


def test_what_nobody_has_taken_yet_is_read_from_the_kernels_table() -> None:
    table = (
        "  sl  local_address rem_address   st tx_queue rx_queue\n"
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000\n"
        "   1: 0100007F:1F90 0300007F:D2F0 01 00000A10:00000000 00:00000000\n"
        "   2: 0300007F:D2F0 0100007F:1F90 01 00000001:00000000 00:00000000\n"
    )
    assert unread_bytes(table, 8080) == [0xA10]
    assert unread_bytes(table, 80) == []
