"""Faults at the system calls of a process, made by strace: the process dies at one, or is told that it failed.

Only calls on the files of its data directory count. strace keeps a count for each call and thread, so a fault names
the file as well: then it is the same call in every run, whichever thread comes first.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from livevote.server import running
from tests.crash import one_evening
from tests.crash.history import History, check, check_so_far
from tests.process import CHECKOUT

CHANGING = ("write", "pwrite64", "fdatasync", "fsync", "ftruncate", "fallocate", "mkdir", "rename", "unlink")
"""The calls by which a process changes what is on a disk. Names that this machine does not know are left out."""

_CHANGING = "trace=" + ",".join(f"?{call}" for call in CHANGING)
_NOTHING = ("-e", "trace=none")
_PATIENCE_S = 60
_CALL = re.compile(r'^\d+ +(?P<call>\w+)\((?:\d+<(?P<file>[^>]*)>|"(?P<path>[^"]*)").*')


class Fault(msgspec.Struct, frozen=True):
    """What happens at the ``number``-th ``call`` on ``file``, which is named from the data directory.

    ``what`` is strace's word for it: ``signal=SIGKILL``, ``error=EIO``, ``retval=0``. With ``onwards`` it also happens
    at every later one.
    """

    what: str
    call: str
    file: str
    number: int
    onwards: bool = False

    @property
    def prefix(self) -> tuple[str, ...]:
        return ()

    def options(self, data: Path) -> list[str]:
        """For strace, which then also notes all other calls on the file that change it."""
        when = f"{self.number}+" if self.onwards else f"{self.number}"
        return ["-P", str(data / self.file), "-e", _CHANGING, "-e", f"inject={self.call}:{self.what}:when={when}"]


class Played(msgspec.Struct, frozen=True):
    """How an evening in a process of its own ended."""

    code: int
    said: list[str]
    errors: str
    traced: str
    """What strace wrote: the calls that it was asked for."""


@contextmanager
def traced(pid: int, log: Path, options: Sequence[str]) -> Iterator[None]:
    """strace on a process that runs already: its start would be thousands of calls that are of no interest."""
    command = ["strace", "-f", "-y", "-o", str(log), *options, "-p", str(pid)]
    strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert strace.stderr is not None
    try:
        attached = strace.stderr.readline()
        assert "attached" in attached, attached
        yield
        strace.stderr.read()  # until the process has ended
        strace.wait(_PATIENCE_S)
    finally:
        strace.kill()
        strace.wait()
        strace.stderr.close()


def _why_not() -> str:
    """Why strace cannot attach to a process here; nothing where it can."""
    if shutil.which("strace") is None:
        return "needs strace"
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as cat:
        assert cat.stdin is not None
        try:
            with traced(cat.pid, Path(os.devnull), _NOTHING):
                cat.stdin.close()
        except AssertionError as refused:
            return f"needs strace to attach to a process: {refused}"
    return ""


needs_strace = pytest.mark.skipif(bool(reason := _why_not()), reason=reason)


def played(data: Path, options: Sequence[str], *modules: str, prefix: Sequence[str] = ()) -> Played:
    """Play the evening in ``data`` with strace's ``options``; ``prefix`` is a command that runs another.

    ``modules`` break a promise.
    """
    log = data.parent / f"{data.name}.strace"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    evening = subprocess.Popen(
        [*prefix, sys.executable, "-B", "-m", one_evening.__name__, str(data), *modules],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        env=environment,  # measuring would write files of its own
    )
    with evening:
        try:
            assert evening.stdout is not None
            assert evening.stdout.readline() == f"{one_evening.READY}\n", evening.communicate()
            with traced(evening.pid, log, options or _NOTHING):
                said, errors = evening.communicate("\n", timeout=_PATIENCE_S)
        finally:
            evening.kill()
    trace = log.read_text()
    log.unlink()
    return Played(evening.returncode, said.splitlines(), errors, trace)


def calls(data: Path) -> "Counter[tuple[str, str]]":
    """How often an evening without faults makes each of the ``CHANGING`` calls on each file of a new data directory."""
    assert not data.exists(), "an evening that was played before makes fewer"
    whole = played(data, ["-e", _CHANGING])
    assert (whole.code, whole.errors) == (0, "")
    found: Counter[tuple[str, str]] = Counter()
    for line in whole.traced.splitlines():
        if match := _CALL.match(line):
            path = Path(match["file"] or match["path"])
            if path.is_relative_to(data):
                found[match["call"], str(path.relative_to(data))] += 1
    return found


async def recovered(data: Path, history: History) -> None:
    """Start from what a fault left, find the log right, and play the rest of the evening."""
    database = one_evening.config(data).database
    async with running(one_evening.config(data)) as server:
        await check_so_far(history, database, one_evening.CODE)
        said: list[str] = []
        await one_evening.play(server, said.append)
        history.hear(said)
    await check(history, database, one_evening.CODE)
    assert history.acked.keys() == history.sent.keys()
