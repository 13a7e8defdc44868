"""The results of a room as values: its log folded by the rules of the vote, never counted in any other way.

Every format that shows results is made from these, so that no two files of one moment say different things.
"""

from collections.abc import Iterable, Iterator
from contextlib import aclosing

import msgspec

from livevote.domain import quiz
from livevote.domain.audit import GENESIS, leaf
from livevote.domain.kinds.base import Figures, Told
from livevote.domain.merkle import Frontier
from livevote.domain.records import BallotCast, Entry, RecoveryAccepted, ResultsRevealed, encode
from livevote.domain.room import BrokenLogError, apply
from livevote.domain.state import Question, Room, Round, Wording
from livevote.domain.tally import Snapshot, snapshot
from livevote.export.source import Source
from livevote.failures import CorruptError


class Option(msgspec.Struct, frozen=True):
    """An option in a round, or a value, or a text that voters wrote. ``share`` is that of all who voted, None where
    nobody did and where ``count`` are points."""

    text: str
    count: int
    share: float | None


class Solved(msgspec.Struct, frozen=True):
    """What was right in a round of a quiz: option indexes, or the ``truth`` of an estimate; and what that earned."""

    right: tuple[int, ...]
    truth: int | None
    points: int
    fading: bool
    explanation: str


class RoundResult(msgspec.Struct, frozen=True):
    """What one asking of a question came to. Instants are in ms since 1970; ``revealed_at`` is the first reveal.

    ``closes_at`` is the planned end that was set last, None where there was none. ``terms`` are all texts that are
    shown, ``withheld`` is how many others there are. ``solution`` is there once it was shown.
    """

    number: int
    opened_at: int
    closed_at: int | None
    closes_at: int | None
    revealed_at: int | None
    revealed: bool
    voters: int
    erased: int
    options: tuple[Option, ...]
    terms: tuple[Option, ...]
    withheld: int
    figures: Figures
    told: tuple[Told, ...]
    text: str
    """The question as it was asked."""
    stored_rules: bytes
    """The rules by which it was asked, as ``told_rules`` says them."""
    solution: Solved | None = None


def recovered(recovery: RecoveryAccepted) -> str:
    """What an accepted recovery means, in the words that every page and command has for it."""
    return (
        f"the log had {recovery.lost} records by its checkpoints, of which those after {recovery.kept} may be lost or "
        "changed"
    )


class Fold:
    """A log on its way to its results. ``root`` and ``chain`` seal what went in."""

    def __init__(self, code: str) -> None:
        self.at = 0
        """The instant of the last record, in ms since 1970."""
        self.chain = GENESIS
        self.ballots = 0
        """Ballots in the log, also those that were replaced."""
        self._code = code
        self._room: Room | None = None
        self._tree = Frontier()
        self._revealed_at: dict[tuple[str, int], int] = {}

    @property
    def room(self) -> Room:
        """The state. There is one after the first entry."""
        if self._room is None:
            raise CorruptError(f"The log of room {self._code} has no records.")
        return self._room

    @property
    def root(self) -> bytes:
        """The Merkle root over all records so far."""
        return self._tree.root()

    def add(self, entry: Entry) -> None:
        """Fold the next entry. Raises ``CorruptError`` for a log that does not add up."""
        try:
            self._room = apply(self._room, entry)
        except BrokenLogError as error:
            raise CorruptError(f"The log does not add up: {error}. 'livevote verify' says what was changed.") from error
        self._tree.append(leaf(entry.body))
        self.chain = entry.chain
        self.at = entry.record.at
        if isinstance(entry.record, BallotCast):
            self.ballots += 1
        elif isinstance(entry.record, ResultsRevealed):
            self._revealed_at.setdefault((entry.record.question, entry.record.round), entry.record.at)

    def rounds(self, question: Question) -> Iterator[RoundResult]:
        """Every round of a question, in order."""
        for asked in question.rounds:
            yield self._result(question, asked, snapshot(self.room, question, asked))

    def _result(self, question: Question, asked: Round, result: Snapshot) -> RoundResult:
        wording = asked.wording
        terms, told = asked.tally.terms(), question.kind.told(result.figures, wording.options, wording.rules)
        shown = [(term.text, term.count) for term in terms if term.standing == "shown"]
        bins = question.kind.bins(wording.options, wording.rules)
        points = question.kind.points
        return RoundResult(
            number=asked.number,
            opened_at=asked.opened_at,
            closed_at=asked.closed_at,
            closes_at=asked.closes_at,
            revealed_at=self._revealed_at.get((question.id, asked.number)),
            revealed=asked.revealed,
            voters=result.voters,
            erased=asked.erased,
            options=_options(zip(bins, result.counts, strict=True), 0 if points else result.voters),
            terms=_options(shown, result.voters),
            withheld=len(terms) - len(shown),
            figures=result.figures,
            told=told,
            text=wording.text,
            stored_rules=told_rules(question, wording),
            solution=_solved(wording) if asked.solved else None,
        )


def _options(counted: Iterable[tuple[str, int]], voters: int) -> tuple[Option, ...]:
    return tuple(Option(text, count, round(count / voters, 4) if voters else None) for text, count in counted)


def told_rules(question: Question, wording: Wording) -> bytes:
    """The rules as JSON; those of a quiz without what is right, which is in its solution once that was shown."""
    if wording.quiz is None or (told := question.kind.public_rules(wording.rules)) == wording.rules:
        return wording.stored_rules
    return encode(told)


def _solved(wording: Wording) -> Solved:
    terms, solution = wording.quiz, wording.solution
    assert terms is not None, "only the solution of a quiz can be shown"
    assert solution is not None, "every quiz has a solution"
    return Solved(solution.right, quiz.truth(wording), terms.points, terms.fading, solution.explanation)


async def folded(source: Source) -> Fold:
    """The whole log of ``source``, folded."""
    fold = Fold(source.room)
    async with aclosing(source.slices()) as slices:
        async for entries in slices:
            for entry in entries:
                fold.add(entry)
    return fold
