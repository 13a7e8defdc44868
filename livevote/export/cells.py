"""Tables as CSV: what a cell looks like, and which texts a spreadsheet must not run.

Apart from the tables themselves, which the workbook writes in another way.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

Cell = int | float | Decimal | str | datetime | None
"""A value of a table: None is an empty cell, a float a share between 0 and 1, a Decimal any other number."""

BOM = "\ufeff".encode()
"""Without it Excel reads UTF-8 as its own legacy encoding."""

_ROW_END = "\r\n"
_FORMULA_STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"  # the last four are the full-width forms


def csv_rows(rows: Iterable[Sequence[Cell]]) -> bytes:
    """The rows in RFC 4180 form, UTF-8."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=_ROW_END).writerows([_text(cell) for cell in row] for row in rows)
    return buffer.getvalue().encode()


def within_row(cells: Sequence[Cell]) -> str:
    """The cells as ``csv_rows`` has them at the beginning of a row, with the comma after each."""
    return csv_rows([[*cells, None]])[: -len(_ROW_END)].decode()


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return safe_cell(cell)
        case float():
            return f"{cell:.4f}"
        case datetime():
            return _iso(cell)
        case Decimal():
            return f"{cell:f}"
        case _:
            return str(cell)


def safe_cell(text: str) -> str:
    """``text`` so that no spreadsheet runs it: with a leading apostrophe where it begins like a formula."""
    return f"'{text}" if is_formula(text) else text


def is_formula(text: str) -> bool:
    """Whether a spreadsheet could take ``text`` for a formula."""
    return text[:1] in _FORMULA_STARTS and text != ""


def moment(at: int) -> datetime | str:
    """Milliseconds since 1970 as a cell, in UTC; the number and its unit where no calendar has it."""
    try:
        return datetime.fromtimestamp(at / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{at} ms"


def instant(at: int) -> str:
    """Milliseconds since 1970 as ISO 8601 in UTC; as the number where no calendar has it."""
    when = moment(at)
    return when if isinstance(when, str) else _iso(when)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
