"""Texts: cleaned, counted without regard to case, and shown once the host has judged them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.kinds.text import KIND, TextRules, Written
from livevote.domain.kinds.written import key
from livevote.domain.records import encode
from livevote.domain.refusals import Code, Refusal
from tests.domain.kinds.cases import why

RULES = TextRules()
AT_ONCE = TextRules(approval=False)


def figures(rules: TextRules, *texts: str) -> dict[str, Any]:
    tally = KIND.empty(0, rules)
    for text in texts:
        tally.add(Written(text))
    return tally.figures()


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (b"", b'{"approval":true,"max_chars":280}'),
        (b'{"approval":false,"max_chars":800}', b'{"approval":false,"max_chars":800}'),
    ],
)
def test_rules_are_filled_in_and_stored_canonically(sent: bytes, stored: bytes) -> None:
    assert KIND.define((), sent) == stored


@pytest.mark.parametrize(
    ("options", "sent", "detail"),
    [
        ((), b'{"max_chars":801}', "max_chars"),
        ((), b'{"max_chars":0}', "max_chars"),
        ((), b'{"approval":1}', "approval"),
        ((), b'{"more":1}', "more"),
    ],
)
def test_rules_that_nobody_can_follow_are_refused(options: tuple[str, ...], sent: bytes, detail: str) -> None:
    assert detail in why(KIND, options, sent)


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (b'{"text":"More coffee!"}', Written("More coffee!")),
        (b'{"text":"  e\\u0301t\\u00e9 \\n\\u202e two "}', Written("\u00e9t\u00e9 two")),
        (b'{"text":" \\u200b "}', Refusal(Code.EMPTY_TEXT)),
        (b'{"text":""}', Refusal(Code.EMPTY_TEXT)),
        (b'{"text":"123456789 1"}', Refusal(Code.TOO_LONG, "at most 10 characters")),
        (b'{"text":"   123456789 \\n   "}', Written("123456789")),
        (b'{"text":"\\ud800"}', Refusal(Code.BAD_ANSWER)),
        (b'{"text":1}', Refusal(Code.BAD_ANSWER)),
        (b'{"terms":["x"]}', Refusal(Code.BAD_ANSWER)),
    ],
)
def test_an_answer_is_one_line_of_text(sent: bytes, found: Any) -> None:
    assert KIND.parse(sent, 0, TextRules(max_chars=12 if b"More" in sent else 10)) == found


@given(st.text())
def test_law_what_was_read_is_read_again(text: str) -> None:
    found = KIND.parse(encode(Written(text)), 0, TextRules(max_chars=800))
    if isinstance(found, Refusal):
        assert found.code in (Code.EMPTY_TEXT, Code.TOO_LONG)
    else:
        assert KIND.parse(encode(found), 0, TextRules(max_chars=800)) == found
        assert KIND.words(found, (), RULES) == found.text


def test_nobody_sees_a_text_before_the_host_has_shown_it() -> None:
    tally = KIND.empty(0, RULES)
    for text in ("Tea", "tea", "Coffee", "Rubbish"):
        tally.add(Written(text))
    assert tally.figures() == {"texts": [], "more": 0}
    assert [(term.text, term.count, term.standing) for term in tally.terms()] == [
        ("Tea", 2, "pending"),
        ("Coffee", 1, "pending"),
        ("Rubbish", 1, "pending"),
    ]
    tally.judge([key("TEA"), key("Coffee")], shown=True)
    tally.judge([key("Rubbish")], shown=False)
    assert tally.figures() == {"texts": [["Tea", 2], ["Coffee", 1]], "more": 0}
    assert [term.standing for term in tally.terms()] == ["shown", "shown", "hidden"]
    tally.judge([key("Coffee")], shown=False)
    assert tally.figures() == {"texts": [["Tea", 2]], "more": 0}
    assert tally.judged == {key("tea"): True, key("coffee"): False, key("rubbish"): False}


def test_what_was_judged_stays_so_when_it_is_written_again() -> None:
    tally = KIND.empty(0, AT_ONCE)
    tally.judge([key("rubbish")], shown=False)
    tally.add(Written("RUBBISH"))
    tally.add(Written("Tea"))
    assert tally.figures() == {"texts": [["Tea", 1]], "more": 0}


def test_texts_come_by_how_many_wrote_them_and_then_by_alphabet() -> None:
    assert figures(AT_ONCE, "b", "a", "C", "c") == {"texts": [["C", 2], ["a", 1], ["b", 1]], "more": 0}


def test_a_text_is_shown_as_most_spell_it() -> None:
    assert figures(AT_ONCE, "TEA", "tea", "Tea", "tea")["texts"] == [["tea", 4]]
    assert figures(AT_ONCE, "tea", "TEA")["texts"] == [["TEA", 2]]


def test_no_more_than_a_hundred_are_sent() -> None:
    found = figures(AT_ONCE, *(f"text {number:03}" for number in range(103)))
    assert (len(found["texts"]), found["texts"][-1], found["more"]) == (100, ["text 099", 1], 3)


def test_a_key_is_half_a_hash_of_the_common_form() -> None:
    assert key("Tea") == key("TEA") == "a9f74d1ec36ebdeb2da3f6e5868090cd"
    assert key("Stra\u00dfe") == key("STRASSE") != key("Tea")


def test_there_are_no_counts() -> None:
    assert (KIND.empty(0, RULES).counts(), KIND.bins((), RULES)) == ((), ())
    assert KIND.conserved((), 7, RULES)
    assert not KIND.conserved((1,), 7, RULES)
