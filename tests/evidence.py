"""How much the crash tests do, and the record of the long runs: ``docs/evidence/*.json``, from which the README quotes.

``LIVEVOTE_ROUNDS`` says it: nothing (``make test``) takes few rounds, ``many`` (``make crash``) takes more, and
``soak`` (``make soak``) takes those of hours and writes the record. ``python -m tests.evidence`` prints the table for
the README.
"""

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import msgspec

from bench.machine import facts

_SIZES = ("", "many", "soak")
_SIZE = _SIZES.index(os.environ.get("LIVEVOTE_ROUNDS", ""))

SOAK = _SIZES[_SIZE] == "soak"
"""Whether this is a long run."""

DIRECTORY = Path(__file__).parent.parent / "docs" / "evidence"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What one rig did and where. ``counts`` are its own figures; a rig that found a fault has not written this."""

    rig: str
    what: str
    seed: int | None
    counts: dict[str, int]
    took_s: float
    machine: dict[str, str]


def size(few: int, many: int, soak: int) -> int:
    """How often a rig does what it does. ``few`` shows that every fault is met and what a rig can see at all; the rest
    is repetition, and meets what is rare."""
    return (few, many, soak)[_SIZE]


class Record:
    """Times a rig from here on; ``write`` keeps its figures if this is a long run."""

    def __init__(self, rig: str, what: str, *, directory: Path, seed: int | None = None) -> None:
        self._rig = rig
        self._what = what
        self._directory = directory
        self._seed = seed
        self._begun_s = time.monotonic()

    def write(self, **counts: int) -> None:
        """Keep the figures. Called last, after every check has passed."""
        if not SOAK:
            return
        evidence = Evidence(
            rig=self._rig,
            what=self._what,
            seed=self._seed,
            counts=counts,
            took_s=round(time.monotonic() - self._begun_s, 1),
            machine={name: value for name, value in facts(self._directory) if name != "date"}
            | {"date": time.strftime("%Y-%m-%d"), "SQLite": sqlite3.sqlite_version},
        )
        DIRECTORY.mkdir(exist_ok=True)
        document = msgspec.json.format(msgspec.json.encode(evidence), indent=2)
        (DIRECTORY / f"{self._rig}.json").write_bytes(document + b"\n")


def table() -> str:
    """The README's table of all records there are."""
    rows = ["| rig | what was done | found wrong | on |", "|---|---|---|---|"]
    for path in sorted(DIRECTORY.glob("*.json")):
        found = msgspec.json.decode(path.read_bytes(), type=Evidence)
        counts: dict[str, Any] = {name.replace("_", " "): f"{count:,}" for name, count in found.counts.items()}
        done = ", ".join(f"{count} {name}" for name, count in counts.items())
        where = f"{found.machine['kernel']}, {found.machine['file system']}, SQLite {found.machine['SQLite']}"
        rows.append(f"| {found.rig}: {found.what} | {done} | nothing | {found.machine['date']}, {where} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
