"""T13: whatever bytes arrive, every parser ends with a clean refusal, and within five milliseconds."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.crash import fuzz
from tests.evidence import Record, size
from tests.process import CHECKOUT

pytestmark = pytest.mark.crash

SECONDS = size(2, 60, 600)
EXAMPLES = size(100, 1000, 20_000)
PATIENCE_S = 240
"""They begin with instrumenting all that they import, one beside the other."""

needs_atheris = pytest.mark.skipif(find_spec("atheris") is None, reason="no atheris: it has no wheel for this platform")


class Fuzzer:
    """A coverage-guided run in a process of its own."""

    def __init__(self, target: str, directory: Path, *, seconds: int) -> None:
        corpus, artifacts = directory / target / "corpus", directory / target / "artifacts"
        for path in (corpus, artifacts):
            path.mkdir(parents=True)
        command = [sys.executable, "-m", "tests.crash.fuzz", target, str(corpus), str(seconds), str(artifacts)]
        self.target = target
        self._seconds = seconds
        self._output = (directory / target / "output").open("w+")
        # Not measured: coverage would trace what atheris has to.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        self._process = subprocess.Popen(
            command, stdout=self._output, stderr=subprocess.STDOUT, cwd=CHECKOUT, env=clean
        )

    def end(self) -> tuple[int, str]:
        """Wait for its end: the exit code and all that it printed."""
        try:
            code = self._process.wait(self._seconds + PATIENCE_S)
            self._output.seek(0)
            return code, self._output.read()
        finally:
            self.close()

    def close(self) -> None:
        """End it, if it has not ended."""
        self._process.kill()
        self._process.wait()
        self._output.close()


def runs(printed: str) -> int:
    found = re.search(r"Done (\d+) runs", printed)
    assert found is not None, printed[-3000:]
    return int(found[1])


def ended(fuzzers: Iterable[Fuzzer]) -> dict[str, tuple[int, str]]:
    started = list(fuzzers)
    try:
        return {fuzzer.target: fuzzer.end() for fuzzer in started}
    finally:
        for fuzzer in started:
            fuzzer.close()


@needs_atheris
def test_a_fuzzer_finds_nothing_but_refusals(tmp_path: Path) -> None:
    record = Record("T13", "coverage-guided fuzzing of everything that reads bytes", directory=tmp_path, seed=1)
    # All at the same time: most of it is waiting for its turn on a small machine, and that takes no longer.
    done = ended([Fuzzer(target, tmp_path, seconds=SECONDS) for target in fuzz.TARGETS])
    for target, (code, printed) in done.items():
        assert code == 0, f"{target}: {printed[-5000:]}"
    counts = {target: runs(printed) for target, (_, printed) in done.items()}
    assert min(counts.values()) > 0
    record.write(**counts, seconds_each=SECONDS, faults=0)


@needs_atheris
def test_the_rig_finds_a_parser_that_raises_something_else(tmp_path: Path) -> None:
    code, printed = Fuzzer(fuzz.MUTANT, tmp_path, seconds=20).end()
    assert code != 0
    assert "KeyError" in printed


def test_the_rig_finds_a_parser_that_is_slow() -> None:
    def slow(data: bytes) -> None:
        assert sum(range(len(data) * 100_000))

    with pytest.raises(TimeoutError):
        fuzz.timed(slow, b"x" * 50)


def damaged(target: str) -> st.SearchStrategy[bytes]:
    """Real messages with some bytes changed, left out, doubled or put in."""

    def change(seed: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
        for at, length, new in edits:
            start = at % (len(seed) + 1)
            seed = seed[:start] + new + seed[start + length :]
        return seed

    tokens = (b"", b'"', b"{", b"[" * 3000, b"\\ud800", b"null", b"1e999", b"9" * 400, b"\xff", b"\n", b"\n\n", b"\x00")
    new = st.sampled_from(tokens) | st.binary(max_size=6)
    edits = st.lists(st.tuples(st.integers(0, 9999), st.integers(0, 9), new), max_size=4)
    return st.builds(change, st.sampled_from(fuzz.seeds(target)), edits) | st.binary()


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_damaged_messages_are_refused(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "_scratch", tmp_path)
    fuzz.trust(target, put=monkeypatch.setattr)

    @settings(max_examples=EXAMPLES)
    @given(damaged(target))
    def never_raises(data: bytes) -> None:
        fuzz.TARGETS[target](data)

    never_raises()
    for seed in fuzz.seeds(target):
        fuzz.timed(fuzz.TARGETS[target], seed)
