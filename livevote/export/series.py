"""``series.csv``: how the counts of every round grew, one row for each second in which they changed.

A second is short enough for any chart, and it keeps a day with a million ballots below 86,400 rows a round.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import msgspec

from livevote.domain.records import (
    BallotCast,
    Entry,
    QuestionDefined,
    ResultsHidden,
    ResultsRevealed,
    VotingClosed,
    VotingOpened,
)
from livevote.domain.state import Question, Room
from livevote.export.cells import BOM, Cell, csv_rows, moment
from livevote.export.results import Fold
from livevote.export.source import Source

COLUMNS: dict[str, str] = {
    "time": "when the record `as_of` was made, UTC, ISO 8601",
    "as_of": "the last record of the log that this row has in it",
    "question": "id of the question",
    "round": "round of the question, from 1",
    "event": "opened, closed, revealed or hidden, with the counts at that moment; empty where ballots changed them",
    "voters": "how many had voted by then",
    "option_1 ...": "how many had chosen the first option or value, the second and so on; empty where there is none",
}
"""The columns of the series; the last one stands for as many as the question with the most options or values has."""

_EVENTS: dict[type, str] = {
    VotingOpened: "opened",
    VotingClosed: "closed",
    ResultsRevealed: "revealed",
    ResultsHidden: "hidden",
}


async def series_csv(source: Source) -> AsyncGenerator[bytes, None]:
    """All counts over time as RFC 4180 CSV in UTF-8 with a byte order mark.

    Reads the log twice: first to learn how many options there are.
    """
    width = Width()
    async with aclosing(source.slices()) as slices:
        async for entries in slices:
            for entry in entries:
                width.add(entry)
    fold, series = Fold(source.room), Series()
    yield BOM + csv_rows([width.columns()])
    async with aclosing(source.slices()) as slices:
        async for entries in slices:
            rows: list[list[Cell]] = []
            for entry in entries:
                fold.add(entry)
                rows += series.rows(entry, fold.room)
            if rows:
                yield csv_rows(width.fill(row) for row in rows)
    yield csv_rows(width.fill(row) for row in series.rest())


class Width:
    """How many options the question with the most of them has."""

    def __init__(self) -> None:
        self._options = 0

    def add(self, entry: Entry) -> None:
        """Learn from the next entry."""
        if isinstance(entry.record, QuestionDefined):
            question = Question(entry.record)
            self._options = max(self._options, len(question.kind.bins(question.options, question.rules)))

    def columns(self) -> list[str]:
        """The names of all columns."""
        return [*list(COLUMNS)[:-1], *(f"option_{number}" for number in range(1, self._options + 1))]

    def fill(self, row: list[Cell]) -> list[Cell]:
        """The row with empty cells for the options that its question does not have."""
        return row + [None] * (len(COLUMNS) - 1 + self._options - len(row))


class _Point(msgspec.Struct, frozen=True):
    """A result without its figures: those of some kinds take longer than a ballot."""

    at: int
    as_of: int
    question: str
    round: int
    voters: int
    counts: tuple[int, ...]


class Series:
    """Turns entries into rows. A round's counts wait until the second is over in which they changed."""

    def __init__(self) -> None:
        self._waiting: _Point | None = None
        self._written: _Point | None = None

    def rows(self, entry: Entry, room: Room) -> Iterator[list[Cell]]:
        """The rows that are complete with the next entry, given the state after it."""
        record = entry.record
        event = _EVENTS.get(type(record), "")
        if not isinstance(record, BallotCast | VotingOpened | VotingClosed | ResultsRevealed | ResultsHidden):
            return
        # The clock is a label and may jump back, so any other second ends this one.
        if self._waiting is not None and self._waiting.at // 1000 != record.at // 1000:
            yield from self.rest()
        asked = room.questions[record.question].rounds[record.round - 1]
        point = _Point(record.at, room.head, record.question, asked.number, asked.voters, asked.tally.counts())
        if event:
            self._waiting = None  # an event within the second shows the same counts
            self._written = point
            yield _row(point, event)
        else:
            self._waiting = point

    def rest(self) -> Iterator[list[Cell]]:
        """The row that still waits, if there is one, and if it says anything new."""
        point, self._waiting = self._waiting, None
        if point is not None and _numbers(point) != _numbers(self._written):
            self._written = point
            yield _row(point, "")


def _numbers(point: _Point | None) -> tuple[object, ...]:
    return () if point is None else (point.question, point.round, point.voters, point.counts)


def _row(point: _Point, event: str) -> list[Cell]:
    return [moment(point.at), point.as_of, point.question, point.round, event, point.voters, *point.counts]
