"""The clocks."""

import time

from livevote.clock import ManualClock, SystemClock


def test_the_system_clock_is_the_systems() -> None:
    before = time.time()
    assert before - 1 <= SystemClock().now_ms() / 1000 <= before + 60
    assert SystemClock().monotonic_s() <= SystemClock().monotonic_s()


def test_a_manual_clock_moves_when_told() -> None:
    clock = ManualClock(now_ms=5)
    clock.advance(1.5)
    assert (clock.now_ms(), clock.monotonic_s()) == (1505, 1.5)
    clock.jump(-1)
    assert (clock.now_ms(), clock.monotonic_s()) == (505, 1.5)
