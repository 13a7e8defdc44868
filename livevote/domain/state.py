"""The state that a room's log folds into.

These are accumulators: ``room.apply`` changes them in place and nothing else may, because copying a million ballots for
every record would be the whole cost of the fold.
"""

from collections.abc import MutableMapping
from typing import Literal

import msgspec

from livevote.domain.kinds import KINDS
from livevote.domain.kinds.base import Answer, Kind, Rules, Tally
from livevote.domain.records import (
    CodesIssued,
    Level,
    QuestionDefined,
    QuestionEdited,
    QuizTerms,
    RecoveryAccepted,
    Solution,
    encode,
)

Phase = Literal["draft", "open", "closed"]

Standing = Literal["pending", "shown", "hidden"]
"""Whether a post waits for the host, is there for everybody, or was taken off the board."""


class Ballot(msgspec.Struct, frozen=True, gc=False):
    """A recorded ballot. ``answer`` is None once its opening was erased; ``at`` is in ms since 1970."""

    id: str
    index: int
    rev: int
    at: int
    answer: Answer | None


class Wording(msgspec.Struct, frozen=True):
    """A question in one of its versions: what it says, by which rules its answers are read, and what is right."""

    version: int
    text: str
    options: tuple[str, ...]
    stored_rules: bytes
    rules: Rules
    quiz: QuizTerms | None = None
    solution: Solution | None = None


class Name(msgspec.Struct, frozen=True, gc=False):
    """A recorded name of a player. ``text`` is None once it was erased; ``at`` is in ms since 1970."""

    id: str
    index: int
    at: int
    text: str | None


class Round:
    """One asking of a question."""

    __slots__ = (
        "ballots",
        "closed_at",
        "closes_at",
        "erased",
        "number",
        "opened_at",
        "revealed",
        "solved",
        "superseded",
        "tally",
        "wording",
    )

    def __init__(
        self, *, number: int, opened_at: int, tally: Tally, wording: Wording, closes_at: int | None = None
    ) -> None:
        self.number = number
        self.wording = wording
        """What was asked. A question may have been changed since."""
        self.opened_at = opened_at
        self.closed_at: int | None = None
        self.closes_at = closes_at
        """When it is, or was, planned to end; None without a timer."""
        self.revealed = False
        self.solved = False
        """Whether everybody may see what was right, and its points count."""
        self.tally = tally
        self.ballots: MutableMapping[str, Ballot] = {}
        """The ballot that counts, by voter."""
        self.superseded: MutableMapping[tuple[str, str], Ballot] = {}
        """Earlier ballots of voters who changed their answer, by voter and ballot id: a late retry finds its own."""
        self.erased = 0
        """How many of ``ballots`` have no answer any more."""

    @property
    def voters(self) -> int:
        """How many voted and are counted."""
        return len(self.ballots) - self.erased


class Question:
    """A question with all its rounds."""

    __slots__ = (
        "changeable",
        "defined",
        "id",
        "kind",
        "level",
        "options",
        "quiz",
        "rounds",
        "rules",
        "solution",
        "stored_rules",
        "text",
        "version",
        "wording",
    )

    def __init__(self, defined: QuestionDefined, solution: Solution | None = None) -> None:
        self.rounds: list[Round] = []
        self.define(defined, solution)

    def define(self, defined: QuestionDefined, solution: Solution | None) -> None:
        """Take over all that a record and its opening say of the question. Raises ``KeyError`` for an unknown kind."""
        self.defined = defined
        self.id = defined.id
        self.kind: Kind = KINDS[defined.kind]
        self.text = defined.text
        self.options = defined.options
        hidden = None if solution is None else solution.truth
        self.rules: Rules = self.kind.full_rules(self.kind.rules(bytes(defined.rules)), hidden)
        self.stored_rules = bytes(defined.rules) if hidden is None else encode(self.rules)
        self.changeable = defined.changeable
        self.level: Level = defined.level
        self.quiz: QuizTerms | None = defined.quiz
        self.solution = solution
        """What is right, if there is a ``quiz``."""
        self.version = defined.version if isinstance(defined, QuestionEdited) else 1
        self.wording = Wording(
            self.version,
            self.text,
            self.options,
            self.stored_rules,
            self.rules,
            quiz=self.quiz,
            solution=solution,
        )
        for asked in self.rounds:
            if asked.wording.version == self.version:
                asked.wording = self.wording

    @property
    def phase(self) -> Phase:
        """Where the latest round stands; ``draft`` before the first."""
        if not self.rounds:
            return "draft"
        return "open" if self.rounds[-1].closed_at is None else "closed"


class Act(msgspec.Struct, frozen=True, gc=False):
    """What a voter did on the board: asked the post at log index ``post`` (``on`` None), upvoted it or took that back.

    ``index`` is that of its own record, ``at`` in ms since 1970.
    """

    index: int
    at: int
    post: int
    on: bool | None


class Post:
    """A post on the board. ``text`` is None once its opening was erased; ``votes`` are upvotes that stand."""

    __slots__ = ("answered", "at", "index", "standing", "text", "voter", "votes")

    def __init__(self, *, index: int, at: int, voter: str, text: str | None, standing: Standing) -> None:
        self.index = index
        self.at = at
        self.voter = voter
        self.text = text
        self.standing: Standing = standing
        self.answered = False
        self.votes = 0

    @property
    def public(self) -> bool:
        """Whether everybody may read it."""
        return self.standing == "shown" and self.text is not None


class Board:
    """What voters have put on the room's board."""

    __slots__ = ("acts", "approval", "on", "per_voter", "pinned", "posts", "taken", "upvoted")

    def __init__(self) -> None:
        self.on = False
        self.approval = True
        self.per_voter = 5
        self.posts: dict[int, Post] = {}
        """By log index, in the order of the log."""
        self.pinned: int | None = None
        self.taken = 0
        """How many posts are not hidden: what the board has to find room for."""
        self.acts: dict[str, dict[str, Act]] = {}
        """All that was done, by voter and the id that the voter's page gave it: a late retry finds its own."""
        self.upvoted: dict[str, set[int]] = {}
        """The posts with an upvote that stands, by voter."""


class Room:
    """A room as its log says it is. ``head`` is the index of the last record that went in."""

    __slots__ = (
        "board",
        "code",
        "code_lists",
        "cohosts",
        "created_at",
        "current",
        "embedding",
        "erased_at",
        "head",
        "language",
        "leaderboard",
        "linked",
        "names",
        "origin",
        "questions",
        "reactions",
        "receipts",
        "recoveries",
        "removed",
        "replay_public",
        "takers",
        "texts_left",
        "title",
        "used_codes",
    )

    def __init__(self, *, code: str, title: str, created_at: int, origin: str) -> None:
        self.code = code
        self.title = title
        self.created_at = created_at
        self.origin = origin
        """The name of this incarnation of the log, see ``audit.origin``."""
        self.head = 0
        self.receipts = True
        self.replay_public = False
        self.embedding: tuple[str, ...] = ()
        """Where the wall may be shown in a frame."""
        self.linked = False
        """Whether each voter has one pseudonym for all questions of level ``browser``."""
        self.leaderboard = False
        """Whether it is on the wall."""
        self.names: dict[str, list[Name]] = {}
        """All names that a voter has had, by voter: the last one counts."""
        self.takers: dict[str, str] = {}
        """Who has a name, by the name as ``quiz.alike`` spells it."""
        self.recoveries: list[RecoveryAccepted] = []
        self.questions: dict[str, Question] = {}
        """In the order in which the host has put them."""
        self.removed: set[str] = set()
        """The ids of questions that were taken away: they are not used again."""
        self.language = ""
        """That of its pages; empty: that of each browser."""
        self.erased_at: int | None = None
        """When all answers were deleted: there are none, whatever ``Ballot.answer`` still says."""
        self.texts_left = False
        """Whether the log had posts or names when they were deleted, and may still have them."""
        self.board = Board()
        self.reactions = False
        self.current: Question | None = None
        """The question that was opened last: what voters see."""
        self.cohosts: dict[str, str | None] = {}
        """The names of all co-hosts there ever were, by id; None once revoked."""
        self.code_lists: list[CodesIssued] = []
        """The lists of one-time codes: list number n at n - 1."""
        self.used_codes: dict[tuple[int, int], str] = {}
        """Who entered a code, by list and place."""
