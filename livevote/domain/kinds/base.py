"""The seam behind which every kind of question stands: what it must be able to do, and its laws."""

from typing import Protocol

import msgspec

from livevote.domain.refusals import Refusal

MAX_OPTIONS = 50
MAX_OPTION_CHARS = 200


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a voter answered, in the kind's own shape. Its canonical bytes are what a ballot commits to."""


class Tally(Protocol):
    """A round's result so far: grows and shrinks by whole answers, so that a changed vote is a remove and an add."""

    def add(self, answer: Answer) -> None:
        """Count one voter's answer."""

    def remove(self, answer: Answer) -> None:
        """Take back an answer that was added before."""

    def counts(self) -> tuple[int, ...]:
        """The result as integers in a stable order; for kinds with options one for each option."""


class Rules(msgspec.Struct, frozen=True):
    """The rules of one question in the kind's own shape, read once from its record."""


class Kind(Protocol):
    """A kind of question. Implementations are stateless; all that varies is in the arguments.

    Laws, which each kind's test states: ``parse`` accepts its own output and is idempotent; ``add`` then ``remove`` of
    the same answer changes nothing; the order of ``add`` does not matter; ``tally`` of its counts is the
    tally; ``conserved`` holds after every fold.
    """

    @property
    def name(self) -> str:
        """The name under which questions of this kind are logged."""

    def define(self, options: tuple[str, ...], rules: bytes) -> bytes | Refusal:
        """Check a new question's options and the rules that a host sent; return the rules' canonical JSON."""

    def rules(self, stored: bytes) -> Rules:
        """Read the rules that ``define`` returned."""

    def parse(self, answer: bytes, options: int, rules: Rules) -> Answer | Refusal:
        """Read a voter's JSON for a question of so many ``options``. Whatever the bytes are, it does not raise."""

    def empty(self, options: int) -> Tally:
        """A tally without answers."""

    def tally(self, counts: tuple[int, ...]) -> Tally:
        """A tally that shows ``counts`` and goes on as the one did that showed them."""

    def conserved(self, counts: tuple[int, ...], voters: int, rules: Rules) -> bool:
        """The kind's law between the counts and the number of voters (I5)."""

    def words(self, answer: Answer, options: tuple[str, ...]) -> str:
        """The answer as people read it."""
