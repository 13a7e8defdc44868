"""``ballots.csv``: one row for each ballot, in the order of the log.

The rows stand apart from their bytes, because the workbook has the same ones.
"""

import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from livevote.domain.kinds import KINDS
from livevote.domain.records import BallotCast, Entry, QuestionDefined
from livevote.domain.refusals import Refusal
from livevote.export.cells import BOM, Cell, csv_rows, instant, moment, within_row
from livevote.export.source import Replaced, Source

COLUMNS: dict[str, str] = {
    "index": "place of the ballot in the room's log; other records have the numbers in between",
    "time": "when it was recorded, UTC, ISO 8601",
    "question": "id of the question",
    "question_text": "the question as it was worded when the ballot was cast",
    "round": "round of the question, from 1",
    "voter": "pseudonym of the voter, another one for every question unless the room links them",
    "rev": "0 for a voter's first ballot in the round, then 1, 2 ... for each change",
    "counted": "yes, no where the same voter replaced it later, or erased",
    "answer": "the answer as JSON; empty where it was erased",
    "answer_text": "the answer in words, such as the chosen options' texts, separated by '; '",
}
"""The columns of the ballots."""

_PLAIN = re.compile(r"\w[\w-]*")
"""Texts that are their own cells: nothing to quote, and no formula."""

_EXACT = range(2**32 * 1000)
"""Instants whose milliseconds a float of seconds keeps, so that ``moment`` does."""

_MOST_ANSWERS = 4096


async def ballots_csv(source: Source) -> AsyncGenerator[bytes, None]:
    """All ballots of a room as RFC 4180 CSV in UTF-8 with a byte order mark.

    Text that a spreadsheet would take for a formula gets a leading apostrophe. Which ballots were
    replaced is asked for first.
    """
    lines = Lines(await source.replaced())
    yield BOM + csv_rows([list(COLUMNS)])
    async with aclosing(source.slices()) as slices:
        async for entries in slices:
            if rows := lines.of(entries):
                yield rows


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
            _counted(entry, self._replaced),
            *_answer(entry, question),
        ]


def _counted(entry: Entry, replaced: Replaced) -> str:
    if entry.opening is None:
        return "erased"
    return "no" if entry.index in replaced else "yes"


def _answer(entry: Entry, question: QuestionDefined) -> tuple[str, str]:
    if entry.opening is None:
        return "", ""
    kind = KINDS[question.kind]
    rules = kind.rules(bytes(question.rules))
    parsed = kind.parse(entry.opening.answer, len(question.options), rules)
    text = "" if isinstance(parsed, Refusal) else kind.words(parsed, question.options, rules)
    return entry.opening.answer.decode(), text


class Lines:
    """The rows of ``Ballots`` as ``csv_rows`` writes them, in a quarter of the time.

    Ballots have much in common: the second, the question, the answer. What they share is made into cells once.
    """

    def __init__(self, replaced: Replaced) -> None:
        self._replaced = replaced
        self._second = -1
        self._second_text = ""
        self._asked: dict[str, _Asked] = {}

    def of(self, entries: Iterable[Entry]) -> bytes:
        """The rows of the next entries; empty where there is no ballot among them."""
        rows: list[str] = []
        for entry in entries:
            ballot = entry.record
            if type(ballot) is BallotCast:
                asked = self._asked[ballot.question]
                voter = ballot.voter if _PLAIN.fullmatch(ballot.voter) else within_row([ballot.voter])[:-1]
                rows.append(
                    f"{entry.index},{self._time(ballot.at)},{asked.cells}{ballot.round},{voter},{ballot.rev},"
                    f"{_counted(entry, self._replaced)},{asked.answer(entry)}\r\n"
                )
            elif isinstance(ballot, QuestionDefined):
                self._asked[ballot.id] = _Asked(ballot)
        return "".join(rows).encode()

    def _time(self, at: int) -> str:
        if at not in _EXACT:
            return within_row([moment(at)])[:-1]
        second, ms = divmod(at, 1000)
        if second != self._second:
            self._second, self._second_text = second, instant(second * 1000).removesuffix("000Z")
        return f"{self._second_text}{ms:03d}Z"


class _Asked:
    """A question's cells in the rows of its ballots."""

    def __init__(self, question: QuestionDefined) -> None:
        self.cells = within_row([question.id, question.text])
        self._question = question
        self._answers: dict[bytes | None, str] = {}

    def answer(self, entry: Entry) -> str:
        """The last cells of a row."""
        given = None if entry.opening is None else entry.opening.answer
        cells = self._answers.get(given)
        if cells is None:
            if len(self._answers) == _MOST_ANSWERS:
                self._answers.clear()
            cells = self._answers[given] = within_row(_answer(entry, self._question))[:-1]
        return cells
