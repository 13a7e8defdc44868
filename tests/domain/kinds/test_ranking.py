"""Rankings: Borda points and the instant run-off, by worked examples and against a run-off that is counted anew."""

from collections import Counter
from copy import deepcopy
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.kinds.ranking import KIND, Order, RankingRules, run_off, run_on
from livevote.domain.refusals import Code, Refusal
from tests.domain.kinds.cases import why

OPTIONS = ("Memphis", "Nashville", "Chattanooga", "Knoxville")
ALL = RankingRules(top=4)

TENNESSEE: dict[tuple[int, ...], int] = {(0, 1, 2, 3): 42, (1, 2, 3, 0): 26, (2, 3, 1, 0): 15, (3, 2, 1, 0): 17}
"""The example of the textbooks: where should the capital be?"""

orders = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True).map(tuple), max_size=12)


@pytest.mark.parametrize(
    ("sent", "stored"), [(b"", b'{"top":4}'), (b'{"top":null}', b'{"top":4}'), (b'{"top":1}', b'{"top":1}')]
)
def test_rules_are_filled_in_and_stored_canonically(sent: bytes, stored: bytes) -> None:
    assert KIND.define(OPTIONS, sent) == stored


@pytest.mark.parametrize(
    ("options", "sent", "detail"),
    [
        (("a",), b"{}", "2 to 12 options, this one has 1"),
        (tuple("abcdefghijklm"), b"{}", "2 to 12 options, this one has 13"),
        (OPTIONS, b'{"top":5}', "rules need 1 <= top <= 4, not 5"),
        (OPTIONS, b'{"top":0}', "top"),
        (OPTIONS, b'{"max":1}', "max"),
    ],
)
def test_rules_that_nobody_can_follow_are_refused(options: tuple[str, ...], sent: bytes, detail: str) -> None:
    assert detail in why(KIND, options, sent)


@pytest.mark.parametrize(
    ("top", "sent", "found"),
    [
        (4, b'{"order":[3,1,0,2]}', Order((3, 1, 0, 2))),
        (2, b'{"order":[3,1]}', Order((3, 1))),
        (2, b'{"order":[3,1,2]}', Order((3, 1, 2))),
        (2, b'{"order":[3]}', Refusal(Code.TOO_FEW, "at least 2")),
        (1, b'{"order":[]}', Refusal(Code.TOO_FEW, "at least 1")),
        (1, b'{"order":[0,0]}', Refusal(Code.DUPLICATE_CHOICE)),
        (1, b'{"order":[4]}', Refusal(Code.OUT_OF_RANGE, "options count from 0 to 3")),
        (1, b'{"order":[-1]}', Refusal(Code.OUT_OF_RANGE, "options count from 0 to 3")),
        (1, b'{"order":["0"]}', Refusal(Code.BAD_ANSWER)),
        (1, b'{"choices":[0]}', Refusal(Code.BAD_ANSWER)),
    ],
)
def test_an_answer_puts_options_in_order(top: int, sent: bytes, found: Any) -> None:
    assert KIND.parse(sent, 4, RankingRules(top=top)) == found


def test_an_answer_reads_from_the_best_on() -> None:
    assert KIND.words(Order((2, 0)), OPTIONS, ALL) == "Chattanooga > Memphis"


def test_points_and_run_off_may_disagree() -> None:
    tally = KIND.empty(4, ALL)
    for order, times in TENNESSEE.items():
        for _ in range(times):
            tally.add(Order(order))
    assert tally.counts() == (126, 194, 173, 107)
    figures = tally.figures()
    assert figures == {
        "method": "borda",
        "winners": [1],
        "runoff": [
            {"votes": [42, 26, 15, 17], "out": [2]},
            {"votes": [42, 26, 0, 32], "out": [1]},
            {"votes": [42, 0, 0, 58], "out": []},
        ],
        "runoff_winner": 3,
    }
    assert KIND.told(figures, OPTIONS, ALL) == (
        ("most points", "Nashville"),
        ("winner of the run-off", "Knoxville"),
        ("run-off, round 1", "Memphis 42; Nashville 26; Chattanooga 15; Knoxville 17 (out: Chattanooga)"),
        ("run-off, round 2", "Memphis 42; Nashville 26; Chattanooga 0; Knoxville 32 (out: Nashville)"),
        ("run-off, round 3", "Memphis 42; Nashville 0; Chattanooga 0; Knoxville 58"),
    )


@pytest.mark.parametrize(
    ("ballots", "rounds", "winner"),
    [
        ({}, [], None),
        ({(1,): 1}, [{"votes": [0, 1, 0], "out": []}], 1),
        # Half of the votes is no majority; the last two go out together, and their votes move on or end.
        (
            {(0,): 2, (1, 0): 1, (2,): 1},
            [{"votes": [2, 1, 1], "out": [1, 2]}, {"votes": [3, 0, 0], "out": []}],
            0,
        ),
        # All are tied: nobody can go out, nobody wins.
        ({(0, 1, 2): 2, (1, 2, 0): 2, (2, 0, 1): 2}, [{"votes": [2, 2, 2], "out": []}], None),
        # The last two are tied after the third went out.
        (
            {(0, 1): 2, (1, 0): 2, (2,): 1},
            [{"votes": [2, 2, 1], "out": [2]}, {"votes": [2, 2, 0], "out": []}],
            None,
        ),
        (
            {(0,): 4, (1,): 3, (2, 1): 2},
            [{"votes": [4, 3, 2], "out": [2]}, {"votes": [4, 5, 0], "out": []}],
            1,
        ),
        # Who is nobody's first choice goes out before anybody else.
        (
            {(0, 2): 2, (1, 2): 2},
            [{"votes": [2, 2, 0], "out": [2]}, {"votes": [2, 2, 0], "out": []}],
            None,
        ),
    ],
)
def test_ties_of_the_run_off(ballots: dict[tuple[int, ...], int], rounds: list[Any], winner: int | None) -> None:
    assert run_off(ballots, 3) == (rounds, winner)


@given(orders, orders)
def test_law_a_run_off_with_a_few_more_ballots_is_that_of_all(
    before: list[tuple[int, ...]], more: list[tuple[int, ...]]
) -> None:
    first, both = Counter(before), Counter(before + more)
    for known, new, all_ in (
        (first, Counter(more), both),
        (both, {order: -n for order, n in Counter(more).items()}, first),
    ):
        found = run_on(run_off(known, 4), new, 4)
        assert found in (None, run_off(all_, 4))


@pytest.mark.parametrize(
    ("more", "goes_on"),
    [
        ({(0, 1, 2, 3): 5}, True),
        ({(3, 2, 1, 0): -1}, True),
        ({(1, 0, 2, 3): 40}, False),
        # Another one goes out first, and another one wins.
        ({(2, 3, 1, 0): -9}, False),
        ({(0, 1, 2, 3): 60}, False),
    ],
)
def test_only_a_run_off_that_goes_another_way_is_held_anew(more: dict[tuple[int, ...], int], *, goes_on: bool) -> None:
    known: dict[tuple[int, ...], int] = dict(TENNESSEE.items())
    all_ = {order: known.get(order, 0) + more.get(order, 0) for order in {**known, **more}}
    assert run_on(run_off(known, 4), more, 4) == (run_off(all_, 4) if goes_on else None)


def test_a_run_off_without_an_end_is_not_gone_on_with() -> None:
    assert run_on(([], None), {(0,): 1}, 2) is None
    exhausted = run_off({(0,): 1, (1,): 1, (2,): 2, (3,): 2}, 4)
    assert exhausted[0][-1]["out"] == []
    nobody_left = [{"votes": [1, 2], "out": [0]}], None
    assert run_on(nobody_left, {(0,): 1}, 2) is None
    tied = run_off({(0,): 1, (1,): 1}, 2)
    assert run_on(tied, {(0,): -1, (1,): -1}, 2) is None, "without ballots there is no round"
    # Whose options are all out takes part no longer.
    longer: dict[tuple[int, ...], int] = {(0,): 9, (1,): 8, (2, 1): 5, (3,): 1}
    assert run_on(run_off(longer, 4), {(3,): 1}, 4) == run_off({**longer, (3,): 2}, 4)


@given(st.lists(st.tuples(st.sampled_from([(0, 1, 2), (1, 0, 2), (2, 1, 0), (0,), (1,), (2, 0)]), st.booleans())))
def test_law_figures_in_between_change_nothing(changes: list[tuple[tuple[int, ...], bool]]) -> None:
    asked_often, asked_once = KIND.empty(3, RankingRules(top=1)), KIND.empty(3, RankingRules(top=1))
    crowd = [Order(order) for order in permutations(range(3))] * 3
    for tally in (asked_often, asked_once):
        for each in crowd:
            tally.add(each)
    for order, leaves in changes:
        for tally in (asked_often, asked_once):
            tally.add(Order(order))
            if leaves:
                tally.remove(Order(order))
        before = asked_often.figures()
        kept = deepcopy(before)
        asked_often.add(Order((0, 1, 2)))
        asked_often.figures()
        assert before == kept, "what was sent is not written on"
        asked_often.remove(Order((0, 1, 2)))
    assert asked_often.figures() == asked_once.figures()


@given(orders)
def test_law_each_round_is_what_a_count_by_hand_says(given_orders: list[tuple[int, ...]]) -> None:
    rounds, winner = run_off(Counter(given_orders), 4)
    field = set(range(4))
    for number, found in enumerate(rounds):
        firsts = [next((place for place in order if place in field), None) for order in given_orders]
        assert found["votes"] == [firsts.count(place) for place in range(4)]
        counting = sum(found["votes"])
        ahead = [place for place in field if 2 * found["votes"][place] > counting]
        fewest = min(found["votes"][place] for place in field)
        last = [place for place in sorted(field) if found["votes"][place] == fewest]
        ends = bool(ahead) or set(last) == field
        assert found["out"] == ([] if ends else last)
        assert ends == (number == len(rounds) - 1)
        if ends:
            assert winner == (ahead[0] if ahead else None)
        field -= set(found["out"])
    assert bool(rounds) == bool(given_orders)


@given(orders)
def test_law_whoever_most_put_first_wins_the_run_off(given_orders: list[tuple[int, ...]]) -> None:
    firsts = Counter(order[0] for order in given_orders)
    for place, count in firsts.items():
        if 2 * count > len(given_orders):
            assert run_off(Counter(given_orders), 4)[1] == place


@given(orders)
def test_law_points_are_those_of_borda(given_orders: list[tuple[int, ...]]) -> None:
    tally = KIND.empty(4, RankingRules(top=1))
    for order in given_orders:
        tally.add(Order(order))
    points = tuple(sum(3 - order.index(place) for order in given_orders if place in order) for place in range(4))
    assert tally.counts() == points
    winners = [place for place in range(4) if points[place] == max(points) > 0]
    assert tally.figures()["winners"] == winners


@pytest.mark.parametrize(
    ("top", "counts", "voters", "holds"),
    [
        (4, (3, 2, 1, 0), 1, True),
        (4, (3, 0, 0, 0), 1, False),
        (1, (3, 0, 0, 0), 1, True),
        (1, (3, 2, 1, 1), 1, False),
        (1, (5, 2, 0, 0), 2, True),
        (1, (4, 2, 0, 0), 1, False),
        (4, (0, 0, 0, 0), 0, True),
    ],
)
def test_i5_says_how_many_points_so_many_voters_give(
    top: int, counts: tuple[int, ...], voters: int, holds: bool
) -> None:
    assert KIND.conserved(counts, voters, RankingRules(top=top)) is holds
