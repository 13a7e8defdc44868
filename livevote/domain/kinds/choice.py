"""What all kinds with a fixed list of options share: options, answers as option indexes, and one count an option."""

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from livevote.domain.kinds.base import MAX_OPTION_CHARS, MAX_OPTIONS, Answer, PlainKind, PlainTally, Rules
from livevote.domain.refusals import Code, Refusal
from livevote.domain.text import clean


class Choices(Answer, frozen=True, gc=False):
    """Chosen options as indexes from 0, ascending."""

    choices: tuple[int, ...]


class ChoiceRules(Rules, frozen=True):
    """How many options a voter must (``min``) and may (``max``) choose."""

    max: int
    min: int


class ChoiceTally(PlainTally):
    """One count for each option."""

    __slots__ = ("_counts",)

    def __init__(self, counts: Iterable[int]) -> None:
        self._counts = list(counts)

    def add(self, answer: Answer) -> None:
        assert isinstance(answer, Choices)
        for choice in answer.choices:
            self._counts[choice] += 1

    def remove(self, answer: Answer) -> None:
        assert isinstance(answer, Choices)
        for choice in answer.choices:
            self._counts[choice] -= 1

    def counts(self) -> tuple[int, ...]:
        return tuple(self._counts)


_choices = msgspec.json.Decoder(Choices)
_rules = msgspec.json.Decoder(ChoiceRules)


def check_options(options: tuple[str, ...], *, most: int = MAX_OPTIONS) -> Refusal | None:
    """None if the options can be voted on: 2 to ``most``, cleaned, not empty, not too long, no two alike."""
    if not 2 <= len(options) <= most:
        return Refusal(Code.BAD_QUESTION, f"a question needs 2 to {most} options, this one has {len(options)}")
    for number, option in enumerate(options, 1):
        if not option:
            return Refusal(Code.BAD_QUESTION, f"option {number} is empty")
        if len(option) > MAX_OPTION_CHARS:
            return Refusal(Code.BAD_QUESTION, f"option {number} is longer than {MAX_OPTION_CHARS} characters")
        if option != clean(option):
            return Refusal(Code.BAD_QUESTION, f"option {number} holds invisible or control characters")
    if len({option.casefold() for option in options}) < len(options):
        return Refusal(Code.BAD_QUESTION, "two options are the same")
    return None


def read_rules(stored: bytes) -> ChoiceRules:
    """The rules of stored bytes. Raises ``msgspec.DecodeError``."""
    return _rules.decode(stored)


# A round has few different answers, and every one of them comes from thousands of voters: the memo saves the parse and
# lets all equal ballots share one object.
@lru_cache(maxsize=4096)
def parse(answer: bytes, options: int, rules: Rules) -> Choices | Refusal:
    """The choices of a voter's JSON, sorted; or why they cannot be counted."""
    assert isinstance(rules, ChoiceRules)
    try:
        choices = _choices.decode(answer).choices
    except (msgspec.DecodeError, RecursionError):
        return Refusal(Code.BAD_ANSWER)
    if not all(0 <= choice < options for choice in choices):
        return Refusal(Code.OUT_OF_RANGE, f"options count from 0 to {options - 1}")
    if len(set(choices)) < len(choices):
        return Refusal(Code.DUPLICATE_CHOICE)
    if len(choices) < rules.min:
        return Refusal(Code.TOO_FEW, f"at least {rules.min}")
    if len(choices) > rules.max:
        return Refusal(Code.TOO_MANY, f"at most {rules.max}")
    return Choices(tuple(sorted(choices)))


class ChoiceKind(PlainKind):
    """What the kinds have in common whose voters choose from the host's options."""

    parse = staticmethod(parse)

    def rules(self, stored: bytes) -> ChoiceRules:
        return read_rules(stored)

    def empty(self, options: int, rules: Rules) -> ChoiceTally:  # noqa: ARG002
        return ChoiceTally([0] * options)

    def tally(self, counts: tuple[int, ...], rules: Rules) -> ChoiceTally:  # noqa: ARG002
        return ChoiceTally(counts)

    def bins(self, options: tuple[str, ...], rules: Rules) -> tuple[str, ...]:  # noqa: ARG002
        return options

    def words(self, answer: Answer, options: tuple[str, ...], rules: Rules) -> str:  # noqa: ARG002
        """The chosen options' texts, in the order of the options."""
        assert isinstance(answer, Choices)
        return "; ".join(options[choice] for choice in answer.choices)


def leaders(counts: Iterable[int]) -> list[int]:
    """The places of those with the most, all of a tie; none where nobody has anything."""
    found = list(counts)
    most = max(found)
    return [place for place, count in enumerate(found) if count == most > 0]
