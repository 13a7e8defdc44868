"""The little HTTP that a load generator needs, on raw asyncio connections: a client library would cost too much.

Every request has a connection of its own, as a browser's page and its socket have.
"""

import asyncio
from dataclasses import dataclass

from bench.expected import BenchError

HOST = "127.0.0.1"
"""The bench talks to its own server on this machine and to nothing else."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A response. For an upgrade (101) ``body`` is the payload of the first frame."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """The first header of that name; empty where there is none."""
        for line in self.head.split(b"\r\n")[1:]:
            found, _, value = line.partition(b":")
            if found.lower() == name.encode():
                return value.strip().decode("latin-1")
        return ""

    def cookies(self) -> str:
        """All cookies that the response sets, as a ``Cookie`` header sends them back."""
        pairs = []
        for line in self.head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"set-cookie":
                pairs.append(value.partition(b";")[0].strip().decode("latin-1"))
        return "; ".join(pairs)


def read_reply(data: bytes) -> Reply | None:
    """The response in ``data``, or None while a part of it is missing. Raises ``ValueError`` for anything else."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head, rest = data[:end], data[end + 4 :]
    parts = head.split(b" ", 2)
    if not parts[0].startswith(b"HTTP/1.") or len(parts) < 2:
        raise ValueError(f"not an HTTP response: {head[:60]!r}")
    status = int(parts[1])
    if status == 101:
        payload = first_frame(rest)
        return None if payload is None else Reply(status, head, payload)
    size = 0 if status in (204, 304) else _content_length(head)
    return Reply(status, head, rest[:size]) if len(rest) >= size else None


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError("a response without Content-Length")


def first_frame(data: bytes) -> bytes | None:
    """The payload of the unmasked frame (RFC 6455 section 5.2) that ``data`` begins with; None while incomplete."""
    if len(data) < 2:
        return None
    size, start = data[1] & 0x7F, 2
    if size >= 126:
        start = 4 if size == 126 else 10
        if len(data) < start:
            return None
        size = int.from_bytes(data[2:start], "big")
    return data[start : start + size] if len(data) >= start + size else None


class _Exchange(asyncio.Protocol):
    """Writes one request as soon as it is connected and gives the response to a future."""

    def __init__(self, request: bytes, reply: asyncio.Future[Reply]) -> None:
        self.request = request
        self.reply = reply
        self.data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if self.reply.done():
            return
        self.data += data
        try:
            reply = read_reply(self.data)
        except ValueError as error:
            self.reply.set_exception(error)
        else:
            if reply is not None:
                self.reply.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc or ConnectionResetError("the server closed the connection without an answer"))


async def exchange(port: int, request: bytes) -> tuple[Reply, asyncio.BaseTransport]:
    """Send ``request`` on a new connection and wait for its response. The connection is open afterwards.

    Raises ``OSError`` or ``ValueError`` where there is none; puts no limit on the time.
    """
    loop = asyncio.get_running_loop()
    reply: asyncio.Future[Reply] = loop.create_future()
    transport, _ = await loop.create_connection(lambda: _Exchange(request, reply), HOST, port)
    try:
        return await reply, transport
    except BaseException:
        transport.abort()
        raise


async def call(port: int, request: bytes, *, timeout_s: float = 30) -> Reply:
    """``exchange`` with a limit, and the connection closed. Raises ``BenchError`` where no response came."""
    try:
        async with asyncio.timeout(timeout_s):
            reply, transport = await exchange(port, request)
    except (OSError, ValueError) as error:
        first = request.partition(b"\r\n")[0].decode("latin-1")
        raise BenchError(f"No answer to '{first}': {error or type(error).__name__}.") from error
    transport.close()
    return reply


def page(port: int, code: str) -> bytes:
    """The request for a room's page, with what a phone's browser sends and the server reads."""
    return (
        f"GET /{code} HTTP/1.1\r\nHost: {HOST}:{port}\r\nAccept: text/html\r\nAccept-Encoding: gzip, br\r\n\r\n"
    ).encode()


def upgrade(port: int, code: str, cookies: str) -> bytes:
    """The request that turns a connection into a voter's socket."""
    # The nonce of RFC 6455's own example: it guards against caching proxies, and there is none on this way.
    return (
        f"GET /ws/{code} HTTP/1.1\r\nHost: {HOST}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Origin: http://{HOST}:{port}\r\nCookie: {cookies}\r\n\r\n"
    ).encode()


def api(port: int, method: str, path: str, *, token: str | None = None, body: bytes = b"") -> bytes:
    """A request to the HTTP API."""
    key = f"Authorization: Bearer {token}\r\n" if token else ""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n{key}Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
