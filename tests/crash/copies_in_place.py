"""livevote with a backup that has its final name from the beginning.

A rig that does not turn red on this one is blind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from livevote import backup, cli


@contextmanager
def _under_its_name(directory: Path, name: str) -> Iterator[Path]:
    (directory / name).mkdir(parents=True)
    yield directory / name


backup._under_its_name_when_whole = _under_its_name

if __name__ == "__main__":
    cli.main()
