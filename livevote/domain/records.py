"""The facts that a room's log holds, versioned, and their canonical bytes.

A record's tag carries its version (``ballot_cast/1``): a later shape gets a new tag beside the old one, so that an old
log always folds. Field names are ASCII and values are strings, integers, booleans, null, lists or objects of those,
which makes ``encode`` an RFC 8785 encoder for them.
"""

import msgspec


class Fact(msgspec.Struct, frozen=True, tag_field="@type"):
    """What all records share: ``at``, the wall clock in milliseconds since 1970 (a label, never an order)."""

    at: int


class RoomCreated(Fact, tag="room_created/1", frozen=True):
    """The first record of every room."""

    code: str
    title: str


class QuestionDefined(Fact, tag="question_defined/1", frozen=True):
    """A question as it will be asked. ``rules`` is canonical JSON that the question's kind wrote and can read."""

    id: str
    kind: str
    text: str
    options: tuple[str, ...]
    rules: msgspec.Raw
    changeable: bool


class VotingOpened(Fact, tag="voting_opened/1", frozen=True):
    """A round began. Rounds of a question count from 1."""

    question: str
    round: int


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
    | BoardSwitched
    | PostAsked
    | PostUpvoted
    | PostsJudged
    | PostPinned
    | PostAnswered
    | PostErased
    | ReactionsSwitched
)

COMMITTED = (BallotCast, PostAsked)
"""Records with a commitment: each has an opening, or an erasure comes after it."""

ERASURES = (AnswerErased, PostErased)
"""Records that erase the opening of the one at their ``index``."""


class Opening(msgspec.Struct, frozen=True, gc=False):
    """What a commitment hides: 16 random bytes and the canonical JSON of the answer, or of what else was said."""

    salt: bytes
    answer: bytes


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
