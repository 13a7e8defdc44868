"""How much one socket may ask for."""

from livevote.clock import Clock


class TokenBucket:
    """``burst`` messages at once, then ``rate`` a second."""

    __slots__ = ("_burst", "_clock", "_rate", "_since_s", "_tokens")

    def __init__(self, *, burst: int, rate: float, clock: Clock) -> None:
        self._burst = burst
        self._rate = rate
        self._clock = clock
        self._tokens = float(burst)
        self._since_s = clock.monotonic_s()

    def take(self) -> bool:
        """Whether one more message is allowed now; if so, it is counted."""
        now_s = self._clock.monotonic_s()
        self._tokens = min(float(self._burst), self._tokens + (now_s - self._since_s) * self._rate)
        self._since_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def wait_ms(self) -> int:
        """How long until the next message is allowed."""
        return max(0, round((1 - self._tokens) / self._rate * 1000)) if self._rate > 0 else 60_000
