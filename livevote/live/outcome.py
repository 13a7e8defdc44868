"""What became of a command: the ways in which the writer can answer, and how it is asked."""

from collections.abc import Callable
from typing import Protocol

from livevote.domain.audit import leaf_of
from livevote.domain.commands import Command
from livevote.domain.records import BallotCast, Entry, PlayerNamed
from livevote.domain.refusals import Refusal
from livevote.domain.room import Known, Repeat
from livevote.protocol.codes import UNKNOWN, Unsure, explain
from livevote.protocol.messages import (
    Ask,
    Name,
    ReceiptInfo,
    Recorded,
    RecordedPost,
    Rejected,
    Unknown,
    Upvote,
    Vote,
)

Outcome = Entry | Repeat | Known | Refusal | Unsure
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
    if isinstance(outcome, Repeat):
        known = outcome.ballot
        return Recorded(vote.id, vote.question, vote.round, known.index, known.rev, known.at)
    assert not isinstance(outcome, Known), "a ballot is never known as a post"
    return _no(vote.id, outcome)


def answer_name(name: Name, outcome: Outcome, *, rev: int) -> Recorded | Rejected | Unknown:
    """One of the three answers to a name, which is of no question; ``rev`` counts the voter's names from 0."""
    if isinstance(outcome, Entry):
        assert isinstance(outcome.record, PlayerNamed)
        return Recorded(name.id, "", 0, outcome.index, rev, outcome.record.at)
    if isinstance(outcome, Repeat):
        known = outcome.ballot
        return Recorded(name.id, "", 0, known.index, known.rev, known.at)
    assert not isinstance(outcome, Known), "a name is never known as a post"
    return _no(name.id, outcome)


def _no(id_: str, outcome: Refusal | Unsure) -> Rejected | Unknown:
    if isinstance(outcome, Refusal):
        return Rejected(id_, outcome.code, explain(outcome))
    return Unknown(id_, outcome, UNKNOWN[outcome], _RETRY_MS)


def answer_post(message: Ask | Upvote, outcome: Outcome) -> RecordedPost | Rejected | Unknown:
    """One of the same three answers to what a voter did on the board. It has no receipt."""
    if isinstance(outcome, Refusal | Unsure):
        return _no(message.id, outcome)
    assert isinstance(outcome, Entry | Known), "a post is never repeated as a ballot"
    at = outcome.record.at if isinstance(outcome, Entry) else outcome.at
    post = message.post if isinstance(message, Upvote) else outcome.index
    return RecordedPost(message.id, post, outcome.index, at)


def _receipt(entry: Entry, ballot: BallotCast) -> ReceiptInfo | None:
    if entry.opening is None:
        return None
    return ReceiptInfo(
        ballot.voter, ballot.supersedes, entry.opening.salt.hex(), leaf_of(entry).hex(), entry.chain.hex()
    )
