"""The two functions that are the vote: ``decide`` turns a command into records, ``apply`` folds a record into state."""

from itertools import count

import msgspec

from livevote.domain.audit import commitment, origin
from livevote.domain.commands import (
    AcceptRecovery,
    AddQuestion,
    AskAgain,
    CastBallot,
    CloseVoting,
    Command,
    CreateRoom,
    EraseAnswer,
    HideResults,
    OnQuestion,
    OpenVoting,
    PublishReplay,
    RevealResults,
    SwitchReceipts,
)
from livevote.domain.kinds import KINDS
from livevote.domain.kinds.base import Answer
from livevote.domain.records import (
    AnswerErased,
    BallotCast,
    Draft,
    Entry,
    Opening,
    QuestionDefined,
    ReceiptsSwitched,
    Record,
    RecoveryAccepted,
    ReplayPublished,
    ResultsHidden,
    ResultsRevealed,
    RoomCreated,
    VotingClosed,
    VotingOpened,
    encode,
)
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Ballot, Question, Room, Round
from livevote.domain.text import clean

MAX_TITLE_CHARS = 200
MAX_TEXT_CHARS = 500
MAX_QUESTIONS = 200


class Repeat(msgspec.Struct, frozen=True):
    """The ballot is in the log already: answer the retry as it was answered the first time."""

    ballot: Ballot


Decision = Draft | Repeat | Refusal


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
    if isinstance(command, CastBallot):
        return _cast(room, command, at)
    if isinstance(command, AddQuestion):
        return _add(room, command, at)
    if isinstance(command, OnQuestion):
        return _on_question(room, command, at)
    record = _on_room(room, command, at)
    return record if isinstance(record, Refusal) else Draft(room.code, record)


def _on_room(
    room: Room, command: SwitchReceipts | PublishReplay | EraseAnswer | AcceptRecovery, at: int
) -> Record | Refusal:
    if isinstance(command, SwitchReceipts):
        return Refusal(Code.ALREADY_SO) if command.on is room.receipts else ReceiptsSwitched(at=at, on=command.on)
    if isinstance(command, PublishReplay):
        if command.public is room.replay_public:
            return Refusal(Code.ALREADY_SO)
        return ReplayPublished(at=at, public=command.public)
    if isinstance(command, EraseAnswer):
        return _erase(room, command.index, at)
    return RecoveryAccepted(at=at, origin=command.origin, kept=command.kept, lost=command.lost, root=command.root)


def _erase(room: Room, index: int, at: int) -> Record | Refusal:
    for question in room.questions.values():
        for asked in question.rounds:
            cast = [*asked.ballots.items(), *((key[0], ballot) for key, ballot in asked.superseded.items())]
            for voter, ballot in cast:
                if ballot.index != index:
                    continue
                if ballot.answer is None:
                    return Refusal(Code.ALREADY_ERASED)
                return AnswerErased(at=at, index=index, question=question.id, round=asked.number, voter=voter)
    return Refusal(Code.NO_SUCH_BALLOT, f"record {index} is none")


def _create(room: Room | None, command: CreateRoom, at: int) -> Decision:
    if room is not None:
        return Refusal(Code.ROOM_EXISTS)
    title = clean(command.title)
    if not title or len(title) > MAX_TITLE_CHARS:
        return Refusal(Code.BAD_TITLE, f"a title has 1 to {MAX_TITLE_CHARS} characters")
    return Draft(command.code, RoomCreated(at=at, code=command.code, title=title))


def _cast(room: Room, command: CastBallot, at: int) -> Decision:
    question = room.questions.get(command.question)
    if question is None:
        return Refusal(Code.UNKNOWN_QUESTION)
    if not question.rounds:
        return Refusal(Code.NOT_OPEN)
    if not 1 <= command.round <= len(question.rounds):
        return Refusal(Code.WRONG_ROUND, f"the question is in round {len(question.rounds)}")
    asked = question.rounds[command.round - 1]
    answer = question.kind.parse(command.answer, len(question.options), question.rules)
    mine = asked.ballots.get(command.voter)
    # The retry comes first: a recorded ballot stays recorded, whatever has happened to the round since.
    if mine is not None and (known := _by_id(asked, command, mine)) is not None:
        return Repeat(known) if known.answer in (answer, None) else Refusal(Code.CONFLICT)
    if asked is not question.rounds[-1]:
        return Refusal(Code.WRONG_ROUND, f"the question is in round {len(question.rounds)}")
    if asked.closed_at is not None:
        return Refusal(Code.CLOSED)
    if isinstance(answer, Refusal):
        return answer
    if mine is not None and not question.changeable:
        return Refusal(Code.ALREADY_VOTED)
    opening = Opening(command.salt, encode(answer))
    return Draft(
        room.code,
        BallotCast(
            at=at,
            id=command.id,
            voter=command.voter,
            question=question.id,
            round=asked.number,
            rev=0 if mine is None else mine.rev + 1,
            supersedes=None if mine is None else mine.index,
            commitment=commitment(opening),
        ),
        opening,
    )


def _by_id(asked: Round, command: CastBallot, mine: Ballot) -> Ballot | None:
    if mine.id == command.id:
        return mine
    return asked.superseded.get((command.voter, command.id))


def _add(room: Room, command: AddQuestion, at: int) -> Decision:
    kind = KINDS.get(command.kind)
    if kind is None:
        return Refusal(Code.UNKNOWN_KIND, "kinds are " + ", ".join(sorted(KINDS)))
    if len(room.questions) >= MAX_QUESTIONS:
        return Refusal(Code.TOO_MANY_QUESTIONS, f"a room has at most {MAX_QUESTIONS}")
    text = clean(command.text)
    if not text or len(text) > MAX_TEXT_CHARS:
        return Refusal(Code.BAD_QUESTION, f"a question's text has 1 to {MAX_TEXT_CHARS} characters")
    options = tuple(clean(option) for option in command.options)
    rules = kind.define(options, bytes(command.rules))
    if isinstance(rules, Refusal):
        return rules
    return Draft(
        room.code,
        QuestionDefined(
            at=at,
            id=_free_id(room),
            kind=kind.name,
            text=text,
            options=options,
            rules=msgspec.Raw(rules),
            changeable=command.changeable,
        ),
    )


def _free_id(room: Room) -> str:
    """The first of q1, q2 ... that is free: a room from elsewhere may have named its questions in any way."""
    return next(name for number in count(1) if (name := f"q{number}") not in room.questions)


def _on_question(room: Room, command: OnQuestion, at: int) -> Decision:
    question = room.questions.get(command.question)
    if question is None:
        return Refusal(Code.UNKNOWN_QUESTION)
    record = _next_round(room, question, command, at) or _in_round(question, command, at)
    return record if isinstance(record, Refusal) else Draft(room.code, record)


def _next_round(room: Room, question: Question, command: OnQuestion, at: int) -> Record | Refusal | None:
    if not isinstance(command, OpenVoting | AskAgain):
        return None
    if isinstance(command, OpenVoting) and question.rounds:
        return Refusal(Code.ALREADY_OPENED)
    if isinstance(command, AskAgain) and not question.rounds:
        return Refusal(Code.NOT_OPEN)
    if question.phase == "open":
        return Refusal(Code.STILL_OPEN)
    if room.current is not None and room.current.phase == "open":
        return Refusal(Code.ANOTHER_OPEN, f"close '{room.current.text}' first")
    return VotingOpened(at=at, question=question.id, round=len(question.rounds) + 1)


def _in_round(question: Question, command: OnQuestion, at: int) -> Record | Refusal:
    if not question.rounds:
        return Refusal(Code.NOT_OPEN)
    asked = question.rounds[-1]
    if isinstance(command, CloseVoting):
        if asked.closed_at is not None:
            return Refusal(Code.CLOSED)
        return VotingClosed(at=at, question=question.id, round=asked.number)
    if isinstance(command, RevealResults):
        if asked.revealed:
            return Refusal(Code.ALREADY_REVEALED)
        return ResultsRevealed(at=at, question=question.id, round=asked.number)
    assert isinstance(command, HideResults)
    if not asked.revealed:
        return Refusal(Code.ALREADY_HIDDEN)
    return ResultsHidden(at=at, question=question.id, round=asked.number)


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
            _count(room.questions[record.question], entry, record)
        else:
            _fold(room, entry)
    except _MISFITS as error:
        raise BrokenLogError(f"room {room.code}: record {entry.index} does not fit the ones before it") from error
    room.head = entry.index
    return room


class _OutOfOrderError(Exception):
    pass


def _require(condition: bool) -> None:
    if not condition:
        raise _OutOfOrderError


# What a record that does not fit leads to, while it is looked up or read.
_MISFITS = (KeyError, IndexError, msgspec.DecodeError, RecursionError, _OutOfOrderError)


def fits(room: Room | None, record: Record) -> bool:
    """Whether ``apply`` would take ``record``, which is no ballot, as the next one. Changes nothing.

    To be asked before a record becomes durable: one that ``apply`` refuses would end this server and every later start.
    """
    if room is None:
        return isinstance(record, RoomCreated)
    try:
        _require_place(room, record)
    except _MISFITS:
        return False
    return True


def _require_place(room: Room, record: Record) -> None:
    """Raise one of ``_MISFITS`` where ``record``, which is no ballot, cannot come next."""
    if isinstance(record, QuestionDefined):
        _require(record.id not in room.questions)
        Question(record)  # which reads its kind and its rules
    elif isinstance(record, VotingOpened):
        question = room.questions[record.question]
        _require(record.round == len(question.rounds) + 1 and question.phase != "open")
    elif isinstance(record, RoomCreated):
        raise _OutOfOrderError
    elif isinstance(record, AnswerErased):
        _erased_from(room, record)
    elif isinstance(record, VotingClosed | ResultsRevealed | ResultsHidden):
        asked = room.questions[record.question].rounds[-1]
        _require(asked.number == record.round)
        _require(asked.closed_at is None or not isinstance(record, VotingClosed))


def _fold(room: Room, entry: Entry) -> None:
    record = entry.record
    assert not isinstance(record, BallotCast), "ballots have their own branch"
    _require_place(room, record)
    if isinstance(record, QuestionDefined):
        room.questions[record.id] = Question(record)
    elif isinstance(record, VotingOpened):
        question = room.questions[record.question]
        tally = question.kind.empty(len(question.options))
        question.rounds.append(Round(number=record.round, opened_at=record.at, tally=tally))
        room.current = question
    elif isinstance(record, ReceiptsSwitched):
        room.receipts = record.on
    elif isinstance(record, ReplayPublished):
        room.replay_public = record.public
    elif isinstance(record, RecoveryAccepted):
        room.recoveries.append(record)
        room.origin = origin(room.code, entry.body)
    elif isinstance(record, AnswerErased):
        _forget(room, record)
    elif isinstance(record, VotingClosed):
        room.questions[record.question].rounds[-1].closed_at = record.at
    else:
        assert isinstance(record, ResultsRevealed | ResultsHidden)
        room.questions[record.question].rounds[-1].revealed = isinstance(record, ResultsRevealed)


def _erased_from(room: Room, record: AnswerErased) -> tuple[Round, tuple[str, str] | None]:
    """The round of the ballot whose answer is erased and, if the voter has replaced it, its key in ``superseded``."""
    _require(record.round >= 1)
    asked = room.questions[record.question].rounds[record.round - 1]
    if asked.ballots[record.voter].index == record.index:
        return asked, None
    return asked, _superseded_at(asked, record)


def _forget(room: Room, record: AnswerErased) -> None:
    """Take an answer out of its round. In a log that is read again it has never been in."""
    asked, key = _erased_from(room, record)
    if key is not None:
        asked.superseded[key] = msgspec.structs.replace(asked.superseded[key], answer=None)
        return
    mine = asked.ballots[record.voter]
    if mine.answer is not None:
        asked.tally.remove(mine.answer)
        asked.erased += 1
        asked.ballots[record.voter] = msgspec.structs.replace(mine, answer=None)


def _superseded_at(asked: Round, record: AnswerErased) -> tuple[str, str]:
    for key, ballot in asked.superseded.items():
        if key[0] == record.voter and ballot.index == record.index:
            return key
    raise _OutOfOrderError


def _count(question: Question, entry: Entry, record: BallotCast) -> None:
    asked = question.rounds[-1]
    voter = record.voter
    before = asked.ballots.get(voter)
    rev, supersedes = (0, None) if before is None else (before.rev + 1, before.index)
    if (
        asked.number != record.round
        or asked.closed_at is not None
        or record.rev != rev
        or record.supersedes != supersedes
    ):
        raise _OutOfOrderError
    if before is not None and (
        not question.changeable or before.id == record.id or (voter, record.id) in asked.superseded
    ):
        raise _OutOfOrderError
    answer: Answer | None = None
    if entry.opening is not None:
        parsed = question.kind.parse(entry.opening.answer, len(question.options), question.rules)
        if isinstance(parsed, Refusal):
            raise _OutOfOrderError
        answer = parsed
        asked.tally.add(answer)
    else:
        asked.erased += 1
    if before is not None:
        if before.answer is not None:
            asked.tally.remove(before.answer)
        else:
            asked.erased -= 1
        asked.superseded[voter, before.id] = before
    asked.ballots[voter] = Ballot(record.id, entry.index, rev, record.at, answer)
