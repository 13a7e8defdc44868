"""The doctor: each check says what it found and what to do, and looking changes nothing."""

import os
import resource
import stat
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from livevote import doctor
from livevote.cli import checking
from livevote.clock import ManualClock
from livevote.config import Config
from livevote.doctor import Check, Level
from livevote.keys import Keyring
from tests.client import venue
from tests.process import process, run_cli

NOW_MS = ManualClock().now_ms()


async def examined(data: Path, *, now_ms: int | None = None) -> dict[str, Check]:
    """Every check by its name. A server in the tests keeps the time of the machine, so the doctor does as well."""
    clock = ManualClock(now_ms=4_000_000_000_000 if now_ms is None else now_ms)
    return {check.name: check for check in await doctor.examine(Config(data=data), clock=clock)}


def files_of(data: Path) -> dict[str, tuple[int, int, bytes]]:
    """All files, but for the two in which SQLite notes that somebody reads a log (one is empty, one in memory)."""
    return {
        str(path): (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(data.rglob("*"))
        if path.is_file() and not (path.name.endswith("-shm") or (path.name.endswith("-wal") and not path.read_bytes()))
    }


@pytest.fixture(autouse=True)
def private(tmp_path: Path) -> None:
    """As a server makes it."""
    tmp_path.chmod(0o700)


async def test_a_sound_directory_has_no_problem_and_is_not_changed(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask("A", "B")
        (tmp_path / "livevote.db").chmod(0o600)
        found = await examined(tmp_path)
        assert found["server"].found == "runs on this directory"
        assert "1 room(s)" in found["log"].found
    assert {name for name, check in found.items() if check.level is Level.PROBLEM} == set()
    for check in found.values():
        assert bool(check.remedy) == (check.level is not Level.OK), check
    assert list(found) == [
        "Python",
        "SQLite",
        "open files",
        "file system",
        "free space",
        "fsync",
        "data directory",
        "keys",
        "server",
        "log",
        "clock",
    ]
    before = files_of(tmp_path)
    assert (await examined(tmp_path))["server"].found == "does not run"
    assert files_of(tmp_path) == before


async def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    found = await examined(tmp_path / "data")
    assert found["data directory"].level is Level.WARNING
    assert "--data" in found["data directory"].remedy
    assert "fsync" not in found
    assert not (tmp_path / "data").exists()


async def test_an_empty_directory_is_fine(tmp_path: Path) -> None:
    found = await examined(tmp_path)
    assert (found["log"].found, found["keys"].found) == ("none yet", "none yet")
    assert files_of(tmp_path) == {}


async def test_a_file_in_its_place_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    found = await examined(tmp_path / "data")
    assert found["data directory"].level is Level.PROBLEM
    assert found["data directory"].found == f"{tmp_path / 'data'} is no directory"
    assert "fsync" not in found


async def test_a_damaged_log_is_a_problem(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask("A", "B")
    path = tmp_path / "livevote.db"
    raw = path.read_bytes()
    path.write_bytes(raw[:-4096])
    found = (await examined(tmp_path))["log"]
    assert (found.level, found.remedy != "") == (Level.PROBLEM, True)
    path.write_bytes(b"nonsense" * 1000)
    found = (await examined(tmp_path))["log"]
    assert found.level is Level.PROBLEM
    assert "Restore a backup" in found.remedy
    path.write_bytes(raw)
    assert (await examined(tmp_path))["log"].level is Level.OK


async def test_a_structure_that_sqlite_finds_wrong_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue(tmp_path):
        monkeypatch.setattr(doctor, "quick_check", lambda _: "Page 3 is never used")
        found = (await examined(tmp_path))["log"]
    assert (found.level, found.found) == (Level.PROBLEM, "its structure is damaged: Page 3 is never used")


def test_a_record_of_a_time_that_no_calendar_has_speaks_against_the_clock() -> None:
    found = doctor.check_clock(NOW_MS, 10**18, [])
    assert found.level is Level.WARNING
    assert f"the newest record is of {10**18} ms" in found.found


async def test_a_record_from_the_future_speaks_against_the_clock(tmp_path: Path) -> None:
    async with venue(tmp_path):
        pass
    found = (await examined(tmp_path, now_ms=1_720_000_000_000))["clock"]
    assert found.level is Level.WARNING
    assert "2024-07-03" in found.found
    assert "the newest record is of" in found.found


@pytest.mark.parametrize(
    ("now_ms", "newest_ms", "signs", "level", "text"),
    [
        (NOW_MS, None, [], Level.OK, "not known"),
        (NOW_MS, NOW_MS + 5000, ["chrony runs"], Level.OK, "chrony runs"),
        (NOW_MS, NOW_MS + 5001, [], Level.WARNING, "newest record"),
        (5_000_000, None, [], Level.PROBLEM, "1970-01-01 01:23:20 UTC cannot be true"),
    ],
)
def test_the_clock(now_ms: int, newest_ms: int | None, signs: list[str], level: Level, text: str) -> None:
    check = doctor.check_clock(now_ms, newest_ms, signs)
    assert check.level is level
    assert text in check.found


@pytest.mark.parametrize(
    ("version", "level"),
    [((3, 40, 1), Level.NOTE), ((3, 51, 2), Level.NOTE), ((3, 51, 3), Level.OK), ((3, 53, 0), Level.OK)],
)
def test_sqlite(version: tuple[int, ...], level: Level) -> None:
    check = doctor.check_sqlite(version)
    assert check.level is level
    assert check.found.startswith(".".join(map(str, version)))
    if level is Level.NOTE:
        assert "safe with livevote alone: one connection writes and all others only read" in check.found
        for word in ("no other program", "before SQLite 3.51.3", "Litestream", "3.51.3 or later"):
            assert word in check.remedy


def test_python() -> None:
    assert doctor.check_python("3.12.1", "final") == Check("Python", Level.OK, "3.12.1")
    assert doctor.check_python("3.15.0a1", "alpha").level is Level.WARNING


@pytest.mark.parametrize(
    ("limit", "level", "phones"),
    [(1024, Level.WARNING, " 824 "), (100, Level.WARNING, " 0 "), (2200, Level.OK, " 2,000 ")],
)
def test_open_files(limit: int, level: Level, phones: str) -> None:
    check = doctor.check_descriptors(limit)
    assert check.level is level
    assert phones in check.found


def test_open_files_without_a_limit() -> None:
    assert doctor.check_descriptors(resource.RLIM_INFINITY).level is Level.OK


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("ext4", Level.OK),
        ("unknown", Level.OK),
        ("tmpfs", Level.WARNING),
        ("overlay", Level.WARNING),
        ("nfs4", Level.WARNING),
        ("cifs", Level.WARNING),
    ],
)
def test_the_file_system(kind: str, level: Level) -> None:
    check = doctor.check_file_system(kind)
    assert check.level is level
    assert check.found.startswith(kind)


def test_the_file_system_is_the_one_of_the_nearest_mount() -> None:
    mounts = "a / ext4 rw 0 0\nb /srv nfs rw 0 0\nc /srv/my\\040data tmpfs rw 0 0\nd /srv/my\\040data xfs rw 0 0\n"
    assert doctor.file_system(Path("/srv/my data/votes"), mounts) == "xfs"
    assert doctor.file_system(Path("/srv/other"), mounts) == "nfs"
    assert doctor.file_system(Path("/srvother"), mounts) == "ext4"
    assert doctor.file_system(Path("/"), "") == "unknown"


@pytest.mark.parametrize(
    ("free", "level"),
    [(5_000_000_000, Level.OK), (999_000_000, Level.WARNING), (49_000_000, Level.PROBLEM)],
)
def test_free_space(free: int, level: Level) -> None:
    assert doctor.check_space(free).level is level


@pytest.mark.parametrize(
    ("took_ms", "level", "text"),
    [
        ([0.3] * 64, Level.OK, "median 0.30 ms"),
        ([0.002] * 64, Level.WARNING, "too fast"),
        ([60.0] * 64, Level.WARNING, "slow"),
        ([1.0] * 63 + [800.0], Level.WARNING, "p99 800.00 ms: slow"),
        ([2.0], Level.OK, "p99 2.00 ms"),
    ],
)
def test_the_time_of_an_fsync(took_ms: list[float], level: Level, text: str) -> None:
    check = doctor.judge_fsync(took_ms)
    assert check.level is level
    assert text in check.found


def test_the_probe_leaves_nothing_and_says_where_it_cannot_write(tmp_path: Path) -> None:
    assert len(doctor.probe(tmp_path)) == 64
    assert list(tmp_path.iterdir()) == []
    check = doctor.check_fsync(tmp_path / "nowhere")
    assert check.level is Level.PROBLEM
    assert "No such file" in check.found


def test_who_may_enter_the_data_directory(tmp_path: Path) -> None:
    assert doctor.check_directory(tmp_path).level is Level.OK
    tmp_path.chmod(0o750)
    check = doctor.check_directory(tmp_path)
    assert (check.level, check.remedy) == (Level.WARNING, f"chmod 700 {tmp_path}")


def test_keys_that_others_can_read_are_a_problem(tmp_path: Path) -> None:
    keys = Keyring(tmp_path / "keys", create=True)
    keys.make_room("ROOM22")
    keys.checkpoint_seed(create=True)
    check = doctor.check_keys(tmp_path / "keys", ["ROOM22"])
    assert (check.level, check.found) == (Level.OK, "4, which only their owner reads")
    (tmp_path / "keys" / "rooms" / "ROOM22.key").chmod(0o640)
    check = doctor.check_keys(tmp_path / "keys", ["ROOM22"])
    assert (check.level, check.remedy) == (Level.PROBLEM, f"chmod 600 {tmp_path}/keys/rooms/ROOM22.key")
    (tmp_path / "keys" / "rooms").chmod(0o755)
    assert doctor.check_keys(tmp_path / "keys", ["ROOM22"]).remedy == f"chmod 700 {tmp_path}/keys/rooms"


def test_keys_that_are_missing_are_a_problem(tmp_path: Path) -> None:
    Keyring(tmp_path / "keys", create=True).checkpoint_seed(create=True)
    check = doctor.check_keys(tmp_path / "keys", ["ROOM22"])
    assert check.level is Level.PROBLEM
    assert "ROOM22.key" in check.found


class Owned(NamedTuple):
    """As much of a file's status as the checks of owners read."""

    st_uid: int
    st_mode: int = stat.S_IFREG | 0o600


def test_what_belongs_to_somebody_else_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only root could give files away, so the answer of the system is replaced."""
    Keyring(tmp_path / "keys", create=True).checkpoint_seed(create=True)
    real, strange = Path.stat, os.getuid() + 123_456

    def status(path: Path, *, follow_symlinks: bool = True) -> os.stat_result | Owned:
        return Owned(strange) if path.name == "operator.key" else real(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", status)
    check = doctor.check_keys(tmp_path / "keys", [])
    assert (check.level, check.found) == (Level.PROBLEM, f"{tmp_path}/keys/operator.key belongs to user {strange}")
    monkeypatch.setattr(Path, "lstat", lambda path: Owned(strange) if path.name == "keys" else real(path))
    check = doctor.check_directory(tmp_path)
    assert check.level is Level.PROBLEM
    assert "but keys to somebody else" in check.found
    assert check.remedy.startswith("As root: chown -R ")
    (tmp_path / "lost+found").mkdir()
    monkeypatch.setattr(Path, "lstat", lambda path: Owned(strange) if path.name == "lost+found" else real(path))
    assert doctor.check_directory(tmp_path).level is Level.OK, "the root of a file system has one of root's"


def test_a_lock_that_cannot_be_seen_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert doctor.check_server(tmp_path / "file" / "livevote.lock").level is Level.PROBLEM


async def test_a_system_without_a_list_of_mounts_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_MOUNTS", tmp_path / "nowhere")
    assert (await examined(tmp_path))["file system"].found == "unknown"


def test_the_command_prints_aligned_text_and_its_exit_code_says_whether_there_is_a_problem(tmp_path: Path) -> None:
    with process(tmp_path) as server:
        done = run_cli("doctor", "--data", str(tmp_path))
        server.terminate()
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert {line.index(line.split(maxsplit=2)[1]) for line in rows} == {len("problem  ")}
    next((tmp_path / "keys" / "rooms").glob("*.key")).unlink()
    done = run_cli("doctor", "--data", str(tmp_path))
    assert done.returncode == 1
    assert "problem  keys" in done.stdout
    assert "> Put them back" in done.stdout


def test_on_a_terminal_it_is_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    checking._print_table([Check("keys", Level.PROBLEM, f"{tmp_path} [bold] is wrong", "chmod")])
    printed = capsys.readouterr().out
    assert "[bold] is wrong" in printed
    assert "problem" in printed
    assert "chmod" in printed
