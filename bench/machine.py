"""What a figure depends on and the server does not decide: processor, kernel, file system, limits, pinning."""

import os
import platform
import resource
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from bench.expected import BenchError

SPARE_FILES = 200
"""Open files beside the sockets: modules, the log, pipes, the listener."""

VOLATILE = frozenset({"tmpfs", "ramfs"})
"""File systems in memory: a commit costs nothing there, and means nothing."""


def facts(directory: Path) -> list[tuple[str, str]]:
    """What stands above the table. ``directory`` is where the server keeps its data."""
    return [
        ("CPU", cpu_model(_read("/proc/cpuinfo")) or platform.machine()),
        ("cores", str(len(os.sched_getaffinity(0)))),
        ("kernel", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("SQLite", sqlite3.sqlite_version),
        ("file system", file_system(directory, _read("/proc/mounts"))),
        ("date", datetime.now().astimezone().isoformat(timespec="seconds")),
    ]


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def cpu_model(cpuinfo: str) -> str:
    """The first model name of a ``/proc/cpuinfo``; empty where the platform does not give one."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return ""


def file_system(directory: Path, mounts: str) -> str:
    """The type of the file system that holds ``directory``, by a ``/proc/mounts``."""
    best, found = -1, "unknown"
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(fields[1].replace("\\040", " "))
        # Of two mounts on the same point, the later one covers the earlier.
        if directory.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), fields[2]
    return found


def raise_file_limit(sockets: int) -> None:
    """Allow as many open files as the system does. Raises ``BenchError`` when that is too few for ``sockets``."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and sockets + SPARE_FILES > hard:
        raise BenchError(
            f"{sockets} sockets need {sockets + SPARE_FILES} open files, but the system allows {hard}: "
            "raise it with 'ulimit -Hn' as root, or ask for fewer sockets."
        )


def cores_for_two(allowed: Iterable[int]) -> tuple[int, int] | None:
    """A core for the load generator and another for the server; None where there is only one."""
    cores = sorted(allowed)
    return (cores[0], cores[-1]) if len(cores) >= 2 else None
