"""A room as one file that anybody can check: JSON Lines with the key, the signed notes and every record.

Apart from the exports for people: this is what ``verify`` reads and ``import`` takes back, byte for byte.
``docs/audit.md`` describes it for others who want to read it.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from livevote.domain.audit import TamperedError
from livevote.domain.note import Checkpoint, NoteError, Verifier
from livevote.domain.records import Entry, Opening, decode, encode
from livevote.failures import FailureError

BEGINNING = b'{"@type":"livevote_bundle/1"'
"""How every bundle begins."""

_CODE = re.compile(r"[0-9A-Z]{6}")  # it becomes the name of files
_LONGEST_LINE_BYTES = 1 << 20


class Header(msgspec.Struct, frozen=True, tag_field="@type", tag="livevote_bundle/1", forbid_unknown_fields=True):
    """The first line. ``vkey`` is the public key that signed the notes."""

    room: str
    vkey: str


class Note(msgspec.Struct, frozen=True, tag_field="@type", tag="note", forbid_unknown_fields=True):
    """A signed checkpoint."""

    note: str


class Line(msgspec.Struct, frozen=True, tag_field="@type", tag="record", forbid_unknown_fields=True):
    """A record: ``body`` is the exact text that is hashed; ``chain`` and ``salt`` are hex, ``answer`` is JSON text."""

    answer: str | None
    body: str
    chain: str
    index: int
    salt: str | None


class End(msgspec.Struct, frozen=True, tag_field="@type", tag="end", forbid_unknown_fields=True):
    """The last line: how many lines of each kind there were."""

    notes: int
    records: int


class NoBundleError(FailureError):
    """The file, or a receipt, cannot be read at all."""

    exit_code = 2
    meaning = "(of verify) the file cannot be read"


AnyLine = Header | Note | Line | End

_lines: msgspec.json.Decoder[AnyLine] = msgspec.json.Decoder(AnyLine)


async def write(
    room: str, chunks: AsyncIterable[Sequence[Entry]], *, vkey: str, notes: Sequence[str]
) -> AsyncGenerator[bytes, None]:
    """The bundle of a room, as it is written. ``chunks`` are all its entries in order."""
    records = 0
    yield _line(Header(room, vkey)) + b"".join(_line(Note(note)) for note in notes)
    async for entries in chunks:
        records += len(entries)
        yield b"".join(_line(_record(entry)) for entry in entries)
    yield _line(End(len(notes), records))


def _record(entry: Entry) -> Line:
    opening = entry.opening
    return Line(
        answer=None if opening is None else opening.answer.decode(),
        body=entry.body.decode(),
        chain=entry.chain.hex(),
        index=entry.index,
        salt=None if opening is None else opening.salt.hex(),
    )


def _line(value: msgspec.Struct) -> bytes:
    return encode(value) + b"\n"


class Bundle:
    """A bundle's file as it is read: once, from the first line to the last, whatever its size.

    Raises ``NoBundleError`` for a file that is none, and ``TamperedError`` for one that was changed. ``trusted`` is the
    key to insist on.
    """

    def __init__(self, path: Path, *, trusted: Verifier | None = None) -> None:
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise NoBundleError(f"Cannot read {path}: {error.strerror}.") from error
        try:
            if self._file.read(len(BEGINNING)) != BEGINNING:
                raise NoBundleError(
                    f"{path} is no bundle of livevote: 'livevote export CODE --format bundle.jsonl' makes one."
                )
            self._file.seek(0)
            self._number = 0
            header = self._next()
            assert isinstance(header, Header), "it began like one"
            if not _CODE.fullmatch(header.room):
                raise TamperedError("line 1 names no room: a code has six letters and digits")
            self.room = header.room
            try:
                self.verifier = Verifier.parse(header.vkey)
            except NoteError as error:
                raise TamperedError(f"line 1: {error}") from None
            if self.verifier.vkey != header.vkey:
                raise TamperedError("line 1: the key has white space around it")
            if trusted is not None and trusted.vkey != self.verifier.vkey:
                raise TamperedError(f"the bundle was signed by another key, {self.verifier.vkey}")
            self.checkpoints: list[Checkpoint] = []
            self.notes: list[str] = []
            self._pending = self._read_notes()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    @property
    def position(self) -> int:
        """Bytes read so far."""
        return self._file.tell()

    def _read_notes(self) -> Line | End:
        while isinstance(line := self._next(), Note):
            try:
                self.checkpoints.append(self.verifier.open(line.note))
            except NoteError as error:
                raise TamperedError(f"line {self._number}: {error}") from None
            self.notes.append(line.note)
        if isinstance(line, Header):
            raise TamperedError(f"line {self._number}: a second header")
        return line

    def _next(self) -> AnyLine:
        self._number += 1
        data = self._file.readline(_LONGEST_LINE_BYTES)
        if not data:
            raise TamperedError(f"the bundle was cut off before line {self._number}")
        try:
            line = _lines.decode(data)
            # There is one way to write a line: what says the same in other bytes was changed all the same.
            if _line(line) == data:
                return line
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass
        raise TamperedError(f"room {getattr(self, 'room', '?')}: line {self._number} is no line of a bundle")

    def entries(self) -> Iterator[Entry]:
        """The records, in order. Raises ``TamperedError`` also where the end is missing or says something else."""
        count = 0
        line: AnyLine = self._pending
        while isinstance(line, Line):
            count += 1
            yield self._entry(line)
            line = self._next()
        if line != End(len(self.notes), count):
            raise TamperedError(f"room {self.room}: line {self._number} is not the end of this bundle")
        if self._file.read(1):
            raise TamperedError(f"room {self.room}: the bundle goes on after its end")

    def _entry(self, line: Line) -> Entry:
        try:
            opening = None
            if line.salt is not None and line.answer is not None:
                opening = Opening(_unhex(line.salt), line.answer.encode())
            elif (line.salt is None) != (line.answer is None):
                raise ValueError("half an opening")
            body = line.body.encode()
            record = decode(body)
            return Entry(self.room, line.index, record, body, _unhex(line.chain), opening)
        except (msgspec.DecodeError, ValueError) as error:
            raise TamperedError(f"room {self.room}: record {line.index} is no record: {error}") from None


def _unhex(text: str) -> bytes:
    raw = bytes.fromhex(text)
    if raw.hex() != text:
        raise ValueError("this is no plain hex")
    return raw
