"""Estimates: bins, median and mean by worked examples, and a truth that only the solution shows."""

from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.kinds.estimate import FARTHEST, KIND, EstimateRules
from livevote.domain.kinds.value import Value
from tests.domain.kinds.cases import why

TEN = EstimateRules(min=0, max=10, truth=7)


def figures(rules: EstimateRules, *given_numbers: int) -> dict[str, Any]:
    tally = KIND.empty(0, rules)
    for number in given_numbers:
        tally.add(Value(number))
    return tally.figures()


def test_rules_are_filled_in_and_stored_canonically() -> None:
    assert KIND.define((), b'{"max":9,"min":1}') == b'{"decimals":0,"max":9,"min":1,"truth":null,"unit":""}'
    sent = b'{"max":900,"min":-100,"decimals":2,"truth":150,"unit":"m\xc2\xb2"}'
    assert KIND.define((), sent) == b'{"decimals":2,"max":900,"min":-100,"truth":150,"unit":"m\xc2\xb2"}'


@pytest.mark.parametrize(
    ("options", "sent", "detail"),
    [
        (("a", "b"), b'{"min":1,"max":2}', "a question of the kind 'estimate' takes no options"),
        ((), b"{}", "max"),
        ((), b'{"min":1}', "max"),
        ((), b'{"min":2,"max":2}', "rules need min < max, not min 2 and max 2"),
        ((), b'{"min":1,"max":2,"truth":3}', "nobody can guess 3: it is not between min and max"),
        ((), b'{"min":1,"max":2,"truth":0}', "nobody can guess 0"),
        ((), b'{"min":1,"max":2,"decimals":7}', "decimals"),
        ((), b'{"min":1,"max":2,"unit":"' + b"x" * 21 + b'"}', "unit"),
        ((), b'{"min":1,"max":2,"unit":" m"}', "invisible"),
        ((), b'{"min":0.5,"max":2}', "min"),
        ((), b'{"min":0,"max":9007199254740992}', "max"),
    ],
)
def test_rules_that_nobody_can_follow_are_refused(options: tuple[str, ...], sent: bytes, detail: str) -> None:
    assert detail in why(KIND, options, sent)


@pytest.mark.parametrize(
    ("low", "high", "bins"),
    [
        (0, 1, ("0", "1")),
        (-2, 2, ("-2", "-1", "0", "1", "2")),
        (1, 20, tuple(str(number) for number in range(1, 21))),
        (0, 20, (*(f"{low}\u2013{low + 1}" for low in range(0, 18, 2)), "18\u201320")),
        (0, 21, tuple(f"{low}\u2013{low + 1}" for low in range(0, 22, 2))),
        (1, 100, tuple(f"{low}\u2013{low + 4}" for low in range(1, 100, 5))),
        (0, 100, (*(f"{low}\u2013{low + 4}" for low in range(0, 95, 5)), "95\u2013100")),
    ],
)
def test_bins_are_equal_and_end_with_the_highest(low: int, high: int, bins: tuple[str, ...]) -> None:
    assert KIND.bins((), EstimateRules(min=low, max=high)) == bins


def test_labels_have_the_decimals_of_the_question() -> None:
    rules = EstimateRules(min=0, max=100, decimals=1, unit="kg")
    assert KIND.bins((), rules)[:2] == ("0.0\u20130.4", "0.5\u20130.9")
    assert KIND.words(Value(25), (), rules) == "2.5 kg"
    assert KIND.words(Value(-5), (), EstimateRules(min=-9, max=0, decimals=2)) == "-0.05"


@given(st.integers(-FARTHEST, FARTHEST), st.integers(-FARTHEST, FARTHEST), st.data())
def test_law_every_number_is_in_the_bin_that_names_it(one: int, other: int, data: st.DataObject) -> None:
    low, high = sorted((one, other if other != one else one - 1))
    rules = EstimateRules(min=low, max=high)
    number = data.draw(st.sampled_from([low, high]) | st.integers(low, high))
    tally = KIND.empty(0, rules)
    tally.add(Value(number))
    labels = KIND.bins((), rules)
    assert len(labels) == len(tally.counts()) <= 20
    first, _, last = labels[tally.counts().index(1)].partition("\u2013")
    assert int(first) <= number <= int(last or first)
    assert (int(labels[0].partition("\u2013")[0]), int(labels[-1].split("\u2013")[-1])) == (low, high)


@pytest.mark.parametrize(
    ("given_numbers", "expected"),
    [
        ((), {"median": [0, 0], "mean": [0, 0], "low": None, "high": None}),
        ((4,), {"median": [8, 2], "mean": [4, 1], "low": 4, "high": 4}),
        ((4, 7), {"median": [11, 2], "mean": [11, 2], "low": 4, "high": 7}),
        ((0, 0, 10), {"median": [0, 2], "mean": [10, 3], "low": 0, "high": 10}),
        ((9, 1, 3, 3), {"median": [6, 2], "mean": [16, 4], "low": 1, "high": 9}),
    ],
)
def test_median_and_mean(given_numbers: tuple[int, ...], expected: dict[str, Any]) -> None:
    assert figures(TEN, *given_numbers) == expected


SPANS = ((0, 10), (-3, 252), (0, 256), (-70_000, 70_000), (-FARTHEST, FARTHEST))
"""One digit to the base 256, just one, two, three, and all seven."""


@pytest.mark.parametrize(("low", "high"), SPANS)
@given(data=st.data())
def test_law_the_median_is_that_of_the_textbooks(low: int, high: int, data: st.DataObject) -> None:
    near = data.draw(st.integers(low, high))
    # Many that are the same or begin alike, and both ends.
    numbers = st.integers(low, high) | st.integers(max(low, near - 300), min(high, near + 300)) | st.just(near)
    given_numbers: list[int] = data.draw(st.lists(numbers | st.sampled_from([low, high]), min_size=1, max_size=40))
    taken_back = data.draw(st.lists(st.sampled_from(range(len(given_numbers))), unique=True))
    tally = KIND.empty(0, EstimateRules(min=low, max=high))
    for number in given_numbers:
        tally.add(Value(number))
    for place in taken_back:
        tally.remove(Value(given_numbers[place]))
    left = [Fraction(number) for place, number in enumerate(given_numbers) if place not in taken_back]
    found = tally.figures()
    assert found == (
        {
            "median": [int(2 * median(left)), 2],
            "mean": [int(sum(left)), len(left)],
            "low": int(min(left)),
            "high": int(max(left)),
        }
        if left
        else figures(TEN)
    )


class Counted(dict[int, int]):
    """Counts how often somebody looks for a number."""

    looks = 0

    def get(self, key: int, default: Any = None) -> Any:
        Counted.looks += 1
        return super().get(key, default)


def test_a_tick_costs_the_same_however_many_different_estimates_fall_into_one_bin() -> None:
    tally = KIND.empty(0, EstimateRules(min=0, max=FARTHEST))
    tally._begins = [Counted() for _ in tally._begins]
    for number in range(20_000):
        tally.add(Value(10**12 + 7 * number))
    assert sum(map(bool, tally.counts())) == 1
    Counted.looks = 0
    assert tally.figures()["median"] == [2 * 10**12 + 7 * 19_999, 2]
    assert Counted.looks <= 4 * 7 * 256, "four numbers, each digit once through"


def test_the_solution_says_how_far_the_median_is_off() -> None:
    assert KIND.solved(figures(TEN, 4, 7), TEN)["distance"] == [3, 2]
    assert KIND.solved(figures(TEN, 10), TEN) == {**figures(TEN, 10), "truth": 7, "distance": [6, 2]}
    assert KIND.solved(figures(TEN), TEN)["distance"] is None
    untold = EstimateRules(min=0, max=10)
    assert KIND.solved(figures(untold, 4), untold) == figures(untold, 4)


def test_figures_as_people_read_them() -> None:
    rules = EstimateRules(min=0, max=1000, decimals=2, unit="m", truth=150)
    found = figures(rules, 100, 101, 299)
    assert KIND.told(found, (), rules) == (
        ("median (m)", Decimal("1.0100")),
        ("mean (m)", Decimal("1.6667")),
        ("lowest (m)", Decimal("1.00")),
        ("highest (m)", Decimal("2.99")),
    )
    assert KIND.told(KIND.solved(found, rules), (), rules)[4:] == (
        ("truth (m)", Decimal("1.50")),
        ("distance of the median (m)", Decimal("0.4900")),
    )
    told = KIND.told(KIND.solved(figures(TEN), TEN), (), TEN)
    assert dict(told) == {
        **dict.fromkeys(("median", "mean", "lowest", "highest", "distance of the median"), ""),
        "truth": Decimal(7),
    }


def test_i5_says_that_counts_add_up_to_voters() -> None:
    assert KIND.conserved((1, 2), 3, TEN)
    assert not KIND.conserved((1, 2), 4, TEN)


def test_the_truth_is_no_public_rule() -> None:
    assert KIND.public_rules(TEN) == EstimateRules(min=0, max=10)


def test_a_truth_that_is_kept_elsewhere_comes_back() -> None:
    rules = KIND.rules(b'{"decimals":0,"max":9,"min":0,"truth":7,"unit":"kg"}')
    public = KIND.public_rules(rules)
    assert public == KIND.full_rules(public, None) != rules
    assert KIND.full_rules(public, 7) == rules
