"""A client that writes any bytes to a server's socket, for what no WebSocket library would send."""

import asyncio
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
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


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
    """An upgraded connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes, *, at_a_time: int = 1 << 20) -> None:
        """Write, in pieces where wanted. What the server does not take any more is lost."""
        try:
            for start in range(0, len(data), at_a_time):
                self.writer.write(data[start : start + at_a_time])
                await self.writer.drain()
                if at_a_time == 1:
                    await asyncio.sleep(0)
        except ConnectionError:
            pass

    async def receive(self) -> Received | None:
        """The next frame; None when the server has ended the connection."""
        try:
            first, size = await self.reader.readexactly(2)
            if size >= 126:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
            return first & 0x0F, await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def receive_all(self) -> list[Received]:
        """Every frame until the server ends the connection."""
        received = []
        while (one := await self.receive()) is not None:
            received.append(one)
        return received

    def reset(self) -> None:
        """End the connection with a RST."""
        own = self.writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@asynccontextmanager
async def raw_socket(at: Venue, cookie: str, *, behind: bytes = b"", limit: int = 1 << 16) -> AsyncIterator[RawSocket]:
    """Upgrade, with more bytes right ``behind`` the request, and pass over the state that the server begins with."""
    reader, writer = await asyncio.open_connection("127.0.0.1", at.server.port, limit=limit)
    try:
        writer.write(upgrade(at, cookie) + behind)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        opened = RawSocket(reader, writer)
        state = await opened.receive()
        assert state is not None
        assert state[1].startswith(b'{"type":"state"')
        yield opened
    finally:
        writer.close()
