"""What an interval cost, and whether its figures can be trusted."""

from bench.meter import Interval, doubts, read_busy_s


def test_busy_time_is_all_but_idle_and_waiting() -> None:
    stat = "cpu  100 20 30 9000 800 1 2 3 0 0\ncpu0 50 10 15 4500 400 1 1 1 0 0\n"
    assert read_busy_s(stat, ticks_per_s=100) == 1.56


def test_a_quiet_interval_raises_no_doubt() -> None:
    rows = Interval(wall_s=10, server_s=9.9, generator_s=8.9, others_s=1).rows("live")
    assert [row.figure for row in rows] == ["server busy", "load generator busy", "other programs busy"]
    assert doubts(rows) == []


def test_a_busy_load_generator_or_machine_raises_a_doubt() -> None:
    found = doubts(Interval(wall_s=10, server_s=5, generator_s=9.5, others_s=4).rows("live"))
    assert found == [
        "live: the load generator was busy for 95.0 % of its core, so the figures may be its own",
        "live: other programs were busy for 40.0 % of a core, so the figures may be worse than on a quiet machine",
    ]
