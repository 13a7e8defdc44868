"""The token bucket, on a clock that stands still, and places that are given back."""

from livevote.clock import ManualClock
from livevote.live.limits import Places, TokenBucket


def test_a_burst_and_then_a_rate() -> None:
    clock = ManualClock()
    bucket = TokenBucket(burst=3, rate=2.0, clock=clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    assert bucket.wait_ms() == 500
    clock.advance(0.5)
    assert [bucket.take() for _ in range(2)] == [True, False]
    clock.advance(3600)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_without_a_rate_it_stays_empty() -> None:
    clock = ManualClock()
    bucket = TokenBucket(burst=1, rate=0.0, clock=clock)
    assert bucket.take()
    clock.advance(3600)
    assert not bucket.take()
    assert bucket.wait_ms() == 60_000


def test_a_place_is_taken_until_it_is_given_back() -> None:
    places = Places(2)
    assert [places.take() for _ in range(3)] == [True, True, False]
    places.give_back()
    assert [places.take() for _ in range(2)] == [True, False]
