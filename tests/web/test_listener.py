"""The listener: a shortage of descriptors costs one line and some patience, and everybody gets in afterwards."""

import asyncio
import errno
import resource
import socket
import ssl
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from tornado.httpserver import HTTPServer

from livevote.web.listener import Listener, over_tls
from tests.client import eventually, venue


class Plan(socket.socket):
    """A listening socket whose ``accept`` fails with the next errors of ``plan`` before it does what it does."""

    def __init__(self) -> None:
        super().__init__()
        self.bind(("127.0.0.1", 0))
        self.listen()
        self.setblocking(False)
        self.plan: list[int] = []
        self.calls = 0

    def accept(self) -> tuple[socket.socket, Any]:
        self.calls += 1
        if self.plan:
            raise OSError(self.plan.pop(0), "Too many open files")
        return super().accept()


class Guests:
    """Those who were let in."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.count = 0

    def __call__(self, connection: socket.socket, _address: Any) -> None:
        self._stack.enter_context(closing(connection))
        self.count += 1


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def turns(count: int) -> None:
    """Let the loop do what is ready."""
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
async def test_a_shortage_is_waited_for_without_spinning_and_said_once(
    number: int, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as stack:
        listening = stack.enter_context(Plan())
        guests = Guests(stack)
        listener = Listener(listening, guests, pause_s=0.01)
        for episode in (1, 2):
            listening.plan = [number] * 3
            listening.calls = 0
            for _ in range(2):
                stack.enter_context(socket.create_connection(listening.getsockname()))
            await eventually(lambda: guests.count == 2 * episode)  # noqa: B023
            assert listening.calls == 3 + 2 + 1, "one try for each pause"
            assert [record.getMessage() for record in caplog.records] == [
                "no more connections can be accepted: Too many open files; those who connect wait"
            ] * episode
        listener.close()
    caplog.clear()


async def test_whoever_leaves_while_waiting_holds_up_nobody() -> None:
    with ExitStack() as stack:
        listening = stack.enter_context(Plan())
        listening.plan = [errno.ECONNABORTED] * 3
        guests = Guests(stack)
        listener = Listener(listening, guests, pause_s=3600)
        stack.enter_context(socket.create_connection(listening.getsockname()))
        await eventually(lambda: guests.count == 1)
        listener.close()


async def test_a_listener_that_is_closed_in_a_pause_or_by_a_guest_lets_nobody_in(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with ExitStack() as stack:
        listening = stack.enter_context(Plan())
        guests = Guests(stack)
        for _ in range(2):
            stack.enter_context(socket.create_connection(listening.getsockname()))
        listening.plan = [errno.EMFILE]
        paused = Listener(listening, guests, pause_s=0.01)
        while listening.plan:
            await turns(1)
        paused.close()
        paused.close()
        loop = asyncio.get_running_loop()
        over_s = loop.time() + 0.02
        await eventually(lambda: loop.time() > over_s)
        assert not loop.remove_reader(listening), "it does not look any more"
        assert (guests.count, listening.calls) == (0, 1)

        def only_one(connection: socket.socket, address: Any) -> None:
            guests(connection, address)
            listener.close()

        listener = Listener(listening, only_one)
        await eventually(lambda: guests.count == 1)
        await turns(10)
        assert guests.count == 1
    caplog.clear()


async def test_a_server_without_descriptors_says_so_once_and_serves_those_who_waited(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with venue(tmp_path) as at:
        with ExitStack() as stack:
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
            crowd = [stack.enter_context(socket.create_connection(("127.0.0.1", at.server.port))) for _ in range(20)]
            # Nobody has accepted them yet: the loop had no turn.
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_files(), hard))
            for one in crowd:
                one.sendall(f"GET /{at.code} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                one.setblocking(False)
            await eventually(lambda: bool(caplog.records))
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            loop = asyncio.get_running_loop()
            for one in crowd:
                assert (await asyncio.wait_for(loop.sock_recv(one, 15), 5)) == b"HTTP/1.1 200 OK"
        said = [record.getMessage() for record in caplog.records]
        assert said == ["no more connections can be accepted: Too many open files; those who connect wait"]
    caplog.clear()


@pytest.mark.parametrize("error", [ssl.SSLError(ssl.SSL_ERROR_EOF, "gone"), OSError(errno.EINVAL, "gone")])
async def test_a_connection_that_is_gone_before_its_handshake_is_closed(error: OSError) -> None:
    class Gone(ssl.SSLContext):
        def wrap_socket(self, *_: Any, **__: Any) -> ssl.SSLSocket:
            raise error

    near, far = socket.socketpair()
    with near, far:
        over_tls(HTTPServer(lambda _: None), Gone(ssl.PROTOCOL_TLS_SERVER))(near, None)
        assert near.fileno() == -1
