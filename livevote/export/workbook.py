"""``workbook.xlsx``: results, ballots, series, board and leaderboard as the sheets of one Excel workbook.

A ZIP file cannot be streamed while it is made: the workbook grows in a temporary directory, in a thread beside the
loop, and is sent when it is whole.
"""

import asyncio
import contextlib
import io
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any
from zipfile import ZipFile

import xlsxwriter  # type: ignore[import-untyped]
from xlsxwriter.exceptions import FileCreateError  # type: ignore[import-untyped]

from livevote.domain.standings import Standings
from livevote.export import ballots, board_csv, leaderboard, results_csv
from livevote.export.cells import Cell, is_formula, moment
from livevote.export.results import Fold
from livevote.export.series import Series, Width
from livevote.export.source import Source

MOST_ROWS = 1_048_576
"""What Excel takes in one sheet, the row of column names among them. More rows go on in another sheet."""

_FIRST_DAY = datetime(1900, 1, 1, tzinfo=UTC)
"""Before it Excel has no days."""

_CHUNK_BYTES = 64 * 1024
_WIDTHS = {"question_text": 40, "option_text": 30, "answer_text": 40, "text": 60, "answer": 20, "voter": 26, "time": 24}
_WIDTHS |= {"figure": 24, "value": 30, "opened_at": 24, "closed_at": 24, "revealed_at": 24, "name": 26}
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}

Row = list[Cell]


async def workbook_xlsx(source: Source) -> AsyncGenerator[bytes, None]:
    """Results, ballots, series, board and leaderboard as a workbook without formulas. Reads the log twice.

    Its texts are those of the log: a cell that is marked as text is never run, also where it begins like a formula.
    """
    width = Width()
    async with contextlib.aclosing(source.slices()) as slices:
        async for entries in slices:
            for entry in entries:
                width.add(entry)
    with TemporaryDirectory(prefix="livevote-") as directory:
        path = Path(directory) / "workbook.xlsx"
        with contextlib.closing(_Workbook(path, width)) as book:
            await _fill(book, source, ballots.Ballots(await source.replaced()))
        with contextlib.closing(await asyncio.to_thread(path.open, "rb")) as file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
                yield chunk


async def _fill(book: "_Workbook", source: Source, cast: ballots.Ballots) -> None:
    fold, series = Fold(source.room), Series()
    async with contextlib.aclosing(source.slices()) as slices:
        async for entries in slices:
            votes: list[Row] = []
            points: list[Row] = []
            for entry in entries:
                fold.add(entry)
                points += series.rows(entry, fold.room)
                if (row := cast.row(entry)) is not None:
                    votes.append(row)
            await _beside(book, book.add, votes, points)
    await _beside(book, book.add, [], list(series.rest()))
    await _beside(book, book.finish, fold)


async def _beside(book: "_Workbook", work: Callable[..., None], *arguments: Any) -> None:
    """Do the work in a thread, and leave no thread behind that still writes."""
    working = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        await asyncio.shield(working)
    except asyncio.CancelledError:
        book.stop()
        with contextlib.suppress(_StoppedError):
            await working
        raise


class _StoppedError(Exception):
    """Nobody waits for the workbook any more."""


class _File(io.BufferedRandom):
    """The file of a workbook, whose making can be stopped from another thread."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path, "w+"))
        self.stopped = Event()
        # After the first failure everything seems to work: a ZipFile that is thrown away tries to end its file.
        self._broken = False

    def write(self, data: Any) -> int:
        if self._broken:
            return len(data)
        try:
            if self.stopped.is_set():
                raise _StoppedError
            return super().write(data)
        except Exception:
            self._broken = True
            raise

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return 0 if self._broken else super().seek(offset, whence)

    def tell(self) -> int:
        return 0 if self._broken else super().tell()

    def flush(self) -> None:
        if not self._broken:
            super().flush()


class _Workbook:
    """The workbook at ``path`` while it grows. Everything but ``stop`` is for one thread at a time."""

    def __init__(self, path: Path, width: Width) -> None:
        self._width = width
        self._file = _File(path)
        self._book = xlsxwriter.Workbook(self._file, {**_OPTIONS, "tmpdir": str(path.parent)})
        self._cells = _Cells(self._book)
        self._results = _Table(self._book, self._cells, "Results", list(results_csv.COLUMNS))
        self._ballots = _Table(self._book, self._cells, "Ballots", list(ballots.COLUMNS))
        self._series = _Table(self._book, self._cells, "Series", width.columns())
        self._board = _Table(self._book, self._cells, "Board", list(board_csv.COLUMNS))

    def add(self, votes: Sequence[Row], points: Sequence[Row]) -> None:
        """Write so many more rows of ballots and of the series."""
        self._ballots.write(votes)
        self._series.write(points)

    def finish(self, fold: Fold) -> None:
        """Write the results and the board and make the file whole."""
        for question in fold.room.questions.values():
            self._results.write(results_csv.rows(fold, question))
        if fold.room.linked:
            standings = Standings()
            for _ in standings.update(fold.room):
                pass  # in a thread of its own, which gives way by itself
            table = _Table(self._book, self._cells, "Leaderboard", leaderboard.columns(fold.room))
            table.write(leaderboard.rows(fold.room, standings))
        self._board.write(board_csv.rows(fold.room))
        made = moment(fold.at)
        self._book.set_properties(
            {
                "title": fold.room.title,
                "comments": f"As of record {fold.room.head}: root {fold.root.hex()}, chain {fold.chain.hex()}",
                # Not the clock's: the same log gives the same bytes.
                "created": (_FIRST_DAY if isinstance(made, str) else made).replace(tzinfo=None),
            }
        )
        try:
            self._book.close()
        except FileCreateError as error:
            raise error.args[0] from error
        with ZipFile(self._file, "a") as archive:
            for member in archive.infolist():
                member.external_attr = 0o600 << 16  # as it is, they depend on the umask of the process
            archive.comment = b""  # has the list of members written again

    def stop(self) -> None:
        """Let a ``finish`` in another thread fail soon."""
        self._file.stopped.set()

    def close(self) -> None:
        """Release everything."""
        for sheet in self._book.worksheets():
            sheet.row_data_fh.close()
        self._file.close()


class _Cells:
    """Writes cells as what they are: no text ever becomes a formula, a link or a number."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self.head = book.add_format({"bold": True, "bottom": 1})
        self._instant = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000", "align": "left"})
        self._share = book.add_format({"num_format": "0.0%"})
        # Stays text also when somebody edits the cell.
        self._quoted = book.add_format({"quote_prefix": True})

    def write(self, sheet: Any, row: int, column: int, cell: Cell) -> None:
        """Write one cell."""
        match cell:
            case None | "":
                pass
            case str():
                sheet.write_string(row, column, cell, self._quoted if is_formula(cell) else None)
            case datetime() if cell < _FIRST_DAY:
                sheet.write_string(row, column, f"{cell:%Y-%m-%dT%H:%M:%S}Z")
            case datetime():
                sheet.write_datetime(row, column, cell.replace(tzinfo=None), self._instant)
            case float():
                sheet.write_number(row, column, cell, self._share)
            case _:
                sheet.write_number(row, column, cell)


class _Table:
    """Rows under column names, on as many sheets as they need."""

    def __init__(self, book: xlsxwriter.Workbook, cells: _Cells, name: str, columns: list[str]) -> None:
        self._book = book
        self._cells = cells
        self._name = name
        self._columns = columns
        self._sheets = 0
        self._begin_sheet()

    def _begin_sheet(self) -> None:
        self._sheets += 1
        self._sheet = self._book.add_worksheet(self._name if self._sheets == 1 else f"{self._name} {self._sheets}")
        self._sheet.freeze_panes(1, 0)
        for number, column in enumerate(self._columns):
            self._sheet.set_column(number, number, _WIDTHS.get(column, max(10, len(column) + 2)))
            self._sheet.write_string(0, number, column, self._cells.head)
        self._row = 1

    def write(self, rows: Iterable[Row]) -> None:
        """Write rows below those there are."""
        for row in rows:
            if self._row == MOST_ROWS:
                self._begin_sheet()
            for column, cell in enumerate(row):
                self._cells.write(self._sheet, self._row, column, cell)
            self._row += 1
