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


class Socket:
    """An open WebSocket. What is cancelled here loses nothing: the next ``receive`` goes on."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = bytearray()
        self.close_code: int | None = None
        self.pings = 0

    @classmethod
    async def open(cls, port: int, code: str, cookie: str) -> "Socket":
        """Connect. Raises ``OSError`` or ``EOFError`` where the server does not let it."""
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            writer.write(upgrade(port, code, cookie))
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 101 "):
                raise ConnectionRefusedError(head.partition(b"\r\n")[0].decode())
        except BaseException:
            writer.transport.abort()
            raise
        return cls(reader, writer)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message. A dead socket shows when its answer is read."""
        self._frame(_TEXT, json.dumps(message).encode())

    def _frame(self, first: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self._writer.write(bytes([first]) + length + _MASK + payload)

    async def receive(self) -> dict[str, Any]:
        """The next message. Raises ``EOFError`` or ``OSError`` when there will be none."""
        while True:
            while (frame := take_frame(self._buffer)) is None:
                data = await self._reader.read(65536)
                if not data:
                    raise EOFError
                self._buffer += data
            first, payload = frame
            if first == _TEXT:
                message: dict[str, Any] = json.loads(payload)
                return message
            if first == _PING:
                self.pings += 1
                self._frame(_PONG, payload)
            else:
                assert first == _CLOSE, f"not a frame of this server: {first:#x}"
                self.close_code = int.from_bytes(payload[:2], "big")
                raise EOFError

    def drop(self) -> None:
        """Be gone, without a word to the server."""
        self._writer.transport.abort()
