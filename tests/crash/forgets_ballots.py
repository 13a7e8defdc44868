"""livevote with the promise broken on purpose: a ballot that is sent again is a new one.

A rig that does not turn red on this one never lost an answer.
"""

from livevote import cli
from livevote.domain import room
from livevote.domain.commands import CastBallot
from livevote.domain.state import Ballot, Round


def _forgotten(asked: Round, command: CastBallot, mine: Ballot) -> Ballot | None:  # noqa: ARG001
    return None


room._by_id = _forgotten

if __name__ == "__main__":
    cli.main()
