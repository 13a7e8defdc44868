"""Backups and restores: whole or not there, verified, apart from the keys, and never over anything."""

import os
import pty
import re
import select
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from livevote.backup import back_up, restore
from livevote.clock import ManualClock
from livevote.config import Config
from livevote.domain.audit import TamperedError
from livevote.failures import AlreadyRunningError, DataDirectoryError, NoSuchRoomError, SetupError
from livevote.log import open_reader
from livevote.log.lock import Lock
from livevote.maintenance import import_bundle
from tests.client import Venue, eventually, venue
from tests.disks import small_disk
from tests.history import CODE, cast, opened
from tests.process import CHECKOUT, process, run_cli
from tests.receipts import bundle_at, signed

NAME = "livevote-20260921T141320Z"  # of what is made at the first instant of a ManualClock


def silent(_step: str, _done: int, _total: int) -> None:
    """Nobody watches."""


async def backed_up(data: Path, directory: Path, keys: Path | None = None) -> Path:
    made = await back_up(Config(data=data), directory, clock=ManualClock(), keys=keys, report=silent)
    return made.path


async def restored(backup: Path, data: Path, keys: Path | None = None) -> None:
    await restore(Config(data=data), backup, keys=keys, report=silent)


async def hold_an_event(at: Venue) -> None:
    await at.ask("Tea", "Coffee", reveal=True)
    await (await at.open()).vote("v1", 1)


async def bodies(data: Path) -> list[bytes]:
    return [entry.body for entry in (await open_reader(f"sqlite:{data}/livevote.db")).scan()]


def modes(directory: Path) -> dict[str, int]:
    return {
        str(path.relative_to(directory)): stat.S_IMODE(path.stat().st_mode)
        for path in [directory, *directory.rglob("*")]
    }


async def test_an_event_comes_back_whole(tmp_path: Path) -> None:
    data, new = tmp_path / "data", tmp_path / "new" / "data"
    async with venue(data) as at:
        await hold_an_event(at)
        await eventually((data / "checkpoints" / f"{at.code}.notes").exists)
        (data / "checkpoints" / "something.new").write_text("half of it")
        (data / "pictures").mkdir()
        (data / "pictures" / "0a.webp").write_bytes(b"a picture")
        (data / "pictures" / "1b.new").write_bytes(b"half of it")
        backup = await backed_up(data, tmp_path / "backups", tmp_path / "keys")
        code, before = at.code, await bodies(data)
    assert modes(backup) == {
        ".": 0o700,
        "livevote.db": 0o600,
        "checkpoints": 0o700,
        f"checkpoints/{code}.notes": 0o600,
        f"checkpoints/{code}.peaks": 0o600,
        "checkpoints/livevote.vkey": 0o600,
        "pictures": 0o700,
        "pictures/0a.webp": 0o600,
    }
    assert modes(tmp_path / "keys") == {
        ".": 0o700,
        NAME: 0o700,
        f"{NAME}/checkpoint.key": 0o600,
        f"{NAME}/cookie.key": 0o600,
        f"{NAME}/operator.key": 0o600,
        f"{NAME}/rooms": 0o700,
        f"{NAME}/rooms/{code}.key": 0o600,
    }
    assert modes(tmp_path / "backups")["."] == 0o700
    await restored(backup, new, tmp_path / "keys" / NAME)
    assert sorted(path.name for path in new.iterdir()) == [
        "checkpoints",
        "keys",
        "livevote.db",
        "livevote.lock",
        "pictures",
    ]
    assert (new / "pictures" / "0a.webp").read_bytes() == b"a picture"
    assert modes(new)["."] == 0o700
    assert set(modes(new).values()) == {0o700, 0o600}
    for name in (f"{code}.notes", "livevote.vkey"):
        assert (new / "checkpoints" / name).read_bytes() == (backup / "checkpoints" / name).read_bytes() != b""
    assert await bodies(new) == before
    async with venue(new) as at:
        assert at.code == code
        page = await at.open()
        assert (await page.until_type("state"))["tally"]["counts"] == [0, 1]
        assert (await page.vote("v2", 0))["type"] == "recorded"


async def test_the_evidence_that_came_with_an_imported_room_comes_back_as_well(tmp_path: Path) -> None:
    data, new = tmp_path / "data", tmp_path / "new"
    history = opened().did(cast("ann", 0))
    path = await bundle_at(tmp_path / "bundle", history, signed(history, 3))
    await import_bundle(Config(data=data), path, ManualClock(), new_key=True)
    backup = await backed_up(data, tmp_path / "backups")
    assert modes(backup)["checkpoints/imported"] == 0o700
    assert modes(backup)[f"checkpoints/imported/{CODE}.notes"] == 0o600
    await restored(backup, new)
    for name in (f"{CODE}.notes", f"{CODE}.vkey"):
        kept = Path("checkpoints", "imported", name)
        assert (new / kept).read_bytes() == (data / kept).read_bytes() != b""


async def test_what_is_cast_after_a_backup_is_not_in_it(tmp_path: Path) -> None:
    async with venue(tmp_path / "data") as at:
        await hold_an_event(at)
        backup = await backed_up(tmp_path / "data", tmp_path / "backups")
        await (await at.open()).vote("v2", 1)
        live = await bodies(tmp_path / "data")
    assert await bodies(backup) == live[:-1]


async def test_keys_are_taken_along_only_when_asked_for(tmp_path: Path) -> None:
    async with venue(tmp_path / "data") as at:
        backup = await backed_up(tmp_path / "data", tmp_path / "backups")
        secrets = [path.read_bytes() for path in (tmp_path / "data" / "keys").rglob("*.key")]
        assert at.code
    assert sorted(path.name for path in backup.iterdir()) == ["checkpoints", "livevote.db"]
    assert not [secret for secret in secrets if secret in (backup / "livevote.db").read_bytes()]


@pytest.mark.parametrize("where", ["backups", "backups/keys", ".", "data", "data/keys/copy"])
async def test_keys_beside_the_data_are_refused(tmp_path: Path, where: str) -> None:
    async with venue(tmp_path / "data"):
        with pytest.raises(SetupError, match="must be kept apart"):
            await backed_up(tmp_path / "data", tmp_path / "backups", tmp_path / where)
    assert not (tmp_path / "backups").exists()


async def test_nothing_is_overwritten(tmp_path: Path) -> None:
    async with venue(tmp_path / "data"):
        backup = await backed_up(tmp_path / "data", tmp_path / "backups")
        before = modes(backup), (backup / "livevote.db").read_bytes()
        with pytest.raises(DataDirectoryError, match=f"{NAME} exists"):
            await backed_up(tmp_path / "data", tmp_path / "backups")
        (tmp_path / "other" / f".{NAME}.unfinished").mkdir(parents=True)
        with pytest.raises(DataDirectoryError, match="is being made"):
            await backed_up(tmp_path / "data", tmp_path / "other")
    assert (modes(backup), (backup / "livevote.db").read_bytes()) == before
    assert [path.name for path in (tmp_path / "backups").iterdir()] == [NAME]


async def test_a_log_that_was_changed_is_not_backed_up(tmp_path: Path) -> None:
    async with venue(tmp_path / "data") as at:
        await hold_an_event(at)
    tamper(tmp_path / "data" / "livevote.db")
    with pytest.raises(TamperedError, match=r"record 2.*Nothing was copied"):
        await backed_up(tmp_path / "data", tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []


def tamper(database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("DROP TRIGGER records_are_never_changed")
        other.execute("UPDATE records SET body = replace(body, 'Tea', 'Tee') WHERE idx = 2")


async def test_keys_that_cannot_be_copied_leave_nothing_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with venue(tmp_path / "data"):
        with pytest.raises(DataDirectoryError, match="Not a directory"):
            await backed_up(tmp_path / "data", tmp_path / "backups", tmp_path / "file" / "keys")
    assert list((tmp_path / "backups").iterdir()) == []


async def test_a_backup_that_was_changed_is_not_restored(tmp_path: Path) -> None:
    async with venue(tmp_path / "data") as at:
        await hold_an_event(at)
        backup = await backed_up(tmp_path / "data", tmp_path / "backups")
    tamper(backup / "livevote.db")
    done = run_cli("restore", str(backup), "--data", str(tmp_path / "new"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("TAMPERED  room ")
    assert "record 2" in done.stderr
    assert not (tmp_path / "new").exists()


async def test_a_backup_whose_log_was_replaced_by_an_older_one_is_not_restored(tmp_path: Path) -> None:
    """Each log is sealed in itself; the checkpoints beside it say that there was more."""
    async with venue(tmp_path / "data") as at:
        older = await backed_up(tmp_path / "data", tmp_path / "older")
        await hold_an_event(at)
    newer = await backed_up(tmp_path / "data", tmp_path / "newer")
    shutil.copy(older / "livevote.db", newer / "livevote.db")
    with pytest.raises(TamperedError, match="records are missing"):
        await restored(newer, tmp_path / "new")
    assert not (tmp_path / "new").exists()


async def test_a_log_without_checkpoints_is_backed_up_as_it_is(tmp_path: Path) -> None:
    async with venue(tmp_path / "data") as at:
        await hold_an_event(at)
    shutil.rmtree(tmp_path / "data" / "checkpoints")
    backup = await backed_up(tmp_path / "data", tmp_path / "backups")
    await restored(backup, tmp_path / "new")
    assert await bodies(tmp_path / "new") == await bodies(tmp_path / "data")


async def test_a_backup_that_is_damaged_or_not_one_is_not_restored(tmp_path: Path) -> None:
    async with venue(tmp_path / "data"):
        backup = await backed_up(tmp_path / "data", tmp_path / "backups")
    with pytest.raises(NoSuchRoomError, match=rf"several backups\. Name one of them, such as .*{NAME}"):
        await restored(tmp_path / "backups", tmp_path / "new")
    with pytest.raises(NoSuchRoomError, match=r"holds no livevote\.db"):
        await restored(tmp_path / "nowhere", tmp_path / "new")
    (backup / "livevote.db").write_bytes(b"nonsense" * 1000)
    status = run_cli("restore", str(backup), "--data", str(tmp_path / "new"))
    assert status.returncode == 65
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("there", ["livevote.db", "keys/cookie.key", "notes.txt"])
async def test_a_directory_in_use_is_never_restored_into(tmp_path: Path, there: str) -> None:
    async with venue(tmp_path / "data"):
        backup = await backed_up(tmp_path / "data", tmp_path / "backups")
    (tmp_path / "new" / there).parent.mkdir(parents=True)
    (tmp_path / "new" / there).write_text("precious")
    with pytest.raises(DataDirectoryError, match=rf"not empty: it holds {there.partition('/')[0]}\."):
        await restored(backup, tmp_path / "new")
    assert (tmp_path / "new" / there).read_text() == "precious"
    assert [path.name for path in (tmp_path / "new").iterdir()] == [there.partition("/")[0]]


async def test_much_that_is_there_is_named_in_short(tmp_path: Path) -> None:
    async with venue(tmp_path / "data"):
        backup = await backed_up(tmp_path / "data", tmp_path / "backups")
    for name in "abcde":
        (tmp_path / "new" / name).mkdir(parents=True)
    with pytest.raises(DataDirectoryError, match="it holds a, b, c and 2 more"):
        await restored(backup, tmp_path / "new")


async def test_an_empty_directory_is_locked_while_it_is_filled(tmp_path: Path) -> None:
    async with venue(tmp_path / "data"):
        backup = await backed_up(tmp_path / "data", tmp_path / "backups")
    (tmp_path / "new").mkdir()
    lock = Lock(tmp_path / "new" / "livevote.lock")
    with pytest.raises(AlreadyRunningError):
        await restored(backup, tmp_path / "new")
    lock.release()
    seen: list[str] = []

    def starts_meanwhile(step: str, _done: int, _total: int) -> None:
        if step == "Restoring" and not seen:
            with pytest.raises(AlreadyRunningError):
                Lock(tmp_path / "new" / "livevote.lock")
            seen.append(step)

    with closing(sqlite3.connect(backup / "livevote.db", isolation_level=None)) as other:
        other.execute(
            "CREATE TABLE ballast AS WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n "
            "WHERE i < 20000) SELECT i, hex(randomblob(50)) AS filling FROM n"
        )
    await restore(Config(data=tmp_path / "new"), backup, keys=None, report=starts_meanwhile)
    assert seen == ["Restoring"]
    Lock(tmp_path / "new" / "livevote.lock").release()


async def test_what_a_killed_restore_left_is_no_obstacle(tmp_path: Path) -> None:
    async with venue(tmp_path / "data"):
        backup = await backed_up(tmp_path / "data", tmp_path / "backups")
    (tmp_path / "new" / ".restoring").mkdir(parents=True)
    (tmp_path / "new" / ".restoring" / "livevote.db").write_text("half")
    (tmp_path / "new" / "lost+found").mkdir()
    await restored(backup, tmp_path / "new")
    assert await bodies(tmp_path / "new") == await bodies(backup)
    assert not (tmp_path / "new" / ".restoring").exists()


async def test_a_copy_of_the_files_of_a_killed_server_can_be_restored_too(tmp_path: Path) -> None:
    async with venue(tmp_path / "data") as at:
        await hold_an_event(at)
        shutil.copytree(tmp_path / "data", tmp_path / "copy", ignore=shutil.ignore_patterns("*-shm"))
        live = await bodies(tmp_path / "data")
    assert (tmp_path / "copy" / "livevote.db-wal").stat().st_size > 0
    await restored(tmp_path / "copy", tmp_path / "new", tmp_path / "copy" / "keys")
    assert await bodies(tmp_path / "new") == live
    async with venue(tmp_path / "new") as at:
        assert at.code


async def test_wrong_keys_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    async with venue(tmp_path / "data") as at:
        backup = await backed_up(tmp_path / "data", tmp_path / "backups", tmp_path / "keys")
        (tmp_path / "keys" / NAME / "rooms" / f"{at.code}.key").unlink()
        with pytest.raises(SetupError, match=f"lacks rooms/{at.code}.key"):
            await restored(backup, tmp_path / "new", tmp_path / "keys" / NAME)
    assert not (tmp_path / "new").exists()


def test_the_commands_say_what_they_did_and_what_remains_to_be_done(tmp_path: Path) -> None:
    data, new = tmp_path / "data", tmp_path / "new"
    with process(data) as server:
        code = server.read_until("Votes are kept.").partition("code ")[2][:6]
        done = run_cli("backup", str(tmp_path / "backups"), "--data", str(data))
        assert (done.returncode, done.stderr) == (0, "")
        said, keys = done.stdout.splitlines()
        backup, _, text = said.partition(": ")
        assert text == "verified, 1 room(s), 6 records"
        assert re.fullmatch(r"livevote-\d{8}T\d{6}Z", Path(backup).name)
        assert keys.startswith("The keys are not in it: ")
        assert str(data / "keys") in keys
        again = run_cli("backup", str(tmp_path / "more"), "--with-keys", str(tmp_path / "keys"), "--data", str(data))
        assert again.returncode == 0
        kept = again.stdout.splitlines()[1].partition(": the keys;")[0]
        assert server.terminate() == (0, "")
    done = run_cli("restore", backup, "--data", str(new))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Put 4 keys into {new}/keys before you start it" in done.stdout
    started = run_cli("run", "--port", "0", "--data", str(new))
    assert started.returncode == 78
    assert "cookie.key is missing" in started.stderr
    shutil.copytree(kept, new / "keys", dirs_exist_ok=True)
    with process(new) as server:
        assert code in server.read_until("Votes are kept.")
    done = run_cli("restore", backup, "--data", str(tmp_path / "third"), "--keys", kept)
    assert done.stdout == f"{tmp_path}/third: verified, 1 room(s), 6 records\n"
    assert run_cli("verify", str(tmp_path / "third")).returncode == 0


def test_there_must_be_a_log(tmp_path: Path) -> None:
    done = run_cli("backup", str(tmp_path / "backups"), "--data", str(tmp_path / "nowhere"))
    assert done.returncode == 66
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "backups").exists()


def test_a_destination_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with process(tmp_path / "data") as server:
        server.terminate()
    (tmp_path / "file").write_text("")
    done = run_cli("backup", str(tmp_path / "file"), "--data", str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (73, "")
    assert done.stderr.startswith(f"livevote: Cannot use {tmp_path}/file")
    assert len(done.stderr.splitlines()) == 1


def fails_on_a_full_disk(*arguments: str) -> None:
    done = run_cli(*arguments)
    assert (done.returncode, done.stdout) == (73, ""), done
    assert len(done.stderr.splitlines()) == 1
    assert "is full" in done.stderr or "No space left" in done.stderr


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    data, backups = str(tmp_path / "data"), tmp_path / "backups"
    with process(tmp_path / "data") as server:
        server.terminate()
    with small_disk(tmp_path / "small", kilobytes=16) as disk:
        fails_on_a_full_disk("backup", str(disk / "backups"), "--data", data)
        assert list((disk / "backups").iterdir()) == []
        (disk / "ballast").write_bytes(bytes(16 * 1024))
        fails_on_a_full_disk("backup", str(backups), "--with-keys", str(disk / "keys"), "--data", data)
        assert list((disk / "keys").iterdir()) == list(backups.iterdir()) == []
        (disk / "ballast").unlink()
        assert run_cli("backup", str(backups), "--data", data).returncode == 0
        [backup] = backups.iterdir()
        fails_on_a_full_disk("restore", str(backup), "--data", str(disk / "new"))
        assert [path.name for path in (disk / "new").iterdir()] == ["livevote.lock"]


def test_a_terminal_shows_how_far_it_is(tmp_path: Path) -> None:
    with process(tmp_path / "data") as server:
        server.terminate()
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "livevote.cli", "backup", str(tmp_path / "b"), "--data", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, cwd=CHECKOUT, text=True) as started:
        os.close(theirs)
        assert started.stdout is not None
        shown = read_all(ours)
        assert "verified" in started.stdout.read()
    os.close(ours)
    assert started.returncode == 0
    assert "Checking" in shown
    assert "100%" in shown


def read_all(descriptor: int) -> str:
    """What a terminal was sent until its other side was closed."""
    raw = b""
    while select.select([descriptor], [], [], 30)[0]:
        try:
            raw += os.read(descriptor, 65536)
        except OSError:  # how Linux says that nobody has the other side open any more
            return raw.decode()
    raise AssertionError("nothing came")
