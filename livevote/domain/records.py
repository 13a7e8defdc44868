"""The facts that a room's log holds, versioned, and their canonical bytes.

A record's tag carries its version (``ballot_cast/1``): a later shape gets a new tag beside the old one, so that an old
log always folds. Field names are ASCII and values are strings, integers, booleans, null, lists or objects of those,
which makes ``encode`` an RFC 8785 encoder for them.
"""

from typing import Annotated, Literal

import msgspec

Level = Literal["browser", "code"]
"""Of what a question takes one ballot each: of a browser, or of a one-time code."""


class Fact(msgspec.Struct, frozen=True, tag_field="@type"):
    """What all records share: ``at``, the wall clock in milliseconds since 1970 (a label, never an order)."""

    at: int


class RoomCreated(Fact, tag="room_created/1", frozen=True):
    """The first record of every room."""

    code: str
    title: str


class QuizTerms(msgspec.Struct, frozen=True):
    """What a right answer is worth: ``points``, which fall to their half while the round goes on if ``fading``.

    ``commitment`` hides what is right, which is the record's opening. In the body it would show: every receipt and
    every proof holds a hash of the body, and of so few possible answers the right one would soon be found.
    """

    commitment: str
    fading: bool
    points: int


class QuestionDefined(Fact, tag="question_defined/1", frozen=True, omit_defaults=True):
    """A question as it will be asked. ``rules`` is canonical JSON that the question's kind wrote and can read.

    What came after the first version stands last and is left out where it has its default, as in older logs.
    """

    id: str
    kind: str
    text: str
    options: tuple[str, ...]
    rules: msgspec.Raw
    changeable: bool
    level: Level = "browser"
    quiz: QuizTerms | None = None


class VotingOpened(Fact, tag="voting_opened/1", frozen=True, omit_defaults=True):
    """A round began. Rounds of a question count from 1.

    ``closes_at`` is when it was planned to end, in ms since 1970: a label like every instant, and left out where there
    was no plan. What ends a round is its ``VotingClosed`` and nothing else.
    """

    question: str
    round: int
    closes_at: int | None = None


class VotingClosed(Fact, tag="voting_closed/1", frozen=True):
    """A round ended, for good: asking again starts the next round."""

    question: str
    round: int


class ResultsRevealed(Fact, tag="results_revealed/1", frozen=True):
    """From here on the round's results may be seen by everybody."""

    question: str
    round: int


class ResultsHidden(Fact, tag="results_hidden/1", frozen=True):
    """From here on the round's results are the host's alone again."""

    question: str
    round: int


class BallotCast(Fact, tag="ballot_cast/1", frozen=True, gc=False):
    """One voter's answer in a round, as a salted commitment; the answer itself is the record's opening.

    ``voter`` is the pseudonym for this question, ``id`` the client's own random name for the ballot, ``rev`` counts a
    voter's ballots in the round from 0 and ``supersedes`` is the log index of the ballot that this one replaces.
    """

    id: str
    voter: str
    question: str
    round: int
    rev: int
    supersedes: int | None
    commitment: str


class AnswerErased(Fact, tag="answer_erased/1", frozen=True):
    """The opening of the ballot at log index ``index`` was erased on demand: it is in no result any more."""

    index: int
    question: str
    round: int
    voter: str


class ReceiptsSwitched(Fact, tag="receipts_switched/1", frozen=True):
    """From here on voters are, or are not, given receipts. A new room gives them."""

    on: bool


class ReplayPublished(Fact, tag="replay_published/1", frozen=True):
    """From here on everybody, or the host alone, may watch the replay. A new room's is the host's alone."""

    public: bool


class RecoveryAccepted(Fact, tag="recovery_accepted/1", frozen=True):
    """The operator went on with a log that contradicts its checkpoints, and here a new incarnation of it begins.

    ``origin`` names the incarnation that ended. Its checkpoints of up to ``kept`` records still hold; of the others,
    the newest promised ``lost`` records with the Merkle root ``root`` (lower-case hex).
    """

    origin: str
    kept: int
    lost: int
    root: str


class TermsJudged(Fact, tag="terms_judged/1", frozen=True):
    """From here on the texts with these ``keys`` are, or are not, shown in the round's result, whoever writes them.

    A key is the first 32 hex digits of the SHA-256 of the text without regard to case, see ``kinds.written``.
    """

    question: str
    round: int
    keys: tuple[str, ...]
    shown: bool


class TimerSet(Fact, tag="timer_set/1", frozen=True):
    """From here on the open round is planned to end at ``closes_at``, in ms since 1970; None where nothing is."""

    question: str
    round: int
    closes_at: int | None


class CohostAdded(Fact, tag="cohost_added/1", frozen=True):
    """Somebody else may host the room as well, by a link of their own. Ids are c1, c2 ... and never come twice."""

    id: str
    name: str


class CohostRevoked(Fact, tag="cohost_revoked/1", frozen=True):
    """This co-host's link leads nowhere any more."""

    id: str


class EmbeddingSet(Fact, tag="embedding_set/1", frozen=True):
    """From here on these sites, and no others, may show the room's wall in a frame. A new room names none."""

    ancestors: tuple[str, ...]


class QuestionEdited(QuestionDefined, tag="question_edited/1", frozen=True, kw_only=True):
    """A question as it is from here on, all of it: what was there before counts no more.

    ``version`` counts from 1 and grows with the meaning: rounds of an earlier version keep what they were asked with,
    rounds of the same one take over the wording. ``kept``: the ``quiz`` is that of before, and what opens it is with an
    earlier record.
    """

    version: int
    kept: bool = False


class QuestionRemoved(Fact, tag="question_removed/1", frozen=True):
    """A question that was never asked is gone. Its id is not used again."""

    question: str


class QuestionsOrdered(Fact, tag="questions_ordered/1", frozen=True):
    """The order of all questions from here on, by their ids."""

    questions: tuple[str, ...]


class RoomRenamed(Fact, tag="room_renamed/1", frozen=True):
    """The room's title from here on."""

    title: str


class LanguageSet(Fact, tag="language_set/1", frozen=True):
    """The language of the room's pages from here on; empty: that of each browser."""

    language: str


class RoomErased(Fact, tag="room_erased/1", frozen=True):
    """The room's last record but for recoveries: the openings of all records before it are erased."""


class CodesIssued(Fact, tag="codes_issued/1", frozen=True):
    """One-time codes were issued: the room's list number ``list`` (from 1), of ``count`` codes.

    ``root`` is the Merkle root (RFC 6962, lower-case hex) over the sorted keyed hashes of the codes: neither a code nor
    its hash is in the log.
    """

    list: int
    count: int
    root: str


class CodeUsed(Fact, tag="code_used/1", frozen=True):
    """The code at ``place`` (from 0) among the sorted hashes of the list number ``list`` was entered, once and for all.

    ``by`` is a pseudonym of the browser that entered it, which stands on no ballot: that browser may enter it again.
    """

    list: int
    place: int
    by: str


class PseudonymsLinked(Fact, tag="pseudonyms_linked/1", frozen=True):
    """Every voter has one pseudonym for all questions of browsers in the room, so that points can be added up."""


class SolutionShown(Fact, tag="solution_shown/1", frozen=True):
    """From here on everybody may see what was right in the round, and its points count."""

    question: str
    round: int


class PlayerNamed(Fact, tag="player_named/1", frozen=True, gc=False):
    """A voter's name on the leaderboard, as a salted commitment; the name itself is the record's opening.

    ``id`` is the client's own random name for the message; a later one of the same voter replaces it.
    """

    id: str
    voter: str
    commitment: str


class NameErased(Fact, tag="name_erased/1", frozen=True):
    """The opening of the name at log index ``index`` was erased: its voter has no name any more."""

    index: int
    voter: str


class LeaderboardShown(Fact, tag="leaderboard_shown/1", frozen=True):
    """From here on the leaderboard is, or is not, on the wall."""

    on: bool


class BoardSwitched(Fact, tag="board_switched/1", frozen=True):
    """From here on voters may, or may not, put posts on the room's board. A new room has none.

    With ``approval`` a post is shown once the host says so; ``per_voter`` is how many a voter may have unanswered.
    """

    on: bool
    approval: bool
    per_voter: int


class PostAsked(Fact, tag="post_asked/1", frozen=True, gc=False):
    """A voter's post, as a salted commitment; the text itself is the record's opening.

    ``voter`` is the pseudonym for the board and ``id`` the client's own random name for the post. Its log index is
    what other records call it by.
    """

    id: str
    voter: str
    commitment: str


class PostUpvoted(Fact, tag="post_upvoted/1", frozen=True, gc=False):
    """A voter's upvote of the post at log index ``post`` was given (``on``) or taken back.

    ``id`` is the client's own random name for this, of the same kind as that of a post.
    """

    id: str
    post: int
    voter: str
    on: bool


class PostsJudged(Fact, tag="posts_judged/1", frozen=True):
    """From here on the posts at these log indexes are shown to everybody, or to the host alone."""

    posts: tuple[int, ...]
    shown: bool


class PostPinned(Fact, tag="post_pinned/1", frozen=True):
    """From here on the post at log index ``post`` stands above all others; None: no one does."""

    post: int | None


class PostAnswered(Fact, tag="post_answered/1", frozen=True):
    """The post at log index ``post`` was answered, or is open again."""

    post: int
    answered: bool


class PostErased(Fact, tag="post_erased/1", frozen=True):
    """The opening of the post at log index ``index`` was erased on demand: its text is nowhere any more."""

    index: int


class ReactionsSwitched(Fact, tag="reactions_switched/1", frozen=True):
    """From here on voters may, or may not, send reactions, which are in no log. A new room takes none."""

    on: bool


Record = (
    RoomCreated
    | QuestionDefined
    | VotingOpened
    | VotingClosed
    | ResultsRevealed
    | ResultsHidden
    | BallotCast
    | AnswerErased
    | ReceiptsSwitched
    | ReplayPublished
    | RecoveryAccepted
    | TermsJudged
    | TimerSet
    | CohostAdded
    | CohostRevoked
    | EmbeddingSet
    | QuestionEdited
    | QuestionRemoved
    | QuestionsOrdered
    | RoomRenamed
    | LanguageSet
    | RoomErased
    | CodesIssued
    | CodeUsed
    | PseudonymsLinked
    | SolutionShown
    | PlayerNamed
    | NameErased
    | LeaderboardShown
    | BoardSwitched
    | PostAsked
    | PostUpvoted
    | PostsJudged
    | PostPinned
    | PostAnswered
    | PostErased
    | ReactionsSwitched
)

COMMITTED = (BallotCast, PostAsked, PlayerNamed)
"""Records that always have a commitment: each has an opening, or an erasure comes after it."""

ERASURES = (AnswerErased, PostErased, NameErased)
"""Records that erase the opening of the one at their ``index``."""


def committed(record: Record) -> str | None:
    """The commitment to what the record's opening holds; None for a record that has none."""
    if isinstance(record, COMMITTED):
        return record.commitment
    if isinstance(record, QuestionDefined) and record.quiz is not None:
        return None if isinstance(record, QuestionEdited) and record.kept else record.quiz.commitment
    return None


class Opening(msgspec.Struct, frozen=True, gc=False):
    """What a commitment hides: 16 random bytes and the canonical JSON of the answer, or of what else is hidden."""

    salt: bytes
    answer: bytes


class Solution(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the opening of a quiz question holds: the right options, ascending, and why they are right.

    For an estimate it is the ``truth``, which in older logs stands among the rules, where its hash gives it away.
    """

    explanation: str
    right: tuple[int, ...]
    truth: Annotated[int, msgspec.Meta(ge=-(2**53 - 1), le=2**53 - 1)] | None = None


class PlayerName(msgspec.Struct, frozen=True):
    """What the opening of a player's name holds."""

    name: str


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A record that was decided and is not in the log yet."""

    room: str
    record: Record
    opening: Opening | None = None


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A record in its place in a room's log.

    ``index`` counts from 1. ``body`` are the stored bytes of the record, exactly those that are hashed; ``chain`` is
    the 32-byte running value up to and including this record. A record whose opening was erased has ``opening`` None.
    ``leaf`` is the hash of ``body`` where it was at hand when the entry was made: ask ``audit.leaf_of`` for it.
    """

    room: str
    index: int
    record: Record
    body: bytes
    chain: bytes
    opening: Opening | None = None
    leaf: bytes | None = None


_encoder = msgspec.json.Encoder(order="sorted")
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def encode(record: msgspec.Struct) -> bytes:
    """The canonical JSON of a record or of an answer: keys sorted, no white space, RFC 8785 strings and integers."""
    return _encoder.encode(record)


def decode(body: bytes) -> Record:
    """The record of stored bytes. Raises ``msgspec.DecodeError`` for bytes that no version of livevote wrote."""
    try:
        return _decoder.decode(body)
    except (UnicodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
