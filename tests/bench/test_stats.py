"""The arithmetic of the bench."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats import first_at, percentile, screen_ages


@pytest.mark.parametrize(("percent", "rank"), [(1, 1), (5, 1), (30, 2), (40, 2), (50, 3), (99, 5), (100, 5)])
def test_percentile_is_the_nearest_rank(percent: float, rank: int) -> None:
    values = [35.0, 20.0, 50.0, 15.0, 40.0]
    assert percentile(values, percent) == sorted(values)[rank - 1]


def test_percentile_of_one_to_a_hundred_is_the_percent() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert [percentile(values, percent) for percent in range(1, 101)] == sorted(values)


def test_percentile_leaves_the_values_as_they_are() -> None:
    values = [3.0, 1.0, 2.0]
    percentile(values, 50)
    assert values == [3.0, 1.0, 2.0]


@given(st.lists(st.floats(allow_nan=False), min_size=1), st.integers(min_value=1, max_value=100))
def test_percentile_is_the_smallest_value_that_enough_do_not_exceed(values: list[float], percent: int) -> None:
    found = percentile(values, percent)
    assert found in values
    assert 100 * sum(value <= found for value in values) >= percent * len(values)
    assert 100 * sum(value < found for value in values) < percent * len(values)


@pytest.mark.parametrize("percent", [0, -1, 100.1])
def test_percentile_refuses_what_is_not_one(percent: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 100"):
        percentile([1.0], percent)


def test_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_a_vote_is_as_old_as_the_first_tally_that_holds_it() -> None:
    votes = [(5, 1.0), (6, 2.0), (7, 2.5), (9, 4.0)]
    assert list(screen_ages(votes, [3.0, 3.5, 6.0], [4, 7, 9])) == [2.5, 1.5, 1.0, 2.0]


def test_a_vote_that_never_reached_the_screen_has_no_age() -> None:
    with pytest.raises(ValueError, match="record 6"):
        list(screen_ages([(5, 1.0), (6, 2.0)], [3.0], [5]))


def test_first_at_finds_the_first_tally_that_is_new_enough() -> None:
    assert first_at([1.0, 2.0, 3.0], [4, 6, 8], 5) == 2.0
    assert first_at([1.0], [4], 5) is None
