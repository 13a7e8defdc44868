"""The room's board: posts in voters' own words, their upvotes, and what the host makes of them."""

from collections.abc import Iterator

import msgspec

from livevote.domain.audit import commitment
from livevote.domain.commands import (
    AnswerPost,
    AskPost,
    EraseAnswer,
    JudgePosts,
    PinPost,
    SwitchBoard,
    UpvotePost,
)
from livevote.domain.parts import Decide, Decision, Fold, Known, OutOfOrderError, require
from livevote.domain.records import (
    BoardSwitched,
    Draft,
    Entry,
    Opening,
    PostAnswered,
    PostAsked,
    PostErased,
    PostPinned,
    PostsJudged,
    PostUpvoted,
    Record,
    encode,
)
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Act, Board, Post, Room, Standing
from livevote.domain.text import clean

MAX_POST_CHARS = 300
MAX_POSTS = 2000
"""Posts that are not hidden. Posts of one batch do not see each other, so there can be a batch more."""
MAX_ACTS = 1000
"""What one voter may have done on the board before upvotes are refused, those that were taken back among it: every one
is a record for good. Posts are bounded by what the host answers."""


class PostText(msgspec.Struct, frozen=True):
    """What a post's commitment hides."""

    text: str


_text = msgspec.json.Decoder(PostText)


def _switch(room: Room, command: SwitchBoard, at: int) -> Record | Refusal:
    board = room.board
    if (command.on, command.approval, command.per_voter) == (board.on, board.approval, board.per_voter):
        return Refusal(Code.ALREADY_SO)
    return BoardSwitched(at=at, on=command.on, approval=command.approval, per_voter=command.per_voter)


def _ask(room: Room, command: AskPost, at: int) -> Decision:
    board, text = room.board, clean(command.text)
    acts = board.acts.get(command.voter, {})
    # The retry comes first, as with ballots: what was recorded stays so, whatever has happened to the board since.
    if (known := acts.get(command.id)) is not None:
        same = known.on is None and board.posts[known.post].text in (text, None)
        return Known(known.index, known.at) if same else Refusal(Code.CONFLICT)
    if not board.on:
        return Refusal(Code.BOARD_OFF)
    if not text or len(text) > MAX_POST_CHARS:
        return Refusal(Code.BAD_POST, f"a post has 1 to {MAX_POST_CHARS} characters")
    if sum(act.on is None and not board.posts[act.post].answered for act in acts.values()) >= board.per_voter:
        return Refusal(Code.TOO_MANY_POSTS, f"at most {board.per_voter} for each voter")
    if board.taken >= MAX_POSTS:
        return Refusal(Code.BOARD_FULL)
    opening = Opening(command.salt, encode(PostText(text)))
    record = PostAsked(at=at, id=command.id, voter=command.voter, commitment=commitment(opening))
    return Draft(room.code, record, opening)


def _upvote(room: Room, command: UpvotePost, at: int) -> Decision | Record:
    board = room.board
    acts = board.acts.get(command.voter, {})
    if (known := acts.get(command.id)) is not None:
        same = (known.post, known.on) == (command.post, command.on)
        return Known(known.index, known.at) if same else Refusal(Code.CONFLICT)
    if not board.on:
        return Refusal(Code.BOARD_OFF)
    post = board.posts.get(command.post)
    # Also for those that wait and those that are hidden: nobody learns which indexes they have.
    if post is None or not post.public:
        return Refusal(Code.UNKNOWN_POST)
    if _has_upvoted(board, command.voter, post) is command.on:
        return Refusal(Code.SAME_UPVOTE)
    if len(acts) >= MAX_ACTS:
        return Refusal(Code.TOO_MANY_UPVOTES)
    return PostUpvoted(at=at, id=command.id, post=post.index, voter=command.voter, on=command.on)


def _has_upvoted(board: Board, voter: str, post: Post) -> bool:
    return post.index in board.upvoted.get(voter, ())


def _judge(room: Room, command: JudgePosts, at: int) -> Record | Refusal:
    wanted, posts = _standing(shown=command.shown), room.board.posts
    if unknown := [index for index in command.posts if index not in posts]:
        return Refusal(Code.UNKNOWN_POST, f"record {unknown[0]} is none")
    # Only what changes, so that two hosts who judge at the same moment do not get into each other's way.
    judged = tuple(index for index in dict.fromkeys(command.posts) if posts[index].standing != wanted)
    return PostsJudged(at=at, posts=judged, shown=command.shown) if judged else Refusal(Code.ALREADY_SO)


def _standing(*, shown: bool) -> Standing:
    return "shown" if shown else "hidden"


def _pin(room: Room, command: PinPost, at: int) -> Record | Refusal:
    board = room.board
    if command.post == board.pinned:
        return Refusal(Code.ALREADY_SO)
    if command.post is not None and not ((post := board.posts.get(command.post)) and post.public):
        return Refusal(Code.UNKNOWN_POST, "only a post that is shown can be pinned")
    return PostPinned(at=at, post=command.post)


def _answer(room: Room, command: AnswerPost, at: int) -> Record | Refusal:
    post = room.board.posts.get(command.post)
    if post is None:
        return Refusal(Code.UNKNOWN_POST)
    if post.answered is command.answered:
        return Refusal(Code.ALREADY_SO)
    return PostAnswered(at=at, post=post.index, answered=command.answered)


def erase(room: Room, command: EraseAnswer, at: int) -> Record | Refusal:
    """What the log should say about the erasure of the text of a post, which there is."""
    if room.board.posts[command.index].text is None:
        return Refusal(Code.ALREADY_ERASED)
    return PostErased(at=at, index=command.index)


def _set(room: Room, entry: Entry, record: BoardSwitched) -> None:  # noqa: ARG001
    board = room.board
    board.on, board.approval, board.per_voter = record.on, record.approval, record.per_voter


def _require_new_id(room: Room, record: PostAsked | PostUpvoted) -> None:
    require(room.board.on and record.id not in room.board.acts.get(record.voter, ()))


def _put(room: Room, entry: Entry, record: PostAsked) -> None:
    text = None if entry.opening is None else _read(entry.opening.answer)
    board, index = room.board, entry.index
    standing: Standing = "pending" if board.approval else "shown"
    board.posts[index] = Post(index=index, at=record.at, voter=record.voter, text=text, standing=standing)
    board.taken += 1
    board.acts.setdefault(record.voter, {})[record.id] = Act(index, record.at, index, None)


def _read(opened: bytes) -> str:
    """The text of a post. Not cleaned once more: another version of Unicode may see other characters in it."""
    try:
        text = _text.decode(opened).text
    except (msgspec.DecodeError, UnicodeError) as error:
        raise OutOfOrderError from error
    require(0 < len(text) <= MAX_POST_CHARS)
    return text


def _require_upvote(room: Room, record: PostUpvoted) -> None:
    _require_new_id(room, record)
    post = room.board.posts[record.post]
    # Not ``public``: a text that was erased later is missing from the beginning in a log that is read again.
    require(post.standing == "shown" and _has_upvoted(room.board, record.voter, post) is not record.on)


def _count(room: Room, entry: Entry, record: PostUpvoted) -> None:
    board = room.board
    board.acts.setdefault(record.voter, {})[record.id] = Act(entry.index, record.at, record.post, record.on)
    board.posts[record.post].votes += 1 if record.on else -1
    _note(board, record.voter, record.post, on=record.on)


def _note(board: Board, voter: str, post: int, *, on: bool) -> None:
    mine = board.upvoted.setdefault(voter, set())
    if on:
        mine.add(post)
    else:
        mine.remove(post)


def _require_judgement(room: Room, record: PostsJudged) -> None:
    wanted, posts = _standing(shown=record.shown), room.board.posts
    require(len(set(record.posts)) == len(record.posts) > 0)
    require(all(posts[index].standing != wanted for index in record.posts))


def _judged(room: Room, entry: Entry, record: PostsJudged) -> None:  # noqa: ARG001
    board, wanted = room.board, _standing(shown=record.shown)
    for index in record.posts:
        post = board.posts[index]
        board.taken += (wanted != "hidden") - (post.standing != "hidden")
        post.standing = wanted
        if wanted == "hidden" and board.pinned == index:
            board.pinned = None


def _require_pin(room: Room, record: PostPinned) -> None:
    board = room.board
    require(record.post != board.pinned and (record.post is None or board.posts[record.post].standing == "shown"))


def _pinned(room: Room, entry: Entry, record: PostPinned) -> None:  # noqa: ARG001
    room.board.pinned = record.post


def _require_answer(room: Room, record: PostAnswered) -> None:
    require(room.board.posts[record.post].answered is not record.answered)


def _answered(room: Room, entry: Entry, record: PostAnswered) -> None:  # noqa: ARG001
    room.board.posts[record.post].answered = record.answered


def _require_post(room: Room, record: PostErased) -> None:
    require(record.index in room.board.posts)


def _forget(room: Room, entry: Entry, record: PostErased) -> None:  # noqa: ARG001
    board = room.board
    board.posts[record.index].text = None
    if board.pinned == record.index:
        board.pinned = None


DECIDE: dict[type, Decide] = {
    SwitchBoard: _switch,
    AskPost: _ask,
    UpvotePost: _upvote,
    JudgePosts: _judge,
    PinPost: _pin,
    AnswerPost: _answer,
}
FOLD: dict[type, Fold] = {
    BoardSwitched: Fold(_set),
    PostAsked: Fold(_put, _require_new_id),
    PostUpvoted: Fold(_count, _require_upvote),
    PostsJudged: Fold(_judged, _require_judgement),
    PostPinned: Fold(_pinned, _require_pin),
    PostAnswered: Fold(_answered, _require_answer),
    PostErased: Fold(_forget, _require_post),
}

Row = tuple[str, str, int, int, int, bool | None]
"""Voter, id, and the fields of what was done under it: as a frozen state holds it."""

_FrozenPost = tuple[int, int, str, str | None, Standing, bool, int]


class FrozenBoard(msgspec.Struct, array_like=True):
    """A board without what was done on it, of which there may be more than one piece should hold."""

    on: bool
    approval: bool
    per_voter: int
    pinned: int | None
    posts: list[_FrozenPost]
    acts: int


def freeze(board: Board) -> FrozenBoard:
    """All of a board but its acts, of which it says how many there are."""
    posts = [
        (post.index, post.at, post.voter, post.text, post.standing, post.answered, post.votes)
        for post in board.posts.values()
    ]
    acts = sum(map(len, board.acts.values()))
    return FrozenBoard(board.on, board.approval, board.per_voter, board.pinned, posts, acts)


def thaw(frozen: FrozenBoard) -> Board:
    """The board that was frozen, before its acts are put back by ``restore``."""
    board = Board()
    board.on, board.approval, board.per_voter, board.pinned = (
        frozen.on,
        frozen.approval,
        frozen.per_voter,
        frozen.pinned,
    )
    for index, at, voter, text, standing, answered, votes in frozen.posts:
        post = board.posts[index] = Post(index=index, at=at, voter=voter, text=text, standing=standing)
        post.answered, post.votes = answered, votes
        board.taken += standing != "hidden"
    return board


def rows(board: Board) -> Iterator[Row]:
    """All acts, those of each voter in the order of the log."""
    for voter, acts in board.acts.items():
        for id, act in acts.items():
            yield voter, id, act.index, act.at, act.post, act.on


def restore(board: Board, row: Row) -> None:
    """Put an act back. Raises ``LookupError`` where it does not follow those before it."""
    voter, id, index, at, post, on = row
    board.acts.setdefault(voter, {})[id] = Act(index, at, post, on)
    if on is not None:
        _note(board, voter, post, on=on)
