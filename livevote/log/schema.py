"""Applies ``migrations/*.sql`` to a database, each in one transaction with the record that it was applied.

Apart from the adapter because it runs once, at start, and must never be on the path of a vote.
"""

import re
import sqlite3
from hashlib import sha256
from pathlib import Path

import aiosqlite

from livevote.failures import CorruptError, SetupError

APPLICATION_ID = 0x4C564F54  # "LVOT"
MIGRATIONS = Path(__file__).parent.parent.parent / "migrations"

_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_LEDGER = f"""PRAGMA application_id = {APPLICATION_ID};
CREATE TABLE migrations (
    name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, applied_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;"""


async def migrate(connection: aiosqlite.Connection, *, directory: Path = MIGRATIONS) -> None:
    """Bring the database to the newest version.

    Raises ``CorruptError`` for a database that is not livevote's and ``SetupError`` for one that a newer version wrote,
    or whose migrations were edited after they were applied. The database is unchanged then.
    """
    wanted = _read(directory)
    applied = await _applied(connection)
    if unknown := sorted(applied.keys() - wanted.keys()):
        raise SetupError(
            f"The database was written by a newer version of livevote (it has {unknown[-1]}). "
            "Start that version, or use another data directory."
        )
    for name, (digest, sql) in wanted.items():
        if name not in applied:
            await _apply(connection, name, digest, sql, first=not applied)
            applied[name] = digest
        elif applied[name] != digest:
            raise SetupError(f"migrations/{name} differs from the one that made this database. Put the old file back.")


def _read(directory: Path) -> dict[str, tuple[str, str]]:
    """Digest and text of every migration, by name, in order."""
    found = {}
    for path in sorted(directory.glob("*.sql")):
        if not _NAME.fullmatch(path.name):
            raise SetupError(f"migrations/{path.name} must be called like 0001_what_it_does.sql.")
        raw = path.read_bytes()
        found[path.name] = sha256(raw).hexdigest(), raw.decode()
    if not found:
        raise SetupError(f"There are no migrations in {directory}. Run livevote from a complete checkout.")
    return found


async def _applied(connection: aiosqlite.Connection) -> dict[str, str]:
    tables = {row[0] for row in await connection.execute_fetchall("SELECT name FROM sqlite_schema")}
    if "migrations" in tables and await _application(connection) == APPLICATION_ID:
        rows = await connection.execute_fetchall("SELECT name, sha256 FROM migrations")
        return {row[0]: row[1] for row in rows}
    if tables:
        raise CorruptError("The database is not one of livevote's. Use another data directory.")
    return {}


async def _application(connection: aiosqlite.Connection) -> int:
    ((found,),) = await connection.execute_fetchall("PRAGMA application_id")
    return int(found)


async def _apply(connection: aiosqlite.Connection, name: str, digest: str, sql: str, *, first: bool) -> None:
    ledger = _LEDGER if first else ""
    # executescript takes no parameters; the name was checked against _NAME and the digest is hex.
    script = (
        f"BEGIN IMMEDIATE;\n{ledger}\n{sql}\n"
        f"INSERT INTO migrations VALUES ('{name}', '{digest}', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));\nCOMMIT;"
    )
    try:
        await connection.executescript(script)
    except sqlite3.Error as error:
        await connection.rollback()
        raise SetupError(f"migrations/{name} could not be applied ({error}). The database is as it was.") from error
