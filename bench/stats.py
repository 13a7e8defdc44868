"""The arithmetic behind the figures, apart from the sockets so that it can be tested."""

from collections.abc import Iterator, Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that at least ``percent`` % of all values do not exceed.

    ``percent`` is above 0 and at most 100. Raises ``ValueError`` without values: there is no honest figure then.
    """
    if not 0 < percent <= 100:
        raise ValueError(f"a percentile is above 0 and at most 100, not {percent}")
    if not values:
        raise ValueError("no values to take a percentile of")
    rank = int(-(-percent * len(values) // 100))
    return sorted(values)[rank - 1]


def screen_ages(
    votes: Sequence[tuple[int, float]], frames_at: Sequence[float], frames_as_of: Sequence[int]
) -> Iterator[float]:
    """For each vote, how long after its sending one screen showed it, in the unit of the instants.

    ``votes`` are (log index, instant it was sent) in the order of their indexes; ``frames_at`` and ``frames_as_of`` are
    the instants at which this screen got a tally, and the log position of each, both ascending. A vote is on the screen
    with the first tally whose position has reached its index. Raises ``ValueError`` for a vote that never was.
    """
    frame = 0
    for index, sent_at in votes:
        while frame < len(frames_as_of) and frames_as_of[frame] < index:
            frame += 1
        if frame == len(frames_as_of):
            raise ValueError(f"record {index} never reached this screen")
        yield frames_at[frame] - sent_at


def first_at(frames_at: Sequence[float], frames_as_of: Sequence[int], index: int) -> float | None:
    """When a screen first showed a tally that holds record ``index``; None if it never did."""
    return next((at for at, as_of in zip(frames_at, frames_as_of, strict=True) if as_of >= index), None)
