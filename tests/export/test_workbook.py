"""The workbook, read again with nothing of the library that wrote it: cells, kinds of cells, and sheets that split."""

import asyncio
import csv
import errno
import io
import os
import re
import tempfile
import threading
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
import xlsxwriter  # type: ignore[import-untyped]

from livevote.export import FORMATS, Source, workbook
from livevote.export.cells import csv_rows
from tests.export.cases import CHECKPOINTS, HOSTILE, evening, exported, hostile, logged, written
from tests.history import CODE, History

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_EXCEL_ZERO = datetime(1899, 12, 30)
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")

SHEETS = {"Results": "results.csv", "Ballots": "ballots.csv", "Series": "series.csv", "Board": "board.csv"}

Value = str | float | datetime | None


def column_of(reference: str) -> int:
    number = 0
    for letter in reference.rstrip("0123456789"):
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


class Book:
    """A workbook as a spreadsheet would read it."""

    def __init__(self, content: bytes) -> None:
        self.archive = ZipFile(io.BytesIO(content))
        assert self.archive.testzip() is None
        self.parts = {name: self.archive.read(name) for name in self.archive.namelist()}
        names = [sheet.attrib["name"] for sheet in self._xml("xl/workbook.xml").iter(f"{_MAIN}sheet")]
        self.sheets = {name: self._rows(f"xl/worksheets/sheet{place}.xml") for place, name in enumerate(names, 1)}

    def _xml(self, name: str) -> ElementTree.Element:
        return ElementTree.fromstring(self.parts[name])

    def _rows(self, name: str) -> list[list[Value]]:
        styles = self._xml("xl/styles.xml")
        codes = {code.attrib["numFmtId"]: code.attrib["formatCode"] for code in styles.iter(f"{_MAIN}numFmt")}
        kinds = styles.find(f"{_MAIN}cellXfs")
        assert kinds is not None
        is_instant = ["yyyy" in codes.get(kind.attrib["numFmtId"], "") for kind in kinds]
        rows: list[list[Value]] = []
        for row in self._xml(name).iter(f"{_MAIN}row"):
            cells: list[Value] = []
            for cell in row:
                assert {part.tag for part in cell} <= {f"{_MAIN}v", f"{_MAIN}is"}, "nothing but values and texts"
                cells += [None] * (column_of(cell.attrib["r"]) - len(cells))
                if cell.get("t") == "inlineStr":
                    text = "".join(part.text or "" for part in cell.iter(f"{_MAIN}t"))
                    cells.append(_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text))
                    continue
                value = float(cell.findtext(f"{_MAIN}v") or "")
                instant = is_instant[int(cell.get("s", "0"))]
                cells.append(_EXCEL_ZERO + timedelta(days=value) if instant else value)
            rows.append(cells)
        return rows


def as_csv(rows: list[list[Value]], name: str) -> list[list[str]]:
    """The rows of a sheet as those of the CSV with the same name."""
    width = len(rows[0])
    filled: list[list[str]] = []
    for row in rows:
        cells: list[str] = []
        for column, cell in enumerate([*row, *[None] * (width - len(row))]):
            if isinstance(cell, datetime):
                at = (cell + timedelta(microseconds=500)).isoformat(timespec="milliseconds")
                cells.append(f"{at}Z")
            elif isinstance(cell, float):
                is_share = name == "results.csv" and rows[0][column] == "share"
                cells.append(f"{cell:.4f}" if is_share else f"{cell:.0f}")
            else:
                cells += next(csv.reader(io.StringIO(csv_rows([[cell]]).decode(), newline="")), [""])[:1] or [""]
        filled.append(cells)
    return filled


async def rows_of_csv(name: str, history: History) -> list[list[str]]:
    return list(csv.reader(io.StringIO((await exported(name, history)).decode("utf-8-sig"), newline="")))


async def test_the_sheets_have_the_rows_of_the_csv_files() -> None:
    book = Book(await exported("workbook.xlsx", evening()))
    assert list(book.sheets) == list(SHEETS)
    for sheet, name in SHEETS.items():
        assert as_csv(book.sheets[sheet], name) == await rows_of_csv(name, evening()), name


async def test_no_text_becomes_a_formula_a_link_or_a_number() -> None:
    content = await exported("workbook.xlsx", hostile())
    book = Book(content)
    for name, part in book.parts.items():
        assert not re.search(rb"<(f|hyperlink|externalReference|ddeLink)[\s>/]", part), name
    assert "xl/sharedStrings.xml" not in book.parts
    texts = [row[5] for row in book.sheets["Ballots"][1:]]
    assert texts == list(HOSTILE)
    assert [row[3] for row in book.sheets["Board"][1:]] == list(HOSTILE)
    assert [row[5] for row in book.sheets["Results"][1 : len(HOSTILE) + 1]] == list(HOSTILE)


@pytest.mark.parametrize("most", [2, 3, 4, 7])
async def test_rows_beyond_what_a_sheet_takes_go_on_in_the_next(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", most)
    book = Book(await exported("workbook.xlsx", evening()))
    for title, name in SHEETS.items():
        expected = await rows_of_csv(name, evening())
        parts = [rows for sheet, rows in book.sheets.items() if sheet.split()[0] == title]
        assert len(parts) == -(-(len(expected) - 1) // (most - 1))
        assert all(len(rows) <= most for rows in parts)
        assert all(rows[0] == parts[0][0] for rows in parts)
        joined = [parts[0][0], *(row for rows in parts for row in rows[1:])]
        assert as_csv(joined, name) == expected


def test_a_sheet_takes_as_many_rows_as_excel() -> None:
    assert workbook.MOST_ROWS == 1_048_576


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def test_nothing_temporary_stays_behind(temporary: Path) -> None:
    source = await Source.now(await logged(evening()), CODE, CHECKPOINTS)
    await written("workbook.xlsx", source)
    assert names(temporary) == []
    begun = FORMATS["workbook.xlsx"].write(source)
    assert (await anext(begun)).startswith(b"PK")
    assert len(names(temporary)) == 1
    await begun.aclose()
    assert names(temporary) == []


async def test_who_stops_waiting_leaves_no_thread_that_writes(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writing, go_on = threading.Event(), threading.Event()

    def hold(*_: object, **__: object) -> None:
        writing.set()
        go_on.wait(10)

    monkeypatch.setattr(xlsxwriter.Workbook, "set_properties", hold)
    source = await Source.now(await logged(evening()), CODE, CHECKPOINTS)
    task = asyncio.create_task(written("workbook.xlsx", source))
    await asyncio.to_thread(writing.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(temporary) == []


async def test_a_full_disk_is_an_error_with_its_number(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(threading.Event, "is_set", full)  # what every write asks first
    with pytest.raises(OSError, match="No space left") as caught:
        await exported("workbook.xlsx", evening())
    assert caught.value.errno == errno.ENOSPC
    assert names(temporary) == []


async def test_the_same_log_gives_the_same_bytes_under_any_umask() -> None:
    before = await exported("workbook.xlsx", evening())
    mask = os.umask(0o077)
    try:
        assert await exported("workbook.xlsx", evening()) == before
    finally:
        os.umask(mask)
