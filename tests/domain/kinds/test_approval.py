"""Approval voting: any number of options, and who wins."""

import pytest

from livevote.domain.kinds.approval import KIND
from livevote.domain.kinds.choice import ChoiceRules
from livevote.domain.refusals import Code, Refusal
from tests.history import cast, opened

OPTIONS = ("Tea", "Coffee", "Water")
RULES = ChoiceRules(max=3, min=0)


@pytest.mark.parametrize("rules", [b"", b"{}", b" {} ", b'{"max":3,"min":0}'])
def test_any_number_of_options_is_approved_of(rules: bytes) -> None:
    assert KIND.define(OPTIONS, rules) == b'{"max":3,"min":0}'


@pytest.mark.parametrize("rules", [b'{"max":2}', b"[]", b"\xff", b'{"max":2,"min":0}'])
def test_there_are_no_rules_to_set(rules: bytes) -> None:
    refusal = KIND.define(OPTIONS, rules)
    assert refusal == Refusal(Code.BAD_QUESTION, "approval has no rules to set; for limits use 'multiple'")


@pytest.mark.parametrize(
    ("ballots", "winners", "told"),
    [
        ([], [], ""),
        ([()], [], ""),
        ([(0, 1), (1,), (1, 2)], [1], "Coffee"),
        ([(0, 1), (1, 0), (2,)], [0, 1], "Tea; Coffee"),
        ([(0, 1, 2)], [0, 1, 2], "Tea; Coffee; Water"),
    ],
)
def test_those_win_whom_most_approve_of(ballots: list[tuple[int, ...]], winners: list[int], told: str) -> None:
    history = opened(kind="approval", options=OPTIONS)
    for number, chosen in enumerate(ballots):
        history.did(cast(f"v{number}", *chosen))
    figures = history.round().tally.figures()
    assert figures == {"winners": winners}
    assert KIND.told(figures, OPTIONS, RULES) == (("most approved", told),)


@pytest.mark.parametrize(
    ("counts", "voters", "holds"), [((2, 0, 1), 2, True), ((0, 0, 0), 3, True), ((2, 0, 1), 1, False)]
)
def test_i5_says_that_nobody_approves_twice(counts: tuple[int, ...], voters: int, holds: bool) -> None:
    assert KIND.conserved(counts, voters, RULES) is holds
