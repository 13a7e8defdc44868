"""The seam behind which every kind of question stands: what it must be able to do, and its laws."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from livevote.domain.refusals import Code, Refusal

MAX_OPTIONS = 50
MAX_OPTION_CHARS = 200

Figures = dict[str, Any]
"""What a result says beside its counts: a JSON object of integers, texts, booleans, nulls and lists of those.

A rational number is ``[numerator, denominator]``, the latter 0 where nobody answered.
"""

Told = tuple[str, int | Decimal | str]
"""A figure as people read it: its name in English and its value, empty where there is none yet."""

Standing = Literal["shown", "pending", "hidden"]


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a voter answered, in the kind's own shape. Its canonical bytes are what a ballot commits to."""


class Rules(msgspec.Struct, frozen=True):
    """The rules of one question in the kind's own shape, read once from its record."""


class Term(msgspec.Struct, frozen=True, gc=False):
    """A text that ``count`` voters wrote. ``key`` names it to whoever judges it; ``standing`` says who may see it."""

    key: str
    text: str
    count: int
    standing: Standing


class Tally(Protocol):
    """A round's result so far: grows and shrinks by whole answers, so that a changed vote is a remove and an add."""

    def add(self, answer: Answer) -> None:
        """Count one voter's answer."""

    def remove(self, answer: Answer) -> None:
        """Take back an answer that was added before."""

    def counts(self) -> tuple[int, ...]:
        """The result as integers, one for each of the kind's ``bins``, in their order. Cheap: asked for each ballot."""

    def figures(self) -> Figures:
        """What the counts do not say, as far as voters may see it once results are revealed. Not asked for each ballot,
        and to be had again for nothing as long as nothing changes."""

    def terms(self) -> tuple[Term, ...]:
        """All texts that voters wrote, most frequent first; empty for kinds whose voters write none."""

    def first_terms(self, standing: Standing, most: int) -> tuple[Term, ...]:
        """The first of those with this standing, ``most`` at most. Asked for at every tick, however many there are."""

    def judge(self, keys: Iterable[str], *, shown: bool) -> None:
        """Show or hide the terms with these keys, also those that will be written only later."""

    @property
    def judged(self) -> Mapping[str, bool]:
        """What was judged so far: whether it is shown, by key."""


class PlainTally:
    """What the tallies of most kinds have in common: counts say all, and nobody wrote anything to be judged."""

    __slots__ = ()

    def figures(self) -> Figures:
        return {}

    def terms(self) -> tuple[Term, ...]:
        return ()

    def first_terms(self, standing: Standing, most: int) -> tuple[Term, ...]:  # noqa: ARG002
        return ()

    def judge(self, keys: Iterable[str], *, shown: bool) -> None:
        """There is nothing to judge."""

    @property
    def judged(self) -> Mapping[str, bool]:
        return {}


class Kind(Protocol):
    """A kind of question. Implementations are stateless; all that varies is in the arguments.

    ``options`` are the options' texts, or where only their number matters, that. Kinds without options get none.

    Laws, which each kind's test states: ``define`` and ``parse`` accept their own output and are idempotent; ``add``
    then ``remove`` of the same answer changes nothing; the order of ``add`` does not matter; ``tally`` of its counts is
    the tally, where there is one; ``conserved`` holds after every fold; there are as many ``bins`` as ``counts``.
    """

    @property
    def name(self) -> str:
        """The name under which questions of this kind are logged."""

    @property
    def points(self) -> bool:
        """Whether counts are points: else each says how many voters chose what its bin says."""

    @property
    def written(self) -> bool:
        """Whether voters write texts, which the host may judge."""

    def define(self, options: tuple[str, ...], rules: bytes) -> bytes | Refusal:
        """Check a new question's options and the rules that a host sent; return the rules' canonical JSON."""

    def rules(self, stored: bytes) -> Rules:
        """Read the rules that ``define`` returned. Raises ``msgspec.DecodeError``."""

    def public_rules(self, rules: Rules) -> Rules:
        """What voters and the wall may know of the rules while the question is asked."""

    def full_rules(self, rules: Rules, truth: int | None) -> Rules:
        """The rules with the ``truth`` that a quiz hides elsewhere, where it does: what ``public_rules`` takes away."""

    def parse(self, answer: bytes, options: int, rules: Rules) -> Answer | Refusal:
        """Read a voter's JSON for a question of so many ``options``. Whatever the bytes are, it does not raise."""

    def empty(self, options: int, rules: Rules) -> Tally:
        """A tally without answers."""

    def tally(self, counts: tuple[int, ...], rules: Rules) -> Tally | None:
        """A tally that shows ``counts`` and goes on as the one did that showed them; None where they do not say enough
        for that, and only the answers do."""

    def bins(self, options: tuple[str, ...], rules: Rules) -> tuple[str, ...]:
        """What each of the counts counts, in no language but the host's own: the options, or values."""

    def conserved(self, counts: tuple[int, ...], voters: int, rules: Rules) -> bool:
        """The kind's law between the counts and the number of voters (I5)."""

    def words(self, answer: Answer, options: tuple[str, ...], rules: Rules) -> str:
        """The answer as people read it."""

    def solved(self, figures: Figures, rules: Rules) -> Figures:
        """The figures once the solution is shown, which only some kinds have in their rules."""

    def told(self, figures: Figures, options: tuple[str, ...], rules: Rules) -> tuple[Told, ...]:
        """The figures as people read them, without the terms, which are a table of their own."""


class PlainKind:
    """What most kinds have in common: counts are voters, nothing is written or secret, and no figures are told."""

    points = False
    written = False

    def public_rules(self, rules: Rules) -> Rules:
        return rules

    def full_rules(self, rules: Rules, truth: int | None) -> Rules:  # noqa: ARG002
        return rules

    def conserved(self, counts: tuple[int, ...], voters: int, rules: Rules) -> bool:  # noqa: ARG002
        """The counts add up to the voters: each is in one of them."""
        return sum(counts) == voters

    def solved(self, figures: Figures, rules: Rules) -> Figures:  # noqa: ARG002
        return figures

    def told(self, figures: Figures, options: tuple[str, ...], rules: Rules) -> tuple[Told, ...]:  # noqa: ARG002
        return ()


T = TypeVar("T", bound=msgspec.Struct)


def read_wanted(decoder: msgspec.json.Decoder[T], sent: bytes) -> T | Refusal:
    """The rules that a host sent, nothing at all meaning the defaults; or what is wrong with them."""
    try:
        return decoder.decode(sent or b"{}")
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return Refusal(Code.BAD_QUESTION, f"these rules cannot be read ({error})")


def read_alone(kind: str, options: tuple[str, ...], decoder: msgspec.json.Decoder[T], sent: bytes) -> T | Refusal:
    """``read_wanted`` for a kind that takes no options: it brings them itself, or needs none."""
    if options:
        return Refusal(Code.BAD_QUESTION, f"a question of the kind '{kind}' takes no options")
    return read_wanted(decoder, sent)


def ratio(value: list[int], *, places: int, decimals: int = 0) -> Decimal | str:
    """A rational number of figures with so many decimal places, halves away from 0; empty where nobody answered.

    It is meant to have been scaled by 10 to the power of ``decimals``.
    """
    numerator, denominator = value
    if denominator == 0:
        return ""
    scaled = (2 * abs(numerator) * 10**places + denominator * 10**decimals) // (2 * denominator * 10**decimals)
    return Decimal(scaled if numerator >= 0 else -scaled).scaleb(-places)
