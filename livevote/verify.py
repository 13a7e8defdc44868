"""Checks a log against its own seals and adds it up again, offline, without a server and without writing anything.

Apart from ``live.auditor``, which does the first half while a server runs: this is for somebody who got a file and
trusts nobody.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import msgspec

from livevote.aside import Seals
from livevote.bundle import Bundle, NoBundleError
from livevote.domain.audit import TamperedError
from livevote.domain.board import PostText
from livevote.domain.note import Checkpoint, NoteError, Verifier
from livevote.domain.quiz import name_of
from livevote.domain.records import (
    COMMITTED,
    BallotCast,
    Entry,
    PlayerName,
    PlayerNamed,
    PostAsked,
    QuestionDefined,
    RecoveryAccepted,
    RoomCreated,
    encode,
)
from livevote.domain.room import BrokenLogError, apply
from livevote.domain.state import Room
from livevote.domain.tally import Snapshot, snapshot
from livevote.domain.text import is_one_spelling
from livevote.failures import BadRecordError, CorruptError
from livevote.log import VKEY, Reader, opened, read_notes, rooms_with_notes
from livevote.sought import Sought

_KNOWN_ANSWERS = 4096
_STEP = 1000  # records between two signs of progress
_DATABASE = b"SQLite format 3\x00"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """An intact room: what it holds, the fingerprints to compare, and every round's result.

    ``root`` is the Merkle root over all records (RFC 6962) and ``chain`` the running value, 32 bytes each. ``agreed``
    is how many signed checkpoints say the same, ``newest`` the last of them, ``vkey`` the key that signed them.
    ``left`` is how many answers are still there although the host has deleted all of them.
    """

    room: Room
    records: int
    ballots: int
    root: bytes
    chain: bytes
    agreed: int
    newest: Checkpoint | None
    vkey: str
    results: tuple[Snapshot, ...]
    left: int = 0

    @property
    def unsigned(self) -> int:
        """How many records at the end no signature covers: anybody can have written them."""
        return self.records - (0 if self.newest is None else self.newest.size)

    @property
    def issued(self) -> int:
        """How many one-time codes were issued."""
        return sum(issued.count for issued in self.room.code_lists)

    @property
    def recoveries(self) -> list[RecoveryAccepted]:
        """Where the operator went on with a log that contradicted its checkpoints."""
        return self.room.recoveries


def verify(
    code: str,
    entries: Iterable[Entry],
    *,
    checkpoints: Iterable[Checkpoint] = (),
    vkey: str = "",
    sought: Sought | None = None,
) -> Verdict:
    """The verdict on one room. ``sought`` looks on, and is judged by the caller, who knows where the log is from.

    Raises ``TamperedError`` at the first record that is not what was sealed or that the rules do not allow, and at the
    end where a checkpoint says something else.
    """
    known = list(checkpoints)
    room: Room | None = None
    ballots = openings = 0
    spelled = _Spelling(code)
    try:
        with Seals(code, known, alone=sought is not None) as seals:
            check = seals.add
            for entry in entries:
                check(entry)
                room = apply(room, entry)
                spelled.look(room, entry)
                if type(entry.record) is BallotCast:
                    ballots += 1
                if entry.opening is not None and isinstance(entry.record, COMMITTED):
                    openings += 1
                if sought is not None:
                    sought.look(room, entry)
                    sought.compare(seals.checker)
            sealed = seals.finish()
    except (BadRecordError, BrokenLogError) as error:
        raise TamperedError(str(error)) from error
    if room is None:
        raise TamperedError(f"room {code} has no records")
    return Verdict(
        room=room,
        records=room.head,
        ballots=ballots,
        root=sealed.root,
        chain=sealed.chain,
        agreed=sealed.agreed,
        newest=max((known_one for known_one in known if known_one.origin == room.origin), key=_size, default=None),
        vkey=vkey,
        results=tuple(
            snapshot(room, question, asked) for question in room.questions.values() for asked in question.rounds
        ),
        left=0 if room.erased_at is None else openings,
    )


class _Spelling:
    """Looks whether records are canonical JSON in all their parts, with texts in NFC: bytes that two programs, or two
    people, may read in two ways are no evidence."""

    def __init__(self, code: str) -> None:
        self._code = code
        # A round has few different answers, and every one of them comes from thousands of voters.
        self._known: set[tuple[str, bytes]] = set()

    def look(self, room: Room, entry: Entry) -> None:
        """See whether the record that ``room`` has just folded in is. Raises ``TamperedError``."""
        record, opening = entry.record, entry.opening
        if encode(record) != entry.body:
            raise self._wrong(entry)
        # Nearly all bodies are ASCII, which is NFC.
        if not entry.body.isascii() and not all(map(is_one_spelling, _texts(msgspec.json.decode(entry.body)))):
            raise TamperedError(f"room {self._code}: record {entry.index} holds a text that is not NFC")
        if type(record) is BallotCast:
            if opening is None or (record.question, opening.answer) in self._known:
                return
            answer = room.questions[record.question].rounds[-1].ballots[record.voter].answer
            if answer is None or encode(answer) != opening.answer:
                raise self._wrong(entry)
            if len(self._known) < _KNOWN_ANSWERS:
                self._known.add((record.question, opening.answer))
        elif isinstance(record, PostAsked):
            text = room.board.posts[entry.index].text
            if opening is not None and (text is None or encode(PostText(text)) != opening.answer):
                raise self._wrong(entry)
            if text is not None and not is_one_spelling(text):
                raise TamperedError(f"room {self._code}: record {entry.index} holds a text that is not NFC")
        elif isinstance(record, QuestionDefined):
            # By other rules the same answer may be spelled in another way.
            self._known.clear()
            question = room.questions[record.id]
            if encode(question.kind.rules(bytes(record.rules))) != bytes(record.rules):
                raise self._wrong(entry)
            if question.solution is not None and opening is not None:
                self._look_inside(entry, question.solution, question.solution.explanation)
        elif isinstance(record, PlayerNamed):
            name = name_of(room, record.voter)
            if name is not None:
                self._look_inside(entry, PlayerName(name), name)
        elif isinstance(record, RoomCreated) and room.code != self._code:
            raise TamperedError(f"room {self._code}: record 1 begins the log of another room, {room.code}")

    def _look_inside(self, entry: Entry, hidden: msgspec.Struct, text: str) -> None:
        assert entry.opening is not None, "what it hides was read from there"
        if encode(hidden) != entry.opening.answer:
            raise self._wrong(entry)
        if not is_one_spelling(text):
            raise TamperedError(f"room {self._code}: record {entry.index} hides a text that is not NFC")

    def _wrong(self, entry: Entry) -> TamperedError:
        return TamperedError(f"room {self._code}: record {entry.index} is not written as livevote writes it")


def _texts(value: object) -> Iterator[str]:
    """All strings in a JSON value that are not keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value if isinstance(value, list) else value.values():
            yield from _texts(part)


def _size(checkpoint: Checkpoint) -> int:
    return checkpoint.size


def kind_of(path: Path) -> str:
    """``database`` or ``bundle``. Raises ``NoBundleError`` for a path that cannot be read."""
    try:
        with path.open("rb") as file:
            return "database" if file.read(len(_DATABASE)) == _DATABASE else "bundle"
    except OSError as error:
        raise NoBundleError(f"Cannot read {path}: {error.strerror}.") from error


def verify_bundle(
    bundle: Bundle, *, sought: Sought | None = None, progress: Callable[[int], object] = lambda _: None
) -> Verdict:
    """The verdict on a bundle; ``progress`` is told how many bytes more were read. Raises ``TamperedError``."""
    vkey = bundle.verifier.vkey
    verdict = verify(bundle.room, _watched(bundle, progress), checkpoints=bundle.checkpoints, vkey=vkey, sought=sought)
    if sought is not None:
        mine = sought.receipt.room == bundle.room
        sought.judge(verdict.room if mine else None, vkey=vkey, may_be_older=True)
    return verdict


def _counted(entries: Iterable[Entry], progress: Callable[[int], object]) -> Iterator[Entry]:
    number = 0
    for number, entry in enumerate(entries, 1):
        yield entry
        if number % _STEP == 0:
            progress(_STEP)
    progress(number % _STEP)


def _watched(bundle: Bundle, progress: Callable[[int], object]) -> Iterator[Entry]:
    told = 0
    for number, entry in enumerate(bundle.entries()):
        yield entry
        if number % _STEP == 0:
            progress(bundle.position - told)
            told = bundle.position
    progress(bundle.position - told)


def verify_database(
    reader: Reader,
    directory: Path,
    *,
    trusted: Verifier | None = None,
    sought: Sought | None = None,
    progress: Callable[[int], object] = lambda _: None,
) -> Iterator[Verdict]:
    """One verdict for each room of a database, compared with the checkpoints in ``directory``, if it is there.

    ``progress`` is told how many records more were read. Raises ``TamperedError``.
    """
    verifier = _verifier(directory) if trusted is None else trusted
    # Before the log: a server may write both, and a checkpoint never comes before its records.
    known = {code: _checkpoints(directory, code, verifier) for code in rooms_with_notes(directory)}
    vkey = "" if verifier is None else verifier.vkey
    home: Room | None = None
    try:
        for code, entries in groupby(_counted(reader.scan(), progress), key=attrgetter("room")):
            checkpoints = known.pop(code, [])
            verdict = verify(code, entries, checkpoints=checkpoints, vkey=vkey if checkpoints else "", sought=sought)
            if sought is not None and code == sought.receipt.room:
                home = verdict.room
            yield verdict
    except BadRecordError as error:
        raise TamperedError(str(error)) from error
    if known:
        raise TamperedError(f"room {min(known)} has checkpoints in {directory} and is not in the log")
    if sought is not None:
        # Also where the notes are gone: the key beside them is the log's own all the same.
        sought.judge(home, vkey=vkey, may_be_older=False)


def _verifier(directory: Path) -> Verifier | None:
    try:
        return Verifier.parse((directory / VKEY).read_text())
    except FileNotFoundError:
        return None
    except (NoteError, UnicodeError) as error:
        raise TamperedError(f"{directory / VKEY}: {error}") from None


def _checkpoints(directory: Path, code: str, verifier: Verifier | None) -> list[Checkpoint]:
    path = directory / f"{code}.notes"
    try:
        notes, _ = read_notes(path)
        if notes and verifier is None:
            raise TamperedError(f"room {code}: {directory / VKEY} is missing, the key that signed its checkpoints")
        return [] if verifier is None else opened(notes, verifier, path)
    except CorruptError as error:
        raise TamperedError(f"room {code}: {error}") from error
