"""A server as a process of its own, for what only a process can show: exit codes, signals, sudden death."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

CHECKOUT = Path(__file__).parent.parent
_ADDRESS = re.compile(r"is listening on port (\d+)\.")
_PATIENCE_S = 60


class Process:
    """``livevote run`` in a subprocess, listening."""

    def __init__(
        self,
        data: Path,
        *arguments: str,
        port: int = 0,
        module: str = "livevote.cli",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        command = [sys.executable, "-m", module, "run", "--host", "127.0.0.1", "--port", str(port)]
        self._process = subprocess.Popen(
            [*command, "--data", str(data), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
        )
        self._lines: Queue[str | None] = Queue()
        self.output = ""
        self._ended = False
        Thread(target=self._read, daemon=True).start()
        self.port = self._wait_for_port()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _wait_for_port(self) -> int:
        while True:
            try:
                line = self._lines.get(timeout=_PATIENCE_S)
            except Empty:
                self.kill()
                raise AssertionError(f"the server did not start: {self.output}") from None
            if line is None:
                self._ended = True
                raise AssertionError(f"the server ended: {self.output} {self.end()[1]}")
            self.output += line
            if found := _ADDRESS.search(line):
                return int(found[1])

    def read_until(self, text: str) -> str:
        """What was printed up to and with the line that holds ``text``."""
        while text not in self.output:
            line = self._lines.get(timeout=_PATIENCE_S)
            assert line is not None, f"never printed {text!r}: {self.output}"
            self.output += line
        return self.output

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def terminate(self) -> tuple[int, str]:
        """SIGTERM; the exit code and what was on stderr."""
        self._process.send_signal(signal.SIGTERM)
        return self.end()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self.end()

    def pause(self) -> None:
        """SIGSTOP: it does nothing any more, and its connections stay."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def _drain(self) -> None:
        while not self._ended:
            line = self._lines.get(timeout=_PATIENCE_S)
            self._ended = line is None
            self.output += line or ""

    def end(self) -> tuple[int, str]:
        """Wait for the end; the exit code and what was on stderr."""
        assert self._process.stderr is not None
        assert self._process.stdout is not None
        code = self._process.wait(_PATIENCE_S)
        errors = self._process.stderr.read()
        self._process.stderr.close()
        self._drain()
        self._process.stdout.close()
        return code, errors

    @property
    def running(self) -> bool:
        return self._process.poll() is None


@contextmanager
def process(data: Path, *arguments: str, port: int = 0, module: str = "livevote.cli") -> Iterator[Process]:
    """A running server that is gone afterwards, however the test ends."""
    started = Process(data, *arguments, port=port, module=module)
    try:
        yield started
    finally:
        if started.running:
            started.kill()


@asynccontextmanager
async def process_aside(
    data: Path, *arguments: str, module: str = "livevote.cli", environment: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """``process`` for a test whose own tasks go on while the server starts and ends."""
    loop = asyncio.get_running_loop()
    starting = loop.run_in_executor(None, lambda: Process(data, *arguments, module=module, environment=environment))
    try:
        yield await asyncio.shield(starting)
    finally:
        # Also where the test was cancelled while it waited: the thread goes on, and its server would stay.
        started = await starting
        if started.running:
            await loop.run_in_executor(None, started.kill)


def run_cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Any ``livevote`` command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "livevote.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        cwd=CHECKOUT,
        check=False,
    )
