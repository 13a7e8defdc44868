"""Cleaning of the texts that people type, so that what is logged, shown and hashed is one and the same string."""

import unicodedata

_JOINERS = "\u200c\u200d"
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn")


def clean(text: str) -> str:
    """Return ``text`` as one NFC line without control, bidi and other invisible format characters.

    Zero-width joiners stay inside a text: emoji and several scripts need them. Runs of white space, line breaks of all
    kinds among them, become one space.
    """
    line = unicodedata.normalize("NFC", " ".join(text.split()))
    kept = "".join(char for char in line if char in _JOINERS or unicodedata.category(char) not in _INVISIBLE)
    return unicodedata.normalize("NFC", " ".join(kept.split())).strip(f"{_JOINERS} ")
