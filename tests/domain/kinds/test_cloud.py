"""Word clouds: some terms of each voter, none of them twice, and no stop words."""

import unicodedata
from typing import Any

import pytest

from livevote.domain.kinds import stop_words
from livevote.domain.kinds.cloud import KIND, CloudRules, Terms
from livevote.domain.kinds.written import form, key
from livevote.domain.refusals import Code, Refusal
from livevote.domain.text import clean
from tests.domain.kinds.cases import why

RULES = CloudRules()


def figures(rules: CloudRules, *ballots: tuple[str, ...]) -> dict[str, Any]:
    tally = KIND.empty(0, rules)
    for terms in ballots:
        tally.add(Terms(terms))
    return tally.figures()


def test_rules_are_filled_in_and_stored_canonically() -> None:
    assert KIND.define((), b"") == b'{"approval":false,"language":"","max_chars":30,"max_terms":3}'
    sent = b'{"max_terms":1,"max_chars":60,"language":"de","approval":true}'
    assert KIND.define((), sent) == b'{"approval":true,"language":"de","max_chars":60,"max_terms":1}'


@pytest.mark.parametrize(
    ("options", "sent", "detail"),
    [
        ((), b'{"max_terms":6}', "max_terms"),
        ((), b'{"max_terms":0}', "max_terms"),
        ((), b'{"max_chars":61}', "max_chars"),
        (
            (),
            b'{"language":"xx"}',
            "stop words are known of the languages ar, de, en, es, fr, id, ja, pt; '' takes none",
        ),
        ((), b'{"more":1}', "more"),
    ],
)
def test_rules_that_nobody_can_follow_are_refused(options: tuple[str, ...], sent: bytes, detail: str) -> None:
    assert detail in why(KIND, options, sent)


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (b'{"terms":["b","a"]}', Terms(("b", "a"))),
        (b'{"terms":["Tea"," tea ","","TEA","x"]}', Terms(("Tea", "x"))),
        (b'{"terms":["a","b","c","d"]}', Refusal(Code.TOO_MANY, "at most 3")),
        (b'{"terms":["12345678901"]}', Refusal(Code.TOO_LONG, "at most 10 characters each")),
        (b'{"terms":[]}', Refusal(Code.EMPTY_TEXT)),
        (b'{"terms":[" ",""]}', Refusal(Code.EMPTY_TEXT)),
        (b'{"terms":"a"}', Refusal(Code.BAD_ANSWER)),
        (b'{"terms":[1]}', Refusal(Code.BAD_ANSWER)),
        (b'{"text":"a"}', Refusal(Code.BAD_ANSWER)),
    ],
)
def test_an_answer_is_some_terms(sent: bytes, found: Any) -> None:
    assert KIND.parse(sent, 0, CloudRules(max_chars=10)) == found


def test_terms_come_by_how_many_wrote_them_and_then_by_alphabet() -> None:
    found = figures(RULES, ("b", "a"), ("A", "c"), ("the", "c"), ("c",))
    assert found == {"terms": [["c", 3], ["A", 2], ["b", 1], ["the", 1]], "more": 0}
    assert KIND.words(Terms(("b", "a")), (), RULES) == "b; a"


def test_no_more_than_fifty_are_sent() -> None:
    found = figures(RULES, *((f"term {number:02}",) for number in range(52)))
    assert (len(found["terms"]), found["terms"][-1], found["more"]) == (50, ["term 49", 1], 2)


def test_stop_words_of_the_language_stay_out() -> None:
    ballots = (("The", "tea"), ("und", "tea"))
    assert figures(CloudRules(language="en"), *ballots)["terms"] == [["tea", 2], ["und", 1]]
    assert figures(CloudRules(language="de"), *ballots)["terms"] == [["tea", 2], ["The", 1]]


def test_terms_are_shown_until_they_are_hidden_unless_the_host_wants_to_see_them_first() -> None:
    for rules, before in ((RULES, [["tea", 1]]), (CloudRules(approval=True), [])):
        tally = KIND.empty(0, rules)
        tally.add(Terms(("tea",)))
        assert tally.figures()["terms"] == before
        tally.judge([key("tea")], shown=False)
        assert tally.figures()["terms"] == []
        tally.judge([key("tea")], shown=True)
        assert tally.figures()["terms"] == [["tea", 1]]


@pytest.mark.parametrize("language", sorted(stop_words.BY_LANGUAGE))
def test_stop_words_are_spelled_as_terms_are_compared(language: str) -> None:
    words = stop_words.BY_LANGUAGE[language]
    assert len(words) > 20
    assert all(word == form(clean(word)) == unicodedata.normalize("NFC", word) for word in words)
