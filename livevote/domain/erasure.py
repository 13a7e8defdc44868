"""Deleting what the voters of a room have written: all of it, at once, and for good.

Apart from ``ballots``, which erases one answer with a record for it: a million ballots would be a million records.
"""

from collections.abc import Iterator, MutableMapping
from typing import TypeVar

import msgspec

from livevote.domain.commands import EraseRoom
from livevote.domain.packed import Packed
from livevote.domain.parts import Decide, Fold, require
from livevote.domain.records import Entry, Record, RoomErased
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Ballot, Room

K = TypeVar("K")

_STEP = 100  # ballots, a tenth of a millisecond


def _erase(room: Room, command: EraseRoom, at: int) -> Record | Refusal:  # noqa: ARG001
    return Refusal(Code.STILL_OPEN) if _is_open(room) else RoomErased(at=at)


def _is_open(room: Room) -> bool:
    return any(question.phase == "open" for question in room.questions.values())


def _require_closed(room: Room, record: RoomErased) -> None:  # noqa: ARG001
    require(not _is_open(room))


def _forget(room: Room, entry: Entry, record: RoomErased) -> None:  # noqa: ARG001
    """Every answer is gone from here on. ``blank`` then takes them out of memory, which may take a while."""
    room.erased_at = record.at
    for question in room.questions.values():
        for asked in question.rounds:
            # What was judged goes with the texts: its keys are hashes of them.
            asked.tally = question.kind.empty(len(asked.wording.options), asked.wording.rules)
            asked.erased = len(asked.ballots)
    # Of these there are few beside the ballots. Everybody reads them as they are, so they do not wait for ``blank``.
    board = room.board
    named = any(name.text is not None for names in room.names.values() for name in names)
    room.texts_left = named or any(post.text is not None for post in board.posts.values())
    board.on, board.pinned, room.reactions = False, None, False
    for post in board.posts.values():
        post.text = None
    room.takers.clear()
    for names in room.names.values():
        names[:] = [msgspec.structs.replace(name, text=None) for name in names]


def blank(room: Room) -> Iterator[None]:
    """Take the answers of a room that was erased out of its state, in steps of less than a millisecond.

    Nothing that anybody can ask of the state changes by it.
    """
    assert room.erased_at is not None
    for question in room.questions.values():
        for asked in question.rounds:
            yield from _blank(asked.ballots)
            yield from _blank(asked.superseded)
    room.texts_left = False


def _blank(ballots: MutableMapping[K, Ballot]) -> Iterator[None]:
    if isinstance(ballots, Packed):
        yield from ballots.blank()
        return
    for number, (key, ballot) in enumerate(ballots.items()):
        # No key is added by this, so the iteration goes on.
        ballots[key] = msgspec.structs.replace(ballot, answer=None)
        if number % _STEP == 0:
            yield


def is_blank(room: Room) -> bool:
    """Whether no answer is left in the state, and none of the rest that voters wrote was found in the log."""
    return not room.texts_left and all(
        ballots.is_blank if isinstance(ballots, Packed) else all(each.answer is None for each in ballots.values())
        for question in room.questions.values()
        for asked in question.rounds
        for ballots in (asked.ballots, asked.superseded)
    )


DECIDE: dict[type, Decide] = {EraseRoom: _erase}
FOLD: dict[type, Fold] = {RoomErased: Fold(_forget, _require_closed)}
