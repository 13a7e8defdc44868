"""The table of what a vote costs: every step runs and takes some time."""

from bench.vote_cost import steps


def test_every_step_of_a_vote_has_a_cost() -> None:
    costs = dict(steps(laps=2))
    assert len(costs) == 14
    assert all(0 < cost_us < 1000 for cost_us in costs.values())
