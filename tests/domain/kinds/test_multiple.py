"""Multiple choice: how many options a voter may choose, and the law between counts and voters (I5)."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.kinds.choice import ChoiceRules, Choices
from livevote.domain.kinds.multiple import KIND
from livevote.domain.refusals import Code, Refusal
from tests.domain.kinds.cases import why
from tests.history import answer, cast, opened

OPTIONS = ("a", "b", "c")


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (b"", b'{"max":3,"min":1}'),
        (b"{}", b'{"max":3,"min":1}'),
        (b' { "max" : null } ', b'{"max":3,"min":1}'),
        (b'{"min":0}', b'{"max":3,"min":0}'),
        (b'{"max":2}', b'{"max":2,"min":1}'),
        (b'{"min":3,"max":3}', b'{"max":3,"min":3}'),
        (b'{"min":0,"max":1}', b'{"max":1,"min":0}'),
    ],
)
def test_rules_are_filled_in_and_stored_canonically(sent: bytes, stored: bytes) -> None:
    assert KIND.define(OPTIONS, sent) == stored


@pytest.mark.parametrize(
    ("sent", "detail"),
    [
        (b'{"min":-1}', "not min -1 and max 3"),
        (b'{"min":4}', "not min 4 and max 3"),
        (b'{"max":4}', "not min 1 and max 4"),
        (b'{"min":2,"max":1}', "not min 2 and max 1"),
        (b'{"min":0,"max":0}', "not min 0 and max 0"),
        (b"[]", "these rules cannot be read"),
        (b"{", "these rules cannot be read"),
        (b'{"min":"1"}', "$.min"),
        (b'{"min":1.5}', "$.min"),
        (b'{"least":1}', "least"),
        (b"\xff", "these rules cannot be read"),
        (b'{"\xff":1}', "these rules cannot be read"),
        (b"[" * 100_000, "these rules cannot be read"),
        (b'{"min":' + b"9" * 5000 + b"}", "these rules cannot be read"),
    ],
)
def test_rules_that_nobody_can_follow_are_refused(sent: bytes, detail: str) -> None:
    assert detail in why(KIND, OPTIONS, sent)


@given(st.binary() | st.dictionaries(st.sampled_from(["min", "max"]), st.integers()).map(msgspec.json.encode))
def test_whatever_rules_are_sent_they_are_stored_or_refused(sent: bytes) -> None:
    stored = KIND.define(OPTIONS, sent)
    if isinstance(stored, Refusal):
        assert stored.code is Code.BAD_QUESTION
    else:
        rules = KIND.rules(stored)
        assert 0 <= rules.min <= rules.max <= len(OPTIONS)
        assert rules.max >= 1


@pytest.mark.parametrize("chosen", range(5))
def test_answers_keep_between_min_and_max(chosen: int) -> None:
    found = KIND.parse(answer(*range(chosen)), 4, ChoiceRules(max=3, min=2))
    expected = {0: Code.TOO_FEW, 1: Code.TOO_FEW, 4: Code.TOO_MANY}.get(chosen, Choices(tuple(range(chosen))))
    assert (found.code if isinstance(found, Refusal) else found) == expected


def test_with_min_0_an_empty_answer_is_a_ballot() -> None:
    history = opened(kind="multiple", rules=b'{"min":0}').did(cast("ann"))
    assert (history.round().tally.counts(), len(history.round().ballots)) == ((0, 0, 0), 1)


@pytest.mark.parametrize(
    ("counts", "voters", "holds"),
    [
        ((0, 0, 0), 0, True),
        ((1, 1, 0), 1, True),
        ((2, 2, 0), 2, True),
        ((1, 0, 0), 2, False),
        ((2, 2, 1), 2, False),
        ((2, 0, 0), 1, False),
    ],
)
def test_i5_says_how_many_choices_so_many_voters_make(counts: tuple[int, ...], voters: int, holds: bool) -> None:
    assert KIND.conserved(counts, voters, ChoiceRules(max=2, min=1)) is holds


@pytest.mark.parametrize(
    ("counts", "voters", "holds"), [((2, 2, 0), 2, True), ((1, 1, 1), 2, False), ((0, 0, 0), 0, True)]
)
def test_i5_says_that_every_voter_makes_the_least_number_of_choices(
    counts: tuple[int, ...], voters: int, holds: bool
) -> None:
    assert KIND.conserved(counts, voters, ChoiceRules(max=3, min=2)) is holds


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sets(st.integers(0, 2), min_size=1, max_size=2))))
def test_i5_holds_after_every_ballot(votes: list[tuple[str, set[int]]]) -> None:
    history = opened(kind="multiple", rules=b'{"max":2}')
    last: dict[str, set[int]] = {}
    for number, (voter, chosen) in enumerate(votes):
        history.did(cast(voter, *chosen, id=str(number)))
        last[voter] = chosen
        counts = history.round().tally.counts()
        assert counts == tuple(sum(option in chosen for chosen in last.values()) for option in range(3))
        assert KIND.conserved(counts, len(last), ChoiceRules(max=2, min=1))
