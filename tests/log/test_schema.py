"""Migrations: each whole or not at all, never twice, and never over a database that does not fit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import aiosqlite
import pytest

from livevote.failures import CorruptError, SetupError
from livevote.log.schema import APPLICATION_ID, MIGRATIONS, migrate

FIRST = "CREATE TABLE one (a INTEGER);\n"
SECOND = "ALTER TABLE one ADD COLUMN b TEXT;\nINSERT INTO one VALUES (1, 'x');\n"


@asynccontextmanager
async def database(directory: Path) -> AsyncIterator[aiosqlite.Connection]:
    async with aiosqlite.connect(directory / "db.sqlite3", isolation_level=None) as connection:
        yield connection


def directory(root: Path, **files: str) -> Path:
    made = root / "migrations"
    made.mkdir(exist_ok=True)
    for name, sql in files.items():
        (made / f"{name.removeprefix('m')}.sql").write_text(sql)
    return made


async def rows(connection: aiosqlite.Connection, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await connection.execute_fetchall(sql)]


async def contents(connection: aiosqlite.Connection) -> list[str]:
    """Everything in the database, as the statements that make it."""
    return [line async for line in connection.iterdump()]


async def test_migrations_are_applied_in_order_and_noted(tmp_path: Path) -> None:
    migrations = directory(tmp_path, m0002_more=SECOND, m0001_first=FIRST)
    async with database(tmp_path) as connection:
        await migrate(connection, directory=migrations)
        assert await rows(connection, "SELECT * FROM one") == [(1, "x")]
        assert await rows(connection, "SELECT name, sha256 FROM migrations") == [
            ("0001_first.sql", sha256(FIRST.encode()).hexdigest()),
            ("0002_more.sql", sha256(SECOND.encode()).hexdigest()),
        ]
        assert await rows(connection, "SELECT applied_at FROM migrations WHERE applied_at NOT GLOB '20*T*Z'") == []


async def test_a_migration_is_applied_once(tmp_path: Path) -> None:
    migrations = directory(tmp_path, m0001_first=FIRST)
    async with database(tmp_path) as connection:
        await migrate(connection, directory=migrations)
        before = await contents(connection)
        await migrate(connection, directory=migrations)
        assert await contents(connection) == before
        directory(tmp_path, m0002_more=SECOND)
        await migrate(connection, directory=migrations)
        assert await rows(connection, "SELECT * FROM one") == [(1, "x")]


async def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    migrations = directory(tmp_path, m0001_first=FIRST, m0002_more=SECOND)
    async with database(tmp_path) as connection:
        await migrate(connection, directory=migrations)
        before = await contents(connection)
        (migrations / "0002_more.sql").unlink()
        with pytest.raises(
            SetupError,
            match=r"newer version of livevote \(it has 0002_more\.sql\)\. Start that version, or use another",
        ):
            await migrate(connection, directory=migrations)
        assert await contents(connection) == before


async def test_an_edited_migration_is_refused(tmp_path: Path) -> None:
    migrations = directory(tmp_path, m0001_first=FIRST)
    async with database(tmp_path) as connection:
        await migrate(connection, directory=migrations)
        before = await contents(connection)
        directory(tmp_path, m0001_first=FIRST + "-- a word\n", m0002_more=SECOND)
        with pytest.raises(SetupError, match=r"migrations/0001_first\.sql differs"):
            await migrate(connection, directory=migrations)
        assert await contents(connection) == before


@pytest.mark.parametrize("fault", ["CREATE TABLE two (a", "INSERT INTO nowhere VALUES (1);", "SELECT abs('x', 1);"])
async def test_a_failing_migration_leaves_the_database_as_it_was(tmp_path: Path, fault: str) -> None:
    migrations = directory(tmp_path, m0001_first=FIRST)
    async with database(tmp_path) as connection:
        await migrate(connection, directory=migrations)
        before = await contents(connection)
        directory(tmp_path, m0002_more=SECOND + fault)
        with pytest.raises(SetupError, match=r"migrations/0002_more\.sql could not be applied .* as it was"):
            await migrate(connection, directory=migrations)
        assert await contents(connection) == before
        directory(tmp_path, m0002_more=SECOND)
        await migrate(connection, directory=migrations)
        assert await rows(connection, "SELECT * FROM one") == [(1, "x")]


async def test_a_failing_first_migration_leaves_nothing(tmp_path: Path) -> None:
    migrations = directory(tmp_path, m0001_first=FIRST + "nonsense;")
    async with database(tmp_path) as connection:
        with pytest.raises(SetupError):
            await migrate(connection, directory=migrations)
        assert await rows(connection, "SELECT * FROM sqlite_schema") == []


@pytest.mark.parametrize("name", ["first", "1_first", "0001-first", "0001_First", "0001_", "0001_it's"])
async def test_a_badly_named_migration_is_refused(tmp_path: Path, name: str) -> None:
    migrations = directory(tmp_path, m0001_first=FIRST, **{name: SECOND})
    async with database(tmp_path) as connection:
        with pytest.raises(SetupError, match=f"migrations/{name}.sql must be called like"):
            await migrate(connection, directory=migrations)
        assert await rows(connection, "SELECT * FROM sqlite_schema") == []


async def test_other_files_beside_migrations_do_not_matter(tmp_path: Path) -> None:
    migrations = directory(tmp_path, m0001_first=FIRST)
    (migrations / "README.md").write_text("nonsense")
    async with database(tmp_path) as connection:
        await migrate(connection, directory=migrations)
        assert await rows(connection, "SELECT name FROM migrations") == [("0001_first.sql",)]


async def test_without_migrations_the_checkout_is_incomplete(tmp_path: Path) -> None:
    async with database(tmp_path) as connection:
        for missing in (directory(tmp_path), tmp_path / "nowhere"):
            with pytest.raises(SetupError, match=r"There are no migrations in .* complete checkout"):
                await migrate(connection, directory=missing)


@pytest.mark.parametrize("table", ["recipes (name TEXT)", "migrations (name TEXT, sha256 TEXT)"])
async def test_a_foreign_database_is_left_alone(tmp_path: Path, table: str) -> None:
    async with database(tmp_path) as connection:
        await connection.execute(f"CREATE TABLE {table}")
        before = await contents(connection)
        with pytest.raises(
            CorruptError, match=r"^The database is not one of livevote's\. Use another data directory\.$"
        ):
            await migrate(connection)
        assert await contents(connection) == before


async def test_the_real_migrations_make_a_database_that_says_whose_it_is(tmp_path: Path) -> None:
    async with database(tmp_path) as connection:
        await migrate(connection)
        assert await rows(connection, "PRAGMA application_id") == [(APPLICATION_ID,)]
        applied = [name for (name,) in await rows(connection, "SELECT name FROM migrations ORDER BY name")]
        assert applied == sorted(path.name for path in MIGRATIONS.glob("*.sql"))
