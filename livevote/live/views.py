"""What each role may see of a room, as messages. The one place that decides what is hidden (I12)."""

import msgspec

from livevote.domain import quiz
from livevote.domain.quiz import Standings
from livevote.domain.records import encode
from livevote.domain.state import Ballot, Question, Room, Round
from livevote.domain.tally import snapshot
from livevote.protocol.messages import (
    CodesInfo,
    HostQuestionInfo,
    HostState,
    LeaderboardInfo,
    Mine,
    Place,
    PlaceInfo,
    QuestionInfo,
    RecoveryInfo,
    RoomInfo,
    SolutionInfo,
    TallyMessage,
    VoterState,
)


def voter_state(room: Room, *, at: int) -> VoterState:
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
        linked=room.linked,
    )


def voter_tally(room: Room) -> TallyMessage | None:
    """The current round's result if voters may see it."""
    if room.current is None or not room.current.rounds[-1].revealed:
        return None
    return _tally(room, room.current, room.current.rounds[-1])


def host_state(
    room: Room, *, at: int, join_url: str, online: int, leaderboard: LeaderboardInfo | None = None
) -> HostState:
    """The room as its host sees it: every question with its latest result, and what is right."""
    return HostState(
        epoch=_epoch(room),
        as_of=room.head,
        at=at,
        role="host",
        room=RoomInfo(room.code, room.title),
        join_url=join_url,
        online=online,
        receipts=room.receipts,
        replay_public=room.replay_public,
        current=None if room.current is None else room.current.id,
        questions=tuple(_host_question(question) for question in room.questions.values()),
        recoveries=tuple(RecoveryInfo(each.at, each.lost, each.kept) for each in room.recoveries),
        codes=CodesInfo(sum(issued.count for issued in room.code_lists), len(room.used_codes)),
        linked=room.linked,
        leaderboard_shown=room.leaderboard,
        leaderboard=leaderboard,
    )


def leaderboard(room: Room, standings: Standings) -> LeaderboardInfo | None:
    """The first places of ``standings``, which are up to date; None where nobody has one."""
    if not standings.players:
        return None
    places = []
    for _, voter in standings.top:
        rank, named = standings.rank(voter), room.names.get(voter)
        assert rank is not None, "who is among the first has a place"
        index = named[-1].index if named and named[-1].text is not None else None
        places.append(PlaceInfo(rank, quiz.name_of(room, voter), index, standings.points(voter)))
    return LeaderboardInfo(standings.players, tuple(places))


def place(room: Room, standings: Standings, voter: str, *, earned: int | None) -> Place:
    """A voter's own place in ``standings``, which are up to date, and what the current round ``earned``.

    It depends on no round whose solution was not shown.
    """
    return Place(
        as_of=room.head,
        name=quiz.name_of(room, voter),
        rank=standings.rank(voter),
        of=standings.players,
        points=standings.points(voter),
        earned=earned,
    )


def mine(question: Question, asked: Round, ballot: Ballot | None) -> Mine:
    """A voter's own ballot in a round; empty where there is none, or where its answer was erased."""
    if ballot is None or ballot.answer is None:
        return Mine(question.id, asked.number)
    answer = msgspec.Raw(encode(ballot.answer))
    return Mine(question.id, asked.number, ballot.id, ballot.index, ballot.rev, ballot.at, answer)


def _tally(room: Room, question: Question, asked: Round) -> TallyMessage:
    result = snapshot(room, question, asked)
    return TallyMessage(result.question, result.round, result.counts, result.voters, result.as_of)


def _epoch(room: Room) -> str:
    return room.origin.rpartition("/")[2]


def _revealed(question: Question) -> bool:
    return bool(question.rounds) and question.rounds[-1].revealed


def _question(question: Question) -> QuestionInfo:
    return QuestionInfo(
        id=question.id,
        kind=question.kind.name,
        text=question.text,
        options=question.options,
        rules=msgspec.Raw(question.stored_rules),
        changeable=question.changeable,
        round=len(question.rounds),
        phase=question.phase,
        revealed=_revealed(question),
        level=question.level,
        solution=_solution(question) if question.rounds and question.rounds[-1].solved else None,
    )


def _solution(question: Question) -> SolutionInfo | None:
    terms, solution = question.quiz, question.solution
    if terms is None or solution is None:
        return None
    return SolutionInfo(solution.right, quiz.truth(question), terms.points, terms.fading, solution.explanation)


def _host_question(question: Question) -> HostQuestionInfo:
    asked = question.rounds[-1] if question.rounds else None
    tally = question.kind.empty(len(question.options)) if asked is None else asked.tally
    return HostQuestionInfo(
        **msgspec.structs.asdict(_question(question)),
        counts=tally.counts(),
        voters=0 if asked is None else asked.voters,
        quiz=_solution(question),
    )
