"""Timers: rounds are closed at their planned ends, once, whoever else closes, moves, restarts or fails meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from livevote.clock import ManualClock
from livevote.domain.commands import AddQuestion, AskAgain, CloseVoting, Command, CreateRoom, OpenVoting, SetTimer
from livevote.domain.records import Draft, Entry, VotingClosed, VotingOpened
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Room
from livevote.keys import Keyring
from livevote.live.registry import Registry
from livevote.live.timers import Timers
from livevote.live.writer import Writer
from livevote.log import LogRetryError
from livevote.log.base import Heads
from livevote.log.memory import MemoryLog
from tests.client import eventually
from tests.history import AT, CODE, dump

ROOM = CODE


class FullLog(MemoryLog):
    """A log on a disk that is full from time to time."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False
        self.refused = 0

    async def append(self, drafts: Sequence[Draft], *, ticket: int) -> None:
        if self.full:
            self.refused += 1
            raise LogRetryError("full")
        await super().append(drafts, ticket=ticket)


class Hall:
    """A server's writer and timers over a log that outlives them, on a clock that the test moves."""

    def __init__(self, log: FullLog, keyring: Keyring, clock: ManualClock) -> None:
        self.log = log
        self.clock = clock
        self.registry = Registry(keyring=keyring, clock=clock, base_url=lambda: "http://x")
        self.registry.load(log)
        self.writer = Writer(log=log, registry=self.registry, clock=clock, queue_limit=100)
        self.timers = Timers(registry=self.registry, writer=self.writer, clock=clock)

    async def do(self, *commands: Command) -> None:
        """Do what must succeed."""
        for command in commands:
            outcome = await self.writer.ask(ROOM, command)
            assert isinstance(outcome, Entry), outcome
        await self.quiet()

    @property
    def room(self) -> Room:
        room = self.registry.get(ROOM)
        assert room is not None
        return room.state

    @property
    def closes(self) -> list[VotingClosed]:
        """All that were ever recorded of the room."""
        return self.closes_of(ROOM)

    def closes_of(self, code: str) -> list[VotingClosed]:
        return [entry.record for entry in self.log.scan(code) if isinstance(entry.record, VotingClosed)]

    async def pass_(self, seconds: float) -> None:
        """Let so much time pass, and everybody do what is theirs to do then."""
        self.clock.advance(seconds)
        self.registry.stirred.set()  # nobody tells the loop that a manual clock has moved
        await self.quiet()

    async def quiet(self) -> None:
        """Give everybody turns until nothing happens any more."""
        for _ in range(50):
            await asyncio.sleep(0)


@asynccontextmanager
async def hall(keys: Path, *, log: FullLog | None = None, clock: ManualClock | None = None) -> AsyncIterator[Hall]:
    """A hall with a question in draft, or what is left of an earlier one."""
    keyring = Keyring(keys, create=True)
    keyring.make_room(ROOM)
    at = Hall(log or FullLog(), keyring, clock or ManualClock(now_ms=AT))
    writing = asyncio.create_task(at.writer.run())
    timing = asyncio.create_task(at.timers.run())
    try:
        if log is None:
            await at.do(CreateRoom(ROOM, "Room"), AddQuestion("single", "?", ("A", "B")))
        await at.quiet()
        yield at
    finally:
        timing.cancel()
        at.writer.stop()
        await writing
        await asyncio.wait([timing])
        assert timing.cancelled(), "it ends with the server and not before"
        for room in at.registry.all():
            await room.channel.aclose()


async def test_a_round_is_closed_at_its_planned_end_and_not_before(tmp_path: Path) -> None:
    async with hall(tmp_path) as at:
        await at.do(OpenVoting("q1", seconds=30))
        await at.pass_(29.5)
        assert at.closes == []
        await at.pass_(0.5)
        assert at.closes == [VotingClosed(AT + 30_000, "q1", 1)]
        await at.pass_(3600)
        assert len(at.closes) == 1


async def test_a_round_without_a_timer_stays_open(tmp_path: Path) -> None:
    async with hall(tmp_path) as at:
        assert at.timers.ring() is None
        await at.do(OpenVoting("q1"))
        await at.pass_(100_000)
        assert (at.closes, at.timers.ring()) == ([], None)


async def test_a_timer_is_stretched_cut_and_taken_off_while_it_runs(tmp_path: Path) -> None:
    async with hall(tmp_path) as at:
        await at.do(OpenVoting("q1", seconds=30))
        await at.pass_(20)
        await at.do(SetTimer("q1", 60))
        await at.pass_(59)
        assert at.closes == []
        await at.do(SetTimer("q1", 600))
        await at.do(SetTimer("q1", 5))
        assert at.timers.ring() == 5
        await at.do(SetTimer("q1", None))
        await at.pass_(3600)
        assert at.closes == []
        await at.do(SetTimer("q1", 5))
        await at.pass_(5)
        assert len(at.closes) == 1


async def test_every_round_has_its_own_timer(tmp_path: Path) -> None:
    async with hall(tmp_path) as at:
        await at.do(OpenVoting("q1", seconds=30))
        await at.pass_(10)
        await at.do(CloseVoting("q1"), AskAgain("q1", seconds=60))
        await at.pass_(30)
        assert [record.round for record in at.closes] == [1]
        await at.pass_(30)
        assert [record.round for record in at.closes] == [1, 2]


async def test_rooms_do_not_share_their_timers(tmp_path: Path) -> None:
    async with hall(tmp_path) as at:
        Keyring(tmp_path, create=True).make_room("ROOM33")
        for command in (CreateRoom("ROOM33", "Other"), AddQuestion("single", "?", ("A", "B")), OpenVoting("q1", 90)):
            assert isinstance(await at.writer.ask("ROOM33", command), Entry)
        await at.do(OpenVoting("q1", seconds=30))
        assert at.timers.ring() == 30
        await at.pass_(30)
        assert len(at.closes) == 1
        assert at.closes_of("ROOM33") == []
        await at.pass_(60)
        assert len(at.closes_of("ROOM33")) == 1


@pytest.mark.parametrize("jump_s", [86_400, -86_400, 3, -3])
async def test_a_wall_clock_that_jumps_moves_no_end(tmp_path: Path, jump_s: int) -> None:
    async with hall(tmp_path) as at:
        await at.do(OpenVoting("q1", seconds=30))
        at.clock.jump(jump_s)
        await at.pass_(29)
        assert at.closes == []
        await at.pass_(1)
        assert at.closes == [VotingClosed(AT + 30_000 + jump_s * 1000, "q1", 1)], "the clock is the record's label"


async def test_a_timer_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with hall(tmp_path) as before:
        await before.do(OpenVoting("q1", seconds=30))
        await before.pass_(10)
    async with hall(tmp_path, log=before.log, clock=before.clock) as at:
        await at.pass_(19)
        assert at.closes == []
        await at.pass_(1)
        assert len(at.closes) == 1


async def test_what_was_due_while_no_server_ran_is_closed_at_once(tmp_path: Path) -> None:
    async with hall(tmp_path) as before:
        await before.do(OpenVoting("q1", seconds=30))
    before.clock.advance(3600)
    async with hall(tmp_path, log=before.log, clock=before.clock) as at:
        assert at.closes == [VotingClosed(AT + 3_600_000, "q1", 1)]
        assert at.room.questions["q1"].phase == "closed"


async def test_a_start_with_a_wrong_clock_keeps_no_round_open_for_years(tmp_path: Path) -> None:
    async with hall(tmp_path) as before:
        await before.do(OpenVoting("q1", seconds=30))
    before.clock.jump(-10 * 365 * 86_400)
    async with hall(tmp_path, log=before.log, clock=before.clock) as at:
        await at.pass_(86_399)
        assert at.closes == []
        await at.pass_(1)
        assert len(at.closes) == 1


async def test_any_instant_of_a_log_from_elsewhere_is_a_planned_end(tmp_path: Path) -> None:
    for closes_at in (-(10**400), 10**400):
        async with hall(tmp_path) as before:
            await before.do(OpenVoting("q1"), CloseVoting("q1"))
        entries = list(before.log.scan(ROOM))
        foreign = Heads()
        foreign.adopt(entries)
        log = FullLog()
        await log.adopt([[*entries, *foreign.link([Draft(ROOM, VotingOpened(AT, "q1", 2, closes_at))])]])
        async with hall(tmp_path, log=log, clock=before.clock) as at:
            await at.pass_(86_400)
            assert len(at.closes) == 2


async def test_i8_of_a_timer_and_a_host_who_close_at_the_same_moment_one_does(tmp_path: Path) -> None:
    async with hall(tmp_path) as at:
        await at.do(OpenVoting("q1", seconds=30))
        for first in ("host", "timer"):
            at.clock.advance(30)
            if first == "timer":
                at.timers.ring()
            hosts = asyncio.create_task(at.writer.ask(ROOM, CloseVoting("q1")))
            await asyncio.sleep(0)
            at.timers.ring()
            await at.quiet()
            outcome = await hosts
            assert isinstance(outcome, Entry) if first == "host" else outcome == Refusal(Code.CLOSED)
            await at.pass_(3600)
            assert len(at.closes) == (1 if first == "host" else 2)
            await at.do(AskAgain("q1", seconds=30))
            await at.quiet()


async def test_a_timer_that_rings_into_the_next_round_does_not_close_it(tmp_path: Path) -> None:
    async with hall(tmp_path) as at:
        await at.do(OpenVoting("q1", seconds=30))
        at.clock.advance(30)
        # Both are in the queue before the timer's own command.
        for command in (CloseVoting("q1"), AskAgain("q1", seconds=30)):
            at.writer.submit(ROOM, command, lambda outcome: None)  # noqa: ARG005
        at.timers.ring()
        await at.quiet()
        assert [record.round for record in at.closes] == [1]
        assert at.room.questions["q1"].phase == "open"
        await at.pass_(30)
        assert [record.round for record in at.closes] == [1, 2]


async def test_a_host_who_stretches_at_the_last_moment_is_not_closed(tmp_path: Path) -> None:
    async with hall(tmp_path) as at:
        await at.do(OpenVoting("q1", seconds=30))
        at.clock.advance(30)
        at.writer.submit(ROOM, SetTimer("q1", 60), lambda outcome: None)  # noqa: ARG005
        at.timers.ring()
        await at.quiet()
        assert at.closes == []
        await at.pass_(59)
        assert at.closes == []
        await at.pass_(1)
        assert len(at.closes) == 1


async def test_a_close_that_the_disk_does_not_take_is_tried_again_every_second(tmp_path: Path) -> None:
    async with hall(tmp_path) as at:
        await at.do(OpenVoting("q1", seconds=30))
        at.log.full = True
        await at.pass_(30)
        assert at.log.refused == 1
        await at.pass_(0.5)
        assert at.log.refused == 1
        await at.pass_(0.5)
        assert at.log.refused == 2
        at.log.full = False
        await at.pass_(1)
        assert len(at.closes) == 1


async def test_a_timer_wakes_up_by_itself(tmp_path: Path) -> None:
    """Here nobody stirs the loop once it has gone to sleep, for as long as the clock says."""
    async with hall(tmp_path) as at:
        await at.do(OpenVoting("q1", seconds=5))
        await at.pass_(4.984375)
        assert at.closes == []
        at.clock.advance(0.015625)
        await eventually(lambda: len(at.closes) == 1)


async def test_i4_the_state_that_timers_see_is_that_of_the_log(tmp_path: Path) -> None:
    async with hall(tmp_path) as at:
        await at.do(OpenVoting("q1", seconds=30), SetTimer("q1", 60))
        await at.pass_(60)
        again = Registry(keyring=Keyring(tmp_path, create=True), clock=at.clock, base_url=lambda: "http://x")
        again.load(at.log)
        room = again.get(ROOM)
        assert room is not None
        assert dump(room.state) == dump(at.room)
