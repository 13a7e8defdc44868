"""What a room sends beside its state, in messages of their own: the board, a voter's own posts, and the pulse."""

from collections.abc import Iterable, Sequence

import msgspec

from livevote.clock import Clock
from livevote.domain.records import (
    BoardSwitched,
    Entry,
    PostAnswered,
    PostAsked,
    PostErased,
    PostPinned,
    PostsJudged,
    PostUpvoted,
    ReactionsSwitched,
    RoomErased,
)
from livevote.domain.state import Room
from livevote.keys import RoomKey
from livevote.live import views
from livevote.live.hub import PARTS, Channel, Part, Role, Subscriber
from livevote.live.pulse import WINDOW_S, Pulse
from livevote.protocol import codec
from livevote.protocol.messages import BoardMessage, HostBoardMessage, PulseMessage, Reaction

ON_BOARD = (PostAsked, PostUpvoted, PostsJudged, PostPinned, PostAnswered)
"""Records that change the board and no state: a post shall not have the question sent to everybody again."""


class Parts:
    """Those of one room. It reads the room's state and never moves it."""

    def __init__(self, state: Room, *, key: RoomKey, channel: Channel, clock: Clock) -> None:
        self._state = state
        self._key = key
        self._channel = channel
        self._pulse = Pulse(clock)
        self._boards: dict[Role, BoardMessage | HostBoardMessage] = {}
        """The board as it is now, made when it is first asked for."""
        self._sent: dict[tuple[Part, Role], object] = {}
        """What everybody of a role was sent last, where that is the same for all."""
        self._authors: dict[str, str] = {}
        """The sessions with an open page whose voters have posts, by their pseudonym on the board."""

    def take(self, entries: Sequence[Entry]) -> Iterable[str]:
        """Note who has to see what these entries have changed; the sessions whose own posts are among that."""
        changed = False
        authors: set[str] = set()
        for entry in entries:
            match entry.record:
                case PostAsked() | PostUpvoted() | PostPinned():
                    changed = True
                case RoomErased():
                    changed = True
                    self._sent.clear()  # the texts of posts are in there
                case PostsJudged(posts=posts):
                    changed = True
                    authors |= {self._state.board.posts[index].voter for index in posts}
                case PostAnswered(post=index) | PostErased(index=index):
                    changed = True
                    authors.add(self._state.board.posts[index].voter)
                case BoardSwitched():
                    changed = True
                    self._sent.clear()
                    # Pages that were opened while there was no board have not been sent their own posts.
                    if self._state.board.posts:
                        self._channel.resync("voter")
                case ReactionsSwitched():
                    self._pulse.clear()
                    self._channel.part_changed("pulse")
                case _:
                    pass
        if changed:
            self._boards.clear()
            self._channel.part_changed("board")
        return [self._authors[author] for author in authors & self._authors.keys()]

    def react(self, kind: Reaction) -> None:
        """A voter reacted: those who look at the pulse are shown it, where the room has reactions."""
        if self._state.reactions:
            self._pulse.add(kind)
            self._channel.part_changed("pulse")

    def frame(self, part: Part, role: Role) -> bytes | None:
        """The part for everybody of this role; None where there is none, or nothing new in it."""
        found = self._message(part, role)
        if found is None or self._sent.get((part, role)) == _content(found):
            return None
        self._sent[part, role] = _content(found)
        return codec.frame(found)

    def catch_up(self, subscriber: Subscriber, role: Role) -> None:
        """Send one subscriber all parts as they are now."""
        for part in PARTS:
            if (found := self._message(part, role)) is not None:
                subscriber.send(codec.frame(found))
                if not self._channel.has(role):
                    self._sent[part, role] = _content(found)
                elif self._sent.get((part, role)) != _content(found):
                    # It came between a change and its tick. If that is taken back until then, it is news all the same.
                    self._sent.pop((part, role), None)

    def posts_of(self, session: str) -> bytes:
        """A voter's own posts and upvotes, for one page of that voter. From now on ``take`` tells of them."""
        name = self._key.name_on_board(session)
        if name in self._state.board.acts:
            self._authors[name] = session
        return codec.frame(views.my_posts(self._state, name))

    def left(self, session: str) -> None:
        """A voter has no open page any more."""
        if self._authors:
            self._authors.pop(self._key.name_on_board(session), None)

    def _message(self, part: Part, role: Role) -> BoardMessage | HostBoardMessage | PulseMessage | None:
        return self._pulse_message(role) if part == "pulse" else self._board(role)

    def _board(self, role: Role) -> BoardMessage | HostBoardMessage | None:
        """The board as ``role`` may see it, which is made once for everybody; None where there is none to see."""
        state = self._state
        if not (state.board.on or (role == "host" and state.board.posts)):
            return None
        board = self._boards.get(role)
        if board is None:
            board = self._boards[role] = views.host_board(state) if role == "host" else views.board(state)
        return board if board.as_of == state.head else msgspec.structs.replace(board, as_of=state.head)

    def _pulse_message(self, role: Role) -> PulseMessage | None:
        """The reactions of late, which are for those in front: None for voters."""
        if role == "voter" or not self._state.reactions:
            return None
        counts = self._pulse.counts()
        if any(counts.values()):
            self._channel.part_changed("pulse")  # again, until they are forgotten
        return PulseMessage(counts, WINDOW_S)


def _content(message: BoardMessage | HostBoardMessage | PulseMessage) -> object:
    """What there is to see in a message, whenever it is sent."""
    return message if isinstance(message, PulseMessage) else msgspec.structs.replace(message, as_of=0)
