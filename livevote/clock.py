"""Time as a parameter, so that a test can hold it still."""

import time
from typing import Protocol


class Clock(Protocol):
    """Where instants come from."""

    def now_ms(self) -> int:
        """The wall clock in milliseconds since 1970. It labels records and may jump."""

    def monotonic_s(self) -> float:
        """Seconds on a clock that never goes back, from an arbitrary origin."""


class SystemClock:
    """The clocks of the operating system."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    monotonic_s = staticmethod(time.monotonic)


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, *, now_ms: int = 1_790_000_000_000) -> None:
        self._now_ms = now_ms
        self._monotonic_s = 0.0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self._now_ms += round(seconds * 1000)
        self._monotonic_s += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an operator or NTP does, and leave the other one alone."""
        self._now_ms += round(seconds * 1000)
