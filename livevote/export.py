"""Folds a room's log into files for people. Everything streams, whatever the event's size.

The server and the command line call the same functions with a reader of the same log, so both give the same bytes.
"""

import csv
import io
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import NamedTuple

from livevote.domain.kinds import KINDS
from livevote.domain.records import BallotCast, Entry, QuestionDefined, RoomCreated
from livevote.domain.refusals import Refusal
from livevote.log import Reader

COLUMNS: dict[str, str] = {
    "index": "place of the ballot in the room's log; other records have the numbers in between",
    "time": "when it was recorded, UTC, ISO 8601",
    "question": "id of the question",
    "question_text": "the question",
    "round": "round of the question, from 1",
    "voter": "pseudonym of the voter, another one for every question",
    "rev": "0 for a voter's first ballot in the round, then 1, 2 ... for each change",
    "counted": "yes, or no where the same voter replaced it later",
    "answer": "the answer as JSON; empty where it was erased",
    "answer_text": "the chosen options' texts, separated by '; '",
}
"""The columns of the ballots' CSV."""

_BOM = "\ufeff"  # without it Excel reads UTF-8 as its own legacy encoding
_FORMULA_STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"  # the last four are the full-width forms


async def ballots_csv(reader: Reader, room: str) -> AsyncIterator[bytes]:
    """All ballots of a room as RFC 4180 CSV in UTF-8 with a byte order mark, as of the moment of the call.

    Text that a spreadsheet would take for a formula gets a leading apostrophe. Reads the log twice: first to learn
    which ballots were replaced (one bit each), then to write.
    """
    head = await reader.head(room)
    replaced = await _replaced(reader, room, head.index)
    questions: dict[str, QuestionDefined] = {}
    yield _BOM.encode() + _rows([list(COLUMNS)])
    async for entries in reader.read(room, upto=head.index):
        rows = []
        for entry in entries:
            if isinstance(entry.record, QuestionDefined):
                questions[entry.record.id] = entry.record
            elif isinstance(entry.record, BallotCast):
                question = questions[entry.record.question]
                counted = not replaced[entry.index >> 3] >> (entry.index & 7) & 1
                rows.append(_ballot_row(entry, entry.record, question, counted=counted))
        if rows:
            yield _rows(rows)


async def _replaced(reader: Reader, room: str, upto: int) -> bytearray:
    bits = bytearray((upto >> 3) + 1)
    async for entries in reader.read(room, upto=upto):
        for entry in entries:
            if isinstance(entry.record, BallotCast) and (before := entry.record.supersedes) is not None:
                bits[before >> 3] |= 1 << (before & 7)
    return bits


class _Answer(NamedTuple):
    json: str
    text: str


def _ballot_row(entry: Entry, ballot: BallotCast, question: QuestionDefined, *, counted: bool) -> list[str]:
    answer = _answer(entry, question)
    return [
        str(entry.index),
        instant(ballot.at),
        ballot.question,
        safe_cell(question.text),
        str(ballot.round),
        safe_cell(ballot.voter),
        str(ballot.rev),
        "yes" if counted else "no",
        answer.json,
        safe_cell(answer.text),
    ]


def _answer(entry: Entry, question: QuestionDefined) -> _Answer:
    if entry.opening is None:
        return _Answer("", "")
    kind = KINDS[question.kind]
    parsed = kind.parse(entry.opening.answer, len(question.options), kind.rules(bytes(question.rules)))
    text = "" if isinstance(parsed, Refusal) else kind.words(parsed, question.options)
    return _Answer(entry.opening.answer.decode(), text)


def _rows(rows: list[list[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode()


def safe_cell(text: str) -> str:
    """``text`` so that no spreadsheet runs it: with a leading apostrophe where it begins like a formula."""
    return f"'{text}" if text[:1] in _FORMULA_STARTS and text else text


def instant(at: int) -> str:
    """Milliseconds since 1970 as ISO 8601 in UTC; as the number where no calendar has it."""
    try:
        found = datetime.fromtimestamp(at / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{at} ms"
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rooms(reader: Reader) -> list[tuple[str, str, int]]:
    """Code, title and number of records of every room."""
    titles: dict[str, str] = {}
    records: Counter[str] = Counter()
    for entry in reader.scan():
        records[entry.room] += 1
        if isinstance(entry.record, RoomCreated):
            titles[entry.room] = entry.record.title
    return [(code, titles[code], records[code]) for code in titles]
