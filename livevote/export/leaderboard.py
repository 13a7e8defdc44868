"""``leaderboard.csv``: one row for each voter of a linked room who answered in a quiz, best first.

The rows stand apart from their bytes, because the workbook has the same ones.
"""

from collections.abc import AsyncGenerator, Iterator

from livevote.domain.quiz import name_of, scored, scorer
from livevote.domain.standings import Standings
from livevote.domain.state import Room
from livevote.export.cells import BOM, Cell, csv_rows
from livevote.export.results import folded
from livevote.export.source import SLICE, Source

COLUMNS: dict[str, str] = {
    "rank": "place, from 1; voters with the same points share it",
    "name": "the name that the voter gave; empty where there is none, or where it was erased",
    "points": "points in all questions whose solution was shown, each in its newest round for which it was",
    "answered": "in how many of those the voter has an answer that counts",
    "voter": "pseudonym of the voter, the same one as on all the voter's ballots",
    "points_q1 ...": "points in the question q1 and so on; empty where the voter did not answer",
}
"""The columns of the leaderboard; the last one stands for as many as there are questions whose solution was shown."""


async def leaderboard_csv(source: Source) -> AsyncGenerator[bytes, None]:
    """The whole leaderboard as RFC 4180 CSV in UTF-8 with a byte order mark.

    Only the names of the columns where the room links no pseudonyms, or where no solution was shown.
    """
    room = (await folded(source)).room
    standings = Standings()
    if room.linked:
        for _ in standings.update(room):
            await source.turn()
    yield BOM + csv_rows([columns(room)])
    waiting: list[list[Cell]] = []
    for row in rows(room, standings):
        waiting.append(row)
        if len(waiting) == SLICE:
            yield csv_rows(waiting)
            waiting.clear()
            await source.turn()
    yield csv_rows(waiting)


def columns(room: Room) -> list[str]:
    """The names of all columns."""
    return [*list(COLUMNS)[:-1], *(f"points_{question.id}" for question, _ in scored(room))]


def rows(room: Room, standings: Standings) -> Iterator[list[Cell]]:
    """The rows, in the order of ``columns``; ``standings`` are up to date, or empty."""
    questions = [(asked, scorer(question, asked)) for question, asked in scored(room)]
    for points, voters in standings.ranked():
        for voter in voters:
            ballots = [(asked.ballots.get(voter), earned) for asked, earned in questions]
            each: list[Cell] = [
                None if ballot is None or ballot.answer is None else earned(ballot) for ballot, earned in ballots
            ]
            answered = sum(cell is not None for cell in each)
            yield [standings.rank(voter), name_of(room, voter), points, answered, voter, *each]
