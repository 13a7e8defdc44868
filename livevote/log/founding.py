"""The first records of a room that is made all at once: one append, so that a death leaves all of it or nothing."""

from collections.abc import Sequence

from livevote.clock import Clock
from livevote.domain.commands import Command
from livevote.domain.records import Draft, Entry
from livevote.domain.room import apply, decide
from livevote.domain.state import Room
from livevote.log.base import Heads


def found(commands: Sequence[Command], clock: Clock) -> list[Entry]:
    """The log of a room to which these ``commands`` are given, the first of which creates it; none may be refused."""
    room: Room | None = None
    heads, entries = Heads(), list[Entry]()
    for command in commands:
        draft = decide(room, command, at=clock.now_ms())
        assert isinstance(draft, Draft), "the commands were tried before, or are our own"
        (entry,) = heads.link([draft])
        heads.advance((entry,))
        room = apply(room, entry)
        entries.append(entry)
    return entries
