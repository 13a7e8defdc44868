"""The places of a quiz: the points of all voters added up and put in order, in pieces between the votes."""

from bisect import insort
from collections.abc import Generator, Iterator
from heapq import merge
from itertools import islice

from livevote.domain.quiz import scored, scorer
from livevote.domain.state import Question, Room, Round

TOP = 10
"""How many places the leaderboard shows."""

_STEP = 128  # ballots in one piece: about a tenth of a millisecond
_RUN = 1024  # sums in order: as long


class Standings:
    """The points of all voters of a linked room and the places that follow, brought up to date in small pieces.

    What was added up is kept, so that one more solution costs one more round; a question that was asked again, or an
    answer that was erased, begins from nothing.
    """

    __slots__ = ("_counted", "_ranks", "_totals", "_up_to_date_with", "top")

    def __init__(self) -> None:
        self.top: list[tuple[int, str]] = []
        """The first ``TOP`` voters as (-points, voter), best first; who has the same points stands by pseudonym."""
        self._totals: dict[str, int] = {}
        self._ranks: dict[int, int] = {}
        self._counted: dict[str, tuple[int, int]] = {}
        self._up_to_date_with: dict[str, tuple[int, int]] | None = {}

    def behind(self, room: Room) -> bool:
        """Whether these are not, or not yet, the places of the room as it is now."""
        return room.linked and self._up_to_date_with != _rounds(room)

    def update(self, room: Room) -> Generator[None, None, None]:
        """Catch up with the room, in pieces of about a tenth of a millisecond. Until the last one nothing is right.

        Where the room moves on between two of them, it has to be done once more.
        """
        self._up_to_date_with = None
        rounds, wanted = list(scored(room)), _rounds(room)
        if any(wanted.get(name) != known for name, known in self._counted.items()):
            self._counted, self._totals = {}, {}
        for question, asked in rounds:
            if question.id not in self._counted:
                # First, so that pieces that nobody asks for any more leave no round half counted and taken for whole.
                self._counted[question.id] = (0, 0)
                yield from self._count(question, asked)
                self._counted[question.id] = wanted[question.id]
        yield from self._rank()
        self._up_to_date_with = wanted

    def _count(self, question: Question, asked: Round) -> Generator[None, None, None]:
        points, totals = scorer(question, asked), self._totals
        for number, (voter, ballot) in enumerate(asked.ballots.items(), 1):
            if ballot.answer is not None:
                totals[voter] = totals.get(voter, 0) + points(ballot)
            if number % _STEP == 0:
                yield

    def _rank(self) -> Generator[None, None, None]:
        having: dict[int, int] = {}
        top: list[tuple[int, str]] = []
        for number, (voter, points) in enumerate(self._totals.items(), 1):
            having[points] = having.get(points, 0) + 1
            place = -points, voter
            if len(top) < TOP or place < top[-1]:
                insort(top, place)
                del top[TOP:]
            if number % _STEP == 0:
                yield
        # In runs, because to put a hundred thousand sums in order at once takes as long as a thousand votes.
        runs: list[list[int]] = []
        sums = iter(having)
        while run := sorted(islice(sums, _RUN), reverse=True):
            runs.append(run)
            yield
        ranks: dict[int, int] = {}
        better = 0
        for number, points in enumerate(merge(*runs, reverse=True), 1):
            ranks[points] = better + 1
            better += having[points]
            if number % _STEP == 0:
                yield
        self._ranks, self.top = ranks, top

    @property
    def players(self) -> int:
        """How many voters have a place: all who answered in a round that counts."""
        return len(self._totals)

    def points(self, voter: str) -> int:
        """What the voter has earned."""
        return self._totals.get(voter, 0)

    def rank(self, voter: str) -> int | None:
        """The voter's place, from 1; voters with the same points share it. None for who has answered nothing."""
        points = self._totals.get(voter)
        return None if points is None else self._ranks[points]

    def ranked(self) -> Iterator[tuple[int, list[str]]]:
        """All voters by their points, most points first, those with the same by pseudonym."""
        having: dict[int, list[str]] = {}
        for voter, points in self._totals.items():
            having.setdefault(points, []).append(voter)
        for points in sorted(having, reverse=True):
            yield points, sorted(having[points])


def _rounds(room: Room) -> dict[str, tuple[int, int]]:
    """What points depend on, beside ballots that cannot change any more."""
    return {question.id: (asked.number, asked.erased) for question, asked in scored(room)}
