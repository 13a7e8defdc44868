"""Simulated voters: they come, answer every round in time and in the ordinary way, go and come back, and stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from livevote.clock import ManualClock
from livevote.domain.commands import (
    AddQuestion,
    AskAgain,
    CastBallot,
    CloseVoting,
    Command,
    CreateRoom,
    OpenVoting,
    RevealResults,
)
from livevote.domain.records import BallotCast, Entry
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Round
from livevote.keys import PassingKeys
from livevote.live.answers import ANSWERS
from livevote.live.crowd import Crowd
from livevote.live.outcome import Outcome, Reply
from livevote.live.registry import Registry
from livevote.live.room import LiveRoom
from livevote.live.writer import Writer
from livevote.log.memory import MemoryLog
from livevote.protocol.codes import Unsure
from tests.domain.kinds.test_laws import Sample, every_sample
from tests.history import AT

CODE = "REHEAR"


class Busy:
    """The writer of a server that now and then has no time, or is too late."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.says: Outcome | None = None
        self.sent: list[CastBallot] = []

    def submit(self, code: str, command: Command, reply: Reply) -> None:
        assert isinstance(command, CastBallot)
        self.sent.append(command)
        if self.says is None:
            self.writer.submit(code, command, reply)
        else:
            reply(self.says)

    async def ask(self, code: str, command: Command) -> Outcome:
        return await self.writer.ask(code, command)


class Hall:
    """A room with a crowd in it, on a clock that the test moves."""

    def __init__(self, voters: int, seed: int) -> None:
        self.clock = ManualClock(now_ms=AT)
        self.log = MemoryLog()
        self.registry = Registry(keyring=PassingKeys(), clock=self.clock, base_url=lambda: "http://x")
        self.writer = Writer(log=self.log, registry=self.registry, clock=self.clock, queue_limit=1000)
        self.busy = Busy(self.writer)
        self.voters, self.seed = voters, seed
        self.crowd: Crowd

    @property
    def room(self) -> LiveRoom:
        room = self.registry.get(CODE)
        assert room is not None
        return room

    @property
    def round(self) -> Round:
        assert self.room.state.current is not None
        return self.room.state.current.rounds[-1]

    @property
    def ballots(self) -> list[Entry]:
        """All that are in the log."""
        return [entry for entry in self.log.scan(CODE) if isinstance(entry.record, BallotCast)]

    async def do(self, *commands: Command) -> None:
        for command in commands:
            outcome = await self.writer.ask(CODE, command)
            assert isinstance(outcome, Entry), outcome
        await self.quiet()

    async def pass_(self, seconds: float, step_s: float = 0.5) -> None:
        """Let so much time pass, and the crowd do what is due on the way."""
        for _ in range(round(seconds / step_s)):
            self.clock.advance(step_s)
            self.crowd.woken.set()
            await self.quiet()

    async def quiet(self) -> None:
        for _ in range(30):
            await asyncio.sleep(0)


@asynccontextmanager
async def hall(*, voters: int = 40, seed: int = 1, asked: AddQuestion | None = None) -> AsyncIterator[Hall]:
    at = Hall(voters, seed)
    writing = asyncio.create_task(at.writer.run())
    await at.do(CreateRoom(CODE, "Rehearsal"), asked or AddQuestion("single", "?", ("A", "B", "C")))
    at.crowd = Crowd(room=at.room, writer=at.busy, clock=at.clock, voters=voters, seed=seed)
    living = asyncio.create_task(at.crowd.run())
    try:
        await at.pass_(5)
        yield at
    finally:
        living.cancel()
        await asyncio.wait([living])
        assert at.room.channel.subscribers() == []
        at.writer.stop()
        await writing
        await at.room.channel.aclose()


async def test_everybody_arrives_within_seconds_and_counts_as_a_page() -> None:
    async with hall() as at:
        assert at.room.online > 35
        assert at.room.online + at.room.vitals.reconnecting == 40


@every_sample
async def test_every_kind_is_answered_and_adds_up(name: str, sample: Sample) -> None:
    question = AddQuestion(name, "?", sample.options, msgspec.Raw(msgspec.json.encode(sample.rules)))
    async with hall(asked=question) as at:
        await at.do(OpenVoting("q1"), RevealResults("q1"))
        await at.pass_(30)
        current = at.room.state.current
        assert current is not None
        assert 30 <= at.round.voters <= 40
        assert current.kind.conserved(at.round.tally.counts(), at.round.voters, current.rules)
        assert len({entry.opening.answer for entry in at.ballots if entry.opening}) > 1


async def test_ballots_come_within_some_seconds_and_not_all_at_once() -> None:
    async with hall(voters=200) as at:
        await at.do(OpenVoting("q1"))
        assert at.round.voters == 0
        grown = []
        for _ in range(6):
            await at.pass_(2)
            grown.append(at.round.voters)
        assert 0 < grown[0] < grown[1] < grown[2]
        assert grown[0] < 100
        assert grown[-1] > 170


async def test_voters_stop_when_the_round_closes_and_answer_the_next_one() -> None:
    async with hall() as at:
        await at.do(OpenVoting("q1"))
        await at.pass_(3)
        await at.do(CloseVoting("q1"))
        early, sent = len(at.ballots), len(at.busy.sent)
        assert 0 < early < 40
        await at.pass_(60)
        assert (len(at.ballots), len(at.busy.sent)) == (early, sent)
        await at.do(AskAgain("q1"))
        await at.pass_(30)
        assert at.round.number == 2
        assert at.round.voters > 30


async def test_a_timer_gets_nearly_all_answers_before_it_rings() -> None:
    async with hall() as at:
        await at.do(OpenVoting("q1", seconds=5))
        await at.pass_(4.9, step_s=0.1)
        assert at.round.voters > 30


async def test_a_few_change_their_answer_where_they_may() -> None:
    async with hall(voters=200) as at:
        await at.do(OpenVoting("q1"))
        await at.pass_(40)
        changed = [entry for entry in at.ballots if isinstance(entry.record, BallotCast) and entry.record.rev]
        assert 3 <= len(changed) <= 50
    async with hall(voters=200, asked=AddQuestion("single", "?", ("A", "B"), changeable=False)) as at:
        await at.do(OpenVoting("q1"))
        await at.pass_(40)
        assert len(at.ballots) == at.round.voters
        assert len(at.busy.sent) == at.round.voters, "nobody tries what is not allowed"


async def test_the_network_of_some_fails_for_a_while() -> None:
    async with hall() as at:
        seen = {at.room.online}
        for _ in range(120):
            await at.pass_(1)
            seen.add(at.room.online)
            assert at.room.online + at.room.vitals.reconnecting == 40
        assert len(seen) > 3
        assert min(seen) > 25


async def test_i6_what_nobody_decided_is_sent_again_under_its_id() -> None:
    async with hall() as at:
        at.busy.says = Unsure.BUSY
        await at.do(OpenVoting("q1"))
        await at.pass_(25)
        assert at.round.voters == 0
        first = {ballot.voter: (ballot.id, ballot.answer) for ballot in at.busy.sent}
        assert len(at.busy.sent) > 5 * len(first), "again every second"
        assert {(ballot.voter, ballot.id, ballot.answer) for ballot in at.busy.sent} == {
            (voter, *same) for voter, same in first.items()
        }
        at.busy.says = None
        await at.pass_(20)
        assert at.round.voters > 30
        assert {entry.record.id for entry in at.ballots if isinstance(entry.record, BallotCast)} >= {
            id for id, _ in first.values()
        }


async def test_a_refusal_is_final() -> None:
    async with hall() as at:
        at.busy.says = Refusal(Code.CLOSED)
        await at.do(OpenVoting("q1"))
        await at.pass_(40)
        assert 30 <= len(at.busy.sent) <= 40
        assert len({ballot.voter for ballot in at.busy.sent}) == len(at.busy.sent)


async def test_an_answer_that_comes_behind_the_end_of_its_round_changes_nothing() -> None:
    async with hall() as at:
        replies: list[Reply] = []
        at.busy.submit = lambda code, command, reply: replies.append(reply)  # type: ignore[method-assign]  # noqa: ARG005
        await at.do(OpenVoting("q1"))
        await at.pass_(30)
        await at.do(CloseVoting("q1"))
        assert replies
        for reply in replies:
            reply(Unsure.BUSY)
        before = len(replies)
        await at.pass_(10)
        assert len(replies) == before


async def test_one_seed_is_one_evening_and_another_is_another() -> None:
    async def counts(seed: int) -> Any:
        async with hall(seed=seed) as at:
            await at.do(OpenVoting("q1"))
            await at.pass_(40)
            return at.round.tally.counts()

    assert await counts(1) == await counts(1)
    assert len({await counts(seed) for seed in (1, 2, 3)}) > 1


async def test_a_kind_that_nobody_can_answer_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ANSWERS, "single")
    async with hall() as at:
        await at.do(OpenVoting("q1"))
        await at.pass_(30)
        assert at.busy.sent == []


async def test_a_voter_who_is_sent_away_has_left() -> None:
    async with hall() as at:
        (first, *others) = at.room.channel.subscribers("voter")
        first.leave_with("timed_out")
        assert first not in at.room.channel.subscribers("voter")
        assert at.room.channel.subscribers("voter") == others


async def test_voters_are_heard_of_whatever_they_are_sent() -> None:
    async with hall() as at:
        voter = at.room.channel.subscribers("voter")[0]
        voter.alive = False
        voter.send(b"\x89\x00")
        assert voter.alive
        assert not voter.writing
