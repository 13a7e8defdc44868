"""``records.jsonl``: every record with its hashes, as JSON Lines.

The one format that shows the log itself and not what it adds up to.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec

from livevote.domain.audit import leaf
from livevote.domain.records import Entry, committed
from livevote.export.source import Source

FIELDS: dict[str, str] = {
    "index": "place of the record in the room's log, from 1",
    "leaf": "SHA-256(0x00, record) in hex, the leaf of RFC 6962",
    "chain": "SHA-256(chain of the record before, leaf) in hex, starting from 32 zero bytes",
    "record": "the record, in exactly the bytes that are hashed",
    "answer": "only with a commitment: what it hides (answer, post, name or solution), in its bytes; null where erased",
    "salt": "only with a commitment: its salt in hex; null where it was erased",
}
"""The fields of a line."""

_encoder = msgspec.json.Encoder()


class _Line(msgspec.Struct, frozen=True):
    index: int
    leaf: str
    chain: str
    record: msgspec.Raw


class _OpenedLine(_Line, frozen=True):
    answer: msgspec.Raw | None
    salt: str | None


async def records_jsonl(source: Source) -> AsyncGenerator[bytes, None]:
    """All records of a room, one JSON object a line."""
    async with aclosing(source.slices()) as slices:
        async for entries in slices:
            yield _lines(entries)


def _lines(entries: Sequence[Entry]) -> bytes:
    return _encoder.encode_lines([_line(entry) for entry in entries])


def _line(entry: Entry) -> _Line:
    sealed = entry.index, leaf(entry.body).hex(), entry.chain.hex(), msgspec.Raw(entry.body)
    if committed(entry.record) is None:
        return _Line(*sealed)
    if entry.opening is None:
        return _OpenedLine(*sealed, None, None)
    return _OpenedLine(*sealed, msgspec.Raw(entry.opening.answer), entry.opening.salt.hex())
