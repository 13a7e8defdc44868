"""Single choice: no rules to set, and counts that add up to the voters (I5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.kinds.choice import ChoiceRules
from livevote.domain.kinds.single import KIND
from livevote.domain.refusals import Code, Refusal
from tests.domain.kinds.cases import why
from tests.history import answer, cast, opened

RULES = ChoiceRules(max=1, min=1)


@pytest.mark.parametrize("rules", [b"", b"{}", b" {}\n", b'{"max":1,"min":1}'])
def test_exactly_one_option_is_chosen(rules: bytes) -> None:
    assert KIND.define(("a", "b"), rules) == b'{"max":1,"min":1}'
    assert KIND.rules(b'{"max":1,"min":1}') == RULES


@pytest.mark.parametrize("rules", [b'{"max":2}', b'{"max":2,"min":1}', b"[]", b"null", b"\xff", b"[" * 100_000])
def test_there_are_no_rules_to_set(rules: bytes) -> None:
    assert why(KIND, ("a", "b"), rules) == "a single choice has no rules to set; for several choices use 'multiple'"


@pytest.mark.parametrize(("choices", "code"), [((), Code.TOO_FEW), ((0, 1), Code.TOO_MANY)])
def test_none_or_several_are_refused(choices: tuple[int, ...], code: Code) -> None:
    refusal = KIND.parse(answer(*choices), 3, RULES)
    assert isinstance(refusal, Refusal)
    assert refusal.code is code


@pytest.mark.parametrize(
    ("counts", "voters", "holds"), [((0, 0), 0, True), ((2, 1), 3, True), ((2, 1), 2, False), ((2, 1), 4, False)]
)
def test_i5_says_that_counts_add_up_to_voters(counts: tuple[int, ...], voters: int, holds: bool) -> None:
    assert KIND.conserved(counts, voters, RULES) is holds


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 2))))
def test_i5_holds_after_every_ballot(votes: list[tuple[str, int]]) -> None:
    history = opened()
    for number, (voter, chosen) in enumerate(votes):
        history.did(cast(voter, chosen, id=str(number)))
        asked = history.round()
        assert sum(asked.tally.counts()) == len(asked.ballots) == len({voter for voter, _ in votes[: number + 1]})
        assert KIND.conserved(asked.tally.counts(), len(asked.ballots), RULES)
