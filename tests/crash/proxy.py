"""A bad network between voters and their server: every connection through it has one fault and ends early.

It forwards bytes and knows no more of WebSocket than where a frame ends, so that it can lose whole answers.
"""

import asyncio
import contextlib
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator
from enum import StrEnum

from bench.http import HOST
from tests.crash.sockets import take_frame

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time to linger


class Fault(StrEnum):
    """What goes wrong on a connection."""

    DELAY = "delay"
    """Everything comes late, each time by another time."""
    MUTE = "mute"
    """For a while the server's frames are lost; later ones arrive."""
    HALF_OPEN = "half_open"
    """From some moment on nothing arrives on either side, and nobody is told; the server never is."""
    RESET = "reset"
    """In the middle of a frame both sides get a RST."""
    TRICKLE = "trickle"
    """One byte at a time, with a pause after each."""
    CUT = "cut"
    """In the middle of a frame the connection ends for both sides."""


_LIFE_S = 0.3, 1.2
"""How long a connection lives on which nothing else ends it."""
_MUTE_FROM_TO = 0.2, 0.6
"""The part of its life in which it is mute."""
_LATE_S = 0.005, 0.06
_BYTE_S = 0.001
"""A thousand times faster than a byte a second, as voters here are than people."""
_CALM_BYTES = 2000
"""A frame among so many bytes is broken: that of the handshake, of the state or of a vote."""

Side = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Link:
    """One connection, between a voter's side and the server's."""

    def __init__(self, fault: Fault | None, rng: random.Random) -> None:
        self.fault = fault
        self.happened = False
        self._random = rng
        self._passed = 0
        self._breaks_after = rng.randrange(_CALM_BYTES)
        self._breaks_up = rng.random() < 0.5
        self._life_s = rng.uniform(*_LIFE_S)
        self._begun_s = asyncio.get_running_loop().time()
        self._buffer = bytearray()
        self._upgraded = False

    async def run(self, client: Side, server: Side) -> None:
        """Forward until a side ends or the fault ends it."""
        pumps = [
            asyncio.create_task(self._pump(client[0], server[1], up=True)),
            asyncio.create_task(self._pump(server[0], client[1], up=False)),
        ]
        ends_by_itself = self.fault in (Fault.DELAY, Fault.MUTE, Fault.TRICKLE)
        try:
            limit_s = self._life_s if ends_by_itself else None
            await asyncio.wait(pumps, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                if not await self._forward(data, writer, up=up):
                    return

    async def _forward(self, data: bytes, writer: asyncio.StreamWriter, *, up: bool) -> bool:
        """Pass ``data`` on, or what the fault leaves of it; whether the connection goes on."""
        self._passed += len(data)
        broken = self._passed > self._breaks_after
        match self.fault:
            case Fault.DELAY:
                self.happened = True
                await asyncio.sleep(self._random.uniform(*_LATE_S))
            case Fault.MUTE if not up:
                data = self._audible(data)
            case Fault.HALF_OPEN if broken:
                self.happened = True
                return True
            case Fault.TRICKLE:
                self.happened = True
                for byte in data:
                    writer.write(bytes([byte]))
                    await asyncio.sleep(_BYTE_S)
                return True
            case Fault.CUT | Fault.RESET if broken and up is self._breaks_up:
                self.happened = True
                writer.write(data[: len(data) // 2])
                return False
        writer.write(data)
        await writer.drain()
        return True

    def _audible(self, data: bytes) -> bytes:
        """Whole frames without those that are lost; the response before them always passes."""
        self._buffer += data
        passed = b""
        if not self._upgraded:
            head, end, _ = bytes(self._buffer).partition(b"\r\n\r\n")
            if not end:
                return b""
            self._upgraded = True
            passed = head + end
            del self._buffer[: len(passed)]
        while True:
            before = bytes(self._buffer)
            if take_frame(self._buffer) is None:
                return passed
            age = (asyncio.get_running_loop().time() - self._begun_s) / self._life_s
            if _MUTE_FROM_TO[0] < age < _MUTE_FROM_TO[1]:
                self.happened = True
            else:
                passed += before[: len(before) - len(self._buffer)]


class Proxy:
    """Listens for voters of the server at ``server_port``. Made by ``bad_network``."""

    def __init__(self, server_port: int, rng: random.Random) -> None:
        self.port = 0
        self.happened: Counter[Fault] = Counter()
        """How many connections each fault has hit."""
        self._server_port = server_port
        self._random = rng
        self._healed = False
        self._links: set[asyncio.Task[None]] = set()
        self._vanished: list[asyncio.StreamWriter] = []

    @property
    def base(self) -> str:
        return f"http://{HOST}:{self.port}"

    def heal(self) -> None:
        """End every connection there is; new ones have no fault."""
        self._healed = True
        for link in self._links:
            link.cancel()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a voter. It is not awaited by anybody: what it raises is lost."""
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._serve((reader, writer))
        writer.close()
        self._links.discard(task)

    async def _serve(self, client: Side) -> None:
        fault = None if self._healed else self._random.choice(tuple(Fault))
        link = _Link(fault, self._random)
        server = await asyncio.open_connection(HOST, self._server_port)
        try:
            await link.run(client, server)
        finally:
            if link.happened and fault is not None:
                self.happened[fault] += 1
            if fault is Fault.HALF_OPEN:
                self._vanished.append(server[1])
            elif fault is Fault.RESET:
                _reset(client[1])
                _reset(server[1])
            else:
                server[1].close()

    async def aclose(self) -> None:
        """End everything."""
        self.heal()
        await asyncio.gather(*self._links, return_exceptions=True)
        for writer in self._vanished:
            writer.transport.abort()
        await asyncio.sleep(0)


def _reset(writer: asyncio.StreamWriter) -> None:
    own = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


@contextlib.asynccontextmanager
async def bad_network(server_port: int, rng: random.Random) -> AsyncIterator[Proxy]:
    """A proxy that listens, and is gone afterwards."""
    proxy = Proxy(server_port, rng)
    listening = await asyncio.start_server(proxy.accept, HOST, 0)
    proxy.port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listening.close()
        await proxy.aclose()
        await listening.wait_closed()
