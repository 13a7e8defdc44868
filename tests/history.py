"""A room's log as ``decide`` and ``apply`` make it: what tests of several layers build their cases from."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from livevote.domain.audit import GENESIS, commitment, link
from livevote.domain.commands import (
    AddQuestion,
    AskPost,
    CastBallot,
    Command,
    CreateRoom,
    IssueCodes,
    LinkPseudonyms,
    NamePlayer,
    OpenVoting,
    Quiz,
    SwitchBoard,
    UpvotePost,
    UseCode,
)
from livevote.domain.records import ERASURES, BallotCast, Draft, Entry, Opening, Record, decode, encode
from livevote.domain.room import Decision, apply, decide
from livevote.domain.state import Ballot, Board, Question, Room, Round

AT = 1_790_000_000_000
CODE = "7KQ2MD"
SALT = bytes(range(16))
OPTIONS = ("Tea", "Coffee", "Water")


def answer(*choices: int) -> bytes:
    """A voter's JSON for these options."""
    return msgspec.json.encode({"choices": choices})


def cast(
    voter: str,
    *choices: int,
    id: str | None = None,
    question: str = "q1",
    round: int = 1,
    raw: bytes | None = None,
    code: tuple[int, int] | None = None,
    linked: bool = False,
) -> CastBallot:
    """The command of a voter who chose these options; ``raw`` is sent in their place."""
    sent = answer(*choices) if raw is None else raw
    return CastBallot(voter, f"{voter}-{choices}" if id is None else id, question, round, sent, SALT, code, linked)


def named(voter: str, name: str, *, id: str | None = None) -> NamePlayer:
    """The command of a voter who wants this name."""
    return NamePlayer(voter, f"{voter}-{name}" if id is None else id, name, SALT)


def ask(voter: str, text: str, *, id: str | None = None) -> AskPost:
    """The command of a voter who puts this on the board."""
    return AskPost(voter, f"{voter}-{text}" if id is None else id, text, SALT)


def upvote(voter: str, post: int, *, on: bool = True, id: str | None = None) -> UpvotePost:
    """The command of a voter who upvotes a post or takes that back."""
    return UpvotePost(voter, f"{voter}-{post}-{on}" if id is None else id, post, on)


def ballot(
    voter: str,
    *choices: int,
    round: int = 1,
    rev: int = 0,
    supersedes: int | None = None,
    question: str = "q1",
    id: str | None = None,
) -> Draft:
    """A ballot as a record, whether it fits or not."""
    opening = Opening(SALT, answer(*choices))
    record = BallotCast(AT, id or f"{voter}-{rev}", voter, question, round, rev, supersedes, commitment(opening))
    return Draft(CODE, record, opening)


class History:
    """A room that grows by commands. Keeps the log beside the state that the log folds into."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.state: Room | None = None

    @property
    def room(self) -> Room:
        assert self.state is not None
        return self.state

    def decide(self, command: Command) -> Decision:
        """Decide, at an instant that grows with the log, and leave the log alone."""
        return decide(self.state, command, at=AT + len(self.entries))

    def do(self, command: Command) -> Decision:
        """Decide, and put what was decided into the log."""
        decision = self.decide(command)
        if isinstance(decision, Draft):
            self.put(decision)
        return decision

    def did(self, *commands: Command) -> "History":
        """Do what must succeed."""
        for command in commands:
            decision = self.do(command)
            assert isinstance(decision, Draft), decision
        return self

    def put(self, draft: Draft, *, erased: bool = False) -> Entry:
        """Fold a record into the state, then keep it. What does not fit raises and is not kept."""
        entry = self.next(draft.record, None if erased else draft.opening)
        self.state = apply(self.state, entry)
        self.entries.append(entry)
        if isinstance(entry.record, ERASURES):
            place = entry.record.index - 1
            self.entries[place] = msgspec.structs.replace(self.entries[place], opening=None)
        return entry

    def next(self, record: Record, opening: Opening | None = None) -> Entry:
        """The entry that ``record`` would become."""
        body = encode(record)
        chain = self.entries[-1].chain if self.entries else GENESIS
        return Entry(CODE, len(self.entries) + 1, record, body, link(chain, body), opening)

    def question(self, id: str = "q1") -> Question:
        return self.room.questions[id]

    def round(self, id: str = "q1") -> Round:
        return self.question(id).rounds[-1]

    def drafts(self, room: str = CODE) -> list[Draft]:
        """The log as drafts, to append them to a log under the name ``room``."""
        return [Draft(room, entry.record, entry.opening) for entry in self.entries]


def created() -> History:
    """A room without questions."""
    return History().did(CreateRoom(CODE, "Welcome"))


def with_board(*, approval: bool = False, per_voter: int = 5) -> History:
    """A room without questions whose board is on: posts have the indexes from 3."""
    return created().did(SwitchBoard(on=True, approval=approval, per_voter=per_voter))


def drafted(
    *, kind: str = "single", options: tuple[str, ...] = OPTIONS, rules: bytes = b"{}", changeable: bool = True
) -> History:
    """A room with the question q1 in draft."""
    return created().did(AddQuestion(kind, "What to drink?", options, msgspec.Raw(rules), changeable))


def opened(
    *, kind: str = "single", options: tuple[str, ...] = OPTIONS, rules: bytes = b"{}", changeable: bool = True
) -> History:
    """A room with the question q1 open in its first round."""
    return drafted(kind=kind, options=options, rules=rules, changeable=changeable).did(OpenVoting("q1"))


def quizzed(
    *right: int,
    kind: str = "single",
    rules: bytes = b"{}",
    points: int = 1000,
    fading: bool = False,
    explanation: str = "",
) -> AddQuestion:
    """A quiz question with the options of everybody, where its kind takes any."""
    quiz = Quiz(right, points, fading, explanation)
    options = () if kind in ("estimate", "yesno") else OPTIONS
    return AddQuestion(kind, "What to drink?", options, msgspec.Raw(rules), quiz=quiz, salt=SALT)


def linked() -> History:
    """A room with one pseudonym for each voter, and no question."""
    return created().did(LinkPseudonyms())


def stored(entries: Iterable[Entry]) -> list[Entry]:
    """The entries as a reader gets them from a disk: records decoded from their bytes."""
    return [msgspec.structs.replace(entry, record=decode(entry.body)) for entry in entries]


def by_code(*, used: int = 2, changeable: bool = True) -> History:
    """A room with a list of five codes, of which the first so many were entered, and q1 open for ballots by code."""
    history = created().did(AddQuestion("single", "Who?", OPTIONS, changeable=changeable, level="code"))
    history.did(IssueCodes(5, "0a" * 32), OpenVoting("q1"))
    return history.did(*(UseCode(1, place, f"browser{place}") for place in range(used)))


def dump(room: Room | None) -> object:
    """All that a state holds, as values that compare."""
    if room is None:
        return None
    return (
        (room.code, room.title, room.created_at, room.head, None if room.current is None else room.current.id),
        (room.origin, room.receipts, room.replay_public, list(room.recoveries), room.reactions),
        (dict(room.cohosts), room.embedding),
        (sorted(room.removed), room.language, room.erased_at),
        _dump_board(room.board),
        (list(room.code_lists), dict(room.used_codes)),
        (room.linked, room.leaderboard, {voter: list(names) for voter, names in room.names.items()}, dict(room.takers)),
        [_dump_question(question, is_erased=room.erased_at is not None) for question in room.questions.values()],
    )


def _dump_board(board: Board) -> object:
    return (
        (board.on, board.approval, board.per_voter, board.pinned, board.taken),
        [[getattr(post, name) for name in post.__slots__] for post in board.posts.values()],
        {voter: dict(acts) for voter, acts in board.acts.items()},
        {voter: set(posts) for voter, posts in board.upvoted.items()},
    )


def _dump_question(question: Question, *, is_erased: bool) -> object:
    def said(ballots: Mapping[Any, Ballot]) -> dict[Any, Ballot]:
        """Where all answers were deleted, the state may have them for a while, and nobody sees it."""
        if not is_erased:
            return dict(ballots)
        return {key: msgspec.structs.replace(ballot, answer=None) for key, ballot in ballots.items()}

    return (
        (question.id, question.kind.name, question.text, question.options, question.rules, question.stored_rules),
        (question.changeable, question.phase, question.version, question.wording),
        (question.level, question.quiz, question.solution),
        [
            (
                asked.wording,
                (asked.number, asked.opened_at, asked.closed_at, asked.closes_at, asked.revealed),
                (asked.tally.counts(), asked.erased, asked.solved),
                (asked.tally.figures(), asked.tally.terms(), dict(asked.tally.judged)),
                said(asked.ballots),
                said(asked.superseded),
            )
            for asked in question.rounds
        ],
    )
