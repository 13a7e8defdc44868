"""livevote with a backup as people make it by hand: the database file is copied and its write-ahead log is forgotten.

Nor is it compared with its checkpoints, which would show that records are missing. A rig that does not turn red on this
one is blind.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from livevote import backup, cli
from livevote.log import Reader
from livevote.verify import Verdict, verify_database


def _copy(source: Path, target: Path, *, report: Callable[[int, int], None]) -> None:  # noqa: ARG001
    shutil.copyfile(source, target)


def _verify(reader: Reader, directory: Path, *, progress: Callable[[int], object]) -> Iterator[Verdict]:
    return verify_database(reader, directory / "nowhere", progress=progress)


backup.snapshot = _copy  # type: ignore[attr-defined]
backup.verify_database = _verify  # type: ignore[assignment, attr-defined]

if __name__ == "__main__":
    cli.main()
