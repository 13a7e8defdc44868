"""A room in a memory log with its checkpoints on disk: what the tests of the notary and of the auditor begin with."""

from pathlib import Path

from livevote.clock import ManualClock
from livevote.domain.note import Checkpoint, Signer
from livevote.domain.records import Entry
from livevote.keys import Keyring
from livevote.live.auditor import Auditor
from livevote.live.keeper import Keeper
from livevote.live.notary import Notary
from livevote.live.registry import Registry
from livevote.live.room import LiveRoom
from livevote.log import Checkpoints, States, read_notes
from livevote.log.memory import MemoryLog
from tests.history import CODE, History

SIGNER = Signer(bytes(range(32)))


class Office:
    """One process's side of it. Several may follow each other on the same log and directory.

    With ``saves`` it goes on from a saved state, and keeps one.
    """

    def __init__(self, directory: Path, log: MemoryLog, *, saves: bool = False) -> None:
        self.log = log
        self.keyring = Keyring(directory / "keys", create=True)
        self.keyring.make_room(CODE)
        self.checkpoints = Checkpoints(directory / "checkpoints", SIGNER)
        self.registry = Registry(keyring=self.keyring, clock=ManualClock(), base_url=lambda: "http://x")
        self.states = States(directory / "states")
        self.registry.load(log, self.states if saves else None)
        self.keeper = Keeper(log=log, registry=self.registry, states=self.states)
        self.auditor = Auditor(
            log=log,
            registry=self.registry,
            checkpoints=self.checkpoints,
            keeper=self.keeper if saves else None,
            retry_s=0,
        )
        self.notary = Notary(registry=self.registry, checkpoints=self.checkpoints, clock=ManualClock())

    @property
    def room(self) -> LiveRoom:
        found = self.registry.get(CODE)
        assert found is not None
        return found

    async def grow(self, history: History) -> None:
        """Append what ``history`` has more than the log, and fold it as the writer does."""
        before = (await self.log.head(CODE)).index
        await self.log.append(history.drafts()[before:], ticket=1)
        self.registry.apply(history.entries[before:])

    def signed(self) -> list[Checkpoint]:
        """The checkpoints on disk, also while one is being written, which ``Checkpoints.notes`` would cut off."""
        notes, _ = read_notes(self.checkpoints.path(CODE))
        return [SIGNER.open(note.decode()) for note in notes]


async def office(directory: Path, history: History) -> Office:
    """One that has just started on a log that was never signed."""
    log = MemoryLog()
    if history.entries:
        await log.append(history.drafts(), ticket=0)
    return Office(directory, log)


def replaced(log: MemoryLog, entries: list[Entry]) -> None:
    """Put other entries into the log, whatever they are."""
    log._rooms[CODE] = entries
