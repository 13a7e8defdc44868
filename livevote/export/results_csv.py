"""``results.csv``: one row for each option of every question and round.

The rows stand apart from their bytes, because the workbook has the same ones.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator

from livevote.domain.state import Question
from livevote.export.cells import BOM, Cell, csv_rows, moment
from livevote.export.results import Fold, folded
from livevote.export.source import Source

COLUMNS: dict[str, str] = {
    "question": "id of the question",
    "question_text": "the question",
    "kind": "kind of the question",
    "round": "round of the question, from 1; empty, with all that depends on it, where it was never asked",
    "option": "number of the option, from 1",
    "option_text": "the option",
    "count": "how many chose it",
    "share": "the same as a share of all who voted, 0 to 1; empty where nobody did",
    "voters": "how many voted in this round and are counted",
    "erased": "voters of this round whose answer was erased: they are in no count",
    "opened_at": "when voting began, UTC, ISO 8601",
    "closed_at": "when voting ended; empty where it goes on",
    "revealed_at": "when voters were first shown the results; empty where they never were",
    "as_of": "the last record of the log that these results have in them",
    "right": "yes or no once the solution of a quiz was shown, and empty elsewhere",
    "points": "what a right answer earned at most, beside `right`",
}
"""The columns of the results."""


async def results_csv(source: Source) -> AsyncGenerator[bytes, None]:
    """All results of a room as RFC 4180 CSV in UTF-8 with a byte order mark."""
    fold = await folded(source)
    yield BOM + csv_rows([list(COLUMNS)])
    for question in fold.room.questions.values():
        yield csv_rows(rows(fold, question))
        await asyncio.sleep(0)


def rows(fold: Fold, question: Question) -> Iterator[list[Cell]]:
    """The rows of one question, in the order of ``COLUMNS``."""
    asked = [question.id, question.text, question.kind.name]
    if not question.rounds:
        for number, text in enumerate(question.options, 1):
            yield [*asked, None, number, text, *[None] * 7, fold.room.head, None, None]
    for result in fold.rounds(question):
        solution = result.solution
        for number, option in enumerate(result.options, 1):
            yield [
                *asked,
                result.number,
                number,
                option.text,
                option.count,
                option.share,
                result.voters,
                result.erased,
                moment(result.opened_at),
                None if result.closed_at is None else moment(result.closed_at),
                None if result.revealed_at is None else moment(result.revealed_at),
                fold.room.head,
                None if solution is None else "yes" if number - 1 in solution.right else "no",
                None if solution is None else solution.points,
            ]
