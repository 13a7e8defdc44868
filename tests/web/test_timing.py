"""Timers and the health of a room on a server that really listens: what voters and hosts are told, and when."""

import asyncio
import json
from pathlib import Path

import pytest

from livevote.clock import ManualClock
from livevote.domain.records import TimerSet, VotingClosed
from livevote.live.room import LiveRoom
from livevote.live.sweep import sweep
from livevote.live.watch import watch
from tests.client import Message, Venue, eventually, venue
from tests.web import raw
from tests.web.raw import frame, raw_socket


def live(at: Venue) -> LiveRoom:
    room = at.server.registry.get(at.code)
    assert room is not None
    return room


async def logged(at: Venue, type_: type) -> list[int]:
    """The instants of all records of a type."""
    return [
        entry.record.at
        async for entries in at.server.services.log.read(at.code)
        for entry in entries
        if isinstance(entry.record, type_)
    ]


@pytest.mark.timeout(seconds=20)
async def test_a_round_is_closed_when_its_time_is_over(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        voter, host = await at.open(), await at.open_host()
        await at.command("add_question", kind="single", text="?", options=["A", "B"])
        await at.command("open", seconds=5)
        state = await voter.until(lambda told: told["type"] == "state" and told["question"] is not None)
        left_ms = state["question"]["closes_at"] - state["at"]
        assert 3000 < left_ms <= 5000
        assert (await voter.vote("v1", 0))["type"] == "recorded"
        await eventually(lambda: live(at).state.questions["q1"].phase == "closed", within_s=10)
        state = await voter.until(lambda told: told["type"] == "state" and told["question"]["phase"] == "closed")
        assert state["question"]["closes_at"] is None
        assert (await voter.vote("v2", 1))["code"] == "closed"
        await host.until(lambda told: told["questions"] != [] and told["questions"][0]["phase"] == "closed")
        (closed_at,) = await logged(at, VotingClosed)
        asked = live(at).state.questions["q1"].rounds[0]
        assert asked.closes_at is not None
        assert 0 <= closed_at - asked.closes_at < 3000


async def test_voters_see_a_timer_that_is_set_while_it_runs(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        voter = await at.open()
        await voter.until(lambda told: told["type"] == "state" and told["question"]["closes_at"] is None)
        for seconds in (600, 60):
            assert (await at.command("set_timer", seconds=seconds))["question"] == "q1"
            state = await voter.until(
                lambda told: told["type"] == "state" and told["question"]["closes_at"] is not None
            )
            assert (seconds - 10) * 1000 < state["question"]["closes_at"] - state["at"] <= seconds * 1000
        await at.command("set_timer", seconds=None)
        await voter.until(lambda told: told["type"] == "state" and told["question"]["closes_at"] is None)
        assert len(await logged(at, TimerSet)) == 3


async def test_what_was_due_while_the_server_was_down_is_closed_by_the_next_start(tmp_path: Path) -> None:
    clock = ManualClock()
    async with venue(tmp_path, clock=clock) as at:
        await at.command("add_question", kind="single", text="?", options=["A", "B"])
        await at.command("open", seconds=60)
    clock.advance(3600)
    async with venue(tmp_path, clock=clock) as at:
        await eventually(lambda: live(at).state.questions["q1"].phase == "closed")
        assert await logged(at, VotingClosed) == [clock.now_ms()]
        await at.command("ask_again", seconds=60)
        clock.advance(60)
        at.server.registry.stirred.set()
        await eventually(lambda: live(at).state.questions["q1"].phase == "closed")
        assert len(await logged(at, VotingClosed)) == 2


@pytest.mark.parametrize("late_s", [0, 1])
async def test_i8_hosts_who_close_when_the_time_is_over_make_no_second_close(tmp_path: Path, late_s: int) -> None:
    clock = ManualClock()
    async with venue(tmp_path, clock=clock) as at:
        await at.command("add_question", kind="single", text="?", options=["A", "B"])
        await at.command("open", seconds=60)
        clock.advance(60 + late_s)
        at.server.registry.stirred.set()
        answers = await asyncio.gather(*(at.try_command("close") for _ in range(5)))
        await eventually(lambda: live(at).state.questions["q1"].phase == "closed")
        refused = [json.loads(answer.body)["error"]["code"] for answer in answers if answer.code != 200]
        assert set(refused) <= {"closed"}
        assert len(refused) >= 4
        assert len(await logged(at, VotingClosed)) == 1


async def health(at: Venue) -> Message:
    response = await at.fetch(f"/api/rooms/{at.code}", headers={"Authorization": f"Bearer {at.host_token}"})
    found: Message = json.loads(response.body)["health"]
    return found


@pytest.mark.usefixtures("wire")
async def test_a_host_sees_who_is_about_to_come_back(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        host, cookie = await at.open_host(), await at.cookie()
        async with raw_socket(at, cookie) as phone:
            await host.until(lambda told: told["health"]["online"] == 1)
            phone.reset()
            told = await host.until(lambda told: told["health"]["online"] == 0)
            assert told["health"]["reconnecting"] == 1
        async with raw_socket(at, cookie) as phone:
            told = await host.until(lambda told: told["health"]["online"] == 1)
            assert told["health"]["reconnecting"] == 0
            await phone.send(raw.close(1001))
            assert await phone.receive() == (raw.CLOSE, b"\x03\xe9")
            told = await host.until(lambda told: told["health"]["online"] == 0)
            assert told["health"]["reconnecting"] == 0


@pytest.mark.usefixtures("wire")
async def test_a_phone_that_falls_silent_is_about_to_come_back(tmp_path: Path) -> None:
    async with venue(tmp_path) as at, raw_socket(at, await at.cookie()) as phone:
        sweeping = asyncio.create_task(sweep(at.server.registry, interval_s=0.01))
        while (received := await phone.receive()) is not None:
            if received[0] == raw.CLOSE:
                phone.end_own_side()
        sweeping.cancel()
        await eventually(lambda: live(at).online == 0)
        assert (await health(at))["reconnecting"] == 1


@pytest.mark.usefixtures("wire")
async def test_round_trips_are_measured_with_the_pings_that_everybody_gets(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        host = await at.open_host()
        await host.until(lambda told: told["health"]["delay_ms"] is None)
        async with raw_socket(at, await at.cookie()) as phone:
            sweeping = asyncio.create_task(sweep(at.server.registry, interval_s=0.01))
            watching = asyncio.create_task(watch(at.server.registry, interval_s=0.01))
            opcode, payload = await phone.receive() or (0, b"")
            assert (opcode, len(payload)) == (raw.PING, 8)
            await phone.send(frame(raw.PONG, bytes(8)) + frame(raw.PONG) + frame(raw.PONG, payload))
            told = await host.until(lambda told: told["health"]["delay_ms"] is not None)
            assert 0 <= told["health"]["delay_ms"] < 5000
            sweeping.cancel()
            watching.cancel()


@pytest.mark.usefixtures("wire")
async def test_i17_a_flood_of_pongs_measures_nothing_and_costs_nothing_that_stays(tmp_path: Path) -> None:
    async with venue(tmp_path) as at, raw_socket(at, await at.cookie()) as phone:
        await phone.send(b"".join(frame(raw.PONG, b"%08d" % number) for number in range(2000)))
        await phone.send(frame(raw.PING, b"last"))
        assert await phone.receive() == (raw.PONG, b"last")
        vitals = live(at).vitals
        assert (vitals.delay_ms, len(vitals._asked), len(vitals._delays)) == (None, 0, 0)


async def test_health_is_part_of_what_a_host_asks_for_over_http(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.open()
        await eventually(lambda: live(at).online == 1)
        no_checks = {"ok": 0, "failed": 0, "delay_ms": None, "offset_ms": None}
        assert await health(at) == {
            "online": 1, "reconnecting": 0, "delay_ms": None, "oldest_unanswered_ms": 0, "checks": no_checks
        }  # fmt: skip
