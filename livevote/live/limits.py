"""How much one socket may ask for."""

from livevote.clock import Clock


class TokenBucket:
    """``burst`` messages at once, then ``rate`` a second."""

    __slots__ = ("_burst", "_clock", "_rate", "_since_s", "_tokens")

    def __init__(self, *, burst: int, rate: float, clock: Clock) -> None:
        self._burst = float(burst)
        self._rate = rate
        self._clock = clock
        self._tokens = self._burst
        self._since_s = clock.monotonic_s()

    def take(self) -> bool:
        """Whether one more message is allowed now; if so, it is counted."""
        now_s = self._clock.monotonic_s()
        tokens = self._tokens + (now_s - self._since_s) * self._rate
        if tokens > self._burst:
            tokens = self._burst
        self._since_s = now_s
        allowed = tokens >= 1
        self._tokens = tokens - 1 if allowed else tokens
        return allowed

    def wait_ms(self) -> int:
        """How long until the next message is allowed."""
        return max(0, round((1 - self._tokens) / self._rate * 1000)) if self._rate > 0 else 60_000


class Places:
    """``most`` of something at once."""

    __slots__ = ("_left",)

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self) -> bool:
        """Whether there is place for one more; if so, it is taken until it is given back."""
        if not self._left:
            return False
        self._left -= 1
        return True

    def give_back(self) -> None:
        """One less."""
        self._left += 1
