"""What reaches a voter's pages: the state, the own ballot, and a ballot cast on another page."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livevote.clock import ManualClock
from livevote.domain.commands import (
    AddCohost,
    AddQuestion,
    AskAgain,
    CastBallot,
    CloseVoting,
    Command,
    EditQuestion,
    EraseAnswer,
    EraseRoom,
    HideResults,
    IssueCodes,
    JudgeTerms,
    LinkPseudonyms,
    NamePlayer,
    OpenVoting,
    OrderQuestions,
    Quiz,
    RevealResults,
    RevokeCohost,
    SetTimer,
    ShowSolution,
    UseCode,
)
from livevote.domain.kinds.written import key
from livevote.domain.records import Draft, Entry, Level, encode
from livevote.domain.room import decide
from livevote.domain.state import Question, Room
from livevote.keys import Keyring
from livevote.live import room as module
from livevote.live import views
from livevote.live.room import HeldCode, LiveRoom
from livevote.live.views import MAX_EARLIER_ROUNDS
from livevote.protocol.messages import Check, HostQuestionInfo

NO_CHECKS = {"ok": 0, "failed": 0, "delay_ms": None, "offset_ms": None}


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
        self.clock = ManualClock()
        self.unanswered_ms = 0
        self.room = LiveRoom(
            Room(code="ROOM22", title="Room", created_at=1, origin="livevote/ROOM22/e"),
            key=self.key,
            clock=self.clock,
            base_url=lambda: "http://x",
            unanswered_ms=lambda: self.unanswered_ms,
        )
        self.room.state.head = 1

    def do(self, command: Command, *, erased: bool = False) -> Entry:
        draft = decide(self.room.state, command, at=2)
        assert isinstance(draft, Draft)
        opening = None if erased else draft.opening
        entry = Entry("ROOM22", self.room.state.head + 1, draft.record, encode(draft.record), bytes(32), opening)
        self.room.apply([entry])
        return entry

    def vote(self, session: str, *, erased: bool = False, round: int = 1) -> Entry:
        voter = self.key.pseudonym(session, "q1")
        return self.do(CastBallot(voter, f"id-{session}", "q1", round, b'{"choices":[1]}', bytes(16)), erased=erased)

    def host(self, *, cohost: str = "") -> Tab:
        """A host's page that has shown everything so far."""
        page = Tab("h")
        self.room.join_host(page, cohost=cohost)
        return page

    @property
    def hosted(self) -> Any:
        """What a host's page shows now."""
        return msgspec.json.decode(self.room.host_state())

    async def quiet(self) -> None:
        """Let the fan-out go out that was begun."""
        task = self.room.channel._task
        if task is not None:
            await task


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


async def test_voters_and_hosts_are_told_the_planned_end_of_an_open_round(tmp_path: Path) -> None:
    show = Show(tmp_path)
    tab = Tab("s1")

    def planned() -> object:
        question: Any = tab.messages[0]["question"]
        return question["closes_at"]

    def hosts() -> object:
        return show.hosted["questions"][0]["closes_at"]

    show.do(AddQuestion(kind="single", text="?", options=("A", "B")))
    assert hosts() is None
    show.do(OpenVoting("q1", seconds=60))
    show.room.join(tab, limit=5)
    assert planned() == 60_002
    await show.quiet()
    tab.messages.clear()
    show.do(SetTimer("q1", 30))
    await show.quiet()
    assert planned() == 30_002
    assert hosts() == 30_002
    show.do(CloseVoting("q1"))
    assert hosts() is None, "what is over is not planned"
    await show.room.channel.aclose()


async def test_a_host_compares_rounds(tmp_path: Path) -> None:
    show = Show(tmp_path)
    show.do(AddQuestion(kind="single", text="?", options=("A", "B")))
    assert show.hosted["questions"][0]["rounds"] == []
    show.do(OpenVoting("q1"))
    show.vote("s1")
    show.vote("s2")
    assert show.hosted["questions"][0]["rounds"] == []
    show.do(CloseVoting("q1"))
    show.do(AskAgain("q1"))
    show.vote("s1", round=2)
    question = show.hosted["questions"][0]
    assert (question["round"], question["counts"], question["voters"]) == (2, [0, 1], 1)
    assert question["rounds"] == [{"round": 1, "counts": [0, 2], "voters": 2, "figures": {}, "wording": None}]
    for _ in range(MAX_EARLIER_ROUNDS + 1):
        show.do(CloseVoting("q1"))
        show.do(AskAgain("q1"))
    numbers = [earlier["round"] for earlier in show.hosted["questions"][0]["rounds"]]
    assert numbers == list(range(3, 3 + MAX_EARLIER_ROUNDS))
    await show.room.channel.aclose()


async def test_the_pages_of_a_revoked_cohost_are_closed_at_once_and_no_others(tmp_path: Path) -> None:
    show = Show(tmp_path)
    show.do(AddCohost("Ann"))
    show.do(AddCohost("Bob"))
    assert show.hosted["cohosts"] == [{"id": "c1", "name": "Ann"}, {"id": "c2", "name": "Bob"}]
    host, gone, ann, too, bob = (show.host(cohost=id) for id in ("", "c1", "c1", "c1", "c2"))
    show.room.leave_host(gone)
    show.room.leave_host(gone)
    show.do(RevokeCohost("c1"))
    assert [page.left_with for page in (host, gone, ann, too, bob)] == ["", "", "not_the_host", "not_the_host", ""]
    assert set(show.room.channel.subscribers("host")) == {host, bob}
    for page in (ann, bob):
        page.messages.clear()
    await show.quiet()
    assert ann.messages == [], "nothing more is sent to them"
    assert bob.messages[0]["cohosts"] == [{"id": "c2", "name": "Bob"}]
    show.room.leave_host(ann)
    await show.room.channel.aclose()


async def test_who_vanishes_is_reconnecting_and_who_says_goodbye_is_not(tmp_path: Path) -> None:
    show = Show(tmp_path)
    tabs = [Tab("s1"), Tab("s1"), Tab("s2"), Tab("s3")]
    for tab in tabs:
        show.room.join(tab, limit=5)
    show.room.leave(tabs[0])
    assert show.hosted["health"]["reconnecting"] == 0, "another page of the same voter is there"
    show.room.leave(tabs[1])
    show.room.leave(tabs[1])
    show.room.leave(tabs[2], clean=True)
    show.room.leave(tabs[2])
    health = show.hosted["health"]
    assert (health["online"], health["reconnecting"]) == (1, 1)
    show.room.join(Tab("s1"), limit=5)
    health = show.hosted["health"]
    assert (health["online"], health["reconnecting"]) == (2, 0)
    await show.room.channel.aclose()


async def test_a_page_that_was_closed_for_being_one_too_many_is_not_missed(tmp_path: Path) -> None:
    show = Show(tmp_path)
    tabs = [Tab("s1") for _ in range(2)]
    for tab in tabs:
        show.room.join(tab, limit=1)
    show.room.leave(tabs[1], clean=True)
    show.room.leave(tabs[0])
    assert show.hosted["health"]["reconnecting"] == 0
    await show.room.channel.aclose()


async def test_hosts_are_shown_the_health_of_their_room_when_it_changes(tmp_path: Path) -> None:
    show = Show(tmp_path)
    show.room.show_health()  # nobody is there to see it
    host = show.host()
    assert host.messages[0]["health"] == {
        "online": 0, "reconnecting": 0, "delay_ms": None, "oldest_unanswered_ms": 0, "checks": NO_CHECKS
    }  # fmt: skip

    async def told() -> list[Any]:
        host.messages.clear()
        show.room.show_health()
        await show.quiet()
        return [message["health"] for message in host.messages]

    assert await told() == []
    show.unanswered_ms = 999
    assert await told() == [], "that a vote takes some milliseconds is no news"
    show.unanswered_ms = 2500
    assert [health["oldest_unanswered_ms"] for health in await told()] == [2500]
    assert await told() == []
    ping = show.room.vitals.ping(host)
    show.clock.advance(0.05)
    show.room.vitals.pong(host, ping[2:])
    assert [health["delay_ms"] for health in await told()] == [50]
    show.room.vitals.lost("s1")
    assert [health["reconnecting"] for health in await told()] == [1]
    show.clock.advance(61)
    assert [(health["reconnecting"], health["delay_ms"]) for health in await told()] == [(0, None)]
    assert await told() == []
    show.room.vitals.check("s1", Check(ok=True, delay_ms=30, offset_ms=4))
    assert [health["checks"] for health in await told()] == [{"ok": 1, "failed": 0, "delay_ms": 30, "offset_ms": 4}]
    show.room.vitals.check("s1", Check(ok=True, delay_ms=31, offset_ms=4))
    assert await told() == [], "a millisecond more is no news"
    show.room.vitals.check("s1", Check(ok=False, delay_ms=9000, offset_ms=4))
    assert [(health["checks"]["ok"], health["checks"]["failed"]) for health in await told()] == [(0, 1)]
    await show.room.channel.aclose()


async def test_a_wall_is_told_how_many_voted_and_nothing_of_its_own(tmp_path: Path) -> None:
    show = Show(tmp_path)
    wall = Tab("")
    show.room.channel.join(wall, "wall")
    show.do(AddQuestion(kind="single", text="?", options=("A", "B")))
    show.do(OpenVoting("q1"))
    show.vote("s1")
    show.do(CloseVoting("q1"))
    await show.room.channel.aclose()
    assert set(wall.types) == {"state"}
    first, last = wall.messages[0], wall.messages[-1]
    assert (first["voted"], first["fingerprint"], first["join_url"]) == (0, None, "http://x/ROOM22")
    # The records of this show are in no seal before the first one that was done.
    assert (last["voted"], last["online"], last["tally"]) == (1, 0, None)
    assert last["fingerprint"] == {"as_of": 4, "root": show.room.seal.root.hex()}


def fresh(show: Show) -> Any:
    """What a host's page would show if nothing were kept."""
    show.room._questions.clear()
    return show.hosted


async def test_closed_questions_are_kept_while_ballots_come_and_made_again_after_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = Show(tmp_path)
    made: list[str] = []
    original = views._host_question

    def counted(question: Question) -> HostQuestionInfo:
        made.append(question.id)
        return original(question)

    monkeypatch.setattr(views, "_host_question", counted)
    for _ in range(3):
        show.do(AddQuestion(kind="text", text="?"))
    for id in ("q2", "q3"):
        show.do(OpenVoting(id))
        show.do(CloseVoting(id))
    show.do(OpenVoting("q1"))
    assert len(show.hosted["questions"]) == 3
    made.clear()
    for number in range(4):
        ballot = CastBallot(f"voter{number}", f"id{number}", "q1", 1, b'{"text":"Tea"}', bytes(16))
        show.do(ballot)
        assert show.hosted["questions"][0]["voters"] == number + 1
    assert made == ["q1"] * 4
    erasure = EraseAnswer(show.room.state.head)
    for command in (
        CloseVoting("q1"),
        JudgeTerms("q1", 1, (key("tea"),), shown=True),
        RevealResults("q1"),
        erasure,
        HideResults("q1"),
        EditQuestion("q1", text="Which?"),
        EditQuestion("q2", text="What?", meaning=True),
        OrderQuestions(("q3", "q1", "q2")),
        AskAgain("q2"),
        CloseVoting("q2"),
        EraseRoom(),
    ):
        show.do(command)
        shown = show.hosted
        assert shown == show.hosted == fresh(show), command
    await show.room.channel.aclose()


async def test_what_voters_wrote_leaves_the_memory_with_the_erasure_although_no_host_looks(tmp_path: Path) -> None:
    show = Show(tmp_path)
    show.do(AddQuestion("text", "Why?", ()))
    show.do(OpenVoting("q1"))
    show.do(CastBallot(show.key.pseudonym("s1", "q1"), "b1", "q1", 1, b'{"text":"a secret"}', bytes(16)))
    show.do(CloseVoting("q1"))
    assert "a secret" in str(show.hosted)
    assert "a secret" in str(show.room._questions)
    show.do(EraseRoom())
    assert "a secret" not in str(show.room._questions)
    assert "a secret" not in str(show.hosted)
