"""The CSV: cells that no spreadsheet runs, erased answers, and rooms of any shape."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote import export
from livevote.domain.audit import commitment
from livevote.domain.commands import AddQuestion, CreateRoom, OpenVoting
from livevote.domain.records import BallotCast, Draft, Opening
from livevote.domain.room import apply, decide
from livevote.domain.state import Room
from livevote.log.memory import MemoryLog

STARTS = ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]


@pytest.mark.parametrize("start", STARTS)
def test_what_begins_like_a_formula_gets_an_apostrophe(start: str) -> None:
    assert export.safe_cell(f"{start}1+1") == f"'{start}1+1"
    assert export.safe_cell(start) == f"'{start}"


@given(st.text())
def test_other_text_stays_as_it_is(text: str) -> None:
    assert export.safe_cell(text).removeprefix("'") == text.removeprefix("'") or text.startswith("'")
    assert export.safe_cell(text) == (f"'{text}" if text.startswith(tuple(STARTS)) else text)


def test_instants_are_utc_with_milliseconds() -> None:
    assert export.instant(0) == "1970-01-01T00:00:00.000Z"
    assert export.instant(1_790_000_000_123) == "2026-09-21T14:13:20.123Z"


@pytest.mark.parametrize("at", [10**15, -(10**15), 10**18, 10**30, 10**400])
def test_instants_that_no_calendar_has_are_numbers(at: int) -> None:
    assert export.instant(at) == f"{at} ms"


async def test_an_erased_answer_is_an_empty_cell_and_other_rooms_stay_out() -> None:
    log = MemoryLog()
    for ticket, code in enumerate(("ROOM22", "ROOM33")):
        state: Room | None = None
        commands = (CreateRoom(code, code), AddQuestion(kind="single", text="?", options=("A", "B")), OpenVoting("q1"))
        for command in commands:
            draft = decide(state, command, at=0)
            assert isinstance(draft, Draft)
            await log.append([draft], ticket=ticket)
            async for entries in log.read(code, after=state.head if state else 0):
                state = apply(state, entries[-1])
    opening = Opening(bytes(16), b'{"choices":[1]}')
    ballot = BallotCast(
        at=0, id="v1", voter="-v", question="q1", round=1, rev=0, supersedes=None, commitment=commitment(opening)
    )
    await log.append([Draft("ROOM22", ballot, None)], ticket=9)
    rows = b"".join([rows async for rows in export.ballots_csv(log, "ROOM22")]).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(rows, newline=""))
    assert (row["answer"], row["answer_text"], row["counted"], row["voter"]) == ("", "", "yes", "'-v")
    empty = b"".join([rows async for rows in export.ballots_csv(log, "ROOM33")])
    assert empty.decode("utf-8-sig") == ",".join(export.COLUMNS) + "\r\n"
    assert export.rooms(log) == [("ROOM22", "ROOM22", 4), ("ROOM33", "ROOM33", 3)]
    assert export.rooms(MemoryLog()) == []
