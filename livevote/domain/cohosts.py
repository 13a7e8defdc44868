"""Co-hosts: who else may host a room, and who no longer may."""

from livevote.domain.commands import AddCohost, RevokeCohost
from livevote.domain.parts import Decide, Fold, require
from livevote.domain.records import CohostAdded, CohostRevoked, Entry, Record
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Room
from livevote.domain.text import clean

MAX_NAME_CHARS = 60
MAX_COHOSTS = 20
"""At once: each is a link that somebody has to keep to themselves."""


def cohosts(room: Room) -> dict[str, str]:
    """The names of those who may host the room now beside its host, by id."""
    return {id: name for id, name in room.cohosts.items() if name is not None}


def is_cohost(room: Room, id: str) -> bool:
    """Whether this co-host was added and not revoked."""
    return room.cohosts.get(id) is not None


def _next_id(room: Room) -> str:
    # Tokens are derived from ids, so an id that came back would bring the revoked token back.
    return f"c{len(room.cohosts) + 1}"


def _add(room: Room, command: AddCohost, at: int) -> Record | Refusal:
    name = clean(command.name)
    if not name or len(name) > MAX_NAME_CHARS:
        return Refusal(Code.BAD_COHOST, f"a name has 1 to {MAX_NAME_CHARS} characters")
    if len(cohosts(room)) >= MAX_COHOSTS:
        return Refusal(Code.TOO_MANY_COHOSTS, f"a room has at most {MAX_COHOSTS}")
    return CohostAdded(at=at, id=_next_id(room), name=name)


def _revoke(room: Room, command: RevokeCohost, at: int) -> Record | Refusal:
    if not is_cohost(room, command.id):
        return Refusal(Code.NO_SUCH_COHOST)
    return CohostRevoked(at=at, id=command.id)


def _require_next(room: Room, record: CohostAdded) -> None:
    require(record.id == _next_id(room))


def _require_one(room: Room, record: CohostRevoked) -> None:
    require(is_cohost(room, record.id))


def _let_in(room: Room, entry: Entry, record: CohostAdded) -> None:  # noqa: ARG001
    room.cohosts[record.id] = record.name


def _let_go(room: Room, entry: Entry, record: CohostRevoked) -> None:  # noqa: ARG001
    room.cohosts[record.id] = None


DECIDE: dict[type, Decide] = {AddCohost: _add, RevokeCohost: _revoke}
FOLD: dict[type, Fold] = {
    CohostAdded: Fold(_let_in, _require_next),
    CohostRevoked: Fold(_let_go, _require_one),
}
