"""The fan-out: one frame for each role and tick, nothing when nothing changed, only the newest to the slow."""

import asyncio
from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop

from livevote.clock import ManualClock, SystemClock
from livevote.live import hub
from livevote.live.hub import Channel, Part, Role, Subscriber
from livevote.live.sweep import PING, sweep
from livevote.live.vitals import SAMPLE, Vitals


class Screen:
    """A subscriber that remembers what it was sent; ``writing`` holds it up."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.writing = False
        self.alive = True
        self.left_with = ""

    def leave_with(self, name: str) -> None:
        self.left_with = name

    def send(self, frame: bytes) -> None:
        self.frames.append(frame)


stages: list["Stage"] = []
"""Those of the test that runs."""


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Closes all channels behind their test: a task that waits for its next tick would be destroyed with the loop."""
    yield
    while stages:
        IOLoop.current().run_sync(stages.pop().channel.aclose)


class Stage:
    """A channel whose frames name a version, the role and what kind of frame it is."""

    def __init__(self) -> None:
        self.version = 0
        self.rendered: list[bytes] = []
        self.hidden = False
        self.prepared = 0
        self.nobody: list[Subscriber] = []
        self.moving = False
        self.channel = Channel(views=self, clock=SystemClock())
        stages.append(self)

    async def prepare(self) -> None:
        self.prepared += 1

    def own(self, subscriber: Subscriber) -> bytes | None:
        return None if subscriber in self.nobody else f"yours {self.version}".encode()

    def catch_up(self, subscriber: Subscriber, role: Role) -> None:
        subscriber.send(f"{role} catches up {self.version}".encode())

    def tick(self, role: Role, *, full: bool) -> bytes | None:
        if self.hidden and not full and role == "voter":
            return None
        frame = f"{role} {'state' if full else 'tally'} {self.version}".encode()
        self.rendered.append(frame)
        return frame

    def part(self, part: Part, role: Role) -> bytes | None:
        if self.moving:
            self.channel.part_changed(part)
        if self.hidden and role == "voter":
            return None
        frame = f"{role} {part} {self.version}".encode()
        self.rendered.append(frame)
        return frame

    def change(self, *, full: bool = False) -> None:
        self.version += 1
        self.channel.changed(full=full)

    async def quiet(self) -> None:
        task = self.channel._task
        if task is not None:
            await task

    def join(self, role: Role = "voter") -> Screen:
        screen = Screen()
        self.channel.join(screen, role)
        screen.frames.clear()
        return screen


async def test_changes_within_a_tick_share_one_frame_and_everybody_gets_the_same_bytes() -> None:
    stage = Stage()
    screens = [stage.join() for _ in range(100)]
    for _ in range(10):
        stage.change()
    await stage.quiet()
    assert stage.rendered == [b"voter tally 10"]
    assert all(screen.frames == [b"voter tally 10"] for screen in screens)
    assert len({id(screen.frames[0]) for screen in screens}) == 1
    await stage.channel.aclose()


async def test_what_each_voter_gets_alone_comes_behind_the_frame_for_everybody() -> None:
    stage = Stage()
    voters, host = [stage.join() for _ in range(40)], stage.join("host")
    stage.nobody.append(voters[0])
    voters[1].writing = True
    stage.channel.changed(full=True, own=True)
    stage.channel.changed(full=False)
    assert stage.prepared == 0
    while not voters[-1].frames[1:]:
        await asyncio.sleep(0)
    assert stage.prepared >= 1
    assert voters[0].frames == [b"voter state 0"]
    assert voters[1].frames == []
    assert all(voter.frames == [b"voter state 0", b"yours 0"] for voter in voters[2:])
    voters[1].writing = False
    await stage.quiet()
    assert voters[1].frames == [b"voter catches up 0"]
    assert host.frames == [b"host state 0"]
    stage.change()
    await stage.quiet()
    assert voters[2].frames[2:] == [b"voter tally 1"], "once"


async def test_nothing_is_sent_when_nothing_changed() -> None:
    stage = Stage()
    screen = stage.join()
    await stage.quiet()
    assert (stage.rendered, screen.frames) == ([], [])


async def test_a_change_of_structure_is_a_state_and_each_role_has_its_own() -> None:
    stage = Stage()
    voter, host = stage.join(), stage.join("host")
    stage.change()
    stage.change(full=True)
    await stage.quiet()
    assert voter.frames == [b"voter state 2"]
    assert host.frames == [b"host state 2"]


async def test_hidden_results_send_voters_nothing() -> None:
    stage = Stage()
    stage.hidden = True
    voter, host = stage.join(), stage.join("host")
    stage.change()
    await stage.quiet()
    assert voter.frames == []
    assert host.frames == [b"host tally 1"]


async def test_presence_is_not_for_voters() -> None:
    stage = Stage()
    host = stage.join("host")
    voter = stage.join()
    await stage.quiet()
    assert (len(host.frames), voter.frames) == (1, [])
    stage.channel.leave(voter, "voter")
    await stage.quiet()
    assert len(host.frames) == 2


async def test_walls_count_voters_and_are_counted_by_nobody() -> None:
    stage = Stage()
    host, voter, wall = stage.join("host"), stage.join(), stage.join("wall")
    await stage.quiet()
    assert (len(host.frames), voter.frames, wall.frames) == (1, [], [])
    stage.channel.leave(voter, "voter")
    await stage.quiet()
    assert (len(host.frames), wall.frames) == (2, [b"wall tally 0"])
    stage.channel.leave(wall, "wall")
    stage.change()
    await stage.quiet()
    assert (len(host.frames), len(wall.frames)) == (3, 1)
    await stage.channel.aclose()


async def test_i15_a_slow_subscriber_gets_only_the_newest_state_when_it_drains() -> None:
    stage = Stage()
    slow, quick = stage.join(), stage.join()
    slow.writing = True
    for _ in range(5):
        stage.change()
        while len(quick.frames) < stage.version:
            await asyncio.sleep(0.001)
    assert slow.frames == []
    slow.writing = False
    await stage.quiet()
    assert slow.frames == [b"voter catches up 5"]
    assert len(quick.frames) == 5


async def test_a_slow_subscriber_that_leaves_is_forgotten() -> None:
    stage = Stage()
    slow = stage.join()
    slow.writing = True
    stage.change()
    while not stage.channel._lagging:
        await asyncio.sleep(0.001)
    stage.channel.leave(slow, "voter")
    await stage.quiet()
    assert (slow.frames, stage.channel.subscribers()) == ([], [])


async def test_a_part_is_made_once_for_everybody_beside_the_state() -> None:
    stage = Stage()
    voters, host = [stage.join() for _ in range(50)], stage.join("host")
    for _ in range(10):
        stage.channel.part_changed("board")
    stage.change()
    await stage.quiet()
    assert stage.rendered == [b"voter tally 1", b"voter board 1", b"host tally 1", b"host board 1"]
    assert all(voter.frames == [b"voter tally 1", b"voter board 1"] for voter in voters)
    assert len({id(voter.frames[1]) for voter in voters}) == 1
    assert host.frames == [b"host tally 1", b"host board 1"]


async def test_a_part_that_has_nothing_for_a_role_is_not_sent_to_it() -> None:
    stage = Stage()
    stage.hidden = True
    voter, host = stage.join(), stage.join("host")
    stage.channel.part_changed("pulse")
    await stage.quiet()
    assert (voter.frames, host.frames[-1]) == ([], b"host pulse 0")


async def test_parts_go_out_once_in_a_while_and_states_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "PART_EVERY_S", 3 * hub.MIN_TICK_S)
    stage, clock = Stage(), SystemClock()
    screen = stage.join()
    begun_s = clock.monotonic_s()
    stage.moving = True
    stage.channel.part_changed("board")
    while len([frame for frame in screen.frames if b"board" in frame]) < 3:
        stage.change()
        await asyncio.sleep(0.001)
    assert clock.monotonic_s() - begun_s >= 2 * hub.PART_EVERY_S
    assert len([frame for frame in screen.frames if b"tally" in frame]) > 3
    await asyncio.wait_for(stage.channel.aclose(), 2)
    assert stage.rendered[-1] == f"voter board {stage.version}".encode(), "the last one goes out before the end"


async def test_i15_a_slow_subscriber_gets_no_queue_of_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "PART_EVERY_S", 0.0)
    stage = Stage()
    slow, quick = stage.join(), stage.join()
    slow.writing = True
    for version in range(1, 4):
        stage.version = version
        stage.channel.part_changed("board")
        while len(quick.frames) < version:
            await asyncio.sleep(0.001)
    assert slow.frames == []
    slow.writing = False
    await stage.quiet()
    assert slow.frames == [b"voter catches up 3"]


async def test_everybody_of_a_role_is_sent_everything_again() -> None:
    stage = Stage()
    voters, host = [stage.join() for _ in range(40)], stage.join("host")
    stage.channel.resync("voter")
    stage.change(full=True)
    await stage.quiet()
    assert all(voter.frames == [b"voter catches up 1"] for voter in voters)
    assert host.frames == [b"host state 1"]


async def test_ticks_keep_their_distance() -> None:
    stage = Stage()
    screen = stage.join()
    clock = SystemClock()
    begun_s = clock.monotonic_s()
    for version in range(1, 4):
        stage.change()
        while len(screen.frames) < version:
            await asyncio.sleep(0.001)
    assert clock.monotonic_s() - begun_s >= 2 * hub.MIN_TICK_S


async def test_a_long_fan_out_lets_others_run_in_between() -> None:
    stage = Stage()

    class Heavy(Screen):
        def send(self, frame: bytes) -> None:
            super().send(frame)
            busy_until_s = SystemClock().monotonic_s() + 0.0001
            while SystemClock().monotonic_s() < busy_until_s:
                pass

    screens = [Heavy() for _ in range(500)]
    for screen in screens:
        stage.channel.join(screen, "voter")
        screen.frames.clear()
    stage.change()
    turns = 0
    task = stage.channel._task
    assert task is not None
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 10, "50 ms of sending is cut into slices of about 2 ms"
    assert all(screen.frames == [b"voter tally 1"] for screen in screens)


async def test_closing_sends_the_last_result_first() -> None:
    stage = Stage()
    screen = stage.join()
    stage.change()
    await stage.channel.aclose()
    assert screen.frames == [b"voter tally 1"]


class Rooms:
    """A registry of one room, as far as the sweeper sees it."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.vitals = Vitals(clock=ManualClock())

    def all(self) -> list["Rooms"]:
        return [self]


async def test_the_sweeper_pings_and_lets_go_of_those_who_are_never_heard_of() -> None:
    stage = Stage()
    lively, silent, stuck = stage.join(), stage.join(), stage.join()
    stuck.writing = True
    sweeping = asyncio.create_task(sweep(Rooms(stage.channel), interval_s=0.001))  # type: ignore[arg-type]
    while not (silent.left_with and stuck.left_with):
        lively.alive = True
        await asyncio.sleep(0)
    sweeping.cancel()
    assert (silent.left_with, stuck.left_with, lively.left_with) == ("timed_out", "timed_out", "")
    assert {frame[0] for frame in silent.frames + lively.frames} == {PING[0]}
    assert stuck.frames == [], "who has not read an earlier frame gets no ping on top"


async def test_of_a_large_room_some_pages_are_measured_and_all_in_turn() -> None:
    stage = Stage()
    rooms = Rooms(stage.channel)
    voters, host = [stage.join() for _ in range(2 * SAMPLE + 3)], stage.join("host")
    sweeping = asyncio.create_task(sweep(rooms, interval_s=0.001))  # type: ignore[arg-type]
    while len(host.frames) < 3:
        for one in (*voters, host):
            one.alive = True
        await asyncio.sleep(0)
    sweeping.cancel()
    assert set(host.frames) == {PING}
    for turn in range(3):
        measured = [voter.frames[turn] for voter in voters if voter.frames[turn] != PING]
        assert SAMPLE // 2 <= len(measured) <= SAMPLE
        assert len(set(measured)) == len(measured), "each has its own token"
    assert all(any(frame != PING for frame in voter.frames[:3]) for voter in voters)


async def test_a_frame_is_sent_again_to_those_who_are_there() -> None:
    stage = Stage()
    stage.channel.refresh("host")
    await stage.quiet()
    voter, host = stage.join(), stage.join("host")
    stage.channel.refresh("host")
    await stage.quiet()
    assert (voter.frames, host.frames) == ([], [b"host tally 0"])
    stage.change(full=True)
    stage.channel.refresh("host")
    await stage.quiet()
    assert host.frames[1:] == [b"host state 1"], "a change of the log is not made smaller by it"


async def test_a_channel_closes_although_one_page_never_reads() -> None:
    stage = Stage()
    stuck, screen = stage.join(), stage.join()
    stuck.writing = True
    stage.change()
    await asyncio.wait_for(stage.channel.aclose(), 2)
    assert (screen.frames, stuck.frames) == ([b"voter tally 1"], [])
    stage.change()
    stage.channel.leave(screen, "voter")
    assert stage.channel._task is not None
    assert stage.channel._task.done(), "nothing starts any more"


async def test_i10_who_syncs_in_the_middle_of_a_fan_out_never_gets_an_older_frame_after_a_newer_one() -> None:
    stage = Stage()

    class Syncing(Screen):
        def send(self, frame: bytes) -> None:
            super().send(frame)
            if b"tally" in frame:
                stage.version += 1
                for other in screens:
                    stage.channel.sync(other, "voter")

    screens: list[Screen] = [Syncing(), *(Screen() for _ in range(50))]
    for screen in screens:
        stage.channel.join(screen, "voter")
        screen.frames.clear()
    stage.change()
    await stage.quiet()
    for screen in screens:
        versions = [int(frame.split()[-1]) for frame in screen.frames]
        assert versions == sorted(versions)
        assert screen.frames[-1] == b"voter catches up 2"


async def test_i15_who_syncs_and_never_reads_is_sent_nothing_more() -> None:
    stage = Stage()
    stuck = stage.join()
    stuck.writing = True
    for _ in range(100):
        stage.channel.sync(stuck, "voter")
    assert stuck.frames == []
    stuck.writing = False
    await stage.quiet()
    assert stuck.frames == [b"voter catches up 0"]


class Fallible(Stage):
    """A stage on which frames of some sort cannot be made as many times as ``failures`` says."""

    def __init__(self, failures: dict[str, int]) -> None:
        super().__init__()
        self.failures = failures

    def _may_fail(self, what: str) -> None:
        if self.failures.get(what):
            self.failures[what] -= 1
            raise RuntimeError(what)

    def tick(self, role: Role, *, full: bool) -> bytes | None:
        self._may_fail(role)
        return super().tick(role, full=full)

    def own(self, subscriber: Subscriber) -> bytes | None:
        self._may_fail("own")
        return super().own(subscriber)

    def part(self, part: Part, role: Role) -> bytes | None:
        self._may_fail(part)
        return super().part(part, role)


async def test_a_frame_that_could_not_be_made_is_made_by_a_later_tick_with_all_that_was_to_be_in_it(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "MAX_TICK_S", 0.001)
    monkeypatch.setattr(hub, "PART_EVERY_S", 0.0)
    stage = Fallible({"voter": 2, "own": 1, "board": 1, "host": 2})
    voter, host = stage.join(), stage.join("host")
    stage.version = 1
    stage.channel.changed(full=True, own=True)
    stage.channel.part_changed("board")
    while not caplog.records:
        await asyncio.sleep(0)
    stage.change()  # the ballots only
    await stage.quiet()
    assert voter.frames[:3] == [b"voter state 2", b"yours 2", b"voter board 2"]
    assert set(voter.frames[3:]) == {b"voter board 2"}, "a part that one role did not get goes to all of them again"
    assert host.frames == [b"host state 2", b"host board 2"]
    assert set(stage.failures.values()) == {0}
    assert all("could not be sent" in record.message for record in caplog.records)
    caplog.clear()


async def test_who_was_sent_a_frame_does_not_get_it_again_because_of_another_role(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "MAX_TICK_S", 0.001)
    stage = Fallible({"host": 3})
    voter, host = stage.join(), stage.join("host")
    stage.channel.changed(full=True, own=True)
    await stage.quiet()
    assert voter.frames == [b"voter state 0", b"yours 0"]
    assert host.frames == [b"host state 0"]
    caplog.clear()


async def test_a_frame_that_can_never_be_made_does_not_keep_a_channel_open(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "MAX_TICK_S", 0.001)
    stage = Fallible({"voter": 1_000_000})
    stage.join()
    stage.change()
    while len(caplog.records) < 3:
        await asyncio.sleep(0)
    await asyncio.wait_for(stage.channel.aclose(), 2)
    caplog.clear()
