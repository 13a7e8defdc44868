"""What each role may see of a room, as messages. The one place that decides what is hidden (I12)."""

from itertools import islice

import msgspec

from livevote.domain.cohosts import cohosts
from livevote.domain.kinds.base import Standing
from livevote.domain.records import encode
from livevote.domain.state import Ballot, Question, Room, Round
from livevote.domain.tally import snapshot
from livevote.domain.terms import MAX_KEYS
from livevote.protocol.messages import (
    CohostInfo,
    Fingerprint,
    HealthInfo,
    HostQuestionInfo,
    HostState,
    Mine,
    QuestionInfo,
    RecoveryInfo,
    RoomInfo,
    RoundInfo,
    TallyMessage,
    TermInfo,
    VoterState,
    WallState,
)

MAX_EARLIER_ROUNDS = 10
"""A host's state goes out at every tick, and a question may have been asked any number of times."""


def voter_state(room: Room, *, at: int, rehearsal: bool = False) -> VoterState:
    """The room as every voter sees it: the current question, and its result only once it is revealed."""
    return VoterState(
        epoch=_epoch(room),
        as_of=room.head,
        at=at,
        role="voter",
        room=RoomInfo(room.code, room.title),
        question=None if room.current is None else _question(room.current),
        tally=voter_tally(room),
        replay=room.replay_public,
        rehearsal=rehearsal,
    )


def voter_tally(room: Room) -> TallyMessage | None:
    """The current round's result if voters may see it."""
    if room.current is None or not room.current.rounds[-1].revealed:
        return None
    return _tally(room, room.current, room.current.rounds[-1])


def wall_state(
    room: Room, *, at: int, join_url: str, online: int, fingerprint: Fingerprint | None, rehearsal: bool = False
) -> WallState:
    """The room as it stands on the wall: what every voter sees, and of a hidden result how many voted (I12)."""
    shown = msgspec.structs.asdict(voter_state(room, at=at, rehearsal=rehearsal)) | {"role": "wall"}
    return WallState(
        **shown,
        voted=0 if room.current is None else room.current.rounds[-1].voters,
        online=online,
        fingerprint=fingerprint,
        join_url=join_url,
    )


def host_state(room: Room, *, at: int, join_url: str, health: HealthInfo, rehearsal: bool = False) -> HostState:
    """The room as its host sees it: every question with its latest result, and how the room is doing."""
    return HostState(
        epoch=_epoch(room),
        as_of=room.head,
        at=at,
        role="host",
        room=RoomInfo(room.code, room.title),
        join_url=join_url,
        online=health.online,
        receipts=room.receipts,
        replay_public=room.replay_public,
        current=None if room.current is None else room.current.id,
        questions=tuple(_host_question(question) for question in room.questions.values()),
        recoveries=tuple(RecoveryInfo(each.at, each.lost, each.kept) for each in room.recoveries),
        cohosts=tuple(CohostInfo(id, name) for id, name in cohosts(room).items()),
        health=health,
        embedding=room.embedding,
        rehearsal=rehearsal,
    )


def mine(question: Question, asked: Round, ballot: Ballot | None) -> Mine:
    """A voter's own ballot in a round; empty where there is none, or where its answer was erased."""
    if ballot is None or ballot.answer is None:
        return Mine(question.id, asked.number)
    answer = msgspec.Raw(encode(ballot.answer))
    return Mine(question.id, asked.number, ballot.id, ballot.index, ballot.rev, ballot.at, answer)


def _tally(room: Room, question: Question, asked: Round) -> TallyMessage:
    result = snapshot(room, question, asked)
    return TallyMessage(result.question, result.round, result.counts, result.voters, result.as_of, result.figures)


def _epoch(room: Room) -> str:
    return room.origin.rpartition("/")[2]


def _revealed(question: Question) -> bool:
    return bool(question.rounds) and question.rounds[-1].revealed


def _question(question: Question) -> QuestionInfo:
    kind, rules = question.kind, question.rules
    bins = kind.bins(question.options, rules)
    return QuestionInfo(
        id=question.id,
        kind=question.kind.name,
        text=question.text,
        options=question.options,
        bins=() if bins == question.options else bins,
        rules=msgspec.Raw(encode(kind.public_rules(rules))),
        changeable=question.changeable,
        round=len(question.rounds),
        phase=question.phase,
        revealed=_revealed(question),
        closes_at=question.rounds[-1].closes_at if question.phase == "open" else None,
    )


def _host_question(question: Question) -> HostQuestionInfo:
    asked = question.rounds[-1] if question.rounds else None
    tally = question.kind.empty(len(question.options), question.rules) if asked is None else asked.tally
    terms = tally.terms()

    def standing(wanted: Standing) -> tuple[TermInfo, ...]:
        found = (TermInfo(term.key, term.text, term.count) for term in terms if term.standing == wanted)
        return tuple(islice(found, MAX_KEYS))

    seen = msgspec.structs.replace(_question(question), rules=msgspec.Raw(question.stored_rules))
    return HostQuestionInfo(
        **msgspec.structs.asdict(seen),
        counts=tally.counts(),
        voters=0 if asked is None else asked.voters,
        figures=tally.figures(),
        rounds=tuple(
            RoundInfo(each.number, each.tally.counts(), each.voters, each.tally.figures())
            for each in question.rounds[:-1][-MAX_EARLIER_ROUNDS:]
        ),
        shown=standing("shown"),
        pending=standing("pending"),
        hidden=standing("hidden"),
    )
