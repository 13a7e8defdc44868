"""What each role may see of a room, as messages. The one place that decides what is hidden (I12)."""

from collections.abc import Iterable
from heapq import nsmallest

import msgspec

from livevote.domain import quiz
from livevote.domain.cohosts import cohosts
from livevote.domain.kinds.base import Standing
from livevote.domain.records import encode
from livevote.domain.standings import Standings
from livevote.domain.state import Ballot, Post, Question, Room, Round, Wording
from livevote.domain.tally import figures, snapshot
from livevote.domain.terms import MAX_KEYS
from livevote.protocol.messages import (
    BoardInfo,
    BoardMessage,
    CodesInfo,
    CohostInfo,
    Fingerprint,
    HealthInfo,
    HostBoardMessage,
    HostPostInfo,
    HostQuestionInfo,
    HostState,
    LeaderboardInfo,
    Mine,
    MyPosts,
    OwnPostInfo,
    Place,
    PlaceInfo,
    PostInfo,
    QuestionInfo,
    RecoveryInfo,
    RoomInfo,
    RoundInfo,
    SolutionInfo,
    TallyMessage,
    TermInfo,
    VoterState,
    WallState,
    WordingInfo,
)

MAX_EARLIER_ROUNDS = 10
"""A host's state goes out at every tick, and a question may have been asked any number of times."""

MOST_POSTS = 100
"""Posts in the board that everybody gets."""
MOST_POSTS_OF_HOST = 500
MOST_BOARD_BYTES = 16 * 1024
"""UTF-8 of all texts in the board that everybody gets: a frame of it goes to every phone."""


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
        language=room.language,
        linked=room.linked,
        board=room.board.on,
        reactions=room.reactions,
        rehearsal=rehearsal,
    )


def voter_tally(room: Room) -> TallyMessage | None:
    """The current round's result if voters may see it."""
    if room.current is None or not room.current.rounds[-1].revealed:
        return None
    return _tally(room, room.current, room.current.rounds[-1])


def wall_state(
    room: Room,
    *,
    at: int,
    join_url: str,
    online: int,
    fingerprint: Fingerprint | None,
    leaderboard: LeaderboardInfo | None = None,
    rehearsal: bool = False,
) -> WallState:
    """The room as it stands on the wall: what every voter sees, and of a hidden result how many voted (I12).

    ``leaderboard`` is on it while the room shows it.
    """
    shown = msgspec.structs.asdict(voter_state(room, at=at, rehearsal=rehearsal)) | {"role": "wall"}
    return WallState(
        **shown,
        voted=0 if room.current is None else room.current.rounds[-1].voters,
        online=online,
        fingerprint=fingerprint,
        join_url=join_url,
        leaderboard=leaderboard if room.leaderboard else None,
    )


def host_state(
    room: Room,
    *,
    at: int,
    join_url: str,
    health: HealthInfo,
    leaderboard: LeaderboardInfo | None = None,
    rehearsal: bool = False,
    kept: dict[str, HostQuestionInfo] | None = None,
) -> HostState:
    """The room as its host sees it: every question with its latest result and what is right, and how it is doing.

    ``kept`` are questions by id as they were made by an earlier call; it is filled for the next one. Whatever but a
    ballot has come since may have changed them, so the caller empties it then.
    """
    kept = {} if kept is None else kept
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
        questions=tuple(_kept_question(question, kept) for question in room.questions.values()),
        recoveries=tuple(RecoveryInfo(each.at, each.lost, each.kept) for each in room.recoveries),
        cohosts=tuple(CohostInfo(id, name) for id, name in cohosts(room).items()),
        health=health,
        embedding=room.embedding,
        language=room.language,
        erased=room.erased_at is not None,
        codes=CodesInfo(sum(issued.count for issued in room.code_lists), len(room.used_codes)),
        linked=room.linked,
        leaderboard_shown=room.leaderboard,
        leaderboard=leaderboard,
        board=BoardInfo(room.board.on, room.board.approval, room.board.per_voter),
        reactions=room.reactions,
        rehearsal=rehearsal,
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


def board(room: Room) -> BoardMessage:
    """What everybody may read of the board: open posts before answered ones, those with most votes first.

    At most 100, and fewer where their texts are long.
    """
    shown = [post for post in room.board.posts.values() if post.public]
    posts: list[PostInfo] = []
    left_bytes = MOST_BOARD_BYTES
    for post in _best(room, shown, MOST_POSTS):
        assert post.text is not None, "what is public has a text"
        left_bytes -= len(post.text.encode())
        if left_bytes < 0:
            break
        posts.append(
            PostInfo(
                index=post.index,
                text=post.text,
                votes=post.votes,
                at=post.at,
                answered=post.answered,
                pinned=post.index == room.board.pinned,
            )
        )
    return BoardMessage(as_of=room.head, posts=tuple(posts), more=len(shown) - len(posts))


def _best(room: Room, posts: Iterable[Post], most: int) -> list[Post]:
    pinned = room.board.pinned
    return nsmallest(most, posts, key=lambda post: (post.index != pinned, post.answered, -post.votes, post.index))


def host_board(room: Room) -> HostBoardMessage:
    """The board as its host sees it: what waits, the oldest first, then what everybody sees, then what is hidden."""
    by_standing: dict[str, list[Post]] = {"pending": [], "shown": [], "hidden": []}
    for post in room.board.posts.values():
        if post.text is not None:
            by_standing[post.standing].append(post)
    pending, shown, hidden = by_standing.values()
    chosen = [*pending, *_best(room, shown, MOST_POSTS_OF_HOST), *reversed(hidden)][:MOST_POSTS_OF_HOST]
    return HostBoardMessage(
        as_of=room.head,
        posts=tuple(
            HostPostInfo(
                index=post.index,
                text=post.text or "",
                votes=post.votes,
                at=post.at,
                answered=post.answered,
                pinned=post.index == room.board.pinned,
                standing=post.standing,
            )
            for post in chosen
        ),
        more=len(pending) + len(shown) + len(hidden) - len(chosen),
        pending=len(pending),
        shown=len(shown),
        hidden=len(hidden),
    )


def my_posts(room: Room, voter: str) -> MyPosts:
    """What a voter put on the board, whether others see it or not, and which posts have the voter's upvote."""
    posts = room.board.posts
    mine = ((id, posts[act.post]) for id, act in room.board.acts.get(voter, {}).items() if act.on is None)
    return MyPosts(
        posts=tuple(
            OwnPostInfo(
                id=id,
                index=post.index,
                text=post.text,
                votes=post.votes,
                at=post.at,
                answered=post.answered,
                standing=post.standing,
            )
            for id, post in mine
        ),
        upvoted=tuple(sorted(index for index in room.board.upvoted.get(voter, ()) if posts[index].public)),
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


def _shown(question: Question) -> Wording:
    """What a question says to everybody: as it was asked last, so that it fits its results."""
    return question.rounds[-1].wording if question.rounds else question.wording


def _bins(question: Question, wording: Wording) -> tuple[str, ...]:
    bins = question.kind.bins(wording.options, wording.rules)
    return () if bins == wording.options else bins


def _question(question: Question) -> QuestionInfo:
    shown = _shown(question)
    solved = bool(question.rounds) and question.rounds[-1].solved
    return QuestionInfo(
        id=question.id,
        kind=question.kind.name,
        text=shown.text,
        options=shown.options,
        bins=_bins(question, shown),
        rules=msgspec.Raw(encode(shown.rules if solved else question.kind.public_rules(shown.rules))),
        changeable=question.changeable,
        round=len(question.rounds),
        phase=question.phase,
        revealed=_revealed(question),
        closes_at=question.rounds[-1].closes_at if question.phase == "open" else None,
        level=question.level,
        solution=_solution(shown) if solved else None,
    )


def _solution(wording: Wording) -> SolutionInfo | None:
    terms, solution = wording.quiz, wording.solution
    if terms is None or solution is None:
        return None
    return SolutionInfo(solution.right, quiz.truth(wording), terms.points, terms.fading, solution.explanation)


def _kept_question(question: Question, kept: dict[str, HostQuestionInfo]) -> HostQuestionInfo:
    if question.phase == "open":
        return _host_question(question)  # each ballot changes it
    found = kept.get(question.id)
    if found is None:
        found = kept[question.id] = _host_question(question)
    return found


def _host_question(question: Question) -> HostQuestionInfo:
    asked = question.rounds[-1] if question.rounds else None
    tally = question.kind.empty(len(question.options), question.rules) if asked is None else asked.tally

    def standing(wanted: Standing) -> tuple[TermInfo, ...]:
        return tuple(TermInfo(term.key, term.text, term.count) for term in tally.first_terms(wanted, MAX_KEYS))

    seen = msgspec.structs.replace(_question(question), rules=msgspec.Raw(_shown(question).stored_rules))
    return HostQuestionInfo(
        **msgspec.structs.asdict(seen),
        counts=tally.counts(),
        voters=0 if asked is None else asked.voters,
        figures=tally.figures() if asked is None else figures(question, asked),
        rounds=tuple(
            RoundInfo(
                each.number,
                each.tally.counts(),
                each.voters,
                figures(question, each),
                _other(question, each.wording, _shown(question)),
            )
            for each in question.rounds[:-1][-MAX_EARLIER_ROUNDS:]
        ),
        shown=standing("shown"),
        pending=standing("pending"),
        hidden=standing("hidden"),
        edited=_other(question, question.wording, _shown(question)),
        quiz=_solution(_shown(question)),
    )


def _other(question: Question, wording: Wording, shown: Wording) -> WordingInfo | None:
    """``wording`` where it is of another version than the one that is ``shown``."""
    if wording.version == shown.version:
        return None
    return WordingInfo(
        wording.text,
        wording.options,
        _bins(question, wording),
        msgspec.Raw(wording.stored_rules),
        _solution(wording),
    )
