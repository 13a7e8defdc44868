"""The model of an event: its sums, by hand, and its limits."""

import json
from pathlib import Path

import pytest

from bench.capacity import CHART_BYTES, PAGE_BYTES, USEFUL, Costs, Event, costs, main, need, tick_s, vote_us
from bench.points import Measured
from livevote.web.assets import Assets

COSTS = Costs(
    join_us=1000,
    vote_us=((1, 50), (1000, 50)),
    frame_us=20,
    fold_us=5,
    socket_bytes=10_000,
    process_bytes=50_000_000,
    ballot_bytes=300,
    ballot_disk_bytes=400,
    commit_ms=5,
)
MEASURED: dict[str, Measured] = {
    "by-ballots": Measured(
        machine={},
        points=[
            {"ballots": 100_000, "start_s": 1.0, "memory_mib": 100.0, "disk_mib": 40.0},
            {"ballots": 1_100_000, "start_s": 6.0, "memory_mib": 400.0, "disk_mib": 440.0},
        ],
    ),
    "by-sockets": Measured(
        machine={},
        points=[
            {"sockets": 100, "cpu_per_frame_us": 99.0, "memory_mib": 60.0},
            {"sockets": 10_100, "cpu_per_frame_us": 21.0, "memory_mib": 160.0},
            {"sockets": 19_000, "cpu_per_frame_us": 24.0, "memory_mib": 360.0},
        ],
    ),
    "by-batch": Measured(
        machine={},
        points=[
            {"under_way": 1, "batch": 1.0, "cpu_per_vote_us": 300.0, "answer_ms": 4.0},
            {"under_way": 300, "batch": 100.0, "cpu_per_vote_us": 50.0, "answer_ms": 30.0},
        ],
    ),
    "by-joins": Measured(machine={}, points=[{"at_once": 200, "cpu_per_join_us": 800.0}]),
}


def test_a_tick_follows_the_rule_of_the_hub() -> None:
    assert tick_s(100, COSTS) == 0.1
    assert tick_s(10_000, COSTS) == pytest.approx(0.5)
    assert tick_s(100_000, COSTS) == 1.0


def test_one_core_by_hand() -> None:
    found = need(Event(people=5_000, join_s=50, vote_s=10), COSTS)
    assert found.nodes == 1
    assert found.join_load == pytest.approx(100 * 1000e-6)
    assert found.vote_load == pytest.approx(500 * 50e-6)
    # A fan-out of 100 ms with a tick of 250 ms.
    assert found.tick_s == pytest.approx(0.25)
    assert found.frame_load == pytest.approx(0.4)
    assert found.screen_age_s == pytest.approx(0.005 + 0.25 + 0.1)
    assert found.memory_bytes == 50_000_000 + 5_000 * 10_000 + 50_000 * 300
    assert found.disk_bytes == 50_000 * 400
    # 500 votes a second, in 5 ms of an fsync and 2 ms of a fan-out's slice.
    assert found.batch == pytest.approx(3.5)
    assert need(Event(people=5_000, join_s=50, vote_s=10, live=False), COSTS).batch == pytest.approx(2.5)


def test_more_people_need_no_fewer_nodes_and_no_core_is_planned_full() -> None:
    before = 0
    for people in (100, 3_000, 10_000, 30_000, 100_000, 300_000):
        found = need(Event(people=people, vote_s=30), COSTS)
        assert found.nodes >= before
        assert found.vote_load + found.frame_load <= USEFUL
        assert found.join_load <= USEFUL
        before = found.nodes
    assert before > 1


def test_a_vote_among_many_costs_what_was_measured_around_that_size() -> None:
    measured = costs(MEASURED)
    assert [vote_us(batch, measured) for batch in (0.2, 1, 100, 5_000)] == [300, 300, 50, 50]
    assert vote_us(10, measured) == pytest.approx(175)


def test_hidden_results_cost_no_frames() -> None:
    found = need(Event(people=10_000, live=False), COSTS)
    assert (found.frames_per_s, found.frame_load) == (0, 0)
    assert found.nodes < need(Event(people=100_000, live=True), COSTS).nodes


def test_more_votes_than_a_core_can_fold_are_refused_with_a_remedy() -> None:
    with pytest.raises(ValueError, match="let people vote over a longer time"):
        need(Event(people=3_000_000, vote_s=1), COSTS)


def test_costs_are_taken_from_the_measured_points() -> None:
    found = costs(MEASURED)
    assert (found.join_us, found.vote_us, found.commit_ms) == (800, ((1, 300), (100, 50)), 4)
    assert found.frame_us == 21
    assert found.socket_bytes == pytest.approx(100 * (1 << 20) / 10_000)
    assert found.fold_us == pytest.approx(5)
    assert found.ballot_bytes == pytest.approx(300 * (1 << 20) / 1_000_000)
    assert found.ballot_disk_bytes == pytest.approx(440 * (1 << 20) / 1_100_000)
    assert found.process_bytes == pytest.approx(70 * (1 << 20))


def test_sizes_on_the_wire_are_those_of_the_pages() -> None:
    assets = Assets()
    page = len(assets.client.find("en").gzipped) + len(assets.scripts["receipts"].find("en").gzipped)
    chart = len(assets.chart.gzipped)
    # Headers, of TCP as well, are a few per cent.
    assert page < PAGE_BYTES < 1.25 * page
    assert chart < CHART_BYTES < 1.25 * chart


def test_the_command_prints_what_an_event_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "curves.json"
    file.write_text(json.dumps(MEASURED))
    assert main(["--people", "5000", "--file", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "nodes, one core each        1\nsockets, each node          5,000\n" in printed
    assert "Mbit/s out" in printed
    assert main(["--costs", "--file", str(file)]) == 0
    assert "CPU time of a frame              21.0 \u00b5s\n" in capsys.readouterr().out
    assert main(["--people", "90000000", "--vote-s", "1", "--file", str(file)]) == 1
    assert "in several rooms" in capsys.readouterr().err


def test_the_command_says_what_was_not_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "curves.json"
    assert main(["--file", str(file)]) == 1
    file.write_text(json.dumps({**MEASURED, "by-joins": {"machine": {}, "points": []}}))
    assert main(["--file", str(file)]) == 1
    assert capsys.readouterr().err.count("Measure with 'python -m bench curves' first.") == 2
    with pytest.raises(SystemExit):
        main(["--people", "0"])
