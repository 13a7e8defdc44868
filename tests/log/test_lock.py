"""I18: one process on a data directory, and a lock that goes with its process."""

import errno
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from livevote.failures import AlreadyRunningError, DataDirectoryError
from livevote.log.lock import Lock, is_held

HOLDER = """
import sys
from pathlib import Path
from livevote.log.lock import Lock
lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_i18_a_second_holder_is_sent_away_with_a_sentence(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    with pytest.raises(AlreadyRunningError, match=r"Another livevote uses .*Stop it first"):
        Lock(tmp_path / "lock")
    lock.release()


def test_a_released_lock_can_be_held_again_and_its_file_stays(tmp_path: Path) -> None:
    Lock(tmp_path / "lock").release()
    assert (tmp_path / "lock").exists()
    Lock(tmp_path / "lock").release()


def test_a_disk_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(descriptor: int, operation: int) -> None:  # noqa: ARG001
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(DataDirectoryError, match="No locks available"):
        Lock(tmp_path / "lock")


def test_i18_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunningError):
            Lock(path)
        holder.kill()
    Lock(path).release()


def test_only_its_owner_can_read_the_lock(tmp_path: Path) -> None:
    Lock(tmp_path / "lock").release()
    assert (tmp_path / "lock").stat().st_mode & 0o077 == 0


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(DataDirectoryError, match=f"Cannot write to {tmp_path}: Is a directory"):
        Lock(tmp_path / "lock")


def test_whether_it_is_held_can_be_asked_without_making_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    assert not path.exists()
    lock = Lock(path)
    assert is_held(path)
    lock.release()
    assert not is_held(path)
    Lock(path).release()


def test_a_lock_that_cannot_be_looked_at_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirectoryError, match=r"Cannot open .*lock: Not a directory"):
        is_held(tmp_path / "file" / "lock")


def test_somebody_who_only_looks_keeps_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    Lock(path).release()
    looking = os.open(path, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(time, "sleep", lambda _: os.close(looking))
    Lock(path).release()
