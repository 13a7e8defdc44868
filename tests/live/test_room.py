"""What reaches a voter's pages: the state, the own ballot, and a ballot cast on another page."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livevote.clock import ManualClock
from livevote.domain.commands import (
    AddQuestion,
    CastBallot,
    CloseVoting,
    Command,
    IssueCodes,
    LinkPseudonyms,
    NamePlayer,
    OpenVoting,
    Quiz,
    ShowSolution,
    UseCode,
)
from livevote.domain.records import Draft, Entry, Level, encode
from livevote.domain.room import decide
from livevote.domain.state import Room
from livevote.keys import Keyring
from livevote.live import room as module
from livevote.live.room import HeldCode, LiveRoom


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


async def test_a_linked_room_knows_its_voters_by_one_name(tmp_path: Path) -> None:
    show = Show(tmp_path)
    assert show.room.pseudonym("s1", "q1") == show.key.pseudonym("s1", "q1")
    assert show.room.scope("q1") == "q1"
    show.do(LinkPseudonyms())
    assert show.room.scope("q1") is show.room.scope("q2") is None
    player = show.key.player("s1")
    assert show.room.pseudonym("s1", "q1") == show.room.pseudonym("s1", "q2") == player
    show.do(AddQuestion(kind="single", text="?", options=("A", "B"), quiz=Quiz((1,)), salt=bytes(16)))
    show.do(OpenVoting("q1"))
    show.do(CastBallot(player, "id", "q1", 1, b'{"choices":[1]}', bytes(16), linked=True))
    tab = Tab("s1")
    show.room.join(tab, limit=5)
    assert tab.types == ["state", "mine", "place"]
    assert tab.messages[1]["id"] == "id"
    await show.room.channel.aclose()


async def test_a_linked_room_leaves_the_pseudonyms_of_codes_apart(tmp_path: Path) -> None:
    show = Show(tmp_path)
    show.do(LinkPseudonyms())
    show.do(IssueCodes(2, "0a" * 32))
    show.do(UseCode(1, 0, "by"))
    levels: tuple[tuple[Level, int], ...] = ("browser", 1000), ("code", 500), ("code", 500)
    for level, points in levels:
        show.do(AddQuestion("single", "?", ("A", "B"), level=level, quiz=Quiz((1,), points), salt=bytes(16)))
    player, without = show.key.player("s1"), show.room.pseudonym("s1", "q2")
    tab = Tab("s1")
    show.room.join(tab, limit=5, code=HeldCode((1, 0), "identity"))
    by_code = show.key.pseudonym_by_code("identity", "q2")
    assert (show.room.scope("q1"), show.room.scope("q2"), show.room.scope("q3")) == (None, "q2", "q3")
    assert (show.room.pseudonym("s1", "q1"), show.room.pseudonym("s1", "q2")) == (player, by_code)
    assert len({player, without, by_code, show.room.pseudonym("s1", "q3")}) == 4
    for question, voter in (("q1", player), ("q2", by_code)):
        show.do(OpenVoting(question))
        ballot = CastBallot(voter, f"id-{question}", question, 1, b'{"choices":[1]}', bytes(16), (1, 0), linked=True)
        show.do(ballot)
        show.do(CloseVoting(question))
        show.do(ShowSolution(question))
    await show.room.prepare()
    board = show.room.leaderboard()
    assert board is not None
    assert (board.of, [place.points for place in board.places]) == (1, [1000]), "nothing links the code to the player"
    own = show.room.own(tab)
    assert own is not None
    tab.messages.clear()
    tab.send(own)
    assert (tab.messages[0]["points"], tab.messages[0]["earned"]) == (1000, 500), "q1 alone counts"
    late = Tab("s2")
    late.send(show.room.own(late) or b"")
    assert (late.messages[0]["points"], late.messages[0]["earned"]) == (0, 0), "another browser has no ballot there"
    await show.room.channel.aclose()


async def test_names_are_urgent_for_nobody_and_places_come_when_they_are_added_up(tmp_path: Path) -> None:
    show = Show(tmp_path)
    show.do(LinkPseudonyms())
    show.do(AddQuestion(kind="single", text="?", options=("A", "B"), quiz=Quiz((1,)), salt=bytes(16)))
    show.do(OpenVoting("q1"))
    player = show.key.player("s1")
    show.do(CastBallot(player, "id", "q1", 1, b'{"choices":[1]}', bytes(16), linked=True))
    show.do(CloseVoting("q1"))
    commanded = show.room.commanded
    show.do(NamePlayer(player, "n1", "Ann", bytes(16)))
    assert (show.room.commanded, show.room.names_of("s1"), show.room.names_of("s2")) == (commanded, 1, 0)
    stuck, tab = Tab("s1"), Tab("s1")
    stuck.writing = True
    for each in (stuck, tab):
        show.room.join(each, limit=5)
        each.messages.clear()
    show.room.tell_tabs("s1")
    await show.room.channel.aclose()
    show.room.tell_tabs("s1")
    assert [message["name"] for message in tab.messages if message["type"] == "place"][-1] == "Ann"
    assert stuck.messages == []
    assert show.room.leaderboard() is None
    show.do(ShowSolution("q1"))
    late = Tab("s1")
    show.room.join(late, limit=5)
    assert late.types == ["state", "mine"], "its place is not added up yet"
    assert show.room.own(late) is None
    await show.room.prepare()
    assert show.room.own(late) is not None
    board = show.room.leaderboard()
    assert board is not None
    assert [(place.rank, place.name, place.points) for place in board.places] == [(1, "Ann", 1000)]


async def test_votes_get_their_turn_while_places_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE_S", -1)
    show = Show(tmp_path)
    show.do(LinkPseudonyms())
    show.do(AddQuestion(kind="single", text="?", options=("A", "B"), quiz=Quiz((1,)), salt=bytes(16)))
    show.do(OpenVoting("q1"))
    for number in range(1000):
        show.do(CastBallot(f"v{number}", "id", "q1", 1, b'{"choices":[1]}', bytes(16), linked=True))
    show.do(CloseVoting("q1"))
    show.do(ShowSolution("q1"))
    adding, turns = asyncio.create_task(show.room.prepare()), 0
    while not adding.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns >= 1000 // 128
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
