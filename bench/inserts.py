"""How a batch of records gets into SQLite: ``python -m bench.inserts`` compares the ways.

Each way writes the same rows with ``synchronous=FULL`` through aiosqlite, on an otherwise idle event loop.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiosqlite

_BODY = (
    '{"@type":"ballot_cast/1","at":1790000000000,"commitment":"'
    + "a" * 64
    + '","id":"'
    + "b" * 22
    + '","question":"q1",'
    '"rev":0,"round":1,"supersedes":null,"voter":"' + "c" * 22 + '"}'
)
_COLUMNS = "body TEXT NOT NULL, chain BLOB NOT NULL, salt BLOB, answer TEXT"
_TABLES = {
    "rowid": f"CREATE TABLE r (seq INTEGER PRIMARY KEY, room TEXT NOT NULL, idx INTEGER NOT NULL, {_COLUMNS}) STRICT",
    "room, idx": f"CREATE TABLE r (room TEXT NOT NULL, idx INTEGER NOT NULL, {_COLUMNS}, PRIMARY KEY (room, idx)) "
    "STRICT, WITHOUT ROWID",
}
_INSERT = "INSERT INTO r (room, idx, body, chain, salt, answer) VALUES "
_PLACES = "(?,?,?,?,?,?)"
_BATCHES = 30
_RUNS = 7

Row = tuple[str, int, str, bytes, bytes, str]
Way = Callable[[aiosqlite.Connection, list[Row]], Awaitable[None]]


async def _executemany(connection: aiosqlite.Connection, rows: list[Row]) -> None:
    await connection.execute("BEGIN IMMEDIATE")
    await connection.executemany(_INSERT + _PLACES, rows)
    await connection.execute("COMMIT")


async def _one_statement(connection: aiosqlite.Connection, rows: list[Row]) -> None:
    await connection.execute(_INSERT + ",".join((_PLACES,) * len(rows)), [value for row in rows for value in row])


async def _begin_and_commit(connection: aiosqlite.Connection, rows: list[Row]) -> None:
    await connection.execute("BEGIN IMMEDIATE")
    await _one_statement(connection, rows)
    await connection.execute("COMMIT")


_WAYS: dict[str, Way] = {
    "BEGIN, executemany, COMMIT": _executemany,
    "BEGIN, one INSERT, COMMIT": _begin_and_commit,
    "one INSERT": _one_statement,
}


async def _rate(way: Way, table: str, *, batch: int) -> float:
    """Rows a second into a new file."""
    with tempfile.TemporaryDirectory() as directory:
        async with aiosqlite.connect(Path(directory) / "log.db", isolation_level=None) as connection:
            await connection.execute("PRAGMA journal_mode = wal")
            await connection.execute("PRAGMA synchronous = full")
            await connection.execute(_TABLES[table])
            begun_s = time.perf_counter()
            for number in range(_BATCHES):
                first = number * batch
                await way(
                    connection,
                    [("7KQ2MD", first + n, _BODY, bytes(32), bytes(16), '{"choices":[1]}') for n in range(batch)],
                )
            took_s = time.perf_counter() - begun_s
    return _BATCHES * batch / took_s


async def main() -> None:
    """Print medians of ``_RUNS`` interleaved runs."""
    arms = [(name, "room, idx", batch) for batch in (64, 256, 1000) for name in _WAYS]
    arms += [("one INSERT", "rowid", batch) for batch in (64, 256, 1000)]
    rates: dict[tuple[str, str, int], list[float]] = {arm: [] for arm in arms}
    for _ in range(_RUNS):
        for arm in arms:
            name, table, batch = arm
            rates[arm].append(await _rate(_WAYS[name], table, batch=batch))
    print("| way | key | batch | rows/s (median) |")
    print("|---|---|---:|---:|")
    for (name, table, batch), found in rates.items():
        print(f"| {name} | {table} | {batch} | {statistics.median(found):,.0f} |")


if __name__ == "__main__":
    asyncio.run(main())
