"""What a room is called and which language its pages speak."""

from livevote.domain.commands import RenameRoom, SetLanguage
from livevote.domain.parts import Decide, Fold
from livevote.domain.records import Entry, LanguageSet, Record, RoomRenamed
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Room
from livevote.domain.text import clean

MAX_TITLE_CHARS = 200
LANGUAGES = ("en", "id", "es", "de", "fr", "pt", "ja", "ar")
"""The languages of the pages, as ISO 639-1."""


def titled(text: str) -> str | Refusal:
    """``text`` as a room's title."""
    title = clean(text)
    if not title or len(title) > MAX_TITLE_CHARS:
        return Refusal(Code.BAD_TITLE, f"a title has 1 to {MAX_TITLE_CHARS} characters")
    return title


def _rename(room: Room, command: RenameRoom, at: int) -> Record | Refusal:
    title = titled(command.title)
    if isinstance(title, Refusal):
        return title
    return Refusal(Code.ALREADY_SO) if title == room.title else RoomRenamed(at=at, title=title)


def _set_language(room: Room, command: SetLanguage, at: int) -> Record | Refusal:
    if command.language not in ("", *LANGUAGES):
        return Refusal(Code.UNKNOWN_LANGUAGE, "they speak " + ", ".join(LANGUAGES))
    if command.language == room.language:
        return Refusal(Code.ALREADY_SO)
    return LanguageSet(at=at, language=command.language)


def _take_title(room: Room, entry: Entry, record: RoomRenamed) -> None:  # noqa: ARG001
    room.title = record.title


def _take_language(room: Room, entry: Entry, record: LanguageSet) -> None:  # noqa: ARG001
    room.language = record.language


DECIDE: dict[type, Decide] = {RenameRoom: _rename, SetLanguage: _set_language}
FOLD: dict[type, Fold] = {RoomRenamed: Fold(_take_title), LanguageSet: Fold(_take_language)}
