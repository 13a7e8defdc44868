"""The fan-out: one frame for each role and tick, nothing when nothing changed, only the newest to the slow."""

import asyncio

from livevote.clock import SystemClock
from livevote.live import hub
from livevote.live.hub import Channel, Role
from livevote.live.sweep import PING, sweep


class Screen:
    """A subscriber that remembers what it was sent; ``writing`` holds it up."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.writing = False
        self.alive = True

    def send(self, frame: bytes) -> None:
        self.frames.append(frame)


class Stage:
    """A channel whose frames name a version, the role and what kind of frame it is."""

    def __init__(self) -> None:
        self.version = 0
        self.rendered: list[bytes] = []
        self.hidden = False
        self.channel = Channel(render=self.render, clock=SystemClock())

    def render(self, role: Role, *, full: bool) -> bytes | None:
        if self.hidden and not full and role == "voter":
            return None
        frame = f"{role} {'state' if full else 'tally'} {self.version}".encode()
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


async def test_presence_is_for_the_host_alone() -> None:
    stage = Stage()
    host = stage.join("host")
    voter = stage.join()
    await stage.quiet()
    assert (len(host.frames), voter.frames) == (1, [])
    stage.channel.leave(voter, "voter")
    await stage.quiet()
    assert len(host.frames) == 2


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
    assert slow.frames == [b"voter state 5"]
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

    def all(self) -> list["Rooms"]:
        return [self]


async def test_the_sweeper_pings_and_lets_go_of_those_who_never_answer() -> None:
    stage = Stage()
    lively, silent, slow = stage.join(), stage.join(), stage.join()
    slow.writing = True
    closed: list[object] = []
    sweeping = asyncio.create_task(sweep(Rooms(stage.channel), close=closed.append, interval_s=0.001))  # type: ignore[arg-type]
    while silent not in closed:
        lively.alive = True
        await asyncio.sleep(0)
    sweeping.cancel()
    assert lively not in closed
    assert slow not in closed, "who still reads an earlier frame is slow, not gone"
    assert silent.frames[0] == lively.frames[0] == PING
    assert slow.frames == []
