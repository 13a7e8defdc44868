"""A voter's socket on a bare connection, because a fault rig must see every frame and be able to drop it at once.

A WebSocket library would act for the voter: wait for a closing handshake, go on connecting after it was told to stop.
"""

import asyncio
import json
from typing import Any

from bench.http import HOST, upgrade

_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A  # each with FIN, RFC 6455 section 5.2
_MASK = b"\0\0\0\0"  # a client's frames are masked; a mask of zeros changes nothing


def take_frame(buffer: bytearray) -> tuple[int, bytes] | None:
    """Cut the first unmasked frame off: its first byte and its payload. None while a part of it is missing."""
    if len(buffer) < 2:
        return None
    size, start = buffer[1], 2
    if size >= 126:
        start = 4 if size == 126 else 10
        size = int.from_bytes(buffer[2:start], "big")
    if len(buffer) < start + size:
        return None
    frame = buffer[0], bytes(buffer[start : start + size])
    del buffer[: start + size]
    return frame


class Socket(asyncio.Protocol):
    """An open WebSocket, made by ``open``. It hears and answers pings whether or not anybody reads its messages."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._upgraded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._messages: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.close_code: int | None = None
        self.pings = 0

    @classmethod
    async def open(cls, port: int, code: str, cookie: str) -> "Socket":
        """Connect. Raises ``OSError`` where the server does not let it."""
        request = upgrade(port, code, cookie)
        _, socket = await asyncio.get_running_loop().create_connection(lambda: cls(request), HOST, port)
        try:
            await socket._upgraded
        except BaseException:
            socket.drop()
            raise
        return socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded.done() and not self._take_head():
            return
        while (frame := take_frame(self._buffer)) is not None:
            self._hear(*frame)

    def _take_head(self) -> bool:
        head, end, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 101 "):
            self._upgraded.set_exception(ConnectionRefusedError(head.partition(b"\r\n")[0].decode()))
            return False
        self._upgraded.set_result(None)
        self._buffer = bytearray(rest)
        return True

    def _hear(self, first: int, payload: bytes) -> None:
        if first == _TEXT:
            self._messages.put_nowait(json.loads(payload))
        elif first == _PING:
            self.pings += 1
            self._frame(_PONG, payload)
        else:
            assert first == _CLOSE, f"not a frame of this server: {first:#x}"
            self.close_code = int.from_bytes(payload[:2], "big")
            self.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._upgraded.done():
            self._upgraded.set_exception(exc or ConnectionResetError("closed before it was a WebSocket"))
        self._messages.put_nowait(None)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message. A dead socket shows when its answer is read."""
        self._frame(_TEXT, json.dumps(message).encode())

    def _frame(self, first: int, payload: bytes) -> None:
        assert self._transport is not None
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self._transport.write(bytes([first]) + length + _MASK + payload)

    async def receive(self) -> dict[str, Any]:
        """The next message. Raises ``EOFError`` when there will be none."""
        message = await self._messages.get()
        if message is None:
            self._messages.put_nowait(None)
            raise EOFError
        return message

    def drop(self) -> None:
        """Be gone, without a word to the server."""
        assert self._transport is not None
        self._transport.abort()
