"""What became of a command: the four ways in which the writer can answer."""

from livevote.domain.records import BallotCast, Entry
from livevote.domain.refusals import Refusal
from livevote.domain.room import Repeat
from livevote.protocol.codes import UNKNOWN, Unsure, explain
from livevote.protocol.messages import Recorded, Rejected, Unknown, Vote

Outcome = Entry | Repeat | Refusal | Unsure
"""It is in the log now; it was there before; a final no; or nothing is decided."""

_RETRY_MS = 1000


def answer(vote: Vote, outcome: Outcome) -> Recorded | Rejected | Unknown:
    """One of the three answers to a vote (I9)."""
    if isinstance(outcome, Refusal):
        return Rejected(vote.id, outcome.code, explain(outcome))
    if isinstance(outcome, Unsure):
        return Unknown(vote.id, outcome, UNKNOWN[outcome], _RETRY_MS)
    if isinstance(outcome, Repeat):
        ballot = outcome.ballot
        return Recorded(vote.id, vote.question, vote.round, ballot.index, ballot.rev, ballot.at)
    assert isinstance(outcome.record, BallotCast)
    return Recorded(vote.id, vote.question, vote.round, outcome.index, outcome.record.rev, outcome.record.at)
