"""What became of a command: the four ways in which the writer can answer, and how it is asked."""

from collections.abc import Callable
from typing import Protocol

from livevote.domain.audit import leaf_of
from livevote.domain.commands import Command
from livevote.domain.records import BallotCast, Entry
from livevote.domain.refusals import Refusal
from livevote.domain.room import Repeat
from livevote.protocol.codes import UNKNOWN, Unsure, explain
from livevote.protocol.messages import ReceiptInfo, Recorded, Rejected, Unknown, Vote

Outcome = Entry | Repeat | Refusal | Unsure
"""It is in the log now; it was there before; a final no; or nothing is decided."""

Reply = Callable[[Outcome], None]

_RETRY_MS = 1000


class Scribe(Protocol):
    """Whoever writes commands into a log: the writer, as those see it who only send commands."""

    def submit(self, code: str, command: Command, reply: Reply) -> None:
        """Queue a command for the room ``code``; ``reply`` is called exactly once."""

    async def ask(self, code: str, command: Command) -> Outcome:
        """``submit`` for callers that can wait."""


def answer(vote: Vote, outcome: Outcome, *, receipts: bool) -> Recorded | Rejected | Unknown:
    """One of the three answers to a vote (I9).

    With ``receipts`` a ballot that is an entry of the log brings its receipt; a ``Repeat`` knows too little for one.
    """
    if isinstance(outcome, Entry):
        ballot = outcome.record
        assert isinstance(ballot, BallotCast)
        receipt = _receipt(outcome, ballot) if receipts else None
        return Recorded(vote.id, vote.question, vote.round, outcome.index, ballot.rev, ballot.at, receipt)
    if isinstance(outcome, Refusal):
        return Rejected(vote.id, outcome.code, explain(outcome))
    if isinstance(outcome, Unsure):
        return Unknown(vote.id, outcome, UNKNOWN[outcome], _RETRY_MS)
    known = outcome.ballot
    return Recorded(vote.id, vote.question, vote.round, known.index, known.rev, known.at)


def _receipt(entry: Entry, ballot: BallotCast) -> ReceiptInfo | None:
    if entry.opening is None:
        return None
    return ReceiptInfo(
        ballot.voter, ballot.supersedes, entry.opening.salt.hex(), leaf_of(entry).hex(), entry.chain.hex()
    )
