"""Who is about to come back, and the median of the round trips: what is noted, what is forgotten, what is bounded."""

import pytest

from livevote.clock import ManualClock
from livevote.live import vitals
from livevote.live.vitals import RECONNECTING_S, Vitals
from livevote.protocol.messages import Check, ChecksInfo

ANN, BOB = "Ann's page", "Bob's page"


def payload(ping: bytes) -> bytes:
    """What a page sends back."""
    assert (ping[0], ping[1]) == (0x89, len(ping) - 2)
    return ping[2:]


def measure(room: Vitals, clock: ManualClock, *delays_ms: int) -> None:
    """One page after the other takes so long for its pong."""
    for delay_ms in delays_ms:
        ping = room.ping(ANN)
        clock.advance(delay_ms / 1000)
        room.pong(ANN, payload(ping))


def test_who_vanished_is_reconnecting_for_a_minute() -> None:
    clock = ManualClock()
    room = Vitals(clock=clock)
    room.lost("s1")
    clock.advance(RECONNECTING_S / 2)
    room.lost("s2")
    assert room.reconnecting == 2
    clock.advance(RECONNECTING_S / 2)
    assert room.reconnecting == 2
    clock.advance(0.001)
    assert room.reconnecting == 1
    clock.advance(RECONNECTING_S)
    assert room.reconnecting == 0


def test_who_is_back_is_not_reconnecting_and_who_vanishes_again_is_one() -> None:
    clock = ManualClock()
    room = Vitals(clock=clock)
    room.back("s1")
    room.lost("s1")
    clock.advance(RECONNECTING_S - 1)
    room.lost("s1")
    assert room.reconnecting == 1
    clock.advance(RECONNECTING_S - 1)
    assert room.reconnecting == 1, "the minute begins with the last time"
    room.back("s1")
    assert room.reconnecting == 0


def test_a_wall_clock_that_jumps_changes_nothing() -> None:
    clock = ManualClock()
    room = Vitals(clock=clock)
    room.lost("s1")
    ping = room.ping(ANN)
    clock.jump(3600)
    room.pong(ANN, payload(ping))
    assert (room.reconnecting, room.delay_ms) == (1, 0)


def test_i15_a_flood_of_new_sessions_is_forgotten_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals, "_MOST_LOST", 3)
    room = Vitals(clock=ManualClock())
    for number in range(10):
        room.lost(f"s{number}")
    assert room.reconnecting == 3
    room.back("s6")
    assert room.reconnecting == 3
    room.back("s9")
    assert room.reconnecting == 2


def test_the_delay_is_the_median_of_the_round_trips_of_the_last_minute() -> None:
    clock = ManualClock()
    room = Vitals(clock=clock)
    assert (room.reconnecting, room.delay_ms) == (0, None)
    measure(room, clock, 5, 900, 20)
    assert room.delay_ms == 20
    measure(room, clock, 30)
    assert room.delay_ms == 25
    clock.advance(59)
    measure(room, clock, 500)
    assert room.delay_ms == 265, "those of 5 and 900 ms are older than a minute"
    clock.advance(61)
    assert room.delay_ms is None


def test_a_pong_that_nobody_asked_for_measures_nothing() -> None:
    clock = ManualClock()
    room = Vitals(clock=clock)
    asked, other = payload(room.ping(ANN)), payload(room.ping(BOB))
    for made_up in (b"", bytes(8), asked[:-1], other, (99).to_bytes(8, "big")):
        room.pong(ANN, made_up)
    assert (room.reconnecting, room.delay_ms) == (0, None), "and nobody answers for somebody else"
    clock.advance(0.01)
    room.pong(ANN, asked)
    clock.advance(5)
    room.pong(ANN, asked)
    assert room.delay_ms == 10, "and each counts once"


def test_i15_pings_that_are_never_answered_are_forgotten() -> None:
    clock = ManualClock()
    room = Vitals(clock=clock)
    late = payload(room.ping(ANN))
    clock.advance(61)
    room.ping(ANN)
    room.pong(ANN, late)
    assert room.delay_ms is None
    for _ in range(100):
        clock.advance(20)
        for _ in range(vitals.SAMPLE):
            room.ping(ANN)
    assert len(room._asked) <= 4 * vitals.SAMPLE
    measure(room, clock, *[1] * 1000)
    assert len(room._delays) <= 128


def test_of_each_session_the_newest_verdict_counts() -> None:
    room = Vitals(clock=ManualClock())
    assert room.checks == ChecksInfo(ok=0, failed=0, delay_ms=None, offset_ms=None)
    room.check("s1", Check(ok=False, delay_ms=9000, offset_ms=-4))
    assert room.checks == ChecksInfo(ok=0, failed=1, delay_ms=9000, offset_ms=-4)
    room.check("s2", Check(ok=True, delay_ms=40, offset_ms=60_000))
    room.check("s3", Check(ok=True, delay_ms=60, offset_ms=-3))
    assert room.checks == ChecksInfo(ok=2, failed=1, delay_ms=60, offset_ms=-3)
    room.check("s1", Check(ok=True, delay_ms=50, offset_ms=-4))
    assert room.checks == ChecksInfo(ok=3, failed=0, delay_ms=50, offset_ms=-3)


def test_i15_a_flood_of_verdicts_is_forgotten_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals, "_MOST_CHECKS", 3)
    room = Vitals(clock=ManualClock())
    room.check("s0", Check(ok=False, delay_ms=1, offset_ms=0))
    room.check("s1", Check(ok=False, delay_ms=1, offset_ms=0))
    room.check("s0", Check(ok=True, delay_ms=1, offset_ms=0))
    for number in range(2, 4):
        room.check(f"s{number}", Check(ok=True, delay_ms=1, offset_ms=0))
    assert (room.checks.ok, room.checks.failed) == (3, 0), "s1 was noted first"
    for number in range(4, 10):
        room.check(f"s{number}", Check(ok=False, delay_ms=1, offset_ms=0))
    assert (room.checks.ok, room.checks.failed) == (0, 3)
