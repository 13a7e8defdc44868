"""Judging what voters wrote: by key, in any round, and without a trace of the texts in the log."""

import pytest

from livevote.domain.commands import AskAgain, CloseVoting, EraseAnswer, JudgeTerms
from livevote.domain.kinds.written import key
from livevote.domain.records import Draft, Record, TermsJudged
from livevote.domain.refusals import Code, Refusal
from livevote.domain.room import BrokenLogError, fits
from livevote.domain.terms import MAX_KEYS
from tests.history import AT, CODE, History, cast, opened

TEA = key("Tea")


def wrote(*texts: str) -> History:
    """An open question about texts, with one voter for each."""
    history = opened(kind="text", options=())
    return history.did(*(cast(f"v{number}", raw=b'{"text":"%s"}' % text.encode()) for number, text in enumerate(texts)))


def test_texts_are_shown_and_hidden_again() -> None:
    history = wrote("Tea", "Rubbish").did(JudgeTerms("q1", 1, (TEA,), True))
    assert history.entries[-1].record == TermsJudged(AT + 5, "q1", 1, (TEA,), True)
    assert history.round().tally.figures() == {"texts": [["Tea", 1]], "more": 0}
    history.did(JudgeTerms("q1", 1, (TEA,), False))
    assert history.round().tally.figures() == {"texts": [], "more": 0}


def test_earlier_rounds_can_be_judged_by_themselves() -> None:
    history = wrote("Tea").did(CloseVoting("q1"), AskAgain("q1"), JudgeTerms("q1", 1, (TEA,), True))
    history.did(cast("ann", round=2, raw=b'{"text":"Tea"}'))
    first, second = history.question().rounds
    assert (first.tally.figures()["texts"], second.tally.figures()["texts"]) == ([["Tea", 1]], [])


def test_no_record_spells_out_what_somebody_wrote() -> None:
    history = wrote("Rubbish").did(JudgeTerms("q1", 1, (key("Rubbish"),), False), EraseAnswer(4))
    assert history.round().tally.terms() == ()
    assert not [entry for entry in history.entries if b"Rubbish" in entry.body or entry.opening is not None]


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (JudgeTerms("q9", 1, (TEA,), True), Refusal(Code.UNKNOWN_QUESTION)),
        (JudgeTerms("q1", 2, (TEA,), True), Refusal(Code.WRONG_ROUND, "the question has 1 rounds")),
        (JudgeTerms("q1", 0, (TEA,), True), Refusal(Code.WRONG_ROUND, "the question has 1 rounds")),
        *(
            (
                JudgeTerms("q1", 1, keys, True),
                Refusal(Code.BAD_TERMS, "name 1 to 500 by the keys that the room's state gives"),
            )
            for keys in ((), ("Tea",), (TEA.upper(),), (TEA + "0",), (TEA,) * (MAX_KEYS + 1))
        ),
    ],
)
def test_what_cannot_be_judged_is_refused(command: JudgeTerms, refusal: Refusal) -> None:
    assert wrote("Tea").do(command) == refusal


def test_as_many_as_a_page_shows_are_judged_at_once() -> None:
    keys = tuple(key(str(number)) for number in range(MAX_KEYS))
    assert isinstance(wrote("Tea").do(JudgeTerms("q1", 1, keys, True)), Draft)


def test_what_was_judged_so_before_is_refused_unless_something_is_new() -> None:
    history = wrote("Tea", "Coffee").did(JudgeTerms("q1", 1, (TEA,), False))
    assert history.do(JudgeTerms("q1", 1, (TEA,), False)) == Refusal(Code.ALREADY_SO)
    history.did(JudgeTerms("q1", 1, (TEA, key("Coffee")), False), JudgeTerms("q1", 1, (TEA,), True))


def test_choices_are_not_judged() -> None:
    refusal = opened().do(JudgeTerms("q1", 1, (TEA,), True))
    assert refusal == Refusal(Code.BAD_TERMS, "nobody writes texts in a question of the kind 'single'")


@pytest.mark.parametrize(
    ("history", "record"),
    [
        (wrote("Tea"), TermsJudged(AT, "q2", 1, (TEA,), True)),
        (wrote("Tea"), TermsJudged(AT, "q1", 2, (TEA,), True)),
        (wrote("Tea"), TermsJudged(AT, "q1", 0, (TEA,), True)),
        (opened(), TermsJudged(AT, "q1", 1, (TEA,), True)),
    ],
)
def test_a_record_that_does_not_fit_is_refused(history: History, record: Record) -> None:
    assert not fits(history.room, record)
    with pytest.raises(BrokenLogError):
        history.put(Draft(CODE, record))
