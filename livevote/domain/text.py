"""Cleaning of the texts that people type, so that what is logged, shown and hashed is one and the same string.

Also what makes texts harmless that were never cleaned: those of files that anybody may have made.
"""

import unicodedata

_JOINERS = "\u200c\u200d"
_LAST_OF_TWO_DIGITS = 0xFF
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn")


def is_one_spelling(text: str) -> bool:
    """Whether ``text`` is NFC: of all the ways to write the same characters, the one that is logged."""
    return unicodedata.is_normalized("NFC", text)


def plain(text: str) -> str:
    """``text`` from a file that anybody may have made, so that it writes nothing else to a terminal than one line.

    What is not printable becomes an escape. Joiners stay, as in ``clean``.
    """
    return "".join(each if each.isprintable() or each in _JOINERS else _escape(ord(each)) for each in text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code <= _LAST_OF_TWO_DIGITS else f"\\u{{{code:x}}}"


def clean(text: str) -> str:
    """Return ``text`` as one NFC line without control, bidi and other invisible format characters.

    Zero-width joiners stay inside a text: emoji and several scripts need them. Runs of white space, line breaks of all
    kinds among them, become one space.
    """
    line = unicodedata.normalize("NFC", " ".join(text.split()))
    kept = "".join(char for char in line if char in _JOINERS or unicodedata.category(char) not in _INVISIBLE)
    return unicodedata.normalize("NFC", " ".join(kept.split())).strip(f"{_JOINERS} ")
