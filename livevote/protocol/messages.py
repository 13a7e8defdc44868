"""The messages of the socket as typed values. ``docs/protocol.md`` is their reference."""

from typing import Annotated, Literal

import msgspec

from livevote.domain.kinds.base import Figures
from livevote.domain.records import Level
from livevote.domain.state import Phase, Standing


class Vote(msgspec.Struct, frozen=True, tag_field="type", tag="vote", gc=False):
    """A voter's answer. ``id`` names the ballot: random, new for every ballot, unchanged when it is sent again.

    It has 1 to 64 of the characters of base64url, which ``codec.decode`` checks in half the time of a pattern here.
    """

    id: str
    question: Annotated[str, msgspec.Meta(max_length=32)]
    round: int
    answer: msgspec.Raw


class Name(msgspec.Struct, frozen=True, tag_field="type", tag="name"):
    """A voter's name for the leaderboard. ``id`` is as with a vote, and so are the answers."""

    id: str
    name: str


class Ask(msgspec.Struct, frozen=True, tag_field="type", tag="ask", gc=False):
    """A voter's post for the room's board. ``id`` is made and used like that of a ballot."""

    id: str
    text: Annotated[str, msgspec.Meta(max_length=1000)]


class Upvote(msgspec.Struct, frozen=True, tag_field="type", tag="upvote", gc=False):
    """A voter's upvote of the post at log index ``post``, given (``on``) or taken back. ``id`` as with a ballot."""

    id: str
    post: int
    on: bool


Reaction = Literal["clap", "heart", "laugh", "wow", "slower", "faster", "lost"]
"""What a voter can say without words: applause of four kinds, and three about the pace."""


class React(msgspec.Struct, frozen=True, tag_field="type", tag="react", gc=False):
    """A voter's reaction. It is in no log and gets no answer."""

    kind: Reaction


class Sync(msgspec.Struct, frozen=True, tag_field="type", tag="sync"):
    """Ask for the state now: after sleep, or to see whether the connection is alive."""


MAX_DELAY_MS = 600_000
MAX_OFFSET_MS = 2**53 - 1  # all whole numbers up to it are numbers of JavaScript


class Check(msgspec.Struct, frozen=True, tag_field="type", tag="check"):
    """What a phone's test of itself and its network came to: whether it can vote here.

    ``delay_ms`` is the median of its round trips; ``offset_ms`` is how far its clock is ahead of the server's.
    """

    ok: bool
    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=MAX_DELAY_MS)]
    offset_ms: Annotated[int, msgspec.Meta(ge=-MAX_OFFSET_MS, le=MAX_OFFSET_MS)]


class RoomInfo(msgspec.Struct, frozen=True):
    """What a room is called."""

    code: str
    title: str


class TallyMessage(msgspec.Struct, frozen=True, tag_field="type", tag="tally"):
    """A revealed round's result as of log index ``as_of``: one count for each option or value, and how many voted.

    ``figures`` are what the kind says beside that: a mean, winners, texts. Rationals are [numerator, denominator].
    """

    question: str
    round: int
    counts: tuple[int, ...]
    voters: int
    as_of: int
    figures: Figures = {}


class SolutionInfo(msgspec.Struct, frozen=True):
    """What is right: option indexes, or the ``truth`` of an estimate; and what a right answer earns, at least half of
    it if ``fading``."""

    right: tuple[int, ...]
    truth: int | None
    points: int
    fading: bool
    explanation: str


class QuestionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A question as voters see it. ``options`` count from 0 in answers; ``round`` is 0 before the first opening.

    What it says and its rules are those of its latest round, so that they fit its results. ``bins`` say what each of a
    result's counts counts, and are empty where that is the options. ``rules`` have none of a solution in them until it
    is shown. ``closes_at`` is the planned end of the open round in ms on the server's clock; None without a timer.
    ``level``: of what it takes one ballot each. ``solution`` is that of a quiz whose host has shown it for this round.
    """

    id: str
    kind: str
    text: str
    options: tuple[str, ...]
    bins: tuple[str, ...]
    rules: msgspec.Raw
    changeable: bool
    round: int
    phase: Phase
    revealed: bool
    closes_at: int | None
    level: Level
    solution: SolutionInfo | None = None


class TermInfo(msgspec.Struct, frozen=True, array_like=True):
    """A text that ``count`` voters wrote; ``key`` is its name in ``judge_terms``."""

    key: str
    text: str
    count: int


class WordingInfo(msgspec.Struct, frozen=True):
    """What a question said, or will say, in another version than the one that was asked last. ``rules`` are whole."""

    text: str
    options: tuple[str, ...]
    bins: tuple[str, ...]
    rules: msgspec.Raw
    quiz: SolutionInfo | None


class RoundInfo(msgspec.Struct, frozen=True):
    """The result of a round that was followed by another one.

    ``wording`` is what was asked then, None where it is that of the latest round.
    """

    round: int
    counts: tuple[int, ...]
    voters: int
    figures: Figures
    wording: WordingInfo | None


class HostQuestionInfo(QuestionInfo, frozen=True, kw_only=True):
    """A question as the host sees it, with its latest round's result whether revealed or not, and the earlier ones.

    ``rounds`` are the rounds before the latest, oldest first, and of many the newest. ``rules`` are whole. What voters
    wrote in the latest round is ``shown``, ``pending`` (until the host has judged it) or ``hidden``: of each at most
    500, most frequent first. ``edited`` is None unless the question's meaning was changed after the latest round.
    ``quiz`` is what is right, shown or not.
    """

    counts: tuple[int, ...]
    voters: int
    figures: Figures
    rounds: tuple[RoundInfo, ...]
    shown: tuple[TermInfo, ...]
    pending: tuple[TermInfo, ...]
    hidden: tuple[TermInfo, ...]
    edited: WordingInfo | None
    quiz: SolutionInfo | None = None


class VoterState(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="state"):
    """All that a voter's page shows. ``at`` is the server's clock in ms; ``question`` is None in the waiting room.

    ``epoch`` names the incarnation of the log; ``replay`` says whether everybody may watch the room's replay,
    ``language`` is that of the room's pages, such as "de", or empty; ``linked`` whether a voter has one pseudonym for
    all questions of level ``browser``, ``board`` and ``reactions`` whether the room takes posts and reactions.
    ``rehearsal``: the room is one, and nothing in it counts.
    """

    epoch: str
    as_of: int
    at: int
    role: str
    room: RoomInfo
    question: QuestionInfo | None
    tally: TallyMessage | None
    replay: bool
    language: str
    linked: bool = False
    board: bool
    reactions: bool
    rehearsal: bool


class PlaceInfo(msgspec.Struct, frozen=True):
    """A place on the leaderboard. ``name`` is None where the voter has none; ``index`` is that of its record."""

    rank: int
    name: str | None
    index: int | None
    points: int


class LeaderboardInfo(msgspec.Struct, frozen=True):
    """The first places of all ``of`` who have answered in a quiz. Who has the same points shares a ``rank``."""

    of: int
    places: tuple[PlaceInfo, ...]


class Fingerprint(msgspec.Struct, frozen=True):
    """The log's Merkle root (RFC 6962, lower-case hex) over its first ``as_of`` records."""

    as_of: int
    root: str


class WallState(VoterState, frozen=True, kw_only=True, tag_field="type", tag="state"):
    """All that a wall shows: what every voter sees, how many voted, and where to join.

    ``voted`` counts the ballots of the current round, also while its result is hidden; ``online`` voters with an open
    page. ``fingerprint`` is None until the round is closed. ``join_url`` is where other machines find the room.
    ``leaderboard`` is there while the host shows it.
    """

    voted: int
    online: int
    fingerprint: Fingerprint | None
    join_url: str
    leaderboard: LeaderboardInfo | None = None


class RecoveryInfo(msgspec.Struct, frozen=True):
    """The operator went on with a log that contradicted its checkpoints, at ``at`` (ms since 1970).

    The log had ``by_checkpoints`` records by its checkpoints; those after the first ``kept`` may be lost or changed.
    """

    at: int
    by_checkpoints: int
    kept: int


class CohostInfo(msgspec.Struct, frozen=True):
    """Somebody who may host the room by a link of their own."""

    id: str
    name: str


class ChecksInfo(msgspec.Struct, frozen=True):
    """How many phones tested themselves, by their newest verdict: those that can vote here, and those that cannot.

    ``delay_ms`` and ``offset_ms`` are the medians of what they measured, None where none did. Many phones' clocks are
    not wrong alike: an ``offset_ms`` of minutes tells that the server's is.
    """

    ok: int = 0
    failed: int = 0
    delay_ms: int | None = None
    offset_ms: int | None = None


class HealthInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How the room is doing.

    ``online`` counts voters with an open page, ``reconnecting`` those whose last page has vanished without a word less
    than a minute ago. ``delay_ms`` is the median of the newest round trips to voters' pages, None where none was
    measured; ``oldest_unanswered_ms`` is how long the oldest vote or command of this server waits for its answer.
    ``checks`` are the verdicts of phones that tested themselves since the server started.
    """

    online: int
    reconnecting: int
    delay_ms: int | None
    oldest_unanswered_ms: int
    checks: ChecksInfo


class CodesInfo(msgspec.Struct, frozen=True):
    """How many one-time codes the room has, and how many of them were entered."""

    issued: int
    used: int


class BoardInfo(msgspec.Struct, frozen=True):
    """How the room's board is set. ``per_voter`` is how many posts a voter may have that are not answered."""

    on: bool
    approval: bool
    per_voter: int


class HostState(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="state"):
    """All that the host's page shows. ``online`` counts voters with an open page; ``current`` was opened last.

    ``join_url`` is where other machines find the room, for a host who looks at the server on its own machine;
    ``embedding`` are the sites that may show the wall in a frame.
    ``erased``: all that voters wrote was deleted, and the room is closed for good. ``leaderboard`` is there once a
    solution was shown in a linked room, also while the wall does not show it. ``rehearsal`` is as for voters.
    """

    epoch: str
    as_of: int
    at: int
    role: str
    room: RoomInfo
    join_url: str
    online: int
    receipts: bool
    replay_public: bool
    current: str | None
    questions: tuple[HostQuestionInfo, ...]
    recoveries: tuple[RecoveryInfo, ...]
    cohosts: tuple[CohostInfo, ...]
    health: HealthInfo
    embedding: tuple[str, ...]
    language: str
    erased: bool
    codes: CodesInfo
    linked: bool = False
    leaderboard_shown: bool = False
    leaderboard: LeaderboardInfo | None = None
    board: BoardInfo
    reactions: bool
    rehearsal: bool


class Mine(msgspec.Struct, frozen=True, tag_field="type", tag="mine"):
    """The ballot of this voter that counts in the round; all None where there is none."""

    question: str
    round: int
    id: str | None = None
    index: int | None = None
    rev: int | None = None
    at: int | None = None
    answer: msgspec.Raw = msgspec.Raw(b"null")


class Place(msgspec.Struct, frozen=True, tag_field="type", tag="place"):
    """This voter's own place in a linked room: ``rank`` of all ``of`` who have answered, None where the voter has not.

    ``earned`` are the points in the current round, None until its solution is shown.
    """

    as_of: int
    name: str | None
    rank: int | None
    of: int
    points: int
    earned: int | None


class PostInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A post as everybody sees it. ``index`` is its log index, ``at`` when it was recorded."""

    index: int
    text: str
    votes: int
    at: int
    answered: bool
    pinned: bool


class HostPostInfo(PostInfo, frozen=True, kw_only=True):
    """A post as the host sees it."""

    standing: Standing


class OwnPostInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A voter's own post. ``id`` is the one that it was asked with; ``text`` is None once it was erased."""

    id: str
    index: int
    text: str | None
    votes: int
    at: int
    answered: bool
    standing: Standing


class BoardMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="board"):
    """The board as of log index ``as_of``: the posts to show, and how many there are beside (``more``)."""

    as_of: int
    posts: tuple[PostInfo, ...]
    more: int


class HostBoardMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="board"):
    """The board as its host sees it: those that wait, then those that are shown, then those that are hidden.

    ``pending``, ``shown`` and ``hidden`` count all posts that have a text, whether they are in ``posts`` or not.
    """

    as_of: int
    posts: tuple[HostPostInfo, ...]
    more: int
    pending: int
    shown: int
    hidden: int


class MyPosts(msgspec.Struct, frozen=True, tag_field="type", tag="my_posts"):
    """What this voter put on the board, and the log indexes of the posts that have this voter's upvote."""

    posts: tuple[OwnPostInfo, ...]
    upvoted: tuple[int, ...]


class PulseMessage(msgspec.Struct, frozen=True, tag_field="type", tag="pulse"):
    """How often each reaction came in the last ``window_s`` seconds."""

    counts: dict[Reaction, int]
    window_s: int


class ReceiptInfo(msgspec.Struct, frozen=True):
    """What makes a recorded ballot checkable, beside what its voter knows. ``salt``, ``leaf``, ``chain`` are hex."""

    voter: str
    supersedes: int | None
    salt: str
    leaf: str
    chain: str


class Recorded(msgspec.Struct, frozen=True, tag_field="type", tag="recorded"):
    """The ballot is on disk, for good, at log index ``index``; ``at`` is when, in ms since 1970.

    ``receipt`` is None in a room that gives none, and for a ballot whose answer was erased.
    """

    id: str
    question: str
    round: int
    index: int
    rev: int
    at: int
    receipt: ReceiptInfo | None = None


class RecordedPost(msgspec.Struct, frozen=True, tag_field="type", tag="recorded"):
    """The post or the upvote is on disk, for good, at log index ``index``; ``post`` is the log index of the post."""

    id: str
    post: int
    index: int
    at: int


class Rejected(msgspec.Struct, frozen=True, tag_field="type", tag="rejected"):
    """The ballot is not in the log and never will be. ``id`` is None where the message had none to read."""

    id: str | None
    code: str
    message: str


class Unknown(msgspec.Struct, frozen=True, tag_field="type", tag="unknown"):
    """Nothing is decided: send the same id again after ``retry_ms``."""

    id: str
    code: str
    message: str
    retry_ms: int


FromClient = Vote | Name | Sync | Check | Ask | Upvote | React
ToClient = (
    VoterState
    | WallState
    | HostState
    | TallyMessage
    | Mine
    | Place
    | Recorded
    | Rejected
    | Unknown
    | BoardMessage
    | HostBoardMessage
    | MyPosts
    | PulseMessage
    | RecordedPost
)
