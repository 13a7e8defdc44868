"""What reaches a voter's pages: the state, the own ballot, and a ballot cast on another page."""

from pathlib import Path
from typing import Any

import msgspec

from livevote.clock import ManualClock
from livevote.domain.commands import AddQuestion, CastBallot, Command, OpenVoting
from livevote.domain.records import Draft, Entry, encode
from livevote.domain.room import decide
from livevote.domain.state import Room
from livevote.keys import Keyring
from livevote.live.room import LiveRoom


class Tab:
    """One open page."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.writing = False
        self.alive = True
        self.left_with = ""
        self.messages: list[dict[str, Any]] = []

    def leave_with(self, name: str) -> None:
        self.left_with = name

    def send(self, frame: bytes) -> None:
        start = 2 if frame[1] < 126 else 4
        self.messages.append(msgspec.json.decode(frame[start:]))

    @property
    def types(self) -> list[object]:
        return [message["type"] for message in self.messages]


class Show:
    """A live room that is moved on by decided commands, without a log."""

    def __init__(self, keys: Path) -> None:
        self.key = Keyring(keys, create=True).make_room("ROOM22")
        self.room = LiveRoom(
            Room(code="ROOM22", title="Room", created_at=1, origin="livevote/ROOM22/e"),
            key=self.key,
            clock=ManualClock(),
            base_url=lambda: "http://x",
        )
        self.room.state.head = 1

    def do(self, command: Command, *, erased: bool = False) -> Entry:
        draft = decide(self.room.state, command, at=2)
        assert isinstance(draft, Draft)
        opening = None if erased else draft.opening
        entry = Entry("ROOM22", self.room.state.head + 1, draft.record, encode(draft.record), bytes(32), opening)
        self.room.apply([entry])
        return entry

    def vote(self, session: str, *, erased: bool = False) -> Entry:
        voter = self.key.pseudonym(session, "q1")
        return self.do(CastBallot(voter, f"id-{session}", "q1", 1, b'{"choices":[1]}', bytes(16)), erased=erased)


async def test_a_page_gets_the_state_and_the_own_ballot(tmp_path: Path) -> None:
    show = Show(tmp_path)
    waiting = Tab("s0")
    show.room.join(waiting, limit=5)
    assert waiting.types == ["state"]
    show.do(AddQuestion(kind="single", text="?", options=("A", "B")))
    show.do(OpenVoting("q1"))
    show.vote("s1")
    mine, other = Tab("s1"), Tab("s2")
    show.room.join(mine, limit=5)
    show.room.join(other, limit=5)
    assert mine.types == ["state", "mine"]
    assert other.types == ["state", "mine"]
    assert mine.messages[1]["answer"] == {"choices": [1]}
    assert (other.messages[1]["id"], other.messages[1]["answer"], other.messages[1]["round"]) == (None, None, 1)
    await show.room.channel.aclose()


async def test_an_erased_ballot_is_not_shown_to_anybody(tmp_path: Path) -> None:
    show = Show(tmp_path)
    show.do(AddQuestion(kind="single", text="?", options=("A", "B")))
    show.do(OpenVoting("q1"))
    show.vote("s1", erased=True)
    tab = Tab("s1")
    show.room.join(tab, limit=5)
    assert tab.messages[1]["answer"] is None
    await show.room.channel.aclose()


async def test_online_counts_voters_and_not_pages(tmp_path: Path) -> None:
    show = Show(tmp_path)
    tabs = [Tab("s1"), Tab("s1"), Tab("s2")]
    for tab in tabs:
        show.room.join(tab, limit=5)
    assert show.room.online == 2
    for tab in tabs[:2]:
        show.room.leave(tab)
    assert show.room.online == 1
    await show.room.channel.aclose()


async def test_beyond_the_limit_the_oldest_page_of_a_session_goes(tmp_path: Path) -> None:
    show = Show(tmp_path)
    tabs = [Tab("s1") for _ in range(4)]
    for tab in tabs:
        show.room.join(tab, limit=3)
    assert [tab.left_with for tab in tabs] == ["too_many_sockets", "", "", ""]
    assert set(show.room.channel.subscribers()) == set(tabs[1:])
    show.room.leave(tabs[0])
    assert show.room.online == 1
    await show.room.channel.aclose()


async def test_i15_a_page_that_does_not_read_is_told_of_other_pages_when_it_does(tmp_path: Path) -> None:
    show = Show(tmp_path)
    show.do(AddQuestion(kind="single", text="?", options=("A", "B")))
    show.do(OpenVoting("q1"))
    voting, stuck = Tab("s1"), Tab("s1")
    for tab in (voting, stuck):
        show.room.join(tab, limit=5)
        tab.messages.clear()
    stuck.writing = True
    show.vote("s1")
    show.room.tell_other_tabs(voting, "q1", 1)
    assert stuck.messages == []
    stuck.writing = False
    await show.room.channel.aclose()
    show.room.tell_other_tabs(voting, "q1", 1)
    assert stuck.messages[-1]["answer"] == {"choices": [1]}


async def test_a_page_that_has_not_seen_the_round_gets_its_state_before_the_ballot_of_another_page(
    tmp_path: Path,
) -> None:
    show = Show(tmp_path)
    show.do(AddQuestion(kind="single", text="?", options=("A", "B")))
    voting, behind = Tab("s1"), Tab("s1")
    for tab in (voting, behind):
        show.room.join(tab, limit=5)
        tab.messages.clear()
    show.do(OpenVoting("q1"))
    show.room.channel.sync(voting, "voter")
    show.vote("s1")
    show.room.tell_other_tabs(voting, "q1", 1)
    assert behind.types == ["state", "mine"], "pages drop the ballot of a round that they do not show"
    assert behind.messages[1]["answer"] == {"choices": [1]}
    await show.room.channel.aclose()
