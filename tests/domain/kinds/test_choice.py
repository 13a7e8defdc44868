"""What the kinds with a list of options share: options, reading of answers, and counting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain import kinds
from livevote.domain.kinds import KINDS, choice
from livevote.domain.kinds.base import MAX_OPTION_CHARS, MAX_OPTIONS, Kind
from livevote.domain.kinds.choice import ChoiceRules, Choices
from livevote.domain.refusals import Code, Refusal
from tests.domain.kinds.cases import why
from tests.history import answer

ANY_NUMBER = ChoiceRules(max=MAX_OPTIONS, min=0)

every_kind = pytest.mark.parametrize("kind", [KINDS[name] for name in ("approval", "multiple", "single")])
answers = st.lists(st.integers(0, 3), unique=True, max_size=4).map(lambda choices: Choices(tuple(sorted(choices))))


def test_kinds_are_found_by_their_modules() -> None:
    assert sorted(KINDS) == [
        *("approval", "cloud", "estimate", "image", "multiple"),
        *("ranking", "rating", "single", "text", "yesno"),
    ]
    assert all(kind.name == name for name, kind in KINDS.items())
    assert kinds._find() == KINDS


INVISIBLE = "option 2 holds invisible or control characters"


@pytest.mark.parametrize(
    ("options", "detail"),
    [
        ((), "2 to 50 options, this one has 0"),
        (("a",), "2 to 50 options, this one has 1"),
        (tuple(str(number) for number in range(MAX_OPTIONS + 1)), "this one has 51"),
        (("a", ""), "option 2 is empty"),
        (("x" * (MAX_OPTION_CHARS + 1), "b"), "option 1 is longer than 200 characters"),
        (("a", "b\u200b"), INVISIBLE),
        (("a", " b"), INVISIBLE),
        (("a", "e\u0301"), INVISIBLE),
        (("Tea", "tea"), "two options are the same"),
        (("Stra\u00dfe", "STRASSE"), "two options are the same"),
    ],
)
@every_kind
def test_options_that_cannot_be_voted_on_are_refused(kind: Kind, options: tuple[str, ...], detail: str) -> None:
    assert why(kind, options, b"{}").endswith(detail)


@pytest.mark.parametrize(
    "options", [("a", "b"), ("x" * MAX_OPTION_CHARS, "y"), tuple(str(number) for number in range(MAX_OPTIONS))]
)
def test_options_may_be_as_many_and_as_long_as_their_limits(options: tuple[str, ...]) -> None:
    assert choice.check_options(options) is None


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", Code.BAD_ANSWER),
        (b"null", Code.BAD_ANSWER),
        (b"[0]", Code.BAD_ANSWER),
        (b"{}", Code.BAD_ANSWER),
        (b'{"choices":null}', Code.BAD_ANSWER),
        (b'{"choices":0}', Code.BAD_ANSWER),
        (b'{"choices":["0"]}', Code.BAD_ANSWER),
        (b'{"choices":[true]}', Code.BAD_ANSWER),
        (b'{"choices":[1.0]}', Code.BAD_ANSWER),
        (b'{"choices":[1e400]}', Code.BAD_ANSWER),
        (b'{"choices":[NaN]}', Code.BAD_ANSWER),
        (b'{"choices":[' + b"9" * 5000 + b"]}", Code.BAD_ANSWER),
        (b'{"choices":[0]} x', Code.BAD_ANSWER),
        (b'{"x":"\\ud800","choices":[0]}', Code.BAD_ANSWER),
        (b"\xff", Code.BAD_ANSWER),
        (b"[" * 100_000, Code.BAD_ANSWER),
        (b'{"x":' + b"[" * 100_000, Code.BAD_ANSWER),
        (answer(3), Code.OUT_OF_RANGE),
        (answer(-1), Code.OUT_OF_RANGE),
        (answer(0, 3), Code.OUT_OF_RANGE),
        (b'{"choices":[' + b"9" * 4000 + b"]}", Code.OUT_OF_RANGE),
        (answer(0, 1, 0), Code.DUPLICATE_CHOICE),
        (answer(), Code.TOO_FEW),
        (answer(0, 1, 2), Code.TOO_MANY),
    ],
)
def test_answers_that_cannot_be_counted_are_refused(sent: bytes, code: Code) -> None:
    refusal = choice.parse(sent, 3, ChoiceRules(max=2, min=1))
    assert isinstance(refusal, Refusal)
    assert refusal.code is code


@pytest.mark.parametrize(
    ("sent", "choices"),
    [
        (answer(0), (0,)),
        (answer(2, 0), (0, 2)),
        (b' { "choices" : [ 1 ] } ', (1,)),
        (b'{"choices":[-0]}', (0,)),
        (b'{"more":[{}],"choices":[2]}', (2,)),
    ],
)
def test_answers_are_read_and_sorted(sent: bytes, choices: tuple[int, ...]) -> None:
    assert choice.parse(sent, 3, ChoiceRules(max=2, min=1)) == Choices(choices)


def test_the_memo_keeps_answers_to_different_questions_apart() -> None:
    one, two = ChoiceRules(max=1, min=1), ChoiceRules(max=2, min=2)
    found = [choice.parse(answer(1), options, rules) for options, rules in [(2, one), (1, one), (2, two), (2, one)]]
    assert [getattr(each, "code", each) for each in found] == [
        Choices((1,)),
        Code.OUT_OF_RANGE,
        Code.TOO_FEW,
        Choices((1,)),
    ]


def test_refusals_say_the_limit() -> None:
    rules = ChoiceRules(max=2, min=1)
    details = [choice.parse(sent, 3, rules) for sent in (answer(3), answer(), answer(0, 1, 2))]
    assert details == [
        Refusal(Code.OUT_OF_RANGE, "options count from 0 to 2"),
        Refusal(Code.TOO_FEW, "at least 1"),
        Refusal(Code.TOO_MANY, "at most 2"),
    ]


@given(st.binary() | st.integers().map(lambda value: b'{"choices":[%d]}' % value))
def test_law_parse_does_not_raise(sent: bytes) -> None:
    assert isinstance(choice.parse(sent, 4, ANY_NUMBER), Choices | Refusal)


@every_kind
@given(st.lists(answers))
def test_counts_say_how_many_chose_each_option(kind: Kind, given_answers: list[Choices]) -> None:
    tally = kind.empty(4, ANY_NUMBER)
    for each in given_answers:
        tally.add(each)
    assert tally.counts() == tuple(sum(option in each.choices for each in given_answers) for option in range(4))


@every_kind
def test_an_answer_reads_as_the_options_texts(kind: Kind) -> None:
    options = ("Tea", "Coffee", "Water")
    assert kind.words(Choices((0, 2)), options, ANY_NUMBER) == "Tea; Water"
    assert kind.words(Choices(()), options, ANY_NUMBER) == ""


@every_kind
def test_counts_of_an_empty_tally_are_zeros(kind: Kind) -> None:
    assert kind.empty(3, ANY_NUMBER).counts() == (0, 0, 0)
