"""``results.csv``: one row for each option, value, text and figure of every question and round.

The rows stand apart from their bytes, because the workbook has the same ones.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator

from livevote.domain.kinds.base import Told
from livevote.domain.state import Question
from livevote.export.cells import BOM, Cell, csv_rows, moment
from livevote.export.results import Fold, RoundResult, Solved, folded
from livevote.export.source import Source

COLUMNS: dict[str, str] = {
    "question": "id of the question",
    "question_text": "the question as it was asked in this round",
    "kind": "kind of the question",
    "round": "round of the question, from 1; empty, with all that depends on it, where it was never asked",
    "option": "number of the option, the value or the text that voters wrote, from 1; empty in the row of a figure",
    "option_text": "the option, value or text",
    "count": "how many chose it, or its points",
    "share": "the same as a share of all who voted, 0 to 1; empty where nobody did, and for points",
    "voters": "how many voted in this round and are counted",
    "erased": "voters of this round whose answer was erased: they are in no count",
    "opened_at": "when voting began, UTC, ISO 8601",
    "closed_at": "when voting ended; empty where it goes on",
    "revealed_at": "when voters were first shown the results; empty where they never were",
    "as_of": "the last record of the log that these results have in them",
    "figure": "name of a figure, such as mean; such rows come after those of the counts",
    "value": "the figure",
    "right": "yes or no once the solution of a quiz was shown; else, and for an estimate, empty",
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
    if not question.rounds:
        bins = question.kind.bins(question.options, question.rules)
        # A question without any is listed all the same.
        for number, text in enumerate(bins, 1) if bins else ((None, None),):
            never: list[Cell] = [question.id, question.text, question.kind.name, None, number, text]
            yield [*never, *[None] * 7, fold.room.head, *[None] * 4]
    for result in fold.rounds(question):
        asked: list[Cell] = [question.id, result.text, question.kind.name, result.number]
        when = [
            result.voters,
            result.erased,
            moment(result.opened_at),
            None if result.closed_at is None else moment(result.closed_at),
            None if result.revealed_at is None else moment(result.revealed_at),
            fold.room.head,
        ]
        for number, option in enumerate((*result.options, *result.terms), 1):
            counted: list[Cell] = [option.text, option.count, option.share]
            yield [*asked, number, *counted, *when, None, None, *_earned(result.solution, number - 1)]
        for name, value in _told(question, result):
            yield [*asked, *[None] * 4, *when, name, value, None, None]


def _told(question: Question, result: RoundResult) -> Iterator[Told]:
    """The figures of a round as people read them. Texts that only the host may see are a number here."""
    yield from result.told
    if question.kind.written:
        yield "texts not shown", result.withheld


def _earned(solution: Solved | None, place: int) -> list[Cell]:
    """Whether the option at this place was right, and what that earned."""
    if solution is None:
        return [None, None]
    # A value of an estimate is not right or wrong: its figures have the truth.
    right = None if solution.truth is not None else "yes" if place in solution.right else "no"
    return [right, solution.points]
