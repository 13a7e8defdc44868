"""A client that writes any bytes to a server's socket, for what no WebSocket library would send."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.client import Venue

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MASK = b"\x37\xfa\x21\x3d"  # that of the examples in RFC 6455 section 5.7

Received = tuple[int, bytes]
"""The opcode and the payload of a frame of the server."""


def masked(payload: bytes, mask: bytes = MASK) -> bytes:
    size = len(payload)
    repeated = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    mask: bytes | None = MASK,
    form: int | None = None,
) -> bytes:
    """A client's frame; ``form`` is how many bytes its length takes beside the second one: 0, 2 or 8."""
    size = len(payload)
    if form is None:
        form = 0 if size < 126 else 2 if size < 1 << 16 else 8
    first = (0x80 if fin else 0) | reserved << 4 | opcode
    second = (0 if mask is None else 0x80) | (size if form == 0 else {2: 126, 8: 127}[form])
    head = bytes((first, second)) + (size.to_bytes(form, "big") if form else b"")
    return head + (payload if mask is None else mask + masked(payload, mask))


def announced(opcode: int, size: int, *, form: int, payload: bytes = b"") -> bytes:
    """The beginning of a frame whose payload is said to be ``size`` bytes long."""
    return bytes((0x80 | opcode, 0x80 | {2: 126, 8: 127}[form])) + size.to_bytes(form, "big") + MASK + masked(payload)


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack(">H", code) + reason)


def upgrade(at: Venue, cookie: str, *, role: str = "") -> bytes:
    """A request for an upgrade."""
    query = f"?role={role}" if role else ""
    return (
        f"GET /ws/{at.code}{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nCookie: {cookie}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OUFCQ0RFRg==\r\n\r\n"
    ).encode()


class RawSocket:
    """An upgraded connection. Nothing is read before somebody wants it, as on a stalled phone."""

    def __init__(self, own: socket.socket) -> None:
        self._socket = own
        self._received = b""

    async def send(self, data: bytes, *, at_a_time: int = 1 << 20) -> None:
        """Write, in pieces where wanted. What the server does not take any more is lost."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(data), at_a_time):
                await loop.sock_sendall(self._socket, data[start : start + at_a_time])
                await asyncio.sleep(0)

    async def receive(self) -> Received | None:
        """The next frame; None when the server has ended the connection."""
        try:
            first, size = await self._read(2)
            if size >= 126:
                size = int.from_bytes(await self._read(2 if size == 126 else 8), "big")
            return first & 0x0F, await self._read(size)
        except (EOFError, ConnectionError):
            return None

    async def receive_all(self) -> list[Received]:
        """Every frame until the server ends the connection."""
        received = []
        while (one := await self.receive()) is not None:
            received.append(one)
        return received

    async def receive_head(self) -> bytes:
        """The response to the request for an upgrade."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await self._read(1)
        return head

    async def _read(self, size: int) -> bytes:
        pieces = [self._received]
        missing = size - len(self._received)
        while missing > 0:
            piece = await asyncio.get_running_loop().sock_recv(self._socket, 1 << 16)
            if not piece:
                raise EOFError
            pieces.append(piece)
            missing -= len(piece)
        data = b"".join(pieces)
        self._received = data[size:]
        return data[:size]

    def end_own_side(self) -> None:
        """Send nothing more."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection with a RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()


@asynccontextmanager
async def raw_socket(at: Venue, cookie: str, *, behind: bytes = b"") -> AsyncIterator[RawSocket]:
    """Upgrade, with more bytes right ``behind`` the request, and pass over the state that the server begins with."""
    own = socket.socket()
    own.setblocking(False)
    await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", at.server.port))
    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened = RawSocket(own)
    try:
        await opened.send(upgrade(at, cookie) + behind)
        assert (await opened.receive_head()).startswith(b"HTTP/1.1 101 ")
        state = await opened.receive()
        assert state is not None
        assert state[1].startswith(b'{"type":"state"')
        yield opened
    finally:
        opened.close()
