"""Motions: three answers, and by worked examples which majorities and quorums they reach."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.kinds.choice import Choices
from livevote.domain.kinds.yesno import KIND, YesNoRules
from livevote.domain.refusals import Code, Refusal
from tests.domain.kinds.cases import why
from tests.history import answer


def figures(counts: tuple[int, int, int], **rules: Any) -> dict[str, Any]:
    return KIND.tally(counts, YesNoRules(**rules)).figures()


def test_rules_are_filled_in_and_stored_canonically() -> None:
    assert KIND.define((), b"") == b'{"eligible":0,"majority":"simple","quorum_percent":null}'
    sent = b'{"quorum_percent":50,"majority":"two_thirds","eligible":20}'
    assert KIND.define((), sent) == b'{"eligible":20,"majority":"two_thirds","quorum_percent":50}'


@pytest.mark.parametrize(
    ("options", "sent", "detail"),
    [
        ((), b'{"majority":"most"}', "majority"),
        ((), b'{"quorum_percent":0}', "quorum_percent"),
        ((), b'{"quorum_percent":101}', "quorum_percent"),
        ((), b'{"eligible":-1}', "eligible"),
        ((), b'{"quorum":50}', "quorum"),
        ((), b"[]", "these rules cannot be read"),
        ((), b"\xff", "these rules cannot be read"),
    ],
)
def test_rules_that_nobody_can_follow_are_refused(options: tuple[str, ...], sent: bytes, detail: str) -> None:
    assert detail in why(KIND, options, sent)


@pytest.mark.parametrize(
    ("sent", "code"),
    [(answer(), Code.TOO_FEW), (answer(0, 1), Code.TOO_MANY), (answer(3), Code.OUT_OF_RANGE), (b"x", Code.BAD_ANSWER)],
)
def test_an_answer_is_exactly_one_of_three(sent: bytes, code: Code) -> None:
    refusal = KIND.parse(sent, 0, YesNoRules())
    assert isinstance(refusal, Refusal)
    assert refusal.code is code


@pytest.mark.parametrize(("choice", "word"), [(0, "yes"), (1, "no"), (2, "abstain")])
def test_an_answer_reads_as_a_word(choice: int, word: str) -> None:
    found = KIND.parse(answer(choice), 0, YesNoRules())
    assert found == Choices((choice,))
    assert KIND.words(found, (), YesNoRules()) == word
    assert KIND.bins((), YesNoRules())[choice] == word


@pytest.mark.parametrize(
    ("majority", "counts", "passed", "needed"),
    [
        ("simple", (0, 0, 0), False, 1),
        ("simple", (1, 0, 9), True, 1),
        ("simple", (5, 5, 0), False, 6),
        ("simple", (6, 5, 0), True, 6),
        ("absolute", (0, 0, 0), False, 1),
        ("absolute", (5, 0, 5), False, 6),
        ("absolute", (6, 0, 5), True, 6),
        ("absolute", (5, 1, 4), False, 6),
        ("absolute", (3, 2, 0), True, 3),
        ("two_thirds", (0, 0, 0), False, 1),
        ("two_thirds", (0, 0, 4), False, 1),
        ("two_thirds", (2, 1, 7), True, 2),
        ("two_thirds", (1, 1, 0), False, 2),
        ("two_thirds", (66, 34, 0), False, 67),
        ("two_thirds", (67, 33, 0), True, 67),
        ("two_thirds", (4, 2, 0), True, 4),
        ("two_thirds", (1, 0, 0), True, 1),
    ],
)
def test_majorities(majority: Any, counts: tuple[int, int, int], passed: bool, needed: int) -> None:
    assert figures(counts, majority=majority) == {"quorum": None, "passed": passed, "needed": needed}


@pytest.mark.parametrize(
    ("percent", "eligible", "counts", "quorum", "passed"),
    [
        (None, 100, (1, 0, 0), None, True),
        (50, 0, (1, 0, 0), None, True),
        (50, 10, (4, 0, 0), False, False),
        (50, 10, (4, 0, 1), True, True),
        (50, 11, (5, 0, 0), False, False),
        (50, 11, (6, 0, 0), True, True),
        (1, 101, (1, 0, 0), False, False),
        (1, 100, (1, 0, 0), True, True),
        (100, 3, (2, 0, 1), True, True),
        (100, 3, (1, 2, 0), True, False),
    ],
)
def test_a_quorum_is_reached_with_abstentions_and_without_it_nothing_is_passed(
    percent: int | None, eligible: int, counts: tuple[int, int, int], quorum: bool | None, passed: bool
) -> None:
    found = figures(counts, quorum_percent=percent, eligible=eligible)
    assert (found["quorum"], found["passed"]) == (quorum, passed)


@given(
    st.tuples(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200)),
    st.sampled_from(["simple", "absolute", "two_thirds"]),
)
def test_law_a_motion_passes_by_the_words_of_its_majority(counts: tuple[int, int, int], majority: Any) -> None:
    yes, no, abstain = counts
    reached = {
        "simple": yes > no,
        "absolute": 2 * yes > yes + no + abstain,
        "two_thirds": 3 * yes >= 2 * (yes + no) and yes > 0,
    }
    found = figures(counts, majority=majority)
    assert found["passed"] is reached[majority]
    assert (yes >= found["needed"]) is found["passed"]


@pytest.mark.parametrize(
    ("rules", "counts", "quorum"),
    [
        ({}, (1, 0, 0), "none"),
        ({"quorum_percent": 50}, (1, 0, 0), "nobody knows, for want of the number of the eligible"),
        ({"quorum_percent": 50, "eligible": 2}, (1, 0, 0), "reached"),
        ({"quorum_percent": 50, "eligible": 4}, (1, 0, 0), "not reached"),
    ],
)
def test_figures_as_people_read_them(rules: dict[str, Any], counts: tuple[int, int, int], quorum: str) -> None:
    asked = YesNoRules(**rules)
    told = dict(KIND.told(KIND.tally(counts, asked).figures(), (), asked))
    passed = "no" if quorum == "not reached" else "yes"
    assert told == {"passed": passed, "yes votes needed": 1, "quorum": quorum}


def test_i5_says_that_counts_add_up_to_voters() -> None:
    assert KIND.conserved((1, 2, 3), 6, YesNoRules())
    assert not KIND.conserved((1, 2, 3), 5, YesNoRules())


def test_rules_are_read_from_what_define_wrote() -> None:
    assert KIND.rules(b'{"eligible":20,"majority":"absolute","quorum_percent":null}') == YesNoRules(20, "absolute")
    assert msgspec.structs.asdict(YesNoRules())["quorum_percent"] is None
