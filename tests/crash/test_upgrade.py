"""Upgrades and backups (T17): a migration is applied whole or not at all wherever the process dies, and a backup of a
loaded server holds everything that was acknowledged before it began, and nothing that the live log does not hold.
"""

import asyncio
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import aiosqlite
import pytest

from livevote.domain.checker import Checker
from livevote.domain.note import Verifier
from livevote.domain.records import BallotCast, Entry
from livevote.log import open_reader, opened, read_notes
from livevote.log.schema import MIGRATIONS, migrate
from livevote.verify import verify_database
from tests.crash.history import BrokenPromiseError, History, check
from tests.crash.voters import Voter, stop_all
from tests.evidence import Record, size
from tests.history import CODE, cast
from tests.history import opened as opened_room
from tests.process import CHECKOUT, process, run_cli

pytestmark = pytest.mark.crash

SEED = int(os.environ.get("LIVEVOTE_CRASH_SEED", "1"))
ROUNDS = size(10, 20, 100)
BACKUPS = size(4, 20, 100)
KILLED = size(6, 10, 100)
VOTERS = 8
PAUSE_S = 0.02  # between two ballots of a voter: the machine is to make backups as well
BALLOTS = 300
HOW = ("statement", "step")

FUTURE = {
    "9001_more_columns.sql": """
        ALTER TABLE records ADD COLUMN note TEXT;
        CREATE INDEX records_by_chain ON records (chain);
    """,
    "9002_summary.sql": """
        CREATE TABLE summary (room TEXT PRIMARY KEY, records INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        INSERT INTO summary SELECT room, count(*) FROM records GROUP BY room;
        CREATE TABLE leaves AS SELECT room, idx, length(body) AS size, hex(chain) AS chain FROM records;
        CREATE TRIGGER leaves_follow AFTER INSERT ON records
        BEGIN
            INSERT INTO leaves VALUES (NEW.room, NEW.idx, length(NEW.body), hex(NEW.chain));
        END;
    """,
    "9003_rebuild.sql": """
        CREATE TABLE meta_new (key TEXT PRIMARY KEY, value TEXT NOT NULL, since TEXT) STRICT, WITHOUT ROWID;
        INSERT INTO meta_new SELECT key, value, NULL FROM meta;
        DROP TABLE meta;
        ALTER TABLE meta_new RENAME TO meta;
        DROP INDEX records_by_chain;
    """,
}
"""What versions to come may do to a database: new columns, much new data, a table made anew."""


class Fixture(NamedTuple):
    """An old database, and what it must look like at its own version and at each one after it."""

    path: Path
    versions: list[str]
    has_log: bool


class Upgrades:
    """Databases of every old version, and the directory of all migrations."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.migrations = directory / "migrations"
        self.migrations.mkdir()
        for path in MIGRATIONS.glob("*.sql"):
            shutil.copy(path, self.migrations)
        for name, sql in FUTURE.items():
            (self.migrations / name).write_text(sql)
        self.names = sorted(path.name for path in self.migrations.iterdir())

    async def fixtures(self) -> list[Fixture]:
        """A file without anything, and one database with a log for each version before the last."""
        empty = await self._upgraded("empty", has_log=False)
        filled = await self._upgraded("filled", has_log=True)
        versions = [dump(path) for path in filled]
        return [
            Fixture(empty[0], [dump(path) for path in empty], has_log=False),
            *(Fixture(filled[number], versions[number:], has_log=True) for number in range(1, len(self.names))),
        ]

    async def _upgraded(self, name: str, *, has_log: bool) -> list[Path]:
        """The same database after 0, 1, 2 ... migrations, each applied in peace."""
        made = [self._directory / f"{name}0.db"]
        sqlite3.connect(made[0]).close()
        for version in range(1, len(self.names) + 1):
            made.append(self._directory / f"{name}{version}.db")
            shutil.copy(made[-2], made[-1])
            await self._apply(made[-1], version)
            if version == 1 and has_log:
                _fill(made[-1])
        return made

    async def _apply(self, path: Path, version: int) -> None:
        some = self._directory / f"first{version}"
        some.mkdir(exist_ok=True)
        for name in self.names[:version]:
            shutil.copy(self.migrations / name, some)
        async with aiosqlite.connect(path, isolation_level=None) as connection:
            await migrate(connection, directory=some)
            await connection.execute("PRAGMA journal_mode = wal")

    def run(self, database: Path, how: str, place: int, *, mutant: bool = False) -> int:
        """Upgrade in a process that dies at a place; how many places there are, or 0 where it has died."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.crash.upgrade", str(database), str(self.migrations), how, str(place)],
            env={**os.environ, "LIVEVOTE_MUTANT": "1" if mutant else ""},
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode in (0, -9), done.stderr
        return int(done.stdout or 0)

    async def kill(self, fixture: Fixture, how: str, place: int, *, mutant: bool = False) -> int:
        """Kill an upgrade of the fixture at a place and judge what is left; how many migrations that has got."""
        database = self._directory / "dying.db"
        for path in self._directory.glob("dying.db*"):
            path.unlink()
        shutil.copy(fixture.path, database)
        assert self.run(database, how, place, mutant=mutant) == 0, "it was not killed"
        where = f"{fixture.path.name}, killed at {how} {place},"
        left = dump(database)
        if left not in fixture.versions:
            raise BrokenPromiseError(f"T17: {where} is of no version")
        async with aiosqlite.connect(database, isolation_level=None) as connection:
            await migrate(connection, directory=self.migrations)
        if dump(database) != fixture.versions[-1]:
            raise BrokenPromiseError(f"T17: {where} does not get to the newest version")
        verdicts = list(verify_database(await open_reader(f"sqlite:{database}"), self._directory))
        assert [verdict.ballots for verdict in verdicts] == [BALLOTS] * fixture.has_log
        return fixture.versions.index(left)

    def count(self, fixture: Fixture, how: str) -> int:
        """How many places there are to die at."""
        database = self._directory / "counting.db"
        shutil.copy(fixture.path, database)
        return self.run(database, how, 0)


def _fill(path: Path) -> None:
    """Give a database of the first version a log, as that version wrote it."""
    history = opened_room().did(*[cast(f"v{number}", number % 3) for number in range(BALLOTS)])
    rows = [(CODE, entry.index, entry.body.decode(), entry.chain, *_opening(entry)) for entry in history.entries]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO records (room, idx, body, chain, salt, answer) VALUES (?, ?, ?, ?, ?, ?)", rows
        )


def _opening(entry: Entry) -> tuple[bytes | None, str | None]:
    return (None, None) if entry.opening is None else (entry.opening.salt, entry.opening.answer.decode())


def dump(path: Path) -> str:
    """All that is in a database, but for the time of its migrations and, where it has no log yet, its random name."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        text = "\n".join(connection.iterdump())
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text)
    return text if CODE in text else re.sub(r"'epoch','[0-9a-f]{32}'", "'epoch','ANY'", text)


@pytest.mark.timeout(seconds=size(300, 300, 1800))
async def test_an_upgrade_that_is_killed_anywhere_is_whole_or_not_there(tmp_path: Path) -> None:
    record = Record("T17-upgrade", "upgrades killed in the middle", directory=tmp_path, seed=SEED)
    rng = random.Random(SEED)
    upgrades = Upgrades(tmp_path)
    fixtures = await upgrades.fixtures()
    places = {(number, how): upgrades.count(fixture, how) for number, fixture in enumerate(fixtures) for how in HOW}
    left = set()
    for turn in range(ROUNDS):
        number, how = turn % len(fixtures), HOW[turn // len(fixtures) % 2]
        left.add(await upgrades.kill(fixtures[number], how, rng.randint(1, places[number, how])))
    assert len(left) > 1, "every kill came before the first migration"
    record.write(kills=ROUNDS, old_versions=len(fixtures))


@pytest.mark.timeout(seconds=120)
async def test_the_rig_sees_a_migration_without_its_transaction(tmp_path: Path) -> None:
    upgrades = Upgrades(tmp_path)
    newest = (await upgrades.fixtures())[-1]
    places = upgrades.count(newest, "statement")
    with pytest.raises(BrokenPromiseError, match="of no version"):
        await upgrades.kill(newest, "statement", places // 2, mutant=True)


class CalmVoter(Voter):
    """A voter who takes a breath after each ballot."""

    async def _cast(self, id_: str, choice: int) -> None:
        await super()._cast(id_, choice)
        await asyncio.sleep(PAUSE_S)


class Taken(NamedTuple):
    """A backup that was restored, and what voters had been told before it began."""

    data: Path
    acked: dict[str, int]


async def take(data: Path, work: Path, known: dict[str, int], module: str) -> Taken:
    """Back up, keys included, and restore at once."""
    backups, keys, new = work / "backups", work / "keys", work / "data"
    await command(module, "backup", str(backups), "--with-keys", str(keys), "--data", str(data))
    [backup], [kept] = list(backups.iterdir()), list(keys.iterdir())
    await command(module, "restore", str(backup), "--keys", str(kept), "--data", str(new))
    return Taken(new, known)


async def command(module: str, *arguments: str) -> None:
    """A command that must succeed, while the voters of this process go on."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    _, errors = await asyncio.wait_for(started.communicate(), 60)
    if (started.returncode, errors) != (0, b""):
        raise BrokenPromiseError(f"T17: {arguments[0]} failed: {errors.decode()}")


async def judge(taken: Taken, history: History, live: list[Entry], room: str) -> None:
    """Raise ``BrokenPromiseError`` unless the restored log is right by itself and a part of the live one."""
    entries = list((await open_reader(f"sqlite:{taken.data}/livevote.db")).scan())
    for number, (ours, theirs) in enumerate(zip(entries, live, strict=False), 1):
        if (ours.body, ours.chain, ours.opening) != (theirs.body, theirs.chain, theirs.opening):
            raise BrokenPromiseError(f"T17: record {number} of the backup is not the one of the log")
    if len(entries) > len(live):
        raise BrokenPromiseError("T17: the backup holds more than the log")
    ballots = {entry.record.id for entry in entries if isinstance(entry.record, BallotCast)}
    if lost := taken.acked.keys() - ballots:
        raise BrokenPromiseError(f"I1: {len(lost)} ballots were acknowledged before the backup and are not in it")
    notes, _ = read_notes(taken.data / "checkpoints" / f"{room}.notes")
    verifier = Verifier.parse((taken.data / "checkpoints" / "livevote.vkey").read_text())
    checker = Checker(room, opened(notes, verifier, taken.data))
    for entry in entries:
        checker.add(entry)
    checker.finish()
    assert checker.agreed == len(notes) > 0
    await check(History(sent=history.sent, acked=taken.acked), taken.data / "livevote.db", room)


async def event_with_backups(work: Path, *, rounds: int, module: str = "livevote.cli") -> tuple[History, str]:
    """Voters vote while backups are taken and restored, each of which is judged at the end; the room's code."""
    data, rng, history = work / "live", random.Random(SEED), History()
    # Once without voters: then the database is more than its write-ahead log.
    with process(data) as server:
        code = server.read_until("Votes are kept.").partition("code ")[2][:6]
        server.terminate()
    with process(data, "--vote-burst", "1000000", "--vote-rate", "1000000") as server:
        voters: list[Voter] = [
            CalmVoter(f"voter{n}", server.base, code, history, random.Random(SEED + n)) for n in range(VOTERS)
        ]
        tasks = [asyncio.create_task(voter.run()) for voter in voters]
        try:
            taken = []
            for number in range(rounds):
                enough = len(history.acked) + rng.randrange(5, 50)
                while len(history.acked) < enough:
                    await asyncio.sleep(0.001)
                    assert not any(task.done() for task in tasks), "a voter gave up"
                taken.append(await take(data, work / str(number), dict(history.acked), module))
            await stop_all(voters, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert await asyncio.get_running_loop().run_in_executor(None, server.terminate) == (0, "")
    live = list((await open_reader(f"sqlite:{data}/livevote.db")).scan())
    for backup in taken:
        await judge(backup, history, live, code)
    return history, code


@pytest.mark.timeout(seconds=size(300, 300, 1800))
async def test_a_backup_under_load_holds_what_was_acknowledged_and_can_be_served(tmp_path: Path) -> None:
    record = Record("T17-backup", "backups under load, restored and verified", directory=tmp_path, seed=SEED)
    history, code = await event_with_backups(tmp_path, rounds=BACKUPS)
    with process(tmp_path / str(BACKUPS - 1) / "data") as server:
        assert code in server.read_until("Votes are kept.")
        assert server.terminate() == (0, "")
    record.write(backups=BACKUPS, acknowledged=len(history.acked))


@pytest.mark.timeout(seconds=120)
async def test_the_rig_sees_a_backup_without_the_write_ahead_log(tmp_path: Path) -> None:
    with pytest.raises(BrokenPromiseError, match=r"I1: .* are not in it"):
        await event_with_backups(tmp_path, rounds=3, module="tests.crash.copies_main_file")


def kill_in_the_middle(work: Path, *, kills: int, module: str = "livevote.cli") -> int:
    """Kill backups and restores while they copy; how many of them left something unfinished.

    Raises ``BrokenPromiseError`` where something has its final name and is not whole.
    """
    rng = random.Random(SEED)
    data, good = work / "data", work / "good"
    with process(data) as server:
        server.terminate()
    with closing(sqlite3.connect(data / "livevote.db", isolation_level=None)) as database:
        database.execute("CREATE TABLE ballast (filling BLOB)")
        database.execute("INSERT INTO ballast VALUES (randomblob(20000000))")
    assert run_cli("backup", str(good), "--data", str(data)).returncode == 0
    [backup] = good.iterdir()
    unfinished = 0
    for number in range(kills):
        target = work / str(number)
        is_backup = number % 2 == 0
        arguments = ("backup", target, "--data", data) if is_backup else ("restore", backup, "--data", target)
        with subprocess.Popen([sys.executable, "-m", module, *map(str, arguments)], cwd=CHECKOUT) as started:
            while not list(target.glob("*")) + list(target.glob(".*")):
                assert started.poll() is None, "it ended before it made anything"
                time.sleep(0.001)
            time.sleep(rng.uniform(0.0, 0.05))
            started.kill()
        for database_ in target.glob("livevote-*/livevote.db" if is_backup else "livevote.db"):
            if run_cli("verify", str(database_)).returncode:
                raise BrokenPromiseError(f"T17: {database_} has its name and is not whole")
        unfinished += any(target.glob(".*"))
        if not is_backup and not (target / "livevote.db").exists():
            assert run_cli(*map(str, arguments)).returncode == 0, "what a killed restore left is no obstacle"
        shutil.rmtree(target)
    return unfinished


@pytest.mark.timeout(seconds=size(300, 300, 1200))
def test_what_is_killed_in_the_middle_has_no_final_name(tmp_path: Path) -> None:
    assert kill_in_the_middle(tmp_path, kills=KILLED) > KILLED // 4, "most kills came too late"


@pytest.mark.timeout(seconds=120)
def test_the_rig_sees_a_backup_that_is_made_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(BrokenPromiseError, match="is not whole"):
        kill_in_the_middle(tmp_path, kills=KILLED, module="tests.crash.copies_in_place")
