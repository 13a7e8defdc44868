"""Which languages the pages speak, and which of them a browser gets.

Pure, and apart from pages and handlers, because ``door`` and Tornado must choose alike.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from livevote.live.room import LiveRoom

COOKIE = "livevote-language"
"""Set by the switch on a page. It names a language and nobody, so it is neither signed nor hidden from scripts."""

DEFAULT = "en"
_CHOSEN = re.compile(rf'(?:^|;)[ ]*{COOKIE}="?([a-z]+)"?[ ]*(?=;|$)')
_RANGE = re.compile(r"([a-z]{1,8})(?:-[a-z0-9]{1,8})*(?:[ ]*;[ ]*q=([01](?:\.[0-9]{0,3})?))?")
_READ_CHARS = 200
"""Of what a browser asks for. The longest lists of real ones have half of it."""
_KEPT = 500
"""Different wishes that are remembered: a crowd has some dozens."""
_FORMER = {"in": "id"}


@dataclass(frozen=True, slots=True)
class Language:
    """One of them: its BCP 47 code, its name in itself, and where its lines begin (``ltr`` or ``rtl``)."""

    code: str
    name: str
    direction: str = "ltr"


LANGUAGES = {
    language.code: language
    for language in (
        Language("en", "English"),
        Language("id", "Bahasa Indonesia"),
        Language("es", "Español"),
        Language("de", "Deutsch"),
        Language("fr", "Français"),
        Language("pt", "Português"),
        Language("ja", "日本語"),
        Language("ar", "العربية", "rtl"),
    )
}


def choose(*, cookies: str, accepted: str, room: str = "") -> str:
    """The code of the language for a request with these ``Cookie`` and ``Accept-Language`` headers.

    What somebody chose on a page comes first, then the language of the room, then what the browser asks for.
    """
    # Few have chosen, and looking for a word is quicker than for a pattern.
    chosen = _CHOSEN.search(cookies) if COOKIE in cookies else None
    if chosen is not None and chosen[1] in LANGUAGES:
        return chosen[1]
    return room if room in LANGUAGES else _preferred(accepted[:_READ_CHARS])


def language_of(room: LiveRoom | None) -> str:
    """The code of the language that the host has set for a room; empty where none is."""
    return "" if room is None else room.state.language


@lru_cache(_KEPT)
def _preferred(accepted: str) -> str:
    """The best of an ``Accept-Language`` header (RFC 9110, section 12.5.4), by language alone: de-AT gets de."""
    wishes: list[tuple[float, str]] = []
    for part in accepted.lower().split(","):
        found = _RANGE.fullmatch(part.strip(" \t"))
        if found is not None:
            wishes.append((float(found[2] or 1), _FORMER.get(found[1], found[1])))
    spoken = [(weight, code) for weight, code in wishes if weight > 0 and code in LANGUAGES]
    return max(spoken, key=lambda wish: wish[0])[1] if spoken else DEFAULT
