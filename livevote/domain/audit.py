"""Hashes that make a change of the log evident: leaf, running chain and the commitment to an answer.

The leaf is the one of RFC 6962, section 2.1, so that other people's tools can check it.
"""

from hashlib import sha256

from livevote.domain.records import Opening

GENESIS = bytes(32)
"""The chain value before the first record of a room."""


def leaf(body: bytes) -> bytes:
    """SHA-256(0x00 || body), 32 bytes."""
    return sha256(b"\x00" + body).digest()


def link(chain: bytes, body: bytes) -> bytes:
    """The chain value after ``body``: SHA-256(chain || leaf(body)). It pins every record before it, and their order."""
    return sha256(chain + leaf(body)).digest()


def commitment(opening: Opening) -> str:
    """SHA-256(salt || answer) in lower-case hex: binds a ballot to its answer without showing it."""
    return sha256(opening.salt + opening.answer).hexdigest()
