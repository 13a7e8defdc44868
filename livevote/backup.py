"""Copies a log away while the server runs, checks the copy, and brings it back into an empty data directory.

Apart from ``log``, which copies one file: this knows what else there is, and that keys are kept elsewhere.

A backup is a directory ``livevote-20260921T141320Z`` with ``livevote.db``, a single file, ``checkpoints/`` and, where
questions have any, ``pictures/``. It has this name only when it is whole, on disk and verified. A backup of the keys
has the same name, in another place.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from livevote.clock import Clock
from livevote.config import Config
from livevote.domain.audit import TamperedError
from livevote.failures import DataDirectoryError, FailureError, NoSuchRoomError, SetupError
from livevote.keys import missing
from livevote.log import Reader, open_reader, snapshot
from livevote.log.lock import Lock
from livevote.verify import verify_database

Report = Callable[[str, int, int], None]
"""Told how far a step is: what is being done, how much of it is done, and how much there is."""

_RESTORING = ".restoring"
_NOT_OURS = ("livevote.lock", _RESTORING, "lost+found")  # may be in a data directory that counts as empty


class Contents(NamedTuple):
    """What a backup holds: where it is, the codes of its rooms and how many records they have."""

    path: Path
    rooms: tuple[str, ...]
    records: int


async def back_up(config: Config, directory: Path, *, clock: Clock, keys: Path | None, report: Report) -> Contents:
    """Copy the log and its checkpoints into a new directory below ``directory``, also while a server writes.

    With ``keys`` the secrets go into a new directory below that one. Raises ``TamperedError`` for a log that does not
    verify, and a ``FailureError`` where it cannot be read or the copy cannot be written; nothing is left then.
    """
    await open_reader(f"sqlite:{config.database}")  # says best what is wrong where there is no log
    name = f"livevote-{datetime.fromtimestamp(clock.now_ms() / 1000, UTC):%Y%m%dT%H%M%SZ}"
    if keys is not None:
        _require_apart(keys, directory, config.data)
    with _under_its_name_when_whole(directory, name) as made:
        copy = Config(data=made)
        # Before the log: a checkpoint must never say more than the log beside it holds.
        _copy_checkpoints(config, copy)
        snapshot(config.database, copy.database, report=lambda done, all_: report("Copying", done, all_))
        # After the log: a picture is there before the question that shows it.
        _copy_files(config.pictures, copy.pictures)
        contents = _checked(await open_reader(f"sqlite:{copy.database}"), copy, directory / name, report)
        if keys is not None:
            # After the log: a room's key is there before the room is.
            with _under_its_name_when_whole(keys, name) as kept:
                _copy_keys(config.keys, kept)
    return contents


async def restore(config: Config, backup: Path, *, keys: Path | None, report: Report) -> Contents:
    """Bring ``backup``, and with ``keys`` a backup of the keys, into the empty or missing data directory.

    Raises ``TamperedError`` for a backup that does not verify and a ``FailureError`` where it cannot be read, where the
    data directory is not empty, or where ``keys`` lacks some. The data directory holds no log then.
    """
    _require_empty(config.data)
    source = Config(data=backup)
    _require_backup(source)
    contents = _checked(await open_reader(f"sqlite:{source.database}"), source, config.data, report)
    if keys is not None and (lacking := missing(keys, contents.rooms)):
        raise SetupError(f"{keys} lacks {_listed(lacking)}. Name the backup of the keys, or restore without --keys.")
    with _writing(config.data):
        _make_directory(config.data)
    lock = Lock(config.data / "livevote.lock")
    try:
        _require_empty(config.data)
        _fill(config, source, keys, report)
    finally:
        lock.release()
    return contents


def _fill(config: Config, source: Config, keys: Path | None, report: Report) -> None:
    """Make everything under another name, then move it to its place: the log last, so that it is never alone."""
    restoring = Config(data=config.data / _RESTORING)
    shutil.rmtree(restoring.data, ignore_errors=True)  # of a restore that was killed: we hold the lock
    try:
        with _writing(restoring.data):
            _make_directory(restoring.data)
            _copy_checkpoints(source, restoring)
            _copy_files(source.pictures, restoring.pictures)
            if keys is not None:
                _copy_keys(keys, restoring.keys)
            snapshot(source.database, restoring.database, report=lambda done, all_: report("Restoring", done, all_))
            for path in (restoring.keys, restoring.checkpoints, restoring.pictures, restoring.database):
                if path.exists():
                    path.rename(config.data / path.name)
                    _sync(config.data)
    finally:
        shutil.rmtree(restoring.data, ignore_errors=True)


def _checked(reader: Reader, copy: Config, path: Path, report: Report) -> Contents:
    """What the log of ``copy`` holds. Raises ``TamperedError`` where that is not what was sealed and signed."""
    rooms: list[str] = []
    records, read, expected = 0, 0, reader.count()
    report("Checking", read, expected)

    def progress(more: int) -> None:
        nonlocal read
        read += more
        report("Checking", read, expected)

    try:
        for verdict in verify_database(reader, copy.checkpoints, progress=progress):
            rooms.append(verdict.room.code)
            records += verdict.records
    except TamperedError as error:
        raise TamperedError(
            f"{error}. Nothing was copied: keep this log as evidence, and the earlier backups."
        ) from error
    return Contents(path, tuple(rooms), records)


def _require_apart(keys: Path, directory: Path, data: Path) -> None:
    """Raise ``SetupError`` where the keys would lie beside the data that they protect."""
    for other in (directory.resolve(), data.resolve()):
        if keys.resolve().is_relative_to(other) or other.is_relative_to(keys.resolve()):
            raise SetupError(f"The keys must be kept apart from {other}. Name another place with --with-keys.")


def _require_backup(source: Config) -> None:
    if source.database.is_file():
        return
    if found := sorted(path.parent for path in source.data.glob("livevote-*/livevote.db")):
        raise NoSuchRoomError(f"{source.data} holds several backups. Name one of them, such as {found[-1]}.")
    raise NoSuchRoomError(f"There is no backup at {source.data}: it holds no livevote.db. Name the backup's directory.")


def _require_empty(data: Path) -> None:
    with _writing(data):
        found = sorted(Path(path.name) for path in data.iterdir()) if data.exists() else []
    if strange := [path for path in found if path.name not in _NOT_OURS]:
        raise DataDirectoryError(
            f"{data} is not empty: it holds {_listed(strange)}. Move that away, or name an empty directory with --data."
        )


def _listed(paths: list[Path]) -> str:
    some = ", ".join(str(path) for path in paths[:3])
    return some if len(paths) <= 3 else f"{some} and {len(paths) - 3} more"


@contextmanager
def _under_its_name_when_whole(directory: Path, name: str) -> Iterator[Path]:
    """A new directory ``directory/name``, which has another name until the block has ended well.

    Raises ``DataDirectoryError`` where it exists already or cannot be written.
    """
    final, unfinished = directory / name, directory / f".{name}.unfinished"
    with _writing(directory):
        _make_directory(directory)
        try:
            unfinished.mkdir(mode=0o700)
        except FileExistsError:
            raise _exists(final) from None
        try:
            # Only now: who makes a backup of this name holds the other name meanwhile.
            if final.exists():
                raise _exists(final)
            yield unfinished
            _sync(unfinished)
            unfinished.rename(final)
            _sync(directory)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def _exists(path: Path) -> FailureError:
    return DataDirectoryError(f"{path} exists or is being made. Nothing is ever overwritten: try again in a second.")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise DataDirectoryError(
            f"Cannot use {where}: {error.strerror}. Check the free space, the owner and the mode."
        ) from error


def _make_directory(path: Path) -> None:
    """Make a directory of mode 0700, durably, unless there is one. Parents get the mode that others have."""
    if not path.exists():
        path.mkdir(mode=0o700, parents=True)
        _sync(path.parent)


def _copy_files(source: Path, target: Path) -> None:
    """Copy the files of a directory, where there is one, durably and as they are now. Modes become 0700 and 0600."""
    if not source.is_dir():
        return
    target.mkdir(mode=0o700, exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.is_file() and path.suffix != ".new":  # which is being written, and gets its name afterwards
            with suppress(FileNotFoundError):  # a picture that the server deletes while we read
                _copy_file(path, target / path.name)
    _sync(target)


def _copy_checkpoints(source: Config, target: Config) -> None:
    """Copy those that the server signed and those that came with imported rooms."""
    _copy_files(source.checkpoints, target.checkpoints)
    if source.imported.is_dir():
        _copy_files(source.imported, target.imported)
        _sync(target.checkpoints)


def _copy_keys(source: Path, target: Path) -> None:
    _copy_files(source, target)
    _copy_files(source / "rooms", target / "rooms")
    _copy_files(source / "codes", target / "codes")
    _sync(target)


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as original:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as copy:
            shutil.copyfileobj(original, copy)
            copy.flush()
            os.fsync(copy.fileno())


def _sync(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
