"""``livevote replay`` as somebody types it, into a file and on a terminal."""

import os
import pty
import select
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.process import CHECKOUT, run_cli
from tests.replay.evening import write_evening
from tests.test_cli import fails

_PATIENCE_S = 30


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A room of 20 ballots and two questions in the data directory."""
    monkeypatch.setenv("TZ", "UTC")
    return write_evening(tmp_path, ballots=20, questions=2)


def test_one_moment_by_index_and_by_time(tmp_path: Path, code: str) -> None:
    by_index = run_cli("replay", code.lower(), "--as-of", "13", "--data", str(tmp_path))
    assert by_index.returncode == 0
    lines = by_index.stdout.splitlines()
    assert lines[:3] == [
        "Room 7KQ2MD  A large evening",
        "2026-09-21 14:23:20 UTC  record 13 of 30",
        "Question 1 (round 1, open, hidden, 8 voted)",
    ]
    assert [line.split("%  ")[1] for line in lines[3:]] == [
        "Harbour hall", "Town garden", "Old brewery", "Online", "Nowhere",
    ]  # fmt: skip
    assert sum(int(line.split()[0]) for line in lines[3:]) == 8
    for typed in ("14:30:00", "2026-09-21T14:30:00", "2026-09-21T16:30:00+02:00"):
        at = run_cli("replay", code, "--at", typed, "--data", str(tmp_path)).stdout
        assert "2026-09-21 14:30:00 UTC  record 15 of 30\nQuestion 1 (round 1, closed, revealed, 8 voted)" in at
    before = run_cli("replay", code, "--at", "2026-09-21T00:00:00", "--data", str(tmp_path)).stdout
    assert before.endswith("Nothing had been asked yet.\n")


def test_without_a_terminal_it_prints_every_mark_and_does_not_wait(tmp_path: Path, code: str) -> None:
    done = run_cli("replay", code, "--speed", "0.001", "--data", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    for text in ("Voting opened: Question 1", "Results revealed: Question 2"):
        assert done.stdout.count(text) == 1


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["--as-of", "0"], "has the records 1 to 30"),
        (["--as-of", "31"], "has the records 1 to 30"),
        (["--at", "noon"], "use 20:15:00 or 2026-09-21T20:15:00"),
        (["--at", "14:30", "--as-of", "3"], "use one of them"),
        (["--speed", "0"], "--speed"),
    ],
)
def test_what_cannot_be_asked_names_what_can(tmp_path: Path, code: str, arguments: list[str], remedy: str) -> None:
    done = run_cli("replay", code, *arguments, "--data", str(tmp_path))
    assert done.returncode == 2
    assert remedy in " ".join(done.stderr.split())


def test_a_room_or_a_log_that_is_not_there_or_damaged(tmp_path: Path, code: str) -> None:
    status, text = fails("replay", "NOROOM", "--data", str(tmp_path))
    assert status == 66
    assert "livevote.cli rooms --data" in text
    assert fails("replay", code, "--data", str(tmp_path / "nowhere"))[0] == 66
    with sqlite3.connect(tmp_path / "livevote.db") as database:
        database.execute("DROP TRIGGER records_are_never_deleted")
        database.execute("DELETE FROM records WHERE idx = 4")
    database.close()
    status, text = fails("replay", code, "--data", str(tmp_path))
    assert status == 65
    assert "Restore a backup" in text


class Terminal:
    """``livevote`` in a pseudo-terminal."""

    def __init__(self, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "livevote.cli", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=CHECKOUT,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "30"},
            # Whatever runs the tests in the background has SIGINT ignored, and would hand that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        os.close(theirs)
        self.output = ""

    def read_until(self, text: str) -> None:
        """Wait until ``text`` was shown; an empty one is never shown, which waits for the end."""
        deadline = time.monotonic() + _PATIENCE_S
        while not text or text not in self.output:
            assert time.monotonic() < deadline, self.output
            if not select.select([self._ours], [], [], 1)[0]:
                continue
            try:
                self.output += os.read(self._ours, 65536).decode(errors="replace")
            except OSError:  # the other side was closed
                return

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def wait(self) -> int:
        """Its exit code."""
        self.read_until("")
        os.close(self._ours)
        return self._process.wait(_PATIENCE_S)


def test_on_a_terminal_it_plays_to_the_end(tmp_path: Path, code: str) -> None:
    at = Terminal("replay", code, "--speed", "20", "--data", str(tmp_path))
    assert at.wait() == 0
    assert "Voting opened: Question 1" in at.output
    assert at.output.count("Question 2") > 1
    assert "record 29 of 30" in at.output


def test_on_a_terminal_a_moment_has_bars_and_ctrl_c_ends_the_play(tmp_path: Path, code: str) -> None:
    moment = Terminal("replay", code, "--as-of", "13", "--data", str(tmp_path))
    assert moment.wait() == 0
    assert "\u2588" in moment.output
    playing = Terminal("replay", code, "--speed", "0.001", "--data", str(tmp_path))
    playing.read_until("Question 1")
    playing.interrupt()
    assert playing.wait() == 0
    assert "Traceback" not in playing.output
    assert "\x1b[?25h" in playing.output, "the cursor is back"
