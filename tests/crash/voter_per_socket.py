"""livevote with the promise broken on purpose: every socket is a voter of its own, whatever its cookie says.

A rig that does not turn red on this one lets a browser vote as often as it connects.
"""

from livevote import cli
from livevote.live.room import LiveRoom
from livevote.web.socket import Page


def _pseudonym(self: Page, room: LiveRoom, question: str) -> str:
    return room.key.pseudonym(f"{self.session}{id(self)}", question)


Page._pseudonym = _pseudonym  # type: ignore[method-assign]

if __name__ == "__main__":
    cli.main()
