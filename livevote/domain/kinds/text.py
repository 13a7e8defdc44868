"""Texts: every voter writes one, and the host decides which of them everybody sees."""

from typing import Annotated

import msgspec

from livevote.domain.kinds import written
from livevote.domain.kinds.base import Answer, Rules, read_alone
from livevote.domain.records import encode
from livevote.domain.refusals import Code, Refusal
from livevote.domain.text import clean

MAX_TEXTS = 100
MAX_CHARS = 800
"""Of the longest characters so many fit into a message of 4 KiB."""


class Written(Answer, frozen=True, gc=False):
    """What a voter wrote, cleaned."""

    text: str


class TextRules(Rules, frozen=True, forbid_unknown_fields=True):
    """How long a text may be; ``approval``: nobody sees it before the host has shown it."""

    approval: bool = True
    max_chars: Annotated[int, msgspec.Meta(ge=1, le=MAX_CHARS)] = 280


_written = msgspec.json.Decoder(Written)
_rules = msgspec.json.Decoder(TextRules)


class TextTally(written.TermTally):
    """One text of each voter."""

    __slots__ = ()

    def add(self, answer: Answer) -> None:
        assert isinstance(answer, Written)
        self.count((answer.text,), 1)

    def remove(self, answer: Answer) -> None:
        assert isinstance(answer, Written)
        self.count((answer.text,), -1)


class Text(written.WrittenKind):
    """One line of text."""

    name = "text"

    def define(self, options: tuple[str, ...], rules: bytes) -> bytes | Refusal:
        wanted = read_alone(self.name, options, _rules, rules)
        return wanted if isinstance(wanted, Refusal) else encode(wanted)

    def rules(self, stored: bytes) -> TextRules:
        return _rules.decode(stored)

    def parse(self, answer: bytes, options: int, rules: Rules) -> Written | Refusal:  # noqa: ARG002
        assert isinstance(rules, TextRules)
        try:
            text = clean(_written.decode(answer).text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return Refusal(Code.BAD_ANSWER)
        if not text:
            return Refusal(Code.EMPTY_TEXT)
        if len(text) > rules.max_chars:
            return Refusal(Code.TOO_LONG, f"at most {rules.max_chars} characters")
        return Written(text)

    def empty(self, options: int, rules: Rules) -> TextTally:  # noqa: ARG002
        assert isinstance(rules, TextRules)
        return TextTally("texts", most=MAX_TEXTS, approval=rules.approval)

    def words(self, answer: Answer, options: tuple[str, ...], rules: Rules) -> str:  # noqa: ARG002
        assert isinstance(answer, Written)
        return answer.text


KIND = Text()
