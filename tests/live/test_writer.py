"""The writer: batches, order, the three answers, and what happens when the log is full or broken."""

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path
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
    IssueCodes,
    JudgePosts,
    LinkPseudonyms,
    NamePlayer,
    OpenVoting,
    RevealResults,
    SwitchBoard,
    UseCode,
)
from livevote.domain.records import Draft, Entry
from livevote.domain.refusals import Code, Refusal
from livevote.domain.room import Decision, Known, Repeat, decide
from livevote.domain.state import Room
from livevote.keys import Keyring
from livevote.live import writer as module
from livevote.live.outcome import Outcome
from livevote.live.registry import Registry
from livevote.live.writer import MAX_BATCH, StoppedError, Writer, Written
from livevote.log import LogFailedError, LogRetryError
from livevote.log.memory import MemoryLog
from livevote.protocol.codes import Unsure
from tests.client import eventually
from tests.history import ask, upvote

ROOM = "ROOM22"


class SlowLog(MemoryLog):
    """A log that notes its batches, waits at a gate, and fails when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.batches: list[Sequence[Draft]] = []
        self.begun = asyncio.Event()
        self.failure: Exception | None = None

    async def append(self, drafts: Sequence[Draft], *, ticket: int) -> None:
        self.batches.append(drafts)
        self.begun.set()
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        await super().append(drafts, ticket=ticket)


class Desk:
    """A writer with one room and one open question, and a list of all outcomes in the order they came."""

    def __init__(self, keys: Path, *, queue_limit: int = 10_000) -> None:
        self.log = SlowLog()
        self.keyring = Keyring(keys, create=True)
        self.clock = ManualClock()
        self.registry = Registry(keyring=self.keyring, clock=self.clock, base_url=lambda: "http://x")
        self.writer = Writer(log=self.log, registry=self.registry, clock=self.clock, queue_limit=queue_limit)
        self.running = asyncio.create_task(self.writer.run())
        self.outcomes: list[tuple[str, Outcome]] = []

    async def open_room(self, *, changeable: bool = True) -> None:
        self.keyring.make_room(ROOM)
        add = AddQuestion(kind="single", text="?", options=("A", "B"), changeable=changeable)
        for command in (CreateRoom(ROOM, "Room"), add, OpenVoting("q1")):
            assert isinstance(await self.writer.ask(ROOM, command), Entry)
        self.log.batches.clear()
        self.log.begun.clear()

    def vote(self, voter: str, id_: str, choice: int = 0) -> None:
        ballot = CastBallot(voter, id_, "q1", 1, msgspec.json.encode({"choices": [choice]}), bytes(16))
        self.writer.submit(ROOM, ballot, lambda outcome: self.outcomes.append((id_, outcome)))

    def command(self, name: str, command: Any) -> None:
        self.writer.submit(ROOM, command, lambda outcome: self.outcomes.append((name, outcome)))

    async def settled(self, count: int) -> dict[str, Outcome]:
        while len(self.outcomes) < count:
            await asyncio.sleep(0)
        return dict(self.outcomes)

    async def stop(self) -> None:
        self.writer.stop()
        await self.running
        for room in self.registry.all():
            await room.channel.aclose()
        await self.log.aclose()

    @property
    def counts(self) -> tuple[int, ...]:
        room = self.registry.get(ROOM)
        assert room is not None
        return room.state.questions["q1"].rounds[0].tally.counts()


async def test_what_waits_while_one_batch_is_written_becomes_the_next(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    desk.log.gate.clear()
    desk.vote("first", "v0")
    await desk.log.begun.wait()
    for number in range(1, 50):
        desk.vote(f"voter{number}", f"v{number}")
    assert desk.outcomes == [], "I1: nothing is answered before it is durable"
    assert desk.counts == (0, 0), "state moves only when records come back from the log"
    desk.log.gate.set()
    await desk.settled(50)
    assert [len(batch) for batch in desk.log.batches] == [1, 49]
    assert desk.counts == (50, 0)
    await desk.stop()


async def test_the_oldest_unanswered_command_is_known_whether_it_was_decided_or_not(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    assert desk.writer.oldest_unanswered_ms == 0
    desk.log.gate.clear()
    desk.vote("first", "v0")
    desk.clock.advance(1)
    assert desk.writer.oldest_unanswered_ms == 1000, "it waits in the queue"
    await desk.log.begun.wait()
    desk.clock.advance(1)
    desk.vote("second", "v1")
    desk.clock.advance(0.5)
    assert desk.writer.oldest_unanswered_ms == 2500, "it is on its way to the disk"
    desk.log.begun.clear()
    desk.log.gate.set()
    await desk.settled(1)
    desk.log.gate.clear()
    await desk.log.begun.wait()
    assert desk.writer.oldest_unanswered_ms == 500
    desk.log.gate.set()
    await desk.settled(2)
    assert desk.writer.oldest_unanswered_ms == 0
    await desk.stop()


async def test_chores_are_done_behind_the_commands_that_wait(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    done: list[int] = []

    async def chore() -> None:
        done.append(len(desk.outcomes))

    desk.log.gate.clear()
    desk.vote("first", "v0")
    await desk.log.begun.wait()
    desk.writer._next_chore_s = 1.0
    desk.vote("second", "v1")
    waiting = asyncio.create_task(desk.writer.chore(chore))
    desk.log.gate.set()
    await waiting
    assert done == [2]
    assert [len(batch) for batch in desk.log.batches] == [1, 1]
    await desk.stop()


async def test_a_chore_does_not_wait_forever_for_commands_to_end(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    done: list[int] = []

    async def chore() -> None:
        done.append(len(desk.outcomes))

    desk.log.gate.clear()
    desk.vote("first", "v0")
    await desk.log.begun.wait()
    desk.vote("second", "v1")
    waiting = asyncio.create_task(desk.writer.chore(chore))
    await asyncio.sleep(0)
    desk.log.gate.set()
    await waiting
    await desk.settled(2)
    assert done == [1], "between the two batches: the last chore was long ago"
    await desk.stop()


async def test_a_chore_that_may_be_tried_again_is_for_its_caller_and_the_writer_goes_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()

    async def full() -> None:
        raise LogRetryError("database or disk is full")

    with pytest.raises(LogRetryError):
        await desk.writer.chore(full)
    desk.vote("first", "v0")
    assert isinstance((await desk.settled(1))["v0"], Entry)
    await desk.stop()


async def test_i11_a_chore_that_breaks_the_log_ends_the_writer(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()

    async def breaks() -> None:
        raise LogFailedError("disk I/O error")

    async def never() -> None:
        raise AssertionError

    first, second = (asyncio.create_task(desk.writer.chore(work)) for work in (breaks, never))
    for waiting in (first, second):
        with pytest.raises(StoppedError):
            await waiting
    with pytest.raises(LogFailedError):
        await desk.running
    assert desk.writer.failed
    with pytest.raises(StoppedError):
        await desk.writer.chore(never)


async def test_nobody_waits_for_a_chore_that_was_given_up(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        begun.set()
        await may_end.wait()

    waiting = asyncio.create_task(desk.writer.chore(slow))
    await begun.wait()
    waiting.cancel()
    may_end.set()
    desk.vote("first", "v0")
    assert isinstance((await desk.settled(1))["v0"], Entry)
    await desk.stop()


async def test_i3_two_ballots_of_one_voter_in_one_batch_are_decided_one_after_the_other(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room(changeable=False)
    desk.vote("voter", "v1", 0)
    desk.vote("voter", "v2", 1)
    await desk.settled(2)
    desk.vote("voter", "v1", 0)
    outcomes = await desk.settled(3)
    assert isinstance(desk.outcomes[0][1], Entry)
    assert outcomes["v2"] == Refusal(Code.ALREADY_VOTED)
    assert isinstance(outcomes["v1"], Repeat), "I6: the retry is answered from the log"
    assert desk.counts == (1, 0)
    await desk.stop()


async def test_a_crowd_that_names_itself_shares_a_batch_and_no_two_get_one_name(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.keyring.make_room(ROOM)
    for command in (CreateRoom(ROOM, "Room"), LinkPseudonyms()):
        assert isinstance(await desk.writer.ask(ROOM, command), Entry)
    desk.log.batches.clear()
    for number in range(50):
        desk.command(f"n{number}", NamePlayer(f"voter{number}", "1", f"Player {number}", bytes(16)))
    desk.command("late", NamePlayer("late", "1", "PLAYER 3", bytes(16)))
    desk.command("again", NamePlayer("voter3", "2", "Other", bytes(16)))
    outcomes = await desk.settled(52)
    assert [len(batch) for batch in desk.log.batches] == [50, 1]
    assert outcomes["late"] == Refusal(Code.NAME_TAKEN)
    assert isinstance(outcomes["again"], Entry)
    await desk.stop()


async def test_the_names_of_one_voter_keep_their_order_while_another_takes_the_first(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.keyring.make_room(ROOM)
    for command in (CreateRoom(ROOM, "Room"), LinkPseudonyms()):
        assert isinstance(await desk.writer.ask(ROOM, command), Entry)
    # The second of these waits for the first one's fate; what its voter wants after that must not overtake it.
    desk.command("hers", NamePlayer("eve", "1", "Kim", bytes(16)))
    desk.command("first", NamePlayer("voter", "1", "KIM", bytes(16)))
    desk.command("later", NamePlayer("voter", "2", "Lee", bytes(16)))
    desk.command("third", NamePlayer("third", "1", "LEE", bytes(16)))
    outcomes = await desk.settled(4)
    assert [name for name, _ in desk.outcomes] == ["hers", "first", "later", "third"]
    assert outcomes["first"] == Refusal(Code.NAME_TAKEN)
    assert isinstance(outcomes["later"], Entry)
    assert outcomes["third"] == Refusal(Code.NAME_TAKEN)
    await desk.stop()


async def test_i19_voters_by_code_of_one_batch_take_no_more_places_than_codes_were_used(tmp_path: Path) -> None:
    """As after an import with a new key: everybody is a stranger, and the codes that were used say how many vote."""
    desk = Desk(tmp_path)
    await desk.open_room()
    commands: tuple[Command, ...] = (
        CloseVoting("q1"),
        AddQuestion("single", "By code?", ("A", "B"), level="code"),
        IssueCodes(9, "ab" * 32),
        *(UseCode(1, place, "browser") for place in range(3)),
        OpenVoting("q2"),
    )
    for command in commands:
        assert isinstance(await desk.writer.ask(ROOM, command), Entry)
    desk.log.batches.clear()
    answer = b'{"choices":[0]}'
    sent = [CastBallot(f"voter{number}", "v", "q2", 1, answer, bytes(16), code=(1, 0)) for number in range(5)]
    outcomes = await asyncio.gather(*(desk.writer.ask(ROOM, ballot) for ballot in sent))
    assert [isinstance(outcome, Entry) for outcome in outcomes] == [True] * 3 + [False] * 2
    assert outcomes[3:] == [Refusal(Code.NO_CODE)] * 2
    assert [len(batch) for batch in desk.log.batches] == [3]
    assert isinstance(await desk.writer.ask(ROOM, msgspec.structs.replace(sent[0], id="w")), Entry), "a change"
    await desk.stop()


async def test_i8_commands_keep_their_order_around_a_close(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    desk.vote("a", "before")
    desk.vote("a", "changed", 1)
    desk.command("close", CloseVoting("q1"))
    desk.vote("b", "after")
    outcomes = await desk.settled(4)
    assert isinstance(outcomes["before"], Entry)
    assert isinstance(outcomes["changed"], Entry)
    assert isinstance(outcomes["close"], Entry)
    assert outcomes["after"] == Refusal(Code.CLOSED)
    assert desk.counts == (0, 1)
    await desk.stop()


async def test_a_batch_has_a_limit_and_the_rest_follows(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    for number in range(MAX_BATCH + 5):
        desk.vote(f"voter{number}", f"v{number}")
    await desk.settled(MAX_BATCH + 5)
    assert [len(batch) for batch in desk.log.batches] == [MAX_BATCH, 5]
    assert desk.writer.written == Written(batches=5, records=MAX_BATCH + 8, largest=MAX_BATCH, newest=5)
    await desk.stop()


class Wall:
    """A subscriber that only notes when it was sent something."""

    writing = False
    alive = True

    def __init__(self, told: list[str]) -> None:
        self._told = told

    def send(self, frame: bytes) -> None:  # noqa: ARG002
        self._told.append("everybody")

    def leave_with(self, name: str) -> None:
        raise AssertionError(name)


async def test_a_batch_is_answered_before_anybody_else_is_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    room = desk.registry.get(ROOM)
    assert room is not None
    told: list[str] = []
    room.channel.join(Wall(told), "host")
    await eventually(lambda: not room.channel._changed)
    told.clear()
    for number in range(50):
        ballot = CastBallot(f"voter{number}", "v", "q1", 1, b'{"choices":[0]}', bytes(16))
        desk.writer.submit(ROOM, ballot, lambda _: told.append("voter"))
    await eventually(lambda: "everybody" in told)
    assert told == ["voter"] * 50 + ["everybody"]
    await desk.stop()


async def test_i15_a_full_queue_says_busy(tmp_path: Path) -> None:
    desk = Desk(tmp_path, queue_limit=2)
    await desk.open_room()
    for number in range(3):
        desk.vote(f"voter{number}", f"v{number}")
    assert desk.outcomes == [("v2", Unsure.BUSY)]
    assert desk.writer.waiting == 2
    await desk.settled(3)
    await desk.stop()


async def test_i15_votes_that_fill_the_queue_leave_room_for_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_OF_HOSTS", 2)
    desk = Desk(tmp_path, queue_limit=2)
    await desk.open_room()
    for number in range(3):
        desk.vote(f"voter{number}", f"v{number}")
    for name in ("reveal", "close", "one more"):
        desk.command(name, RevealResults("q1") if name == "reveal" else CloseVoting("q1"))
    assert desk.outcomes == [("v2", Unsure.BUSY), ("one more", Unsure.BUSY)]
    outcomes = await desk.settled(6)
    assert isinstance(outcomes["close"], Entry)
    assert desk.counts == (2, 0), "what waited before the close counts"
    assert isinstance(await desk.writer.ask(ROOM, AskAgain("q1")), Entry), "the room is free again"
    await desk.stop()


async def test_i11_a_full_disk_is_told_and_writing_resumes(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    desk.log.failure = LogRetryError("full")
    desk.vote("a", "v1")
    assert (await desk.settled(1))["v1"] is Unsure.RETRY_LATER
    assert desk.counts == (0, 0)
    assert desk.writer.written.batches == 3, "what was not kept is not counted"
    desk.log.failure = None
    desk.outcomes.clear()
    desk.vote("a", "v1")
    assert isinstance((await desk.settled(1))["v1"], Entry)
    assert desk.counts == (1, 0)
    await desk.stop()


async def test_i11_a_broken_log_answers_unknown_and_stops_everything(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    desk.log.gate.clear()
    desk.vote("a", "written")
    await desk.log.begun.wait()
    desk.vote("b", "queued")
    desk.log.failure = LogFailedError("EIO")
    desk.log.gate.set()
    with pytest.raises(LogFailedError):
        await desk.running
    desk.vote("c", "later")
    assert dict(desk.outcomes) == {"written": Unsure.FAILED, "queued": Unsure.FAILED, "later": Unsure.FAILED}
    assert desk.writer.failed
    assert desk.counts == (0, 0)
    await desk.log.aclose()


async def test_one_answer_that_cannot_be_delivered_silences_nobody_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()

    def explode(outcome: Outcome) -> None:  # noqa: ARG001
        raise ZeroDivisionError

    ballot = CastBallot("a", "v1", "q1", 1, b'{"choices":[0]}', bytes(16))
    desk.writer.submit(ROOM, ballot, explode)
    desk.vote("b", "v2")
    desk.vote("c", "v3")
    outcomes = await desk.settled(2)
    assert all(isinstance(outcome, Entry) for outcome in outcomes.values())
    assert desk.counts == (3, 0)
    assert "could not be delivered" in caplog.text
    await desk.stop()


async def test_a_command_that_cannot_be_decided_stops_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()

    def wrong(room: Room | None, command: Command, *, at: int) -> Decision:
        if isinstance(command, CastBallot) and command.id == "poison":
            raise ZeroDivisionError
        return decide(room, command, at=at)

    monkeypatch.setattr("livevote.live.writer.decide", wrong)
    desk.vote("a", "poison")
    desk.vote("b", "v2")
    outcomes = await desk.settled(2)
    assert outcomes["poison"] is Unsure.FAULT
    assert isinstance(outcomes["v2"], Entry)
    assert "could not be decided" in caplog.text
    await desk.stop()


async def test_i19_a_record_that_the_fold_would_refuse_never_becomes_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()

    def wrong(room: Room | None, command: Command, *, at: int) -> Decision:
        decision = decide(room, command, at=at)
        if isinstance(command, AddQuestion) and isinstance(decision, Draft):
            taken = msgspec.structs.replace(decision.record, id="q1")
            return msgspec.structs.replace(decision, record=taken)
        return decision

    monkeypatch.setattr("livevote.live.writer.decide", wrong)
    desk.command("add", AddQuestion(kind="single", text="Twice?", options=("A", "B")))
    desk.vote("a", "v1")
    outcomes = await desk.settled(2)
    assert outcomes["add"] is Unsure.FAULT
    assert isinstance(outcomes["v1"], Entry)
    assert [draft.record for batch in desk.log.batches for draft in batch] == [outcomes["v1"].record]
    assert f"QuestionDefined does not fit the log of {ROOM}" in caplog.text
    await desk.stop()


async def test_an_error_while_applying_fails_in_the_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()

    def explode(entry: Entry) -> None:  # noqa: ARG001
        raise ZeroDivisionError

    monkeypatch.setattr(desk.registry, "apply", explode)
    desk.vote("a", "v1")
    with pytest.raises(ZeroDivisionError):
        await desk.running
    assert desk.writer.failed
    assert dict(desk.outcomes) == {"v1": Unsure.FAILED}
    await desk.log.aclose()


async def test_posts_and_upvotes_of_many_share_a_batch_and_those_of_one_do_not(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    assert isinstance(await desk.writer.ask(ROOM, SwitchBoard(on=True, approval=False)), Entry)
    assert isinstance(await desk.writer.ask(ROOM, ask("ann", "Why?")), Entry)
    desk.log.batches.clear()
    desk.command("own", upvote("ann", 5))
    desk.command("back", upvote("ann", 5, on=False))
    for number in range(48):
        desk.command(f"{number}", upvote(f"v{number}", 5))
    desk.command("post", ask("bob", "How?"))
    outcomes = await desk.settled(51)
    assert [len(batch) for batch in desk.log.batches] == [50, 1]
    assert all(isinstance(outcome, Entry) for outcome in outcomes.values())
    room = desk.registry.get(ROOM)
    assert room is not None
    assert room.state.board.posts[5].votes == 48
    desk.command("again", upvote("ann", 5))
    assert isinstance((await desk.settled(52))["again"], Known)
    desk.command("hide", JudgePosts((5,), shown=False))
    desk.command("late", upvote("eve", 5))
    assert (await desk.settled(54))["late"] == Refusal(Code.UNKNOWN_POST), "a host's command comes between"
    await desk.stop()


async def test_i17_one_voter_cannot_fill_the_queue(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    for number in range(10):
        desk.vote("greedy", f"g{number}")
    desk.vote("modest", "m1")
    assert [id_ for id_, outcome in desk.outcomes if outcome is Unsure.BUSY] == [f"g{n}" for n in range(2, 10)]
    desk.outcomes.clear()
    outcomes = await desk.settled(3)
    assert [len(batch) for batch in desk.log.batches] == [2, 1]
    assert isinstance(outcomes["m1"], Entry)
    desk.vote("greedy", "g11")
    assert isinstance((await desk.settled(4))["g11"], Entry)
    await desk.stop()


async def test_stop_answers_what_waits_and_takes_no_more(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    desk.log.gate.clear()
    desk.vote("a", "v1")
    await desk.log.begun.wait()
    desk.vote("b", "v2")
    desk.writer.stop()
    desk.vote("c", "v3")
    desk.log.gate.set()
    await desk.running
    outcomes = dict(desk.outcomes)
    assert isinstance(outcomes["v1"], Entry)
    assert isinstance(outcomes["v2"], Entry)
    assert outcomes["v3"] is Unsure.STOPPING
    await desk.log.aclose()


async def test_who_stopped_waiting_is_not_missed(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    desk.log.gate.clear()
    asked = asyncio.create_task(desk.writer.ask(ROOM, CloseVoting("q1")))
    await desk.log.begun.wait()
    asked.cancel()
    desk.log.gate.set()
    desk.vote("a", "v1")
    assert (await desk.settled(1))["v1"] == Refusal(Code.CLOSED)
    await desk.stop()


async def test_work_that_can_wait_goes_on_between_votes(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    await desk.writer.give_way()
    desk.log.gate.clear()
    desk.vote("first", "v1")
    patient = asyncio.create_task(desk.writer.give_way())
    await desk.log.begun.wait()
    desk.log.gate.set()
    await patient
    assert [id_ for id_, _ in desk.outcomes] == ["v1"], "whoever gives way comes after the answer"
    await desk.stop()
    await desk.writer.give_way()


async def test_a_vote_that_comes_in_with_the_turn_is_taken_first(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    loop = asyncio.get_running_loop()
    theirs, ours = socket.socketpair()
    with theirs, ours:

        def take() -> None:
            loop.remove_reader(theirs)
            desk.vote("first", "v1")

        loop.add_reader(theirs, take)
        ours.send(b"a vote")
        await desk.writer.give_way()
        assert [id_ for id_, _ in desk.outcomes] == ["v1"]
    await desk.stop()


async def test_votes_without_a_pause_do_not_stop_what_gives_way(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    desk.log.gate.clear()
    desk.vote("first", "v1")
    await desk.writer.give_way()
    assert desk.outcomes == []
    desk.log.gate.set()
    await desk.stop()


async def test_after_a_failure_nobody_gives_way_any_more(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.open_room()
    desk.log.failure = LogFailedError("broken")
    desk.vote("first", "v1")
    with pytest.raises(LogFailedError):
        await desk.running
    assert desk.writer._all_answered.is_set()
