"""Who is shown what of the board: one list for everybody, own posts for their voter, and all of it for the host."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livevote.clock import ManualClock
from livevote.domain.commands import (
    AddQuestion,
    AnswerPost,
    Command,
    EraseAnswer,
    EraseRoom,
    JudgePosts,
    OpenVoting,
    PinPost,
    SwitchBoard,
    SwitchReactions,
)
from livevote.domain.room import apply
from livevote.domain.state import Room
from livevote.keys import Keyring
from livevote.live import hub, views
from livevote.live.room import LiveRoom
from livevote.protocol import codec
from tests.client import eventually
from tests.history import CODE, History, ask, upvote, with_board
from tests.live.test_room import Tab


class Show:
    """A live room that is moved on by decided commands, without a log. Sessions are their own voters."""

    def __init__(self, keys: Path, history: History) -> None:
        self.history = history
        self.clock = ManualClock()
        state: Room | None = None
        for entry in history.entries:
            state = apply(state, entry)
        assert state is not None
        key = Keyring(keys, create=True).make_room(CODE)
        key.name_on_board = lambda session: session  # type: ignore[method-assign]
        self.room = LiveRoom(state, key=key, clock=self.clock, base_url=lambda: "http://x")

    def do(self, *commands: Command) -> bool:
        """Do these in one batch; whether none of them is urgent."""
        before = len(self.history.entries)
        self.history.did(*commands)
        return self.room.apply(self.history.entries[before:])

    def join(self, session: str) -> Tab:
        tab = Tab(session)
        self.room.join(tab, limit=5)
        tab.messages.clear()
        return tab

    def join_host(self) -> Tab:
        tab = Tab("")
        self.room.channel.join(tab, "host")
        tab.messages.clear()
        return tab

    async def until(self, tab: Tab, type_: str) -> dict[str, Any]:
        """The first message of this type, while time goes by."""

        def came() -> bool:
            self.clock.advance(0.1)
            return type_ in tab.types

        await eventually(came)
        return next(message for message in tab.messages if message["type"] == type_)

    async def quiet(self) -> None:
        """Until everybody was sent everything."""

        def over() -> bool:
            self.clock.advance(0.1)
            task = self.room.channel._task
            return task is None or task.done()

        await eventually(over)


def posts(message: dict[str, Any]) -> list[tuple[int, int]]:
    """Index and votes of the posts in a message."""
    return [(post["index"], post["votes"]) for post in message["posts"]]


async def test_a_room_without_a_board_sends_nothing_about_one(tmp_path: Path) -> None:
    show = Show(tmp_path, with_board().did(ask("ann", "Why?"), SwitchBoard(on=False, approval=False)))
    tab = Tab("ann")
    show.room.join(tab, limit=5)
    assert (tab.types, tab.messages[0]["board"]) == (["state"], False)
    host = Tab("")
    show.room.channel.join(host, "host")
    assert host.types == ["state", "board"], "the host can still see what was asked"
    assert host.messages[0]["board"] == {"on": False, "approval": False, "per_voter": 5}
    show.do(SwitchBoard(on=True, approval=False))
    assert [message["id"] for message in (await show.until(tab, "my_posts"))["posts"]] == ["ann-Why?"]
    await show.quiet()
    assert tab.messages[1]["board"]
    assert tab.types == ["state", "state", "board", "my_posts"], "nothing comes twice"
    await show.room.channel.aclose()


async def test_a_page_gets_the_board_and_its_own_posts_and_upvotes_at_once(tmp_path: Path) -> None:
    history = with_board().did(ask("ann", "Why?"), ask("bob", "How?"), upvote("ann", 4), PinPost(3))
    show = Show(tmp_path, history)
    tab = Tab("ann")
    show.room.join(tab, limit=5)
    assert tab.types == ["state", "board", "my_posts"]
    _, board, mine = tab.messages
    at = {post.index: post.at for post in history.room.board.posts.values()}
    assert board == {
        "type": "board",
        "as_of": 6,
        "posts": [
            {"index": 3, "text": "Why?", "votes": 0, "at": at[3], "answered": False, "pinned": True},
            {"index": 4, "text": "How?", "votes": 1, "at": at[4], "answered": False, "pinned": False},
        ],
        "more": 0,
    }
    own = {"id": "ann-Why?", "index": 3, "text": "Why?", "votes": 0, "at": at[3], "answered": False}
    assert mine == {"type": "my_posts", "posts": [{**own, "standing": "shown"}], "upvoted": [4]}
    await show.room.channel.aclose()


async def test_no_text_of_a_deleted_board_stays_in_memory_because_it_was_sent(tmp_path: Path) -> None:
    show = Show(tmp_path, with_board())
    show.join("bob")
    show.join_host()
    show.do(ask("ann", "Why?"))
    await show.quiet()
    assert "Why?" in repr(show.room._parts._sent)
    show.do(EraseRoom())
    await show.quiet()
    assert "Why?" not in repr((show.room._parts._sent, show.room._parts._boards))
    await show.room.channel.aclose()


async def test_a_post_or_an_upvote_sends_the_board_and_no_state(tmp_path: Path) -> None:
    show = Show(tmp_path, with_board().did(AddQuestion("single", "?", ("A", "B")), OpenVoting("q1")))
    voter, host = show.join("eve"), show.join_host()
    assert show.do(ask("ann", "Why?"))
    assert posts(await show.until(voter, "board")) == [(5, 0)]
    assert show.do(upvote("bob", 5), PinPost(5), AnswerPost(5, answered=True))
    await show.quiet()
    assert set(voter.types) == {"board"}
    assert posts(voter.messages[-1]) == [(5, 1)]
    assert (voter.messages[-1]["posts"][0]["pinned"], voter.messages[-1]["posts"][0]["answered"]) == (True, True)
    assert set(host.types) == {"board"}
    assert show.room.commanded == 4, "a replay is the same"
    assert not show.do(EraseAnswer(5)), "an erasure is signed at once"
    await show.quiet()
    assert voter.messages[-1]["posts"] == []
    await show.room.channel.aclose()


async def test_many_upvotes_are_one_frame_in_a_second(tmp_path: Path) -> None:
    show = Show(tmp_path, with_board().did(ask("ann", "Why?")))
    voter = show.join("eve")
    show.do(upvote("0", 3))
    await show.until(voter, "board")
    for number in range(1, 200):
        show.do(upvote(f"{number}", 3))
        await asyncio.sleep(0)
    assert len(voter.messages) == 1
    show.clock.advance(hub.PART_EVERY_S)
    await show.quiet()
    assert [posts(message) for message in voter.messages] == [[(3, 1)], [(3, 200)]]
    await show.room.channel.aclose()


async def test_a_board_is_sent_only_where_it_changed(tmp_path: Path) -> None:
    show = Show(tmp_path, with_board(approval=True).did(ask("ann", "Why?"), JudgePosts((3,), shown=True)))
    voter, host = show.join("eve"), show.join_host()
    show.do(upvote("bob", 3))
    await show.until(voter, "board")
    await show.quiet()
    voter.messages.clear()
    host.messages.clear()
    show.do(ask("bob", "How?"))
    await show.until(host, "board")
    show.do(upvote("ann", 3), upvote("ann", 3, on=False))
    await show.quiet()
    assert voter.messages == [], "a post that waits shows in nothing that others get"
    assert [message["pending"] for message in host.messages] == [1]
    await show.room.channel.aclose()


async def test_who_comes_between_a_change_and_its_tick_is_shown_that_it_was_taken_back(tmp_path: Path) -> None:
    show = Show(tmp_path, with_board().did(ask("ann", "Why?")))
    early = show.join("eve")
    show.do(upvote("bob", 3))
    await show.until(early, "board")
    show.do(upvote("ann", 3))
    between = Tab("late")
    show.room.join(between, limit=5)
    assert posts(between.messages[1]) == [(3, 2)]
    show.do(upvote("ann", 3, on=False))
    await show.quiet()
    assert posts(between.messages[-1]) == posts(early.messages[-1]) == [(3, 1)]
    await show.room.channel.aclose()


async def test_a_post_that_waits_sends_nobody_else_a_frame(tmp_path: Path) -> None:
    show = Show(tmp_path, with_board(approval=True))
    voter, host = show.join("eve"), show.join_host()
    show.do(ask("ann", "Why?"))
    await show.until(host, "board")
    await show.quiet()
    assert voter.messages == []
    await show.room.channel.aclose()


@pytest.mark.parametrize("shown", [True, False])
async def test_whoever_asked_is_told_what_the_host_made_of_it(tmp_path: Path, shown: bool) -> None:
    show = Show(tmp_path, with_board(approval=True).did(ask("ann", "Why?"), ask("bob", "How?")))
    ann, ann_too, eve = show.join("ann"), show.join("ann"), show.join("eve")
    gone = show.join("bob")
    show.room.leave(gone)
    show.do(JudgePosts((3, 4), shown=shown))
    for tab in (ann, ann_too):
        assert [post["standing"] for post in tab.messages[0]["posts"]] == ["shown" if shown else "hidden"]
    show.do(AnswerPost(3, answered=True), EraseAnswer(3))
    assert ann.messages[-1]["posts"][0]["text"] is None
    assert "my_posts" not in [*eve.types, *gone.types]
    await show.room.channel.aclose()


async def test_i15_a_page_that_does_not_read_is_shown_its_posts_when_it_does(tmp_path: Path) -> None:
    show = Show(tmp_path, with_board())
    asking, stuck = show.join("ann"), show.join("ann")
    stuck.writing = True
    show.do(ask("ann", "Why?"))
    show.room.show_posts("ann", but=asking)
    assert (asking.messages, stuck.messages) == ([], [])
    stuck.writing = False
    await show.quiet()
    assert [post["text"] for post in stuck.messages[-1]["posts"]] == ["Why?"]
    assert "my_posts" not in asking.types
    show.room.show_posts("nobody")
    await show.room.channel.aclose()


async def test_authors_are_remembered_as_long_as_they_have_a_page(tmp_path: Path) -> None:
    show = Show(tmp_path, with_board().did(ask("ann", "Why?")))
    tabs = [show.join("ann"), show.join("ann"), show.join("eve")]
    assert show.room._parts._authors == {"ann": "ann"}
    show.room.leave(tabs[0])
    assert show.room._parts._authors == {"ann": "ann"}
    for tab in (*tabs, *tabs):
        show.room.leave(tab)
    assert show.room._parts._authors == {}
    await show.room.channel.aclose()


def test_the_list_for_everybody_is_bounded_and_has_the_best_posts() -> None:
    history = with_board(per_voter=20)
    for number in range(150):
        history.did(ask(f"v{number}", f"Post {number}"))
    history.did(*(upvote(f"v{number}", 150) for number in range(3)), upvote("v0", 3), upvote("v1", 3))
    history.did(*(upvote(f"v{number}", 4) for number in range(5)), AnswerPost(4, answered=True), PinPost(152))
    found = views.board(history.room)
    assert (len(found.posts), found.more) == (views.MOST_POSTS, 50)
    assert [post.index for post in found.posts[:4]] == [152, 150, 3, 5], "pinned, then by votes, then by age"
    assert 4 not in {post.index for post in found.posts}, "what is answered gives way to what is open"
    assert sorted(post.index for post in found.posts[3:]) == [post.index for post in found.posts[3:]]


def test_the_list_for_everybody_is_small_also_with_long_texts() -> None:
    history = with_board()
    for number in range(100):
        history.did(ask(f"v{number}", "\U0001f600" * 290 + f" {number}"))
    found = views.board(history.room)
    assert len(found.posts) == 14, "10 of 1162 bytes and 4 of 1163"
    assert len(found.posts) + found.more == 100
    assert len(codec.frame(found)) < 2 * views.MOST_BOARD_BYTES


def test_the_host_sees_what_waits_first_and_how_much_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    history = with_board(approval=True, per_voter=20).did(*(ask(f"v{number}", f"{number}") for number in range(8)))
    history.did(JudgePosts((3, 4, 5), shown=True), JudgePosts((6, 7), shown=False), upvote("ann", 4), EraseAnswer(8))
    found = views.host_board(history.room)
    assert [(post.index, post.standing) for post in found.posts] == [
        *((9, "pending"), (10, "pending")),
        *((4, "shown"), (3, "shown"), (5, "shown")),
        *((7, "hidden"), (6, "hidden")),
    ]
    assert (found.pending, found.shown, found.hidden, found.more) == (2, 3, 2, 0)
    monkeypatch.setattr(views, "MOST_POSTS_OF_HOST", 4)
    found = views.host_board(history.room)
    assert ([post.index for post in found.posts], found.more) == ([9, 10, 4, 3], 3)


async def test_the_pulse_is_for_the_host_until_it_is_over(tmp_path: Path) -> None:
    show = Show(tmp_path, with_board())
    show.room.react("clap")
    voter, host = show.join("eve"), show.join_host()
    show.do(SwitchReactions(on=True))
    first = await show.until(host, "pulse")
    assert (set(first["counts"].values()), first["window_s"]) == ({0}, 30), "before it was on nobody reacted"
    host.messages.clear()
    show.room.react("clap")
    show.room.react("lost")
    pulse = await show.until(host, "pulse")
    assert (pulse["counts"]["clap"], pulse["counts"]["lost"]) == (1, 1)
    late = Tab("")
    show.room.channel.join(late, "host")
    assert late.messages[-1]["counts"]["clap"] == 1
    host.messages.clear()
    await show.quiet()
    assert [set(message["counts"].values()) for message in host.messages] == [{0}], "sent again when it is over"
    show.room.react("wow")
    show.do(SwitchReactions(on=False))
    await show.quiet()
    show.room.react("wow")
    assert set(voter.types) == {"state"}, "voters see that they may, and nothing else"
    assert msgspec.structs.asdict(views.voter_state(show.room.state, at=1))["reactions"] is False
    await show.room.channel.aclose()
