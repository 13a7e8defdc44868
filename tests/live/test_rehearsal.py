"""Rehearsals in the process: what they are made from, how they end, and that nothing of them stays."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from livevote.clock import ManualClock
from livevote.domain.commands import (
    AddQuestion,
    AskAgain,
    CloseVoting,
    CreateRoom,
    LinkPseudonyms,
    OpenVoting,
    RevealResults,
    SetLanguage,
    SwitchBoard,
    SwitchReactions,
)
from livevote.domain.records import Entry, QuestionDefined, ReceiptsSwitched, RoomCreated
from livevote.domain.state import Room
from livevote.keys import PassingKeys
from livevote.live import rehearsal as module
from livevote.live.registry import Registry
from livevote.live.rehearsal import MAX_REHEARSALS, FullError, Rehearsal, Rehearsals, RehearsedError
from livevote.live.room import LiveRoom
from livevote.live.writer import Writer
from livevote.log.base import Heads
from livevote.protocol.codes import Unsure
from tests.client import eventually
from tests.domain.kinds.test_laws import SAMPLES
from tests.history import AT, CODE, History, cast, created, dump


class Page:
    """A real page, as the hub sees it."""

    def __init__(self, room: LiveRoom, session: str = "ann") -> None:
        self.room = room
        self.session = session
        self.alive = True
        self.writing = False
        self.frames: list[bytes] = []
        self.closed = ""
        room.join(self, limit=5)

    def send(self, frame: bytes) -> None:
        self.frames.append(frame)

    def leave_with(self, name: str) -> None:
        self.closed = name
        self.room.leave(self)


@dataclass
class House:
    """The real rooms of a server and its rehearsals, on a clock that the test moves."""

    registry: Registry
    clock: ManualClock
    rehearsals: Rehearsals

    @property
    def room(self) -> LiveRoom:
        return self.get(CODE)

    def get(self, code: str) -> LiveRoom:
        room = self.registry.get(code)
        assert room is not None
        return room

    def begin(self, code: str = CODE, voters: int = 3) -> Rehearsal:
        return self.rehearsals.begin(self.get(code), voters=voters, seed=1)

    async def pass_(self, made: Rehearsal, seconds: int) -> None:
        """Let so much time pass for the voters of a rehearsal."""
        for _ in range(seconds):
            self.clock.advance(1)
            made.crowd.woken.set()
            for _ in range(20):
                await asyncio.sleep(0)


def evening() -> History:
    """A room with a question of every kind, one of which was asked twice."""
    history = created()
    for name, samples in SAMPLES.items():
        rules = msgspec.Raw(msgspec.json.encode(samples[-1].rules))
        history.did(AddQuestion(name, f"A {name}?", samples[-1].options, rules, changeable=name != "yesno"))
    history.did(LinkPseudonyms(), SwitchBoard(on=True, approval=False), SwitchReactions(on=True), SetLanguage("de"))
    history.did(OpenVoting("q1"), cast("ann", 1, linked=True), RevealResults("q1"), CloseVoting("q1"), AskAgain("q1"))
    return history


@asynccontextmanager
async def house(*, rooms: int = 1, lifetime_s: float = 7200) -> AsyncIterator[House]:
    clock = ManualClock(now_ms=AT)
    registry = Registry(keyring=PassingKeys(), clock=clock, base_url=lambda: "http://x")
    registry.apply(Heads().link(evening().drafts()))
    for number in range(1, rooms):
        other = History()
        other.did(CreateRoom(f"ROOM{number:02}", "Other"))
        registry.apply(Heads().link(other.drafts(f"ROOM{number:02}")))
    rehearsals = Rehearsals(
        registry=registry, clock=clock, base_url=lambda: "http://x", queue_limit=1000, lifetime_s=lifetime_s
    )
    try:
        yield House(registry, clock, rehearsals)
    finally:
        await rehearsals.aclose()
        assert len(rehearsals) == 0
        for room in registry.all():
            await room.channel.aclose()


async def records(room: LiveRoom) -> list[Any]:
    assert room.apart is not None
    return [entry.record async for chunk in room.apart.log.read(room.code) for entry in chunk]


async def test_a_rehearsal_has_the_definitions_of_all_questions_and_nothing_of_what_happened() -> None:
    async with house() as at:
        made = at.begin()
        assert made.of == CODE != made.code
        room, real = made.room.state, at.room.state
        assert (room.title, list(room.questions)) == (real.title, list(real.questions))
        await eventually(lambda: made.room.apart is not None and made.room.apart.log.count() > 0)
        first, receipts, *others = await records(made.room)
        assert first == RoomCreated(AT, made.code, real.title)
        assert receipts == ReceiptsSwitched(AT, False)
        assert (room.linked, room.board.on, room.board.approval, room.reactions) == (True, True, False, True)
        assert room.language == real.language == "de"
        questions = [record for record in others if isinstance(record, QuestionDefined)]
        told = [entry.record for entry in evening().entries if isinstance(entry.record, QuestionDefined)]
        assert [msgspec.structs.replace(each, at=0) for each in questions] == [
            msgspec.structs.replace(each, at=0) for each in told
        ]
        assert {question.phase for question in room.questions.values()} == {"draft"}


async def test_a_rehearsal_shares_no_key_and_no_name_of_a_log_with_its_room() -> None:
    async with house() as at:
        made, real = at.begin().room, at.room
        assert made.key.host_token != real.key.host_token
        assert made.key.pseudonym("ann", "q1") != real.key.pseudonym("ann", "q1")
        assert made.state.origin != real.state.origin
        assert (made.rehearsal, real.rehearsal) == (True, False)


async def test_the_real_registry_never_hears_of_a_rehearsal() -> None:
    async with house() as at:
        at.registry.unsealed.clear()
        at.registry.grown.clear()
        before = dump(at.room.state)
        made = at.begin(voters=10)
        assert made.room.apart is not None
        assert isinstance(await made.room.apart.writer.ask(made.code, OpenVoting("q2")), Entry)
        await at.pass_(made, 40)
        assert made.room.state.questions["q2"].rounds[0].voters > 5
        assert at.registry.get(made.code) is None
        assert [room.code for room in at.registry.all()] == [CODE]
        assert (at.registry.unsealed, at.registry.grown.is_set()) == ({}, False)
        assert dump(at.room.state) == before


async def test_one_rehearsal_for_each_room() -> None:
    async with house(rooms=2) as at:
        made, other = at.begin(), at.begin("ROOM01")
        for code in (CODE, "ROOM01"):
            with pytest.raises(RehearsedError):
                at.begin(code)
        assert [at.rehearsals.find(code) for code in (CODE, made.code)] == [made, made]
        assert [at.rehearsals.find(code) for code in ("ROOM01", other.code, "XXXXXX")] == [other, other, None]
        await at.rehearsals.end(made)
        assert at.begin().code != made.code


async def test_ten_rehearsals_for_each_server() -> None:
    async with house(rooms=MAX_REHEARSALS + 1) as at:
        codes = [room.code for room in at.registry.all()]
        made = [at.begin(code) for code in codes[:MAX_REHEARSALS]]
        assert len({each.code for each in made} | set(codes)) == 2 * MAX_REHEARSALS + 1
        with pytest.raises(FullError):
            at.begin(codes[-1])
        await at.rehearsals.end(made[0])
        assert at.begin(codes[-1]).of == codes[-1]
        assert len(at.rehearsals) == MAX_REHEARSALS


async def test_a_code_is_never_that_of_another_room(monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(rooms=2) as at:
        codes = iter((CODE, "AAAAAA", "ROOM01", "AAAAAA", "BBBBBB"))
        monkeypatch.setattr(module, "random_code", lambda: next(codes))
        assert [at.begin().code, at.begin("ROOM01").code] == ["AAAAAA", "BBBBBB"]


async def test_its_end_sends_everybody_away_and_leaves_nothing_in_memory() -> None:
    async with house() as at:
        made = at.begin(voters=20)
        code, apart = made.code, made.room.apart
        assert apart is not None
        assert isinstance(await apart.writer.ask(code, OpenVoting("q1", seconds=3600)), Entry)
        await at.pass_(made, 40)
        assert made.room.state.questions["q1"].rounds[0].voters > 10
        page, host = Page(made.room), Page(made.room, "host")
        left = [weakref.ref(each) for each in (made, made.room, made.room.key, apart.log, apart.writer)]
        writer = apart.writer
        await at.rehearsals.end(made)
        assert (page.closed, host.closed) == ("rehearsal_over", "rehearsal_over")
        assert made.room.channel.subscribers() == []
        assert (at.rehearsals.get(code), at.rehearsals.find(CODE), at.rehearsals.rooms()) == (None, None, [])
        assert await writer.ask(code, CloseVoting("q1")) is Unsure.STOPPING
        assert [task for task in asyncio.all_tasks() if "rehearsal" in task.get_name()] == []
        del made, apart, writer, page, host
        gc.collect()
        assert [each() for each in left] == [None] * 5
        assert [each for each in gc.get_objects() if isinstance(each, Room) and each.code == code] == []


async def test_who_ends_twice_waits_for_the_same_end() -> None:
    async with house() as at:
        made = at.begin()
        await asyncio.gather(at.rehearsals.end(made), at.rehearsals.end(made))
        await at.rehearsals.end(made)
        assert len(at.rehearsals) == 0


async def test_it_ends_by_itself_after_two_hours() -> None:
    async with house() as at:
        made = at.begin()
        assert made.ends_at == AT + 2 * 3_600_000
        page = Page(made.room)
        at.clock.advance(7199)
        await asyncio.sleep(0.05)
        assert at.rehearsals.get(made.code) is made.room
        at.clock.advance(1)
        await eventually(lambda: page.closed == "rehearsal_over")
        assert at.rehearsals.get(made.code) is None


async def test_it_ends_at_its_time_to_the_tick() -> None:
    async with house(lifetime_s=0) as at:
        made = at.begin()
        await eventually(lambda: at.rehearsals.get(made.code) is None)


async def test_it_ends_when_its_log_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECORDS", 30)
    monkeypatch.setattr(module, "_LOOK_S", 0.01)
    async with house() as at:
        made = at.begin(voters=100)
        page = Page(made.room)
        assert made.room.apart is not None
        assert isinstance(await made.room.apart.writer.ask(made.code, OpenVoting("q1")), Entry)
        await at.pass_(made, 40)
        await eventually(lambda: page.closed == "rehearsal_over")


async def test_a_rehearsal_that_fails_ends_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(self: Writer) -> None:  # noqa: ARG001
        raise ArithmeticError

    monkeypatch.setattr(Writer, "run", broken)
    async with house() as at:
        made = at.begin()
        page = Page(made.room)
        await eventually(lambda: page.closed == "rehearsal_over")
        assert at.rehearsals.find(CODE) is None
    assert "a rehearsal ended early" in caplog.text


async def test_none_begins_behind_the_end_of_all() -> None:
    async with house() as at:
        at.begin()
        await at.rehearsals.aclose()
        with pytest.raises(FullError):
            at.begin()


async def test_its_own_timers_close_its_rounds() -> None:
    async with house() as at:
        made = at.begin()
        apart = made.room.apart
        assert apart is not None
        assert isinstance(await apart.writer.ask(made.code, OpenVoting("q1", seconds=5)), Entry)
        # The clock stands still, and so the timer sleeps for what is left of the five seconds.
        at.clock.advance(4.99)
        assert isinstance(await apart.writer.ask(made.code, RevealResults("q1")), Entry)
        at.clock.advance(0.02)
        await eventually(lambda: made.room.state.questions["q1"].phase == "closed")
