"""livevote with the promise broken on purpose: a ballot that is sent again is a new one.

A rig that does not turn red on this one never lost an answer.
"""

import msgspec

from livevote import cli
from livevote.domain import ballots
from livevote.domain.commands import CastBallot
from livevote.domain.room import Decision, Repeat
from livevote.domain.state import Room

_cast = ballots.cast


def _cast_anew(room: Room, command: CastBallot, at: int) -> Decision:
    decision = _cast(room, command, at)
    if isinstance(decision, Repeat):
        # Under its own id the fold would not take it.
        return _cast(room, msgspec.structs.replace(command, id=f"{command.id}-"), at)
    return decision


ballots.cast = _cast_anew

if __name__ == "__main__":
    cli.main()
