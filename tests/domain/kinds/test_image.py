"""Choices of pictures: one picture for each option, one option for each voter."""

import msgspec
import pytest

from livevote.domain.kinds.choice import Choices
from livevote.domain.kinds.image import KIND, ImageRules
from livevote.domain.refusals import Code, Refusal
from tests.domain.kinds.cases import why
from tests.history import answer

A, B = "0a" * 32, "1b" * 32
RULES = ImageRules(max=1, min=1, pictures=(A, B))


def test_rules_name_a_picture_for_each_option() -> None:
    stored = KIND.define(("Cat", "Dog"), msgspec.json.encode({"pictures": [A, B]}))
    assert stored == b'{"max":1,"min":1,"pictures":["%s","%s"]}' % (A.encode(), B.encode())
    assert KIND.define(("Cat", "Dog"), stored) == stored
    assert KIND.rules(stored) == RULES


@pytest.mark.parametrize(
    ("options", "sent", "detail"),
    [
        (("Cat", "Dog"), b"{}", "pictures"),
        (("Cat", "Dog"), b'{"pictures":["%s"]}' % A.encode(), "every option needs a picture: 2 have 1"),
        (("Cat", "Dog"), b'{"pictures":["x","y"]}', "pictures"),
        (("Cat", "Dog"), b'{"pictures":["%s","%s"]}' % (A.upper().encode(), B.encode()), "pictures"),
        (("Cat", "Dog"), b'{"pictures":["%s","%s"],"max":2}' % (A.encode(), B.encode()), "max"),
        (("Cat", ""), b'{"pictures":["%s","%s"]}' % (A.encode(), B.encode()), "option 2 is empty"),
        (tuple("abcdefghijklm"), b"{}", "2 to 12 options, this one has 13"),
    ],
)
def test_rules_that_nobody_can_follow_are_refused(options: tuple[str, ...], sent: bytes, detail: str) -> None:
    assert detail in why(KIND, options, sent)


def test_an_answer_is_one_option() -> None:
    assert KIND.parse(answer(1), 2, RULES) == Choices((1,))
    assert KIND.parse(answer(0, 1), 2, RULES) == Refusal(Code.TOO_MANY, "at most 1")
    assert KIND.words(Choices((1,)), ("Cat", "Dog"), RULES) == "Dog"


def test_i5_says_that_counts_add_up_to_voters() -> None:
    assert KIND.conserved((2, 1), 3, RULES)
    assert not KIND.conserved((2, 1), 2, RULES)
