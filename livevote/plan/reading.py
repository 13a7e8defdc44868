"""Reads a file of any form, told by its name, and looks at what is allowed and still most likely a mistake."""

from collections.abc import Iterator

import msgspec

from livevote.domain.text import clean
from livevote.plan import room_file, sheet
from livevote.plan.plan import UNREADABLE, Planned, Problem, Reading

_LOST = "\ufffd"


def decoded(data: bytes) -> str | Problem:
    """The text of a file's bytes, or why there is none."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Problem(data.count(b"\n", 0, error.start) + 1, _no_utf8())


def _no_utf8() -> str:
    return "a character cannot be read: save the file as UTF-8 (in a spreadsheet: 'CSV UTF-8')"


def is_sheet(name: str) -> bool:
    """Whether a file of this name is a sheet; all others are room files."""
    return name.lower().endswith((".csv", ".tsv", ".txt"))


def read_room(name: str, text: str, *, title: str = "") -> Reading:
    """The plan of a room. ``title`` is for a file that has none, as a sheet. Never raises."""
    reading = _read(name, text)
    if not title:
        return reading
    return msgspec.structs.replace(reading, plan=msgspec.structs.replace(reading.plan, title=title))


def read_questions(name: str, text: str) -> Reading:
    """The questions of a file, for a room that is there. Never raises."""
    reading = _read(name, text)
    settings = [key for key in reading.plan.lines if key != "questions"]
    kept = tuple(
        Problem(reading.plan.lines[key], f"the room keeps its own '{key}': only questions are taken over")
        for key in settings
        if not reading.errors
    )
    return msgspec.structs.replace(reading, warnings=tuple(sorted((*kept, *reading.warnings))))


def _read(name: str, text: str) -> Reading:
    if _LOST in text:
        return Reading(UNREADABLE, (Problem(text.count("\n", 0, text.index(_LOST)) + 1, _no_utf8()),))
    text = text.removeprefix("\ufeff")
    reading = sheet.read(text) if is_sheet(name) else room_file.read(text)
    return msgspec.structs.replace(reading, warnings=tuple(sorted(_warnings(reading))))


def _warnings(reading: Reading) -> Iterator[Problem]:
    if not reading.plan.questions and not reading.errors:
        yield Problem(reading.plan.line_of("questions"), "there are no questions")
    asked: dict[str, int] = {}
    for planned in reading.plan.questions:
        text = clean(planned.command.text)
        if (first := asked.setdefault(text.casefold(), planned.line)) != planned.line and text:
            yield Problem(planned.line, f"the same question is on line {first}")
        yield from _unclean(planned)


def _unclean(planned: Planned) -> Iterator[Problem]:
    """Texts that will not be shown as they stand in the file."""
    options = zip(planned.command.options, planned.option_lines, strict=True)
    for text, line in ((planned.command.text, planned.line), *options):
        if clean(text) != " ".join(text.split()):
            yield Problem(line, "invisible characters are left out here")
