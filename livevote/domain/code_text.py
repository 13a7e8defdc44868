"""How a one-time code is written: ten characters of Crockford's base32 and one to check them by.

Apart from ``codes``, which decides about lists and places and never sees a code itself.
"""

import re

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base32: five bits a character, without I, L, O and U."""
SECRET_CHARS = 10
_CHECK_PRIME = 37
_LOOKALIKES = str.maketrans("ILO", "110")
_IGNORED = re.compile(r"[\s-]+")


def check_character(secret: str) -> str | None:
    """The character that belongs behind ``secret``: its number modulo 37, as Crockford says.

    None for the five values for which Crockford has signs such as ``*`` that nobody finds on a phone: no code is made
    of such a secret. A wrong character, and two neighbours that changed places, give another value.
    """
    number = 0
    for char in secret:
        number = number * len(ALPHABET) + ALPHABET.index(char)
    value = number % _CHECK_PRIME
    return ALPHABET[value] if value < len(ALPHABET) else None


def spelled(text: str) -> str | None:
    """The 11 characters of the code that somebody typed, in any case, with or without hyphens; None if it is none."""
    code = _IGNORED.sub("", text).upper().translate(_LOOKALIKES)
    if len(code) != SECRET_CHARS + 1 or not set(code) <= set(ALPHABET):
        return None
    return code if check_character(code[:-1]) == code[-1] else None


def shown(code: str) -> str:
    """A code as people read it and spreadsheets leave it alone: ``ABCD-EFGH-JK3``."""
    return f"{code[:4]}-{code[4:8]}-{code[8:]}"
