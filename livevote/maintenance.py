"""What an operator does to a log while no server runs: recoveries, erasures, rooms from bundles and files, and codes.

Apart from ``live``, whose writer serves voters: each of these is one decision about one room, under the same lock.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, closing
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from livevote.bundle import Bundle
from livevote.clock import Clock
from livevote.config import Config
from livevote.domain.audit import TamperedError
from livevote.domain.checker import Checker, ContradictedError
from livevote.domain.commands import AcceptRecovery, Command, CreateRoom, EraseAnswer, EraseRoom, OperatorCommand
from livevote.domain.note import Checkpoint, Signer
from livevote.domain.records import CodesIssued, Draft, Entry
from livevote.domain.refusals import Code, Refusal
from livevote.domain.room import BrokenLogError, apply, decide, fits
from livevote.domain.state import Room
from livevote.failures import CorruptError, DataDirectoryError, NoSuchRoomError, SetupError, WriteError
from livevote.keys import Keyring, load
from livevote.live.codebook import KnownCodesError, hashed, load_list
from livevote.log import Checkpoints, Log, LogFailedError, LogRetryError, States, finish, open_log, opened
from livevote.log.founding import found
from livevote.protocol.codes import explain
from livevote.verify import Verdict, verify, verify_bundle

_CHUNK = 1000


class _Desk:
    """One room's log, opened for a change. ``read`` comes first, and again after every change."""

    def __init__(self, log: Log, checkpoints: Checkpoints, keyring: Keyring, clock: Clock, code: str) -> None:
        self.log = log
        self.checkpoints = checkpoints
        self.keyring = keyring
        self.code = code
        self._clock = clock
        self.room: Room | None = None
        self.checker = Checker(code)

    def known(self) -> list[Checkpoint]:
        """All checkpoints that there are for the room."""
        return opened(self.checkpoints.notes(self.code), self.checkpoints.signer, self.checkpoints.path(self.code))

    async def read(self) -> ContradictedError | None:
        """Fold and check the log as it is; what its checkpoints say against it.

        Raises ``CorruptError`` where it breaks its own seals or the rules.
        """
        self.room, self.checker = None, Checker(self.code, self.known())
        try:
            async with aclosing(self.log.read(self.code)) as chunks:
                async for entries in chunks:
                    for entry in entries:
                        self.checker.add(entry)
                        self.room = apply(self.room, entry)
            self.checker.finish()
        except ContradictedError as error:
            return error
        except (TamperedError, BrokenLogError) as error:
            raise CorruptError(f"The log was changed: {error}. Restore a backup: nothing was written.") from error
        return None

    async def record(self, command: OperatorCommand) -> None:
        """Decide and append. Raises ``NoSuchRoomError`` with the refusal's words."""
        decision = decide(self.room, command, at=self._clock.now_ms())
        if isinstance(decision, Refusal):
            raise NoSuchRoomError(explain(decision))
        assert isinstance(decision, Draft), "an operator casts no ballots"
        if not fits(self.room, decision.record):
            raise CorruptError(f"The log of room {self.code} leaves no place for the change. Nothing was written.")
        await self.log.append([decision], ticket=0)

    def sign(self) -> None:
        """A checkpoint over the log as it was read."""
        tree = self.checker.tree
        here = Checkpoint(self.checker.origin, tree.size, tree.root(), self.checker.chain, self._clock.now_ms())
        try:
            self.checkpoints.append(self.code, self.checkpoints.signer.sign(here).encode(), tree)
        except OSError as error:
            raise DataDirectoryError(
                f"Cannot write {self.checkpoints.path(self.code)}: {error.strerror}. Check its owner and the space."
            ) from error


@asynccontextmanager
async def _opened(config: Config, code: str, clock: Clock, *, create: bool = False) -> AsyncIterator[_Desk]:
    if not create and not config.data.is_dir():
        raise NoSuchRoomError(f"There is no data directory {config.data}. Name the server's with --data.")
    os.umask(0o077)  # what is in the log is nobody else's business
    log = await open_log(f"sqlite:{config.database}")
    try:
        keyring = Keyring(config.keys, create=create and log.count() == 0)
        seed = keyring.checkpoint_seed(create=not any(config.checkpoints.glob("*.notes")))
        yield _Desk(log, Checkpoints(config.checkpoints, Signer(seed)), keyring, clock, code)
    except LogRetryError as error:
        raise DataDirectoryError(f"{config.database} could not be written ({error}). Check the free space.") from error
    except LogFailedError as error:
        raise WriteError(f"A write to {config.database} failed: {error}. Check the disk, then try again.") from error
    except OSError as error:
        raise DataDirectoryError(
            f"Cannot write {config.data}: {error.strerror}. Check its owner, mode and free space, then try again."
        ) from error
    finally:
        await log.aclose()


async def accept_recovery(
    config: Config, code: str, clock: Clock, *, agrees: Callable[[ContradictedError], bool]
) -> list[ContradictedError]:
    """Go on with a log that contradicts its checkpoints, and record that: what was accepted, by incarnation.

    ``agrees`` is asked before anything is written. A room that is missing as a whole comes back empty. Nothing is
    accepted where nothing contradicts; what an earlier call left unsigned is signed then. Raises
    ``CorruptError`` for a log that breaks its own seals: that nobody can accept.
    """
    accepted: list[ContradictedError] = []
    async with _opened(config, code, clock) as desk:
        while (error := await desk.read()) is not None and agrees(error):
            if desk.room is None:
                desk.keyring.make_room(code)
                await desk.record(CreateRoom(code, f"Recovered room {code}"))
                await desk.read()
            await desk.record(AcceptRecovery(error.origin, error.kept, error.lost.size, error.lost.root.hex()))
            accepted.append(error)
        if desk.room is None and not desk.known():
            raise NoSuchRoomError(f"There is no room {code} in {config.data}, and no checkpoint of one.")
        if error is None and not any(checkpoint.origin == desk.checker.origin for checkpoint in desk.known()):
            desk.sign()
    return accepted


class Erased(NamedTuple):
    """What an erasure did: the index of its record, and the file that still has the answer, if a reader holds it."""

    recorded: int
    left_in: Path | None


async def erase(config: Config, code: str, index: int, clock: Clock) -> Erased:
    """Erase the answer of the ballot, the text of the post, or the name at ``index``, and record that.

    Raises ``NoSuchRoomError`` where there is none of these, or where it was erased before.
    """
    async with _opened(config, code, clock) as desk:
        error = await desk.read()
        if desk.room is None:
            raise config.no_such_room(code)
        if error is not None:
            raise CorruptError(f"The log was changed or is an older copy: {error}. Nothing was erased.")
        # First: once the erasure is recorded, the answer is nowhere.
        finish(States(config.states).remove(code))
        await desk.record(EraseAnswer(index))
        await desk.read()
        desk.sign()
        recorded = desk.room.head
    # It goes with the last connection, unless another program has the database open.
    return Erased(recorded, _left_in(config))


async def delete_room(config: Config, code: str, clock: Clock) -> Erased:
    """Delete all that voters of the room wrote, and record that; or end what a server has begun of it.

    Raises ``NoSuchRoomError`` where there is no such room, or where voting is open in it.
    """
    async with _opened(config, code, clock) as desk:
        error = await desk.read()
        if desk.room is None:
            raise config.no_such_room(code)
        if error is not None:
            raise CorruptError(f"The log was changed or is an older copy: {error}. Nothing was deleted.")
        finish(States(config.states).remove(code))
        if desk.room.erased_at is None:
            await desk.record(EraseRoom())
        head = (await desk.log.head(code)).index
        for after in range(0, head, _CHUNK):
            await desk.log.forget(code, after=after, upto=min(after + _CHUNK, head))
        await desk.read()
        desk.sign()
    return Erased(head, _left_in(config))


def _left_in(config: Config) -> Path | None:
    """The write-ahead log, where something of it is left: it goes with the last connection."""
    wal = config.database.with_name(f"{config.database.name}-wal")
    return wal if wal.exists() and wal.stat().st_size else None


async def create_room(config: Config, commands: Sequence[Command], clock: Clock) -> str:
    """Make a room in a data directory that no server uses, all of it or nothing; its code.

    ``commands`` were tried before: the first one creates the room.
    """
    create = commands[0]
    assert isinstance(create, CreateRoom)
    async with _opened(config, create.code, clock, create=True) as desk:
        if (await desk.log.head(create.code)).index:
            raise DataDirectoryError(f"Room {create.code} is in {config.data} already. Try again.")
        entries = found(commands, clock)
        desk.keyring.make_room(create.code)
        await desk.log.adopt([entries])
        await desk.read()
        desk.sign()
    return create.code


async def issue_codes(config: Config, code: str, codes: Sequence[str], clock: Clock) -> CodesIssued:
    """Make one-time ``codes`` the next list of room ``code``.

    Raises ``NoSuchRoomError`` where there is no such room or they cannot be issued.
    """
    async with _opened(config, code, clock) as desk:
        error = await desk.read()
        if desk.room is None:
            raise config.no_such_room(code)
        if error is not None:
            raise CorruptError(f"The log was changed or is an older copy: {error}. Nothing was issued.")
        earlier = [load_list(desk.keyring, code, issued) for issued in desk.room.code_lists]
        try:
            hashes, command = hashed(desk.keyring.room(code), codes, earlier)
        except KnownCodesError:
            refusal = Refusal(Code.BAD_CODES, "one of them is in a list of this room already, or here twice")
            raise NoSuchRoomError(explain(refusal)) from None
        refused = decide(desk.room, command, at=0)
        if isinstance(refused, Refusal):
            raise NoSuchRoomError(explain(refused))
        # Before the record that names it: so every code that is in the log can be entered.
        desk.keyring.keep_codes(code, command.root, hashes)
        await desk.record(command)
        await desk.read()
        desk.sign()
        return desk.room.code_lists[-1]


async def import_bundle(config: Config, path: Path, clock: Clock, *, new_key: bool) -> Verdict:
    """Take a room from its bundle into the data directory, byte for byte, and seal it with this server's key.

    Raises ``CorruptError`` for a bundle that does not verify, ``DataDirectoryError`` where the room is there already,
    and ``SetupError`` where voting or the board is open and the keys by which its voters are known are not there,
    unless everybody may vote again (``new_key``).
    """
    try:
        with closing(Bundle(path)) as bundle:
            verdict = verify_bundle(bundle)
    except TamperedError as error:
        raise CorruptError(f"The bundle {path} was changed: {error}. Nothing was imported.") from error
    code = verdict.room.code
    if not new_key and (part := _open_part(verdict.room)):
        # Before anything is opened, because that makes keys where there are none.
        _require_known_voters(config.keys, code, verdict.vkey, part)
    async with _opened(config, code, clock, create=True) as desk:
        if (await desk.log.head(code)).index:
            raise DataDirectoryError(f"Room {code} is in {config.data} already. Import into another --data directory.")
        _check_against(desk, path)
        desk.keyring.make_room(code)
        with closing(Bundle(path)) as bundle:
            # First, because the room can be imported only once.
            _keep_notes(config, bundle)
            await desk.log.adopt(_chunks(bundle.entries()))
        await desk.read()
        desk.sign()
    return verdict


def _check_against(desk: _Desk, path: Path) -> None:
    """Where this directory has checkpoints of the room, the bundle must fit those as well."""
    if not (known := desk.known()):
        return
    try:
        with closing(Bundle(path)) as bundle:
            verify(desk.code, bundle.entries(), checkpoints=known)
    except TamperedError as error:
        raise CorruptError(
            f"The bundle {path} contradicts the checkpoints in {desk.checkpoints.path(desk.code)}: {error}. "
            "Nothing was imported."
        ) from error


def _require_known_voters(keys: Path, code: str, vkey: str, part: str) -> None:
    """Raise ``SetupError`` where a voter of the bundle signed by ``vkey`` could be somebody else here.

    ``part`` is what this voter could do again.

    A pseudonym is made from the cookie and the room's key. Nothing shows whose cookies ``cookie.key`` signed, but the
    keys of a server are kept together, and ``checkpoint.key`` is the one that signed the bundle.
    """
    needed = (Path("cookie.key"), Path("rooms", f"{code}.key"), Path("checkpoint.key"))
    if lacking := [str(path) for path in needed if not (keys / path).exists()]:
        wrong = f"{keys} lacks {', '.join(lacking)}"
    elif Signer(load(keys / "checkpoint.key")).vkey != vkey:
        wrong = f"the keys in {keys} are another server's"
    else:
        return
    raise SetupError(
        f"{part} is open in room {code} and {wrong}: everybody could vote again. Put back {keys}/cookie.key and "
        f"rooms/{code}.key of the server that wrote the bundle, together with its checkpoint.key, by which they are "
        "known to be its own; or close it there and export again; or import with --new-key."
    )


def _open_part(room: Room) -> str:
    """Where people vote now, if anywhere."""
    if any(question.phase == "open" for question in room.questions.values()):
        return "Voting"
    return "The board" if room.board.on else ""


def _chunks(entries: Iterator[Entry]) -> Iterator[Sequence[Entry]]:
    while chunk := list(islice(entries, _CHUNK)):
        yield chunk


def _keep_notes(config: Config, bundle: Bundle) -> None:
    """Keep the notes of the server that the bundle came from: evidence for people, not for the next start."""
    directory = config.imported
    directory.mkdir(mode=0o700, exist_ok=True)
    (directory / f"{bundle.room}.vkey").write_text(f"{bundle.verifier.vkey}\n")
    (directory / f"{bundle.room}.notes").write_text("".join(f"{note}\n" for note in bundle.notes))
