"""Any moment of a replay document: by log index, by position and by the clock.

Apart from the terminal that draws them, so that tests compare these moments with what was live.
"""

from bisect import bisect_right
from itertools import accumulate

import msgspec

from livevote.replay.document import Change, Mark, Replay, ReplayQuestion, ReplayRound


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """What there was to see after log index ``as_of``, in ms since 1970 ``at``; ``question`` None before the first.

    ``voters`` and ``counts`` are those of the question that was opened last, in the round of that time; ``ended`` is
    that round once it is closed, with what it came to.
    """

    as_of: int
    at: int
    question: ReplayQuestion | None = None
    round: int = 0
    open: bool = False
    revealed: bool = False
    counts: tuple[int, ...] = ()
    voters: int = 0
    ended: ReplayRound | None = None


class _Event(msgspec.Struct, frozen=True):
    as_of: int
    at: int
    what: Change | Mark


class Playhead:
    """Stands at one moment of a replay and moves, which is cheap forwards and starts over backwards."""

    def __init__(self, replay: Replay) -> None:
        self.replay = replay
        steps = replay.steps
        at_step = zip(accumulate(steps.as_of), accumulate(steps.at), steps.change, strict=True)
        events = [_Event(as_of, at, replay.changes[change]) for as_of, at, change in at_step]
        events += [_Event(mark.as_of, mark.at, mark) for mark in replay.marks]
        # An erasure can be both: what it did to the result, and its mark.
        self._events = sorted(events, key=lambda event: event.as_of)
        gaps = (
            min(max(later.at - earlier.at, 0), replay.pause_ms)
            for earlier, later in zip(self._events, self._events[1:], strict=False)
        )
        self._positions = [0, *accumulate(gaps)] if self._events else []
        self._rewind()

    def _rewind(self) -> None:
        self._next = 0
        self._current: int | None = None
        self._counts = [[0] * asked.counts for asked in self.replay.rounds]
        self._voters = [0] * len(self.replay.rounds)
        self._open: set[int] = set()
        self._revealed: set[int] = set()

    @property
    def length_ms(self) -> int:
        """How long the replay takes, its long pauses shortened."""
        return self._positions[-1] if self._positions else 0

    def to_index(self, as_of: int) -> Moment:
        """The moment right after log index ``as_of``."""
        return self._to(bisect_right(self._events, as_of, key=lambda event: event.as_of), as_of=as_of)

    def to_position(self, position_ms: float) -> Moment:
        """The moment so far into the replay."""
        return self._to(bisect_right(self._positions, position_ms))

    def to_instant(self, at: int) -> Moment:
        """The moment at this time of the clock: after the last record of that time or before it."""
        earlier = (number for number in range(len(self._events), 0, -1) if self._events[number - 1].at <= at)
        return self._to(next(earlier, 0), at=at)

    def position_of(self, mark: Mark) -> int:
        """How far into the replay a mark stands."""
        return self._positions[bisect_right(self._events, mark.as_of, key=lambda event: event.as_of) - 1]

    def _to(self, number: int, *, as_of: int | None = None, at: int | None = None) -> Moment:
        if number < self._next:
            self._rewind()
        for event in self._events[self._next : number]:
            self._apply(event.what)
        self._next = number
        last = self._events[number - 1] if number else None
        return self._moment(
            as_of=as_of if as_of is not None else last.as_of if last else 0,
            at=at if at is not None else last.at if last else 0,
        )

    def _apply(self, what: Change | Mark) -> None:
        if isinstance(what, Change):
            counts = self._counts[what.round]
            for place, difference in zip(what.counts[::2], what.counts[1::2], strict=True):
                counts[place] += difference
            self._voters[what.round] += what.voters
        elif what.round is not None:
            self._apply_mark(what.what, what.round)

    def _apply_mark(self, what: str, place: int) -> None:
        if what in ("opened", "asked_again"):
            self._current = place
            self._open.add(place)
        elif what == "closed":
            self._open.discard(place)
        elif what == "revealed":
            self._revealed.add(place)
        elif what == "hidden":
            self._revealed.discard(place)

    def _moment(self, *, as_of: int, at: int) -> Moment:
        place = self._current
        if place is None:
            return Moment(as_of=as_of, at=at)
        asked = self.replay.rounds[place]
        return Moment(
            as_of=as_of,
            at=at,
            question=self.replay.questions[asked.question],
            round=asked.round,
            open=place in self._open,
            revealed=place in self._revealed,
            counts=tuple(self._counts[place]),
            voters=self._voters[place],
            ended=None if place in self._open else asked,
        )
