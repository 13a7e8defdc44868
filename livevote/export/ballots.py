"""``ballots.csv``: one row for each ballot, in the order of the log.

The rows stand apart from their bytes, because the workbook has the same ones.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from livevote.domain.kinds import KINDS
from livevote.domain.records import BallotCast, Entry, QuestionDefined
from livevote.domain.refusals import Refusal
from livevote.export.cells import BOM, Cell, csv_rows, moment
from livevote.export.source import Source

COLUMNS: dict[str, str] = {
    "index": "place of the ballot in the room's log; other records have the numbers in between",
    "time": "when it was recorded, UTC, ISO 8601",
    "question": "id of the question",
    "question_text": "the question",
    "round": "round of the question, from 1",
    "voter": "pseudonym of the voter, another one for every question",
    "rev": "0 for a voter's first ballot in the round, then 1, 2 ... for each change",
    "counted": "yes, no where the same voter replaced it later, or erased",
    "answer": "the answer as JSON; empty where it was erased",
    "answer_text": "the chosen options' texts, separated by '; '",
}
"""The columns of the ballots."""


async def ballots_csv(source: Source) -> AsyncGenerator[bytes, None]:
    """All ballots of a room as RFC 4180 CSV in UTF-8 with a byte order mark.

    Text that a spreadsheet would take for a formula gets a leading apostrophe. Reads the log twice: first to learn
    which ballots were replaced (one bit each), then to write.
    """
    replaced = Replaced(source.head.index)
    async with aclosing(source.slices()) as slices:
        async for entries in slices:
            for entry in entries:
                replaced.add(entry)
    ballots = Ballots(replaced)
    yield BOM + csv_rows([list(COLUMNS)])
    async with aclosing(source.slices()) as slices:
        async for entries in slices:
            if rows := [row for entry in entries if (row := ballots.row(entry)) is not None]:
                yield csv_rows(rows)


class Replaced:
    """Which ballots of a log of ``size`` records were replaced by later ones."""

    def __init__(self, size: int) -> None:
        self._bits = bytearray((size >> 3) + 1)

    def add(self, entry: Entry) -> None:
        """Learn from the next entry."""
        if isinstance(entry.record, BallotCast) and (before := entry.record.supersedes) is not None:
            self._bits[before >> 3] |= 1 << (before & 7)

    def __contains__(self, index: int) -> bool:
        return bool(self._bits[index >> 3] >> (index & 7) & 1)


class Ballots:
    """Turns entries into rows, given which ballots were ``replaced``."""

    def __init__(self, replaced: Replaced) -> None:
        self._replaced = replaced
        self._questions: dict[str, QuestionDefined] = {}

    def row(self, entry: Entry) -> list[Cell] | None:
        """The row of the next entry, in the order of ``COLUMNS``; None where it is no ballot."""
        ballot = entry.record
        if isinstance(ballot, QuestionDefined):
            self._questions[ballot.id] = ballot
        if not isinstance(ballot, BallotCast):
            return None
        question = self._questions[ballot.question]
        return [
            entry.index,
            moment(ballot.at),
            ballot.question,
            question.text,
            ballot.round,
            ballot.voter,
            ballot.rev,
            self._counted(entry),
            *_answer(entry, question),
        ]

    def _counted(self, entry: Entry) -> str:
        if entry.opening is None:
            return "erased"
        return "no" if entry.index in self._replaced else "yes"


def _answer(entry: Entry, question: QuestionDefined) -> tuple[str, str]:
    if entry.opening is None:
        return "", ""
    kind = KINDS[question.kind]
    parsed = kind.parse(entry.opening.answer, len(question.options), kind.rules(bytes(question.rules)))
    text = "" if isinstance(parsed, Refusal) else kind.words(parsed, question.options)
    return entry.opening.answer.decode(), text
