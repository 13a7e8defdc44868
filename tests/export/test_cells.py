"""Cells that no spreadsheet runs, and instants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.export.cells import csv_rows, instant, moment, safe_cell

STARTS = ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]


@pytest.mark.parametrize("start", STARTS)
def test_what_begins_like_a_formula_gets_an_apostrophe(start: str) -> None:
    assert safe_cell(f"{start}1+1") == f"'{start}1+1"
    assert safe_cell(start) == f"'{start}"


@given(st.text())
def test_other_text_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == (f"'{text}" if text.startswith(tuple(STARTS)) else text)


def test_instants_are_utc_with_milliseconds() -> None:
    assert instant(0) == "1970-01-01T00:00:00.000Z"
    assert instant(1_790_000_000_123) == "2026-09-21T14:13:20.123Z"


@pytest.mark.parametrize("at", [10**15, -(10**15), 10**18, 10**30, 10**400])
def test_instants_that_no_calendar_has_are_numbers(at: int) -> None:
    assert instant(at) == moment(at) == f"{at} ms"
    assert csv_rows([[moment(at)]]).decode().strip() == safe_cell(f"{at} ms")


def test_every_kind_of_cell_has_its_text() -> None:
    assert csv_rows([["=1", 'a "b"', 12, 1 / 3, None, ""]]) == b'\'=1,"a ""b""",12,0.3333,,\r\n'
