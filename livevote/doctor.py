"""Checks the machine and a data directory for what may lose votes or keep phones out, and names the remedy.

Apart from the server, which starts wherever it can: what ends it has an exit code, and everything else is said here.
Nothing is changed; the probe of the disk is a file without a name, which is gone when the process is.
"""

import os
import platform
import pwd
import resource
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from stat import S_IMODE
from statistics import median
from typing import NamedTuple

from livevote.clock import Clock
from livevote.config import Config
from livevote.export import instant
from livevote.failures import FailureError, NoSuchRoomError
from livevote.keys import missing
from livevote.log import open_reader, quick_check
from livevote.log.lock import is_held
from livevote.pictures import RESERVE_BYTES

WAL_RESET_FIXED = (3, 51, 3)
"""The first SQLite in which two connections that checkpoint at once cannot damage a database in WAL mode."""

_VOLATILE = {
    "tmpfs": "memory",
    "ramfs": "memory",
    "overlay": "a container's own layer",
    "aufs": "a container's own layer",
}
_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "fuse.glusterfs", "fuse.sshfs"})
_MB = 1_000_000
_NO_SPACE_BYTES = 50 * _MB
_PROBES = 64
_PROBE_BYTES = 4096  # a page of the write-ahead log
_PROBING_AT_MOST_S = 3.0
_TOO_FAST_MS = 0.02  # the fastest disks with a protected cache take longer, and so does the way to them
_SLOW_MEDIAN_MS = 50.0  # every batch of votes waits so long, and the phones with it
_SLOW_P99_MS = 500.0
_SPARE_FILES = 200  # beside the sockets: modules, the log, pipes, the listener
_FEW_PHONES = 2000
_EARLIEST_YEAR = 2024  # a machine without a battery behind its clock starts long before that
_FUTURE_MS = 5000
_MOUNTS = Path("/proc/self/mounts")
_TIME_SERVICES = {
    Path("/run/systemd/timesync/synchronized"): "synchronised by systemd-timesyncd",
    Path("/run/chrony"): "chrony runs",
    Path("/run/ntpd.pid"): "ntpd runs",
}


class Level(Enum):
    """How a check ended. A note is nothing to worry about as long as livevote is used as it is meant."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


class Check(NamedTuple):
    """One row: what was looked at, what was found and, unless that is all there is to say, what to do about it."""

    name: str
    level: Level
    found: str
    remedy: str = ""


async def examine(config: Config, *, clock: Clock) -> list[Check]:
    """All checks, in the order in which they are shown. Reads the log twice."""
    checks = [
        check_python(platform.python_version(), sys.version_info.releaselevel),
        check_sqlite(sqlite3.sqlite_version_info),
        check_descriptors(resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
    ]
    newest = None
    if (directory := check_directory(config.data)).level is Level.PROBLEM or not config.data.exists():
        checks.append(directory)
    else:
        log, rooms, newest = await _read_log(config.database)
        checks += [
            check_file_system(file_system(config.data.resolve(), _read(_MOUNTS))),
            check_space(shutil.disk_usage(config.data).free),
            check_fsync(config.data),
            directory,
            check_keys(config.keys, rooms),
            check_server(config.data / "livevote.lock"),
            log,
        ]
    signs = [text for path, text in _TIME_SERVICES.items() if path.exists()]
    return [*checks, check_clock(clock.now_ms(), newest, signs)]


def check_python(version: str, level: str) -> Check:
    """``level`` is ``final`` or what Python calls an unfinished version."""
    if level == "final":
        return Check("Python", Level.OK, version)
    return Check("Python", Level.WARNING, f"{version} is not a finished version", "Use a released Python for an event.")


def check_sqlite(version: tuple[int, ...]) -> Check:
    """The library that this Python brings."""
    found = ".".join(map(str, version))
    if version >= WAL_RESET_FIXED:
        return Check("SQLite", Level.OK, found)
    fixed = ".".join(map(str, WAL_RESET_FIXED))
    return Check(
        "SQLite",
        Level.NOTE,
        f"{found}, which is safe with livevote alone: one connection writes and all others only read",
        f"Let no other program write or checkpoint the database: before SQLite {fixed}, two that do it at once can "
        f"damage it. Litestream does, so use it only where it and this Python have SQLite {fixed} or later.",
    )


def check_descriptors(limit: int) -> Check:
    """``limit`` is the hard limit of open files, up to which the server raises its own."""
    if limit == resource.RLIM_INFINITY:
        return Check("open files", Level.OK, "without a limit")
    phones = max(0, limit - _SPARE_FILES)
    found = f"{limit:,}: enough for about {phones:,} phones"
    if phones >= _FEW_PHONES:
        return Check("open files", Level.OK, found)
    remedy = "For more, raise the hard limit: LimitNOFILE= in a systemd unit, or 'ulimit -Hn' as root before the start."
    return Check("open files", Level.WARNING, found, remedy)


def check_directory(data: Path) -> Check:
    """Who may enter the data directory, and whether everything in it belongs to its owner."""
    name = "data directory"
    if not data.exists():
        return Check(
            name, Level.WARNING, f"{data} is not there", "The first start makes it. Or name another with --data."
        )
    if not data.is_dir():
        return Check(name, Level.PROBLEM, f"{data} is no directory", "Name the directory that holds it with --data.")
    status = data.stat()
    owner = _user(status.st_uid)
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        found = f"{data} cannot be used by {_user(os.geteuid())}: it belongs to {owner}, mode {_octal(data)}"
        return Check(name, Level.PROBLEM, found, f"Run livevote as {owner}, or name another with --data.")
    # A file system of its own has a directory for what fsck finds, which is root's wherever it is mounted.
    inside = [path for path in sorted(data.iterdir()) if path.name != "lost+found"]
    if foreign := [path.name for path in inside if path.lstat().st_uid != status.st_uid]:
        found = f"{data} belongs to {owner}, but {foreign[0]} to somebody else"
        return Check(name, Level.PROBLEM, found, f"As root: chown -R {owner} {data}")
    if S_IMODE(status.st_mode) & 0o077:
        found = f"{data} has mode {_octal(data)}: others on this machine may read votes before they are revealed"
        return Check(name, Level.WARNING, found, f"chmod 700 {data}")
    return Check(name, Level.OK, f"{data} belongs to {owner}, mode {_octal(data)}")


def check_keys(keys: Path, rooms: Sequence[str]) -> Check:
    """Whether the keys of the ``rooms`` in the log are there and nobody else reads them."""
    if not keys.exists() and not rooms:
        return Check("keys", Level.OK, "none yet")
    if lacking := missing(keys, rooms):
        found = f"{len(lacking)} are missing, {keys / lacking[0]} for example"
        return Check("keys", Level.PROBLEM, found, "Put them back from your backup of the keys, or voters vote twice.")
    paths = [keys, *sorted(keys.rglob("*"))]
    owner = keys.parent.stat().st_uid
    for path in paths:
        if path.stat().st_uid != owner:
            remedy = f"As root: chown -R {_user(owner)} {keys}"
            return Check("keys", Level.PROBLEM, f"{path} belongs to {_user(path.stat().st_uid)}", remedy)
        if S_IMODE(path.stat().st_mode) & 0o077:
            wanted = "700" if path.is_dir() else "600"
            found = f"{path} has mode {_octal(path)}: others on this machine may host rooms and link voters"
            return Check("keys", Level.PROBLEM, found, f"chmod {wanted} {path}")
    return Check("keys", Level.OK, f"{sum(path.is_file() for path in paths)}, which only their owner reads")


def check_file_system(kind: str) -> Check:
    """``kind`` as in ``/proc/mounts``."""
    if kind in _VOLATILE:
        found = f"{kind} is {_VOLATILE[kind]}: what is written there does not last"
        return Check(
            "file system", Level.WARNING, found, "Choose a directory on a disk (in a container: a volume) with --data."
        )
    if kind in _REMOTE:
        found = f"{kind}: over a network, locks and fsync may not be what they say, and WAL mode does not work"
        return Check("file system", Level.WARNING, found, "Choose a local disk with --data.")
    return Check("file system", Level.OK, kind)


def check_space(free_bytes: int) -> Check:
    """The space that is left for the log."""
    found = f"{free_bytes // _MB:,} MB"
    if free_bytes >= RESERVE_BYTES:
        return Check("free space", Level.OK, found)
    level = Level.PROBLEM if free_bytes < _NO_SPACE_BYTES else Level.WARNING
    remedy = "Make room: no more pictures are taken, and on a full disk no vote is. A ballot takes about 400 bytes."
    return Check("free space", level, found, remedy)


def probe(directory: Path) -> list[float]:
    """The milliseconds that some dozens of small writes took to be on disk. Leaves nothing behind."""
    took_ms: list[float] = []
    block = os.urandom(_PROBE_BYTES)
    until_s = time.monotonic() + _PROBING_AT_MOST_S
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        while len(took_ms) < _PROBES and time.monotonic() < until_s:
            file.write(block)
            begun_s = time.perf_counter()
            os.fdatasync(file.fileno())
            took_ms.append((time.perf_counter() - begun_s) * 1000)
    return took_ms


def check_fsync(directory: Path) -> Check:
    """How long the disk takes to keep a page."""
    try:
        return judge_fsync(probe(directory))
    except OSError as error:
        found = f"{directory} cannot be written: {error.strerror}"
        return Check("fsync", Level.PROBLEM, found, "Check the free space and whether the disk is mounted read-only.")


def judge_fsync(took_ms: Sequence[float]) -> Check:
    """What ``probe`` measured."""
    middle, p99 = median(took_ms), sorted(took_ms)[int(len(took_ms) * 0.99)]
    found = f"median {middle:.2f} ms, p99 {p99:.2f} ms"
    if middle < _TOO_FAST_MS:
        remedy = "A power cut may lose acknowledged votes. Choose a disk that honours fsync with --data."
        return Check("fsync", Level.WARNING, f"{found}: too fast to have reached a disk", remedy)
    if middle > _SLOW_MEDIAN_MS or p99 > _SLOW_P99_MS:
        remedy = "Votes are safe, but every answer waits so long. Choose a faster disk with --data."
        return Check("fsync", Level.WARNING, f"{found}: slow", remedy)
    return Check("fsync", Level.OK, found)


def check_server(lock: Path) -> Check:
    """Whether a server runs on the directory."""
    try:
        held = is_held(lock)
    except FailureError as error:
        return Check("server", Level.PROBLEM, "cannot be seen", str(error))
    return Check("server", Level.OK, "runs on this directory" if held else "does not run")


async def _read_log(database: Path) -> tuple[Check, tuple[str, ...], int | None]:
    """The check of the log, its rooms and the instant of its newest record."""
    try:
        reader = await open_reader(f"sqlite:{database}")
        if wrong := quick_check(database):
            remedy = "Restore a backup; keep the damaged file."
            return Check("log", Level.PROBLEM, f"its structure is damaged: {wrong}", remedy), (), None
        newest: dict[str, int] = {}
        for entry in reader.scan():
            newest[entry.room] = max(entry.record.at, newest.get(entry.room, 0))
    except NoSuchRoomError:
        return Check("log", Level.OK, "none yet"), (), None
    except FailureError as error:
        return Check("log", Level.PROBLEM, "cannot be read", str(error)), (), None
    found = f"{len(newest)} room(s), readable ('livevote verify' checks that nothing was changed)"
    return Check("log", Level.OK, found), tuple(newest), max(newest.values(), default=None)


def check_clock(now_ms: int, newest_ms: int | None, signs: Sequence[str]) -> Check:
    """``newest_ms`` is the instant of the newest record, ``signs`` what speaks for a clock that is kept right."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    found = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    remedy = "Set the clock, and let chrony or systemd-timesyncd keep it. It labels votes; what counts is their order."
    if now.year < _EARLIEST_YEAR:
        return Check("clock", Level.PROBLEM, f"{found} cannot be true", remedy)
    if newest_ms is not None and newest_ms > now_ms + _FUTURE_MS:
        return Check("clock", Level.WARNING, f"{found}, but the newest record is of {instant(newest_ms)}", remedy)
    return Check("clock", Level.OK, f"{found}, {signs[0] if signs else 'not known whether a time service keeps it'}")


def file_system(directory: Path, mounts: str) -> str:
    """The type of the file system that holds ``directory``, by a ``/proc/mounts``; ``unknown`` without one."""
    depth, found = -1, "unknown"
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        where = Path(point.replace("\\040", " "))
        # Of two mounts on the same point, the later one covers the earlier.
        if directory.is_relative_to(where) and len(where.parts) >= depth:
            depth, found = len(where.parts), kind
    return found


def text(checks: Sequence[Check]) -> str:
    """The checks as plain, aligned text."""
    name_width = max(len(check.name) for check in checks)
    level_width = max(len(level.value) for level in Level)
    lines = []
    for check in checks:
        lines.append(f"{check.level.value:{level_width}}  {check.name:{name_width}}  {check.found}")
        if check.remedy:
            lines.append(f"{'':{level_width}}  {'':{name_width}}  > {check.remedy}")
    return "\n".join(lines)


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _octal(path: Path) -> str:
    return f"{S_IMODE(path.stat().st_mode):04o}"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
