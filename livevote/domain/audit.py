"""Hashes that make a change of the log evident: leaf, running chain and the commitment to an answer.

The leaf is the one of RFC 6962, section 2.1, so that other people's tools can check it.
"""

from hashlib import sha256

from livevote.domain.records import BallotCast, Entry, Opening, committed

GENESIS = bytes(32)
"""The chain value before the first record of a room."""

SALT_BYTES = 16
"""The length of every salt."""


def leaf(body: bytes) -> bytes:
    """SHA-256(0x00 || body), 32 bytes."""
    return sha256(b"\x00" + body).digest()


def leaf_of(entry: Entry) -> bytes:
    """The leaf of an entry that this process has made or trusts."""
    return entry.leaf or leaf(entry.body)


def link(chain: bytes, body: bytes) -> bytes:
    """The chain value after ``body``: SHA-256(chain || leaf(body)). It pins every record before it, and their order."""
    return link_leaf(chain, leaf(body))


def link_leaf(chain: bytes, leaf: bytes) -> bytes:
    """``link`` for a record whose leaf is at hand."""
    return sha256(chain + leaf).digest()


class TamperedError(Exception):
    """A record that is not what was sealed. The text names the first bad index and why."""


def check(entry: Entry, chain: bytes) -> tuple[bytes, bytes]:
    """The leaf of ``entry`` and the chain value after it, given the one before it.

    Raises ``TamperedError`` if the entry's chain value or its opening does not fit its body.
    """
    sealed = sha256(b"\x00" + entry.body).digest()
    found = sha256(chain + sealed).digest()
    if found != entry.chain:
        raise TamperedError(f"room {entry.room}: the chain breaks at record {entry.index}")
    record, opening = entry.record, entry.opening
    if opening is not None and (
        # Of a fixed length, so that nobody can take the border between salt and answer for elsewhere.
        len(opening.salt) != SALT_BYTES
        # Nearly all that have an opening are ballots; what has no commitment has no opening either.
        or commitment(opening) != (record.commitment if type(record) is BallotCast else committed(record))
    ):
        raise TamperedError(f"room {entry.room}: the answer of record {entry.index} does not fit its commitment")
    return sealed, found


def origin(code: str, body: bytes) -> str:
    """The name of an incarnation of a room's log, which begins with the record ``body``.

    Made from the record itself, so that nobody can give a log the name of another.
    """
    return f"livevote/{code}/{leaf(body).hex()[:16]}"


def commitment(opening: Opening) -> str:
    """SHA-256(salt || answer) in lower-case hex: binds a record to an answer or a text without showing it."""
    return sha256(opening.salt + opening.answer).hexdigest()
