"""One-time codes: issuing a list of them, and using one. Neither a code nor its hash comes by here."""

import re
from collections.abc import Iterable

from livevote.domain.audit import leaf
from livevote.domain.commands import IssueCodes, UseCode
from livevote.domain.merkle import Frontier
from livevote.domain.parts import Decide, Fold, require
from livevote.domain.records import BallotCast, CodesIssued, CodeUsed, Entry, Record
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Question, Room, Round

MAX_COUNT = 5000
"""Codes in one list."""
MAX_LISTS = 20
"""Lists of one room."""

_ROOT = re.compile(r"[0-9a-f]{64}")


def root_of(hashes: Iterable[bytes]) -> bytes:
    """The Merkle root (RFC 6962, 32 bytes) over the keyed hashes of a list's codes, which are sorted."""
    tree = Frontier()
    for each in hashes:
        tree.append(leaf(each))
    return tree.root()


def _answered_by_code(room: Room) -> bool:
    """Whether voting is open on a question that takes a ballot for each code."""
    return any(question.level == "code" and question.phase == "open" for question in room.questions.values())


def _issue(room: Room, command: IssueCodes, at: int) -> Record | Refusal:
    if _answered_by_code(room):
        return Refusal(Code.CODES_IN_USE)
    if len(room.code_lists) >= MAX_LISTS:
        return Refusal(Code.BAD_CODES, f"a room has at most {MAX_LISTS} lists")
    if not 1 <= command.count <= MAX_COUNT:
        return Refusal(Code.BAD_CODES, f"a list has 1 to {MAX_COUNT} codes")
    if any(issued.root == command.root for issued in room.code_lists):
        return Refusal(Code.BAD_CODES, "they were issued before")
    return CodesIssued(at=at, list=len(room.code_lists) + 1, count=command.count, root=command.root)


def _require_next_list(room: Room, record: CodesIssued) -> None:
    require(record.list == len(room.code_lists) + 1 <= MAX_LISTS and 1 <= record.count <= MAX_COUNT)
    require(_ROOT.fullmatch(record.root) is not None and all(record.root != other.root for other in room.code_lists))
    # So the codes that there were when a round began bound the ballots in it.
    require(not _answered_by_code(room))


def _add(room: Room, entry: Entry, record: CodesIssued) -> None:  # noqa: ARG001
    room.code_lists.append(record)


def _issued(room: Room, use: UseCode | CodeUsed) -> bool:
    return 1 <= use.list <= len(room.code_lists) and 0 <= use.place < room.code_lists[use.list - 1].count


def _use(room: Room, command: UseCode, at: int) -> Record | Refusal:
    if not _issued(room, command):
        return Refusal(Code.UNKNOWN_CODE)
    if (command.list, command.place) in room.used_codes:
        return Refusal(Code.CODE_USED)
    return CodeUsed(at=at, list=command.list, place=command.place, by=command.by)


def _require_unused(room: Room, record: CodeUsed) -> None:
    require(_issued(room, record) and (record.list, record.place) not in room.used_codes)


def _note_use(room: Room, entry: Entry, record: CodeUsed) -> None:  # noqa: ARG001
    room.used_codes[record.list, record.place] = record.by


def has_place(room: Room, asked: Round, voter: str) -> bool:
    """Whether a voter may vote in a round by code: at most as many do as codes were used.

    Every voter stands for a code of their own, so this holds by itself, unless a room has got a new key in between.
    """
    return voter in asked.ballots or places_left(room, asked) > 0


def places_left(room: Room, asked: Round) -> int:
    """For how many more voters there is a place in a round by code."""
    return len(room.used_codes) - len(asked.ballots)


def require_place(room: Room, question: Question, record: BallotCast) -> None:
    """Raise one of ``MISFITS`` for a ballot by code that makes more voters than codes were used."""
    require(has_place(room, question.rounds[-1], record.voter))


DECIDE: dict[type, Decide] = {IssueCodes: _issue, UseCode: _use}
FOLD: dict[type, Fold] = {
    CodesIssued: Fold(_add, _require_next_list),
    CodeUsed: Fold(_note_use, _require_unused),
}
