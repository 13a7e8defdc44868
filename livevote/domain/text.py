"""Cleaning of the texts that people type, so that what is logged, shown and hashed is one and the same string."""

import unicodedata

_LINE_BREAKS = str.maketrans({"\r": " ", "\n": " ", "\t": " ", "\u2028": " ", "\u2029": " "})


def clean(text: str) -> str:
    """Return ``text`` as one NFC line without control, bidi and other invisible format characters.

    Zero-width joiners stay: emoji and several scripts need them. Runs of white space become one space.
    """
    kept = "".join(
        char
        for char in unicodedata.normalize("NFC", text.translate(_LINE_BREAKS))
        if char in "\u200c\u200d" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return unicodedata.normalize("NFC", " ".join(kept.split()))
