"""An estimate: a number between two others, and where all of them lie."""

from decimal import Decimal
from typing import Annotated

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
from livevote.domain.text import clean

MAX_BINS = 20
MAX_UNIT_CHARS = 20
_DIGIT_BITS = 8
FARTHEST = 2**53 - 1
"""Up to here every program that reads JSON knows integers."""

Number = Annotated[int, msgspec.Meta(ge=-FARTHEST, le=FARTHEST)]


class EstimateRules(Rules, frozen=True, forbid_unknown_fields=True):
    """Estimates go from ``min`` to ``max``. All numbers are scaled by 10 to the power of ``decimals``: with two of them
    150 is 1.50. ``truth`` is the solution, which nobody is told while others guess."""

    max: Number
    min: Number
    decimals: Annotated[int, msgspec.Meta(ge=0, le=6)] = 0
    truth: Number | None = None
    unit: Annotated[str, msgspec.Meta(max_length=MAX_UNIT_CHARS)] = ""

    @property
    def width(self) -> int:
        """How many numbers a bin has in it: one where those are few."""
        reach = self.max - self.min
        return 1 if reach < MAX_BINS else max(2, -(-reach // MAX_BINS))

    @property
    def bins(self) -> int:
        """How many bins there are, 20 at most. The last one ends with ``max``, and may have one number more for that:
        from 0 to 100 they are 0 to 4, 5 to 9 ... and 95 to 100."""
        reach = self.max - self.min
        return reach + 1 if reach < MAX_BINS else -(-reach // self.width)


_rules = msgspec.json.Decoder(EstimateRules)


class EstimateTally(PlainTally):
    """How often each number was given: what a median needs, and more than the bins tell.

    Beside each number, how many estimates begin with the same digits to the base 256, for each length: so the number at
    any place is found digit by digit, and a tick costs the same after ten estimates and after a million.
    """

    __slots__ = ("_begins", "_counts", "_figures", "_low", "_sum", "_width")

    def __init__(self, rules: EstimateRules) -> None:
        self._low, self._width = rules.min, rules.width
        self._counts = [0] * rules.bins
        digits = max(1, -(-(rules.max - rules.min).bit_length() // _DIGIT_BITS))
        self._begins: list[dict[int, int]] = [{} for _ in range(digits)]
        """How many estimates, less the lowest, begin like this; whole numbers first, then those without the last digit,
        and so on."""
        self._sum = 0
        self._figures: Figures | None = None

    def add(self, answer: Answer) -> None:
        self._count(answer, 1)

    def remove(self, answer: Answer) -> None:
        self._count(answer, -1)

    def _count(self, answer: Answer, times: int) -> None:
        assert isinstance(answer, value.Value)
        above = answer.value - self._low
        self._counts[min(above // self._width, len(self._counts) - 1)] += times
        self._sum += times * answer.value
        for given in self._begins:
            left = given.get(above, 0) + times
            if left:
                given[above] = left
            else:
                del given[above]
            above >>= _DIGIT_BITS
        self._figures = None

    def counts(self) -> tuple[int, ...]:
        return tuple(self._counts)

    def figures(self) -> Figures:
        """Median and mean as fractions, and the lowest and the highest estimate; None before the first."""
        if self._figures is None:
            self._figures = self._computed()
        return self._figures

    def _computed(self) -> Figures:
        voters = sum(self._counts)
        if not voters:
            return {"median": [0, 0], "mean": [0, 0], "low": None, "high": None}
        # Of an even number of estimates the median is the mean of the two in the middle.
        twice = self._nth((voters - 1) // 2) + self._nth(voters // 2)
        return {"median": [twice, 2], "mean": [self._sum, voters], "low": self._nth(0), "high": self._nth(voters - 1)}

    def _nth(self, place: int) -> int:
        """The number at this place, from 0, among all in order."""
        found = 0
        for given in reversed(self._begins):
            found <<= _DIGIT_BITS
            while place >= (there := given.get(found, 0)):
                place -= there
                found += 1
        return self._low + found


class Estimate(PlainKind):
    """One number."""

    name = "estimate"

    def define(self, options: tuple[str, ...], rules: bytes) -> bytes | Refusal:
        wanted = read_alone(self.name, options, _rules, rules)
        if isinstance(wanted, Refusal):
            return wanted
        if not wanted.min < wanted.max:
            return Refusal(Code.BAD_QUESTION, f"rules need min < max, not min {wanted.min} and max {wanted.max}")
        if wanted.truth is not None and not wanted.min <= wanted.truth <= wanted.max:
            return Refusal(Code.BAD_QUESTION, f"nobody can guess {wanted.truth}: it is not between min and max")
        if wanted.unit != clean(wanted.unit):
            return Refusal(Code.BAD_QUESTION, "the unit holds invisible or control characters")
        return encode(wanted)

    def rules(self, stored: bytes) -> EstimateRules:
        return _rules.decode(stored)

    def public_rules(self, rules: Rules) -> Rules:
        return msgspec.structs.replace(rules, truth=None)

    def full_rules(self, rules: Rules, truth: int | None) -> Rules:
        return rules if truth is None else msgspec.structs.replace(rules, truth=truth)

    def parse(self, answer: bytes, options: int, rules: Rules) -> value.Value | Refusal:  # noqa: ARG002
        assert isinstance(rules, EstimateRules)
        return value.parse(answer, rules.min, rules.max)

    def empty(self, options: int, rules: Rules) -> EstimateTally:  # noqa: ARG002
        assert isinstance(rules, EstimateRules)
        return EstimateTally(rules)

    def tally(self, counts: tuple[int, ...], rules: Rules) -> None:
        """Bins do not say which numbers they have in them."""

    def bins(self, options: tuple[str, ...], rules: Rules) -> tuple[str, ...]:  # noqa: ARG002
        assert isinstance(rules, EstimateRules)

        def label(place: int) -> str:
            low = rules.min + place * rules.width
            high = rules.max if place == rules.bins - 1 else low + rules.width - 1
            return _spelled(low, rules) if low == high else f"{_spelled(low, rules)}\u2013{_spelled(high, rules)}"

        return tuple(map(label, range(rules.bins)))

    def words(self, answer: Answer, options: tuple[str, ...], rules: Rules) -> str:  # noqa: ARG002
        assert isinstance(answer, value.Value)
        assert isinstance(rules, EstimateRules)
        return f"{_spelled(answer.value, rules)} {rules.unit}".rstrip()

    def solved(self, figures: Figures, rules: Rules) -> Figures:
        """With the ``truth``, and how far the median is from it; None where nobody answered."""
        assert isinstance(rules, EstimateRules)
        if rules.truth is None:
            return figures
        twice, over = figures["median"]
        return {**figures, "truth": rules.truth, "distance": [abs(twice - over * rules.truth), over] if over else None}

    def told(self, figures: Figures, options: tuple[str, ...], rules: Rules) -> tuple[Told, ...]:  # noqa: ARG002
        assert isinstance(rules, EstimateRules)
        places, unit = rules.decimals + 2, f" ({rules.unit})" if rules.unit else ""

        def fraction(name: str) -> Decimal | str:
            found = figures.get(name)
            return "" if found is None else ratio(found, places=places, decimals=rules.decimals)

        def number(name: str) -> Decimal | str:
            found = figures.get(name)
            return "" if found is None else Decimal(found).scaleb(-rules.decimals)

        told: tuple[Told, ...] = (
            (f"median{unit}", fraction("median")),
            (f"mean{unit}", fraction("mean")),
            (f"lowest{unit}", number("low")),
            (f"highest{unit}", number("high")),
        )
        if "truth" in figures:
            told += ((f"truth{unit}", number("truth")), (f"distance of the median{unit}", fraction("distance")))
        return told


def _spelled(number: int, rules: EstimateRules) -> str:
    return f"{Decimal(number).scaleb(-rules.decimals):f}"


KIND = Estimate()
