"""The room that greets a newcomer, so that there is something to see before anybody has read anything."""

from livevote.clock import Clock
from livevote.domain.commands import AddQuestion, Command, CreateRoom, OpenVoting, RevealResults
from livevote.domain.records import Entry
from livevote.failures import DataDirectoryError
from livevote.keys import Keyring, random_code
from livevote.log import Log, LogFailedError, LogRetryError
from livevote.log.founding import found


async def make_sample(log: Log, keyring: Keyring, clock: Clock) -> list[Entry]:
    """The room that greets a newcomer, as it is in the log now: three questions, the first one open with live results.

    All of it or nothing, so that a start that was killed leaves no half of it to the next one, which would take it for
    somebody's room. Raises ``DataDirectoryError`` where it cannot be written.
    """
    code = random_code()
    keyring.make_room(code)
    commands: tuple[Command, ...] = (
        CreateRoom(code, "Welcome"),
        AddQuestion(
            kind="single",
            text="What brings you here?",
            options=("A talk", "A lesson", "An assembly", "Just curious"),
        ),
        AddQuestion(
            kind="multiple",
            text="What matters to you in a live vote?",
            options=("Every vote counts once", "Results move at once", "Nothing to install", "It can be checked later"),
        ),
        AddQuestion(kind="single", text="Shall we start?", options=("Yes", "Not yet"), changeable=False),
        OpenVoting("q1"),
        RevealResults("q1"),
    )
    entries = found(commands, clock)
    try:
        await log.adopt([entries])
    except (LogRetryError, LogFailedError) as error:
        text = f"The sample room could not be written ({error}). Check the space on the disk."
        raise DataDirectoryError(text) from error
    return entries
