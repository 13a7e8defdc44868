"""A rating: stars from 1 to the ``top``, or how likely from 0 to 10 somebody would recommend something (NPS)."""

from typing import Annotated, Literal

import msgspec

from livevote.domain.kinds import value
from livevote.domain.kinds.base import (
    Answer,
    Figures,
    PlainKind,
    PlainTally,
    Rules,
    Told,
    ratio,
    read_alone,
)
from livevote.domain.records import encode
from livevote.domain.refusals import Code, Refusal

DEFAULT_STARS = 5
NPS_TOP = 10
DETRACTORS = 7
"""So many of the lowest grades of an NPS are detractors: 0 to 6."""
PROMOTERS = 2
"""So many of the highest ones are promoters: 9 and 10."""


class _Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    style: Literal["stars", "nps"] = "stars"
    top: Annotated[int, msgspec.Meta(ge=3, le=10)] | None = None


class RatingRules(Rules, frozen=True):
    """The highest grade, and what grades are."""

    style: Literal["stars", "nps"]
    top: int

    @property
    def low(self) -> int:
        """The lowest grade."""
        return 0 if self.style == "nps" else 1


_wanted = msgspec.json.Decoder(_Wanted)
_rules = msgspec.json.Decoder(RatingRules)


class RatingTally(PlainTally):
    """One count for each grade, from the lowest."""

    __slots__ = ("_counts", "_rules")

    def __init__(self, counts: tuple[int, ...], rules: RatingRules) -> None:
        self._counts = list(counts)
        self._rules = rules

    def add(self, answer: Answer) -> None:
        assert isinstance(answer, value.Value)
        self._counts[answer.value - self._rules.low] += 1

    def remove(self, answer: Answer) -> None:
        assert isinstance(answer, value.Value)
        self._counts[answer.value - self._rules.low] -= 1

    def counts(self) -> tuple[int, ...]:
        return tuple(self._counts)

    def figures(self) -> Figures:
        """The mean and, for its style, the Net Promoter Score from -100 to 100; both as fractions, not reduced."""
        counts, low = self._counts, self._rules.low
        voters = sum(counts)
        found: Figures = {"mean": [sum(grade * count for grade, count in enumerate(counts, low)), voters]}
        if self._rules.style == "nps":
            found["nps"] = [100 * (sum(counts[-PROMOTERS:]) - sum(counts[:DETRACTORS])), voters]
        return found


class Rating(PlainKind):
    """One grade."""

    name = "rating"

    def define(self, options: tuple[str, ...], rules: bytes) -> bytes | Refusal:
        wanted = read_alone(self.name, options, _wanted, rules)
        if isinstance(wanted, Refusal):
            return wanted
        if wanted.style == "nps" and wanted.top not in (None, NPS_TOP):
            return Refusal(Code.BAD_QUESTION, f"the grades of 'nps' go from 0 to {NPS_TOP}, whatever 'top' says")
        top = wanted.top or (NPS_TOP if wanted.style == "nps" else DEFAULT_STARS)
        return encode(RatingRules(style=wanted.style, top=top))

    def rules(self, stored: bytes) -> RatingRules:
        return _rules.decode(stored)

    def parse(self, answer: bytes, options: int, rules: Rules) -> value.Value | Refusal:  # noqa: ARG002
        assert isinstance(rules, RatingRules)
        return value.parse(answer, rules.low, rules.top)

    def empty(self, options: int, rules: Rules) -> RatingTally:  # noqa: ARG002
        assert isinstance(rules, RatingRules)
        return RatingTally((0,) * (rules.top - rules.low + 1), rules)

    def tally(self, counts: tuple[int, ...], rules: Rules) -> RatingTally:
        assert isinstance(rules, RatingRules)
        return RatingTally(counts, rules)

    def bins(self, options: tuple[str, ...], rules: Rules) -> tuple[str, ...]:  # noqa: ARG002
        assert isinstance(rules, RatingRules)
        return tuple(str(grade) for grade in range(rules.low, rules.top + 1))

    def words(self, answer: Answer, options: tuple[str, ...], rules: Rules) -> str:  # noqa: ARG002
        assert isinstance(answer, value.Value)
        return str(answer.value)

    def told(self, figures: Figures, options: tuple[str, ...], rules: Rules) -> tuple[Told, ...]:  # noqa: ARG002
        mean = ("mean", ratio(figures["mean"], places=2))
        return (mean, ("Net Promoter Score", ratio(figures["nps"], places=1))) if "nps" in figures else (mean,)


KIND = Rating()
