"""What the tally has to be: a bench that loses votes is a failing bench."""

from collections.abc import Iterable, Sequence


class BenchError(Exception):
    """The run has no valid figures; the message is the sentence that the user reads."""


def counts_of(choices: Iterable[int], options: int) -> tuple[int, ...]:
    """How many of ``choices`` fell on each option."""
    counts = [0] * options
    for choice in choices:
        counts[choice] += 1
    return tuple(counts)


def check_tally(where: str, *, expected: Sequence[int], counts: Sequence[int], voters: int) -> None:
    """Compare a single-choice tally with the choices that were answered with ``recorded``, one for each voter.

    Raises ``BenchError`` when a count differs, when the counts do not add up to the voters, or when voters are missing.
    """
    if voters != sum(expected):
        raise BenchError(f"{where}: {sum(expected)} voters have a recorded vote, but the tally knows {voters}.")
    if sum(counts) != voters:
        raise BenchError(f"{where}: the counts add up to {sum(counts)}, but {voters} voted.")
    if tuple(counts) != tuple(expected):
        raise BenchError(f"{where}: the tally is {list(counts)}, but {list(expected)} was recorded.")


def check_indexes(where: str, indexes: Sequence[int], *, before: int, head: int) -> None:
    """Each recorded vote has its own log index, and together they are all that came between ``before`` and ``head``.

    Raises ``BenchError`` otherwise: an index given twice or a record without an answer is a vote that nobody can trust.
    """
    if len(set(indexes)) != len(indexes):
        raise BenchError(f"{where}: two recorded votes were given the same log index.")
    if head - before != len(indexes):
        raise BenchError(f"{where}: the log grew by {head - before} records, but {len(indexes)} votes were recorded.")
