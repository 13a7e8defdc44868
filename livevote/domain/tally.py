"""Results as values: what a round's ballots add up to at a position of the log, and the fold of a whole log."""

from collections.abc import Iterable

import msgspec

from livevote.domain.kinds.base import Figures
from livevote.domain.records import Entry
from livevote.domain.room import apply
from livevote.domain.state import Question, Room, Round


class Snapshot(msgspec.Struct, frozen=True):
    """A round's result. ``counts`` are the kind's integers, ``voters`` how many voted, ``as_of`` the log index, and
    ``figures`` what the kind has to say beside its counts: nothing for plain choices."""

    question: str
    round: int
    counts: tuple[int, ...]
    voters: int
    as_of: int
    figures: Figures = {}


def snapshot(room: Room, question: Question, asked: Round) -> Snapshot:
    """The result of a round as of the room's head."""
    counts, voters = asked.tally.counts(), asked.voters
    return Snapshot(question.id, asked.number, counts, voters, room.head, figures(question, asked))


def figures(question: Question, asked: Round) -> Figures:
    """What a round came to beside its counts; with what only its solution tells, once that was shown."""
    found = asked.tally.figures()
    return question.kind.solved(found, asked.wording.rules) if asked.solved else found


def fold(entries: Iterable[Entry]) -> Room | None:
    """The state after all ``entries`` of one room; None for an empty log."""
    room: Room | None = None
    for entry in entries:
        room = apply(room, entry)
    return room
