"""The two functions that are the vote: ``decide`` turns a command into records, ``apply`` folds a record into state.

What they do with each command and each record stands in the parts.
"""

from livevote.domain import (
    about,
    ballots,
    board,
    codes,
    cohosts,
    embedding,
    erasure,
    questions,
    quiz,
    terms,
    voting,
)
from livevote.domain.audit import origin
from livevote.domain.commands import (
    AcceptRecovery,
    AsCohost,
    CastBallot,
    Command,
    CreateRoom,
    EraseAnswer,
    PublishReplay,
    SwitchReactions,
    SwitchReceipts,
)
from livevote.domain.parts import MISFITS, Decide, Decision, Fold, Known, OutOfOrderError, Repeat, require
from livevote.domain.records import (
    BallotCast,
    Draft,
    Entry,
    ReactionsSwitched,
    ReceiptsSwitched,
    Record,
    RecoveryAccepted,
    ReplayPublished,
    RoomCreated,
)
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Room

__all__ = ["BrokenLogError", "Decision", "Known", "Repeat", "apply", "decide", "fits"]


class BrokenLogError(Exception):
    """A record that cannot follow the ones before it: the log was not written by ``decide``."""


def decide(room: Room | None, command: Command, *, at: int) -> Decision:
    """What the log should say about ``command``, given the state of all records before it.

    ``room`` is None where no room exists yet, which only ``CreateRoom`` may meet. ``at`` is the wall clock in ms.
    Reads the state and changes nothing; never raises for any input.
    """
    if isinstance(command, CreateRoom):
        return _create(room, command, at)
    assert room is not None, "a command on a room that does not exist has no one to decide it"
    if type(command) is CastBallot:
        return ballots.cast(room, command, at)
    if isinstance(command, AsCohost):
        if not cohosts.is_cohost(room, command.id):
            return Refusal(Code.NO_SUCH_COHOST)
        command = command.command
    decision = DECIDE[type(command)](room, command, at)
    if room.erased_at is not None and not isinstance(command, AcceptRecovery):
        # What was recorded before stays so for whoever sends it again.
        return decision if isinstance(decision, Repeat | Known) else Refusal(Code.ROOM_ERASED)
    return decision if isinstance(decision, Draft | Repeat | Known | Refusal) else Draft(room.code, decision)


def _create(room: Room | None, command: CreateRoom, at: int) -> Decision:
    if room is not None:
        return Refusal(Code.ROOM_EXISTS)
    title = about.titled(command.title)
    if isinstance(title, Refusal):
        return title
    return Draft(command.code, RoomCreated(at=at, code=command.code, title=title))


def _switch_receipts(room: Room, command: SwitchReceipts, at: int) -> Record | Refusal:
    return Refusal(Code.ALREADY_SO) if command.on is room.receipts else ReceiptsSwitched(at=at, on=command.on)


def _switch_reactions(room: Room, command: SwitchReactions, at: int) -> Record | Refusal:
    return Refusal(Code.ALREADY_SO) if command.on is room.reactions else ReactionsSwitched(at=at, on=command.on)


def _publish_replay(room: Room, command: PublishReplay, at: int) -> Record | Refusal:
    if command.public is room.replay_public:
        return Refusal(Code.ALREADY_SO)
    return ReplayPublished(at=at, public=command.public)


def _accept_recovery(room: Room, command: AcceptRecovery, at: int) -> Record:  # noqa: ARG001
    return RecoveryAccepted(at=at, origin=command.origin, kept=command.kept, lost=command.lost, root=command.root)


def _erase(room: Room, command: EraseAnswer, at: int) -> Record | Refusal:
    if command.index in room.board.posts:
        return board.erase(room, command, at)
    return ballots.erase(room, command, at)


def apply(room: Room | None, entry: Entry) -> Room:
    """Fold the next entry of a room's log into its state, in place, and return the state.

    ``room`` is None before the first entry. Raises ``BrokenLogError`` for an entry that cannot come next.
    """
    record = entry.record
    if room is None:
        if not isinstance(record, RoomCreated) or entry.index != 1:
            raise BrokenLogError(f"room {entry.room}: the log begins with record {entry.index}, not with its creation")
        room = Room(code=record.code, title=record.title, created_at=record.at, origin=origin(record.code, entry.body))
        room.head = 1
        return room
    if entry.index != room.head + 1:
        raise BrokenLogError(f"room {room.code}: record {entry.index} follows record {room.head}")
    try:
        # Nearly all records are ballots, and a start folds every one there is: this branch is the cost of a restart.
        if type(record) is BallotCast:
            question = room.questions[record.question]
            if question.level == "code":
                codes.require_place(room, question, record)
            ballots.count(question, entry, record)
        else:
            _fold(room, entry)
    except MISFITS as error:
        raise BrokenLogError(f"room {room.code}: record {entry.index} does not fit the ones before it") from error
    room.head = entry.index
    return room


def _fold(room: Room, entry: Entry) -> None:
    _require(room, entry.record)
    FOLD[type(entry.record)].fold(room, entry, entry.record)


def _require(room: Room, record: Record) -> None:
    require(room.erased_at is None or isinstance(record, RecoveryAccepted))
    FOLD[type(record)].require(room, record)


def fits(room: Room | None, record: Record) -> bool:
    """Whether ``apply`` would take ``record``, which is no ballot, as the next one. Changes nothing.

    To be asked before a record becomes durable: one that ``apply`` refuses would end this server and every later start.
    """
    if room is None:
        return isinstance(record, RoomCreated)
    try:
        _require(room, record)
    except MISFITS:
        return False
    return True


def _require_nothing_before(room: Room, record: RoomCreated) -> None:  # noqa: ARG001
    raise OutOfOrderError


def _never(room: Room, entry: Entry, record: RoomCreated) -> None:
    """``apply`` itself folds the first record, and no other one of its type can come."""


def _set_receipts(room: Room, entry: Entry, record: ReceiptsSwitched) -> None:  # noqa: ARG001
    room.receipts = record.on


def _set_reactions(room: Room, entry: Entry, record: ReactionsSwitched) -> None:  # noqa: ARG001
    room.reactions = record.on


def _set_replay(room: Room, entry: Entry, record: ReplayPublished) -> None:  # noqa: ARG001
    room.replay_public = record.public


def _recover(room: Room, entry: Entry, record: RecoveryAccepted) -> None:
    room.recoveries.append(record)
    room.origin = origin(room.code, entry.body)


DECIDE: dict[type, Decide] = {
    SwitchReceipts: _switch_receipts,
    PublishReplay: _publish_replay,
    AcceptRecovery: _accept_recovery,
    **about.DECIDE,
    EraseAnswer: _erase,
    SwitchReactions: _switch_reactions,
    **ballots.DECIDE,
    **cohosts.DECIDE,
    **embedding.DECIDE,
    **erasure.DECIDE,
    **board.DECIDE,
    **questions.DECIDE,
    **terms.DECIDE,
    **quiz.DECIDE,
    **voting.DECIDE,
    **codes.DECIDE,
}
FOLD: dict[type, Fold] = {
    RoomCreated: Fold(_never, _require_nothing_before),
    ReceiptsSwitched: Fold(_set_receipts),
    ReplayPublished: Fold(_set_replay),
    RecoveryAccepted: Fold(_recover),
    **about.FOLD,
    ReactionsSwitched: Fold(_set_reactions),
    **ballots.FOLD,
    **cohosts.FOLD,
    **embedding.FOLD,
    **erasure.FOLD,
    **board.FOLD,
    **questions.FOLD,
    **terms.FOLD,
    **quiz.FOLD,
    **voting.FOLD,
    **codes.FOLD,
}
