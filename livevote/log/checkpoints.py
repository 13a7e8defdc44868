"""The signed checkpoints of every room, in files outside the database: ``CODE.notes``, append-only, and the public key.

Apart from the log, because they are there to contradict it: whoever changes the database would have to change these
as well, and every copy of them elsewhere.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from livevote.domain.merkle import Frontier, ProofError
from livevote.domain.note import NAME, Checkpoint, NoteError, Signer, Verifier
from livevote.failures import CorruptError, DataDirectoryError

SUFFIX = ".notes"
VKEY = "livevote.vkey"

_PEAKS = ".peaks"
_NOTE = re.compile(rb"(?:[^\n]+\n)+\n\xe2\x80\x94 [^\n]+\n\n")
_PRINTABLE = re.compile(rb"[ -~\n]*")
_BODY_LINES = 5
_SLICE = 500  # notes, about 50 ms
_SIGNATURE = f"\u2014 {NAME} ".encode()
_SIGNATURE_CHARS = 92  # of base64: four bytes of key id and an Ed25519 signature


def split(data: bytes) -> tuple[list[bytes], bytes]:
    """The notes in ``data``, each of which has an empty line behind it, and what is left over."""
    notes, end = [], 0
    while found := _NOTE.match(data, end):
        notes.append(found[0][:-1])
        end = found.end()
    return notes, data[end:]


def _cut_short(rest: bytes) -> bool:
    """Whether ``rest`` is the beginning of a note, as a power cut leaves one, and not a whole one that was changed."""
    body, blank, signature = rest.partition(b"\n\n")
    lines = body.split(b"\n")
    begins = body.startswith(b"livevote/"[: len(body)]) and _PRINTABLE.fullmatch(body) is not None
    if not blank:
        return begins and len(lines) <= _BODY_LINES + 1
    wanted = _SIGNATURE[: len(signature)]
    short = len(signature) < len(_SIGNATURE) + _SIGNATURE_CHARS and b"\n" not in signature
    return begins and len(lines) == _BODY_LINES and signature.startswith(wanted) and short


def read_notes(path: Path) -> tuple[list[bytes], int]:
    """The notes in a file, none where it is missing, and how many of its bytes are theirs: fewer than there are where
    the last note was cut short, and one or two too few where only its line feeds are missing.

    Raises ``CorruptError`` for a file that holds something else.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise DataDirectoryError(f"Cannot read {path}: {error.strerror}. Check its owner and mode.") from error
    notes, rest = split(data)
    end = len(data) - len(rest)
    # Some file systems leave zeros where the power went before the data came.
    rest = rest.rstrip(b"\0")
    if rest and not _cut_short(rest):
        whole = rest.rstrip(b"\n") + b"\n\n"
        if not _NOTE.fullmatch(whole):
            raise CorruptError(_changed(path, f"note {len(notes) + 1} is no signed note"))
        notes.append(whole[:-1])
        end += len(rest)
    return notes, end


def rooms_with_notes(directory: Path) -> list[str]:
    """The rooms that have checkpoints in ``directory``."""
    return sorted(path.name.removesuffix(SUFFIX) for path in directory.glob(f"*{SUFFIX}"))


def opened(notes: Iterable[bytes], verifier: Verifier, path: Path, *, first: int = 1) -> list[Checkpoint]:
    """The checkpoints of ``notes``, of which the first is number ``first`` in the file.

    Raises ``CorruptError`` that names the first one that was not signed.
    """
    checkpoints = []
    for number, note in enumerate(notes, first):
        try:
            checkpoints.append(verifier.open(note.decode()))
        except (NoteError, UnicodeError) as error:
            raise CorruptError(_changed(path, f"note {number}: {error}")) from error
    return checkpoints


async def opened_in_slices(notes: Sequence[bytes], verifier: Verifier, path: Path) -> list[Checkpoint]:
    """The same as ``opened``, in a thread, while others are served.

    Three hours of voting are ten thousand signatures, which take about a second, and a thread that has begun is not
    called back: the end of the process waits for it. So whoever is cancelled leaves no more than a slice behind.
    """
    loop = asyncio.get_running_loop()
    checkpoints: list[Checkpoint] = []
    for start in range(0, len(notes), _SLICE):
        work = partial(opened, notes[start : start + _SLICE], verifier, path, first=start + 1)
        checkpoints += await loop.run_in_executor(None, work)
    return checkpoints


def _changed(path: Path, what: str) -> str:
    return f"The checkpoints in {path} were changed ({what}). Put the file back from a copy; keep the changed one."


class Checkpoints:
    """The files below ``directory``, for the one process that writes them."""

    def __init__(self, directory: Path, signer: Signer) -> None:
        self._directory = directory
        self.signer = signer
        try:
            directory.mkdir(mode=0o700, exist_ok=True)
            self._note_key(directory / VKEY, f"{signer.vkey}\n".encode())
        except OSError as error:
            raise DataDirectoryError(
                f"Cannot write {directory}: {error.strerror}. Check the owner and mode of the data directory."
            ) from error

    def _note_key(self, path: Path, vkey: bytes) -> None:
        if path.exists() and path.read_bytes() == vkey:
            return
        if path.exists() and self.rooms():
            raise CorruptError(
                f"{path} does not hold the public key that belongs to the server's own: one of the two was changed. "
                "Put back the keys from your backup; if it is this file that was changed, delete it."
            )
        _replace(path, vkey)

    def rooms(self) -> list[str]:
        """The rooms that have checkpoints."""
        return rooms_with_notes(self._directory)

    def path(self, room: str) -> Path:
        """The file of a room."""
        return self._directory / f"{room}{SUFFIX}"

    def notes(self, room: str) -> list[bytes]:
        """All complete notes of a room, the oldest first.

        A note whose writing was cut short is taken away: nobody has seen it. Raises ``CorruptError``.
        """
        path = self.path(room)
        notes, end = read_notes(path)
        whole = sum(len(note) + 1 for note in notes)
        if path.exists() and (end, whole) != (path.stat().st_size, end):
            with path.open("r+b") as file:
                file.truncate(end)
                file.seek(end)
                file.write(b"\n" * (whole - end))
                file.flush()
                os.fsync(file.fileno())
        return notes

    def append(self, room: str, note: bytes, frontier: Frontier) -> None:
        """Make a note durable, and note beside it what a start needs in order to go on from there.

        Raises ``OSError``.
        """
        path = self.path(room)
        is_new = not path.exists()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _append_whole(descriptor, note + b"\n")
        finally:
            os.close(descriptor)
        if is_new:
            _sync_directory(self._directory)
        # Neither synced nor needed: it can be made again from the log, and it fits the note or is not used.
        with contextlib.suppress(OSError):
            peaks = "".join(f"{peak.hex()}\n" for peak in frontier.peaks)
            unfinished = self._directory / f"{room}{_PEAKS}.new"
            unfinished.write_text(f"{frontier.size}\n{peaks}")
            unfinished.replace(self._directory / f"{room}{_PEAKS}")

    def frontier(self, room: str, checkpoint: Checkpoint) -> Frontier | None:
        """The tree as it was at ``checkpoint``, if what was noted then fits its root."""
        try:
            size, *peaks = (self._directory / f"{room}{_PEAKS}").read_text().split()
            found = Frontier(size=int(size), peaks=[bytes.fromhex(peak) for peak in peaks])
        except (OSError, ValueError, ProofError):
            return None
        return found if (found.size, found.root()) == (checkpoint.size, checkpoint.root) else None


def _append_whole(descriptor: int, data: bytes) -> None:
    """Append all of ``data`` and sync it, or nothing: the next note would stand behind half a one."""
    before = os.fstat(descriptor).st_size
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, before)
        raise


def _replace(path: Path, data: bytes) -> None:
    unfinished = path.with_name(f"{path.name}.new")
    with unfinished.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
