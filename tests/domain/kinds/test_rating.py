"""Ratings: grades, their mean, and the Net Promoter Score, by worked examples."""

from decimal import Decimal
from typing import Any

import pytest

from livevote.domain.kinds.rating import KIND, RatingRules
from livevote.domain.kinds.value import Value
from livevote.domain.refusals import Code, Refusal
from tests.domain.kinds.cases import why

STARS = RatingRules(style="stars", top=5)
NPS = RatingRules(style="nps", top=10)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (b"", b'{"style":"stars","top":5}'),
        (b'{"top":3}', b'{"style":"stars","top":3}'),
        (b'{"top":10}', b'{"style":"stars","top":10}'),
        (b'{"style":"nps"}', b'{"style":"nps","top":10}'),
        (b'{"style":"nps","top":10}', b'{"style":"nps","top":10}'),
    ],
)
def test_rules_are_filled_in_and_stored_canonically(sent: bytes, stored: bytes) -> None:
    assert KIND.define((), sent) == stored


@pytest.mark.parametrize(
    ("options", "sent", "detail"),
    [
        ((), b'{"top":2}', "top"),
        ((), b'{"top":11}', "top"),
        ((), b'{"style":"nps","top":5}', "the grades of 'nps' go from 0 to 10, whatever 'top' says"),
        ((), b'{"style":"hearts"}', "style"),
        ((), b"[]", "these rules cannot be read"),
    ],
)
def test_rules_that_nobody_can_follow_are_refused(options: tuple[str, ...], sent: bytes, detail: str) -> None:
    assert detail in why(KIND, options, sent)


@pytest.mark.parametrize(
    ("rules", "sent", "found"),
    [
        (STARS, b'{"value":1}', Value(1)),
        (STARS, b'{"value":5}', Value(5)),
        (NPS, b'{"value":0}', Value(0)),
        (STARS, b'{"value":0}', Refusal(Code.OUT_OF_RANGE, "values go from 1 to 5")),
        (STARS, b'{"value":6}', Refusal(Code.OUT_OF_RANGE, "values go from 1 to 5")),
        (NPS, b'{"value":11}', Refusal(Code.OUT_OF_RANGE, "values go from 0 to 10")),
        (STARS, b'{"value":4.5}', Refusal(Code.BAD_ANSWER)),
        (STARS, b'{"value":"4"}', Refusal(Code.BAD_ANSWER)),
        (STARS, b'{"value":true}', Refusal(Code.BAD_ANSWER)),
        (STARS, b'{"choices":[1]}', Refusal(Code.BAD_ANSWER)),
    ],
)
def test_an_answer_is_one_grade(rules: RatingRules, sent: bytes, found: Any) -> None:
    assert KIND.parse(sent, 0, rules) == found


def test_grades_are_named_by_their_digits() -> None:
    assert KIND.bins((), STARS) == ("1", "2", "3", "4", "5")
    assert KIND.bins((), NPS) == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10")
    assert KIND.words(Value(4), (), STARS) == "4"


def test_counts_and_mean_of_stars() -> None:
    tally = KIND.empty(0, STARS)
    assert (tally.counts(), tally.figures()) == ((0, 0, 0, 0, 0), {"mean": [0, 0]})
    for grade in (1, 5, 5, 2):
        tally.add(Value(grade))
    assert (tally.counts(), tally.figures()) == ((1, 1, 0, 0, 2), {"mean": [13, 4]})
    tally.remove(Value(1))
    assert tally.figures() == {"mean": [12, 3]}


def test_the_net_promoter_score_is_promoters_less_detractors() -> None:
    grades = [0, 6, 7, 8, 9, 10, 10]  # two detractors, two in between, three promoters
    tally = KIND.empty(0, NPS)
    for grade in grades:
        tally.add(Value(grade))
    assert tally.figures() == {"mean": [50, 7], "nps": [100, 7]}
    assert KIND.told(tally.figures(), (), NPS) == (("mean", Decimal("7.14")), ("Net Promoter Score", Decimal("14.3")))


def test_nobody_has_no_mean() -> None:
    assert KIND.told(KIND.empty(0, NPS).figures(), (), NPS) == (("mean", ""), ("Net Promoter Score", ""))
    assert KIND.told({"mean": [-5, 2]}, (), STARS) == (("mean", Decimal("-2.50")),)


def test_i5_says_that_counts_add_up_to_voters() -> None:
    assert KIND.conserved((1, 0, 0, 0, 2), 3, STARS)
    assert not KIND.conserved((1, 0, 0, 0, 2), 2, STARS)
