"""livevote with a backup as people make it by hand: the database file is copied and its write-ahead log is forgotten.

A rig that does not turn red on this one is blind.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from livevote import backup, cli


def _copy(source: Path, target: Path, *, report: Callable[[int, int], None]) -> None:  # noqa: ARG001
    shutil.copyfile(source, target)


backup.snapshot = _copy  # type: ignore[attr-defined]

if __name__ == "__main__":
    cli.main()
