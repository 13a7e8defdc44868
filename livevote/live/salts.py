"""Salts for ballots, taken from the kernel a page at a time, so that a ballot needs no system call for its own."""

import os
from collections.abc import Iterator

from livevote.domain.audit import SALT_BYTES

_AT_ONCE = 256


def salts() -> Iterator[bytes]:
    """Random salts of ``SALT_BYTES``, without an end, each given once."""
    while True:
        drawn = os.urandom(_AT_ONCE * SALT_BYTES)
        for start in range(0, len(drawn), SALT_BYTES):
            yield drawn[start : start + SALT_BYTES]
