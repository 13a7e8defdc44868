"""``board.csv``: one row for each post on the room's board, in the order of the log.

The rows stand apart from their bytes, because the workbook has the same ones.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from itertools import islice

from livevote.domain.state import Room
from livevote.export.cells import BOM, Cell, csv_rows, moment
from livevote.export.results import folded
from livevote.export.source import SLICE, Source

COLUMNS: dict[str, str] = {
    "index": "place of the post in the room's log",
    "time": "when it was recorded, UTC, ISO 8601",
    "voter": "pseudonym of its voter on the board, another one than on any ballot",
    "text": "the post; empty where it was erased",
    "votes": "how many voters upvoted it and did not take that back",
    "standing": "pending while it waits for the host, shown, hidden, or erased",
    "answered": "yes or no",
    "as_of": "the last record of the log that these rows have in them",
}
"""The columns of the board."""


async def board_csv(source: Source) -> AsyncGenerator[bytes, None]:
    """All posts of a room as RFC 4180 CSV in UTF-8 with a byte order mark.

    Text that a spreadsheet would take for a formula gets a leading apostrophe.
    """
    fold = await folded(source)
    yield BOM + csv_rows([list(COLUMNS)])
    left = rows(fold.room)
    while part := list(islice(left, SLICE)):
        yield csv_rows(part)
        await asyncio.sleep(0)


def rows(room: Room) -> Iterator[list[Cell]]:
    """The rows of all posts, in the order of ``COLUMNS``."""
    for post in room.board.posts.values():
        yield [
            post.index,
            moment(post.at),
            post.voter,
            post.text,
            post.votes,
            "erased" if post.text is None else post.standing,
            "yes" if post.answered else "no",
            room.head,
        ]
