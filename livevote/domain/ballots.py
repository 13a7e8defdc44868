"""Ballots: casting one, counting it, and erasing its answer on demand."""

import msgspec

from livevote.domain import quiz
from livevote.domain.audit import commitment
from livevote.domain.codes import has_place
from livevote.domain.commands import CastBallot, EraseAnswer
from livevote.domain.kinds.base import Answer
from livevote.domain.parts import Decide, Decision, Fold, OutOfOrderError, Repeat, require
from livevote.domain.records import AnswerErased, BallotCast, Draft, Entry, Opening, Record, encode
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Ballot, Question, Room, Round

MAX_CHANGES = 1000
"""How often one voter may change the answer in a round: every change is a record for good."""


def cast(room: Room, command: CastBallot, at: int) -> Decision:
    """What the log should say about a ballot."""
    question = room.questions.get(command.question)
    if question is None:
        return Refusal(Code.UNKNOWN_QUESTION)
    if question.level == "code" and command.code not in room.used_codes:
        return Refusal(Code.NO_CODE)
    if not question.rounds or command.linked is not room.linked:
        return Refusal(Code.NOT_OPEN)  # also where it was sent before the pseudonyms were linked, when none was open
    if not 1 <= command.round <= len(question.rounds):
        return Refusal(Code.WRONG_ROUND, f"the question is in round {len(question.rounds)}")
    asked = question.rounds[command.round - 1]
    # By the rules of its own round: the question may have been changed since.
    answer = question.kind.parse(command.answer, len(asked.wording.options), asked.wording.rules)
    mine = asked.ballots.get(command.voter)
    # The retry comes first: a recorded ballot stays recorded, whatever has happened to the round since.
    if mine is not None and (known := _by_id(asked, command, mine)) is not None:
        is_gone = room.erased_at is not None or known.answer is None
        return Repeat(known) if is_gone or known.answer == answer else Refusal(Code.CONFLICT)
    if asked is not question.rounds[-1]:
        return Refusal(Code.WRONG_ROUND, f"the question is in round {len(question.rounds)}")
    if asked.closed_at is not None:
        return Refusal(Code.CLOSED)
    if isinstance(answer, Refusal):
        return answer
    if mine is not None and not question.changeable:
        return Refusal(Code.ALREADY_VOTED)
    if mine is not None and mine.rev >= MAX_CHANGES:
        return Refusal(Code.TOO_MANY_CHANGES, f"at most {MAX_CHANGES} times in a round")
    if question.level == "code" and not has_place(room, asked, command.voter):
        return Refusal(Code.NO_CODE)
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


def erase(room: Room, command: EraseAnswer, at: int) -> Record | Refusal:
    """What the log should say about the erasure of a ballot's answer."""
    index = command.index
    for question in room.questions.values():
        for asked in question.rounds:
            cast = [*asked.ballots.items(), *((key[0], ballot) for key, ballot in asked.superseded.items())]
            for voter, ballot in cast:
                if ballot.index != index:
                    continue
                if ballot.answer is None:
                    return Refusal(Code.ALREADY_ERASED)
                return AnswerErased(at=at, index=index, question=question.id, round=asked.number, voter=voter)
    return quiz.erase(room, index, at) or Refusal(Code.NO_SUCH_BALLOT, f"record {index} is none")


def count(question: Question, entry: Entry, record: BallotCast) -> None:
    """Fold a ballot. Nearly all records are ballots, and a start folds every one there is: the cost of a restart."""
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
        raise OutOfOrderError
    if before is not None and (
        not question.changeable or before.id == record.id or (voter, record.id) in asked.superseded
    ):
        raise OutOfOrderError
    answer: Answer | None = None
    if entry.opening is not None:
        parsed = question.kind.parse(entry.opening.answer, len(question.options), question.rules)
        if isinstance(parsed, Refusal):
            raise OutOfOrderError
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


def _erased_from(room: Room, record: AnswerErased) -> tuple[Round, tuple[str, str] | None]:
    """The round of the ballot whose answer is erased and, if the voter has replaced it, its key in ``superseded``."""
    require(record.round >= 1)
    asked = room.questions[record.question].rounds[record.round - 1]
    if asked.ballots[record.voter].index == record.index:
        return asked, None
    return asked, _superseded_at(asked, record)


def _forget(room: Room, entry: Entry, record: AnswerErased) -> None:  # noqa: ARG001
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
    raise OutOfOrderError


def _require_ballot(room: Room, record: AnswerErased) -> None:
    _erased_from(room, record)


DECIDE: dict[type, Decide] = {CastBallot: cast}
FOLD: dict[type, Fold] = {AnswerErased: Fold(_forget, _require_ballot)}
