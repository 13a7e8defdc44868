"""What voters did and heard, and whether a log agrees with it.

Every ballot id ends as acknowledged, rejected or open. A log is right when it holds all that was acknowledged, nothing
that was not sent, and one effective ballot for each voter.
"""

from dataclasses import dataclass, field
from pathlib import Path

from livevote.domain.audit import GENESIS, commitment, link
from livevote.domain.records import BallotCast, Entry
from livevote.domain.state import Room
from livevote.domain.tally import fold
from livevote.log import open_reader


@dataclass
class History:
    """All voters' side of the story. Ids are unique over all voters."""

    sent: dict[str, int] = field(default_factory=dict)
    """The choice of every ballot that was ever put on the wire, by id."""
    acked: dict[str, int] = field(default_factory=dict)
    """The log index of every ballot that was answered ``recorded``, by id."""
    rejected: set[str] = field(default_factory=set)
    kills: int = 0
    repeats: int = 0
    """How many answered ballots were sent once more."""
    retries: int = 0
    """How often a ballot was sent again because its answer did not come."""


class BrokenPromiseError(AssertionError):
    """The log contradicts what voters were told."""


async def check(history: History, database: Path, room: str) -> Room:
    """The state of the log, if it agrees with the history. Raises ``BrokenPromiseError`` for the first that breaks."""
    reader = await open_reader(f"sqlite:{database}")
    entries = [entry async for chunk in reader.read(room) for entry in chunk]
    _check_chain(entries)
    ballots = {entry.record.id: entry for entry in entries if isinstance(entry.record, BallotCast)}
    for id_, index in history.acked.items():
        if id_ not in ballots:
            raise BrokenPromiseError(f"I1: ballot {id_} was acknowledged and is not in the log")
        if ballots[id_].index != index:
            raise BrokenPromiseError(f"I6: ballot {id_} was answered with {index} and stands at {ballots[id_].index}")
    if len(ballots) != sum(isinstance(entry.record, BallotCast) for entry in entries):
        raise BrokenPromiseError("I3: a ballot id stands in the log twice")
    for id_, entry in ballots.items():
        if id_ not in history.sent or id_ in history.rejected:
            raise BrokenPromiseError(f"I2: ballot {id_} is in the log and was not sent, or was rejected")
        assert entry.opening is not None
        if entry.opening.answer != b'{"choices":[%d]}' % history.sent[id_]:
            raise BrokenPromiseError(f"I2: ballot {id_} is in the log with another answer")
    state = fold(entries)
    assert state is not None
    _check_counts(state, entries, history)
    return state


def _check_chain(entries: list[Entry]) -> None:
    chain = GENESIS
    for number, entry in enumerate(entries, 1):
        chain = link(chain, entry.body)
        if (entry.index, entry.chain) != (number, chain):
            raise BrokenPromiseError(f"I7: the chain breaks at record {number}")
        record, opening = entry.record, entry.opening
        if isinstance(record, BallotCast) and (opening is None or commitment(opening) != record.commitment):
            raise BrokenPromiseError(f"I7: the opening of record {number} does not fit its commitment")


def _check_counts(state: Room, entries: list[Entry], history: History) -> None:
    last: dict[tuple[str, int, str], tuple[int, str]] = {}
    for entry in entries:
        record = entry.record
        if isinstance(record, BallotCast):
            key = (record.question, record.round, record.voter)
            if record.rev != last.get(key, (-1, ""))[0] + 1:
                raise BrokenPromiseError(f"I3: the revisions of a voter jump at record {entry.index}")
            last[key] = record.rev, record.id
    for question in state.questions.values():
        for asked in question.rounds:
            counts = [0] * len(question.options)
            for (where, number, _), (_, id_) in last.items():
                if (where, number) == (question.id, asked.number):
                    counts[history.sent[id_]] += 1
            if asked.tally.counts() != tuple(counts):
                raise BrokenPromiseError(f"I4: the tally is {asked.tally.counts()} and the ballots are {counts}")
