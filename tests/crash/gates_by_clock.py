"""livevote with the promise broken on purpose: the clock says whether voting has opened, and not the log.

A rig that does not turn red on this one never turned its server's clock back.
"""

from livevote import cli
from livevote.domain.commands import CastBallot, Command
from livevote.domain.refusals import Code, Refusal
from livevote.domain.room import Decision, decide
from livevote.domain.state import Room
from livevote.live import writer
from tests.crash import pings_often  # noqa: F401 - what the rig looks at as well


def _by_clock(room: Room | None, command: Command, *, at: int) -> Decision:
    if isinstance(command, CastBallot) and room is not None:
        question = room.questions.get(command.question)
        if question is not None and question.rounds and at < question.rounds[-1].opened_at:
            return Refusal(Code.NOT_OPEN)
    return decide(room, command, at=at)


writer.decide = _by_clock  # type: ignore[attr-defined]

if __name__ == "__main__":
    cli.main()
