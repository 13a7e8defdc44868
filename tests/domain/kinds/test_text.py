"""Texts: cleaned, counted without regard to case, and shown once the host has judged them."""

from collections import Counter
from heapq import heappop
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.kinds import written
from livevote.domain.kinds.text import KIND, TextRules, TextTally, Written
from livevote.domain.kinds.written import form, key
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


_SPELLINGS = ["word", "Word", "wOrd", "WORD", "worD"]


@given(st.lists(st.tuples(st.sampled_from(_SPELLINGS), st.booleans(), st.booleans()), max_size=80))
def test_law_a_text_is_spelled_as_most_spell_it(changes: list[tuple[str, bool, bool]]) -> None:
    tally, there = KIND.empty(0, AT_ONCE), Counter[str]()
    for spelling, is_added, is_asked in changes:
        if is_added or there[spelling]:
            (tally.add if is_added else tally.remove)(Written(spelling))
            there[spelling] += 1 if is_added else -1
        if is_asked:
            left = +there
            best = [min(left, key=lambda each: (-left[each], each))] if left else []
            assert [term.text for term in tally.terms()] == best
            assert [term.count for term in tally.terms()] == ([left.total()] if left else [])


def test_as_many_spellings_as_voters_cost_a_tick_no_more_than_one() -> None:
    letters = "abcdefghijkl"
    spellings = [
        "".join(letter.upper() if number >> place & 1 else letter for place, letter in enumerate(letters))
        for number in range(4096)
    ]
    tally = KIND.empty(0, AT_ONCE)
    for spelling in spellings:
        tally.add(Written(spelling))
    tally.add(Written(spellings[7]))
    assert tally.figures()["texts"] == [[spellings[7], 4097]]
    (same,) = tally._same.values()
    for _ in range(3):  # and no memory for each change
        for spelling in spellings:
            tally.remove(Written(spelling))
            tally.add(Written(spelling))
        assert len(same._ranks) <= 2 * 4096 + 8
    pops = 0

    def counted(heap: list[Any]) -> Any:
        nonlocal pops
        pops += 1
        return heappop(heap)

    tally.figures()
    with patch.object(written, "heappop", counted):
        tally.add(Written(spellings[5]))
        tally.add(Written(spellings[5]))
        assert tally.figures()["texts"] == [[spellings[5], 4099]]
        tally.remove(Written(spellings[5]))
        assert tally.figures()["texts"] == [[min(spellings[5], spellings[7]), 4098]]
    assert pops == 1


_WORDS = [f"{'ab'[number % 2]}{number}" for number in range(12)]
_CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "show", "hide", "ask"]), st.sampled_from([*_WORDS, *map(str.upper, _WORDS)])
    )
)


@given(changes=_CHANGES, crowd=st.integers(0, 60), approval=st.booleans())
def test_law_asking_in_between_changes_nothing(changes: list[tuple[str, str]], crowd: int, *, approval: bool) -> None:
    rules = TextRules(approval=approval)
    asked_often, asked_once = KIND.empty(0, rules), KIND.empty(0, rules)
    there: Counter[str] = Counter()
    for number in range(crowd):
        for tally in (asked_often, asked_once):
            tally.add(Written(f"one of a crowd, {number}"))
    for change, word in changes:
        for tally in (asked_often, asked_once):
            if change == "add" or (change == "remove" and there[word]):
                (tally.add if change == "add" else tally.remove)(Written(word))
            elif change in ("show", "hide"):
                tally.judge([key(word)], shown=change == "show")
        there[word] += {"add": 1, "remove": -bool(there[word])}.get(change, 0)
        if change == "ask":
            asked_often.figures()
    assert asked_often.figures() == asked_once.figures()
    terms = asked_once.terms()
    assert asked_often.terms() == terms
    assert terms == tuple(sorted(terms, key=lambda term: (-term.count, form(term.text))))
    for standing in ("pending", "shown", "hidden"):
        of_it = tuple(term for term in terms if term.standing == standing)
        for most in (2, 500):
            assert asked_often.first_terms(standing, most) == of_it[:most]


def test_only_what_has_changed_is_moved() -> None:
    tally = KIND.empty(0, AT_ONCE)
    for number in range(80):
        tally.add(Written(f"text {number:02}"))
    assert tally.figures()["texts"][:2] == [["text 00", 1], ["text 01", 1]]
    tally.add(Written("Text 44"))
    tally.remove(Written("text 00"))
    tally.add(Written("a text more"))
    tally.add(Written("gone at once"))
    tally.remove(Written("gone at once"))
    tally.judge([key("text 01"), key("nobody wrote it")], shown=False)
    with patch.object(TextTally, "_place", autospec=True, side_effect=TextTally._place) as placed:
        assert tally.figures()["texts"][:2] == [["Text 44", 2], ["a text more", 1]]
        assert tally.figures() is tally.figures()
        assert placed.call_count == 3, "the new one, that with one more voter, and that which is hidden"
    assert [term.text for term in tally.first_terms("hidden", 500)] == ["text 01"]


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
