"""Applies the migrations of a directory to a database, and dies on the way if it is told to.

A process of its own, because what dies is all of it: ``python -m tests.crash.upgrade DATABASE DIRECTORY HOW PLACE``.
``HOW`` is ``statement`` or ``step``: death comes before the statement of that number, or when SQLite's machine has done
so many steps. A ``PLACE`` of 0 counts instead, and prints how many there are. With ``LIVEVOTE_MUTANT`` a migration is
applied without its transaction: a rig that does not turn red then is blind.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiosqlite

from livevote.log import schema


async def _apply_bare(connection: aiosqlite.Connection, name: str, digest: str, sql: str, *, first: bool) -> None:
    await connection.executescript(
        f"{schema._LEDGER if first else ''}\n{sql}\nINSERT INTO migrations VALUES ('{name}', '{digest}', 'x');"
    )


async def _upgrade(database: Path, directory: Path, how: str, place: int) -> int:
    count = 0

    def tick(*_: object) -> int:
        nonlocal count
        count += 1
        if count == place:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    async with aiosqlite.connect(database, isolation_level=None) as connection:
        if how == "statement":
            await connection.set_trace_callback(tick)
        else:
            await connection.set_progress_handler(tick, 1)
        await schema.migrate(connection, directory=directory)
    return count


if __name__ == "__main__":
    if os.environ.get("LIVEVOTE_MUTANT"):
        schema._apply = _apply_bare
    print(asyncio.run(_upgrade(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))))
