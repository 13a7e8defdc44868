"""A word cloud: every voter writes some words, and what many write grows."""

from typing import Annotated

import msgspec

from livevote.domain.kinds import stop_words, written
from livevote.domain.kinds.base import Answer, Rules, read_alone
from livevote.domain.records import encode
from livevote.domain.refusals import Code, Refusal
from livevote.domain.text import clean

MAX_SHOWN = 50


class Terms(Answer, frozen=True, gc=False):
    """What a voter wrote, cleaned, in that order, and nothing twice."""

    terms: tuple[str, ...]


class CloudRules(Rules, frozen=True, forbid_unknown_fields=True):
    """How many terms a voter may write and how long they may be.

    ``approval``: nobody sees one before the host has shown it. ``language``: its stop words stay out of the result.
    """

    approval: bool = False
    language: str = ""
    max_chars: Annotated[int, msgspec.Meta(ge=1, le=60)] = 30
    max_terms: Annotated[int, msgspec.Meta(ge=1, le=5)] = 3


_terms = msgspec.json.Decoder(Terms)
_rules = msgspec.json.Decoder(CloudRules)


class CloudTally(written.TermTally):
    """Some terms of each voter."""

    __slots__ = ()

    def add(self, answer: Answer) -> None:
        assert isinstance(answer, Terms)
        self.count(answer.terms, 1)

    def remove(self, answer: Answer) -> None:
        assert isinstance(answer, Terms)
        self.count(answer.terms, -1)


class Cloud(written.WrittenKind):
    """A few words."""

    name = "cloud"

    def define(self, options: tuple[str, ...], rules: bytes) -> bytes | Refusal:
        wanted = read_alone(self.name, options, _rules, rules)
        if isinstance(wanted, Refusal):
            return wanted
        if wanted.language and wanted.language not in stop_words.BY_LANGUAGE:
            known = ", ".join(sorted(stop_words.BY_LANGUAGE))
            return Refusal(Code.BAD_QUESTION, f"stop words are known of the languages {known}; '' takes none")
        return encode(wanted)

    def rules(self, stored: bytes) -> CloudRules:
        return _rules.decode(stored)

    def parse(self, answer: bytes, options: int, rules: Rules) -> Terms | Refusal:  # noqa: ARG002
        assert isinstance(rules, CloudRules)
        try:
            sent = _terms.decode(answer).terms
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return Refusal(Code.BAD_ANSWER)
        terms = tuple(written.once(term for term in map(clean, sent) if term))
        if not terms:
            return Refusal(Code.EMPTY_TEXT)
        if len(terms) > rules.max_terms:
            return Refusal(Code.TOO_MANY, f"at most {rules.max_terms}")
        if any(len(term) > rules.max_chars for term in terms):
            return Refusal(Code.TOO_LONG, f"at most {rules.max_chars} characters each")
        return Terms(terms)

    def empty(self, options: int, rules: Rules) -> CloudTally:  # noqa: ARG002
        assert isinstance(rules, CloudRules)
        unseen = stop_words.BY_LANGUAGE.get(rules.language, frozenset())
        return CloudTally("terms", most=MAX_SHOWN, approval=rules.approval, unseen=unseen)

    def words(self, answer: Answer, options: tuple[str, ...], rules: Rules) -> str:  # noqa: ARG002
        assert isinstance(answer, Terms)
        return "; ".join(answer.terms)


KIND = Cloud()
