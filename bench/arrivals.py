"""How connections are opened: many at a time, each with the page first where there is one, as phones do it."""

import random
import select
import socket
import time
from array import array
from collections.abc import Callable

from bench.expected import BenchError
from bench.frames import whole_frames
from bench.http import HOST, read_reply, upgrade

SOURCES = 16
"""Loopback addresses that the connections come from: one address has ports for 28,000 connections and no more."""

ARRIVAL_S = 30
"""Who has not arrived after so long was refused."""

_HASTE = 64
"""Connections that are begun between two looks at what has arrived."""

_BIND_ADDRESS_NO_PORT = 24
"""``IP_BIND_ADDRESS_NO_PORT`` of Linux, which Python has a name for from 3.12 on."""

_NARROW_SEGMENT = 536
_NARROW_BUFFER = 2048
"""What a narrow connection takes: a kernel keeps megabytes for a reader on loopback, and for one out there little."""


class _Arrival:
    """One connection on its way: the page, then the handshake."""

    __slots__ = ("begun_at", "data", "request", "socket", "source", "wants_page")

    def __init__(self, source: str, begun_at: float) -> None:
        self.source = source
        self.begun_at = begun_at
        self.socket: socket.socket
        self.request = b""
        self.data = b""
        self.wants_page = False


class Arrivals:
    """A crowd that opens its connections."""

    def __init__(
        self,
        port: int,
        *,
        page: bytes | None,
        upgrade_with: Callable[[str], bytes] | None,
        greeted: bool,
        narrow: bool,
    ) -> None:
        self._port = port
        self._page = page
        self._upgrade_with = upgrade_with or (lambda cookies: upgrade(port, "", cookies))
        self._greeted = greeted
        self._narrow = narrow
        self._polled = select.epoll()
        self._arriving: dict[int, _Arrival] = {}
        self._took_s: array[float] = array("d")
        self._arrived: list[tuple[socket.socket, bytes]] = []

    def run(self, number: int, at_once: int) -> tuple["array[float]", list[tuple[socket.socket, bytes]]]:
        """Open ``number`` connections, ``at_once`` at a time: how long each took in seconds, the sockets, and the
        beginning of a frame that each may have got already. Raises ``BenchError`` when one is refused."""
        begun = 0
        last_at = time.perf_counter()
        first_source = random.randrange(SOURCES)
        while len(self._arrived) < number:
            for _ in range(min(_HASTE, number - begun, at_once - len(self._arriving))):
                arrival = _Arrival(f"127.0.0.{1 + (first_source + begun) % SOURCES}", time.perf_counter())
                begun += 1
                if self._page is None:
                    self._connect(arrival, self._upgrade_with(""))
                else:
                    arrival.wants_page = True
                    self._connect(arrival, self._page)
            more = begun < number and len(self._arriving) < at_once
            found = self._polled.poll(0 if more else 1.0, 1000)
            now = time.perf_counter()
            if found:
                last_at = now
            elif now - last_at > ARRIVAL_S:
                raise BenchError(f"{len(self._arriving)} of {number} clients could not connect within {ARRIVAL_S} s.")
            for descriptor, event in found:
                self._move(self._arriving[descriptor], event)
        arrived, self._arrived = self._arrived, []
        return self._took_s, arrived

    def close(self) -> None:
        """Let go of everybody who has not arrived, and of those who have, if nobody was given them."""
        for arrival in self._arriving.values():
            arrival.socket.close()
        for connected, _ in self._arrived:
            connected.close()
        self._polled.close()

    def _connect(self, arrival: _Arrival, request: bytes) -> None:
        arrival.socket = connecting = socket.socket()
        connecting.setblocking(False)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Takes the port only when it is known where the connection goes, so that ports are shared between servers.
        connecting.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
        if self._narrow:
            connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _NARROW_BUFFER)
            connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _NARROW_SEGMENT)
        connecting.bind((arrival.source, 0))
        connecting.connect_ex((HOST, self._port))
        arrival.request, arrival.data = request, b""
        self._arriving[connecting.fileno()] = arrival
        try:
            # On loopback the connection is there already.
            connecting.send(request)
            arrival.request = b""
            self._polled.register(connecting, select.EPOLLIN)
        except BlockingIOError:
            self._polled.register(connecting, select.EPOLLIN | select.EPOLLOUT)
        except OSError as error:
            raise BenchError(f"A client could not connect: {error}.") from error

    def _move(self, arrival: _Arrival, event: int) -> None:
        if arrival.request and event & select.EPOLLOUT:
            arrival.socket.send(arrival.request)
            arrival.request = b""
            self._polled.modify(arrival.socket, select.EPOLLIN)
        if not event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
            return
        try:
            data = arrival.socket.recv(1 << 16)
        except OSError as error:
            raise BenchError(f"A client was refused: {error}.") from error
        if not data:
            raise BenchError("A client was refused: the server closed its connection.")
        arrival.data += data
        if arrival.wants_page:
            reply = read_reply(arrival.data)
            if reply is None:
                return
            if reply.status != 200:
                raise BenchError(f"A client was refused: the page has status {reply.status}.")
            self._leave(arrival)
            arrival.socket.close()
            arrival.wants_page = False
            self._connect(arrival, self._upgrade_with(reply.cookies()))
            return
        end = arrival.data.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        if not arrival.data.startswith(b"HTTP/1.1 101 "):
            raise BenchError(f"A client was refused: {arrival.data[:100]!r}.")
        if self._greeted and not whole_frames(arrival.data[end:])[0]:
            return
        self._took_s.append(time.perf_counter() - arrival.begun_at)
        self._leave(arrival)
        self._arrived.append((arrival.socket, whole_frames(arrival.data[end:])[1]))

    def _leave(self, arrival: _Arrival) -> None:
        self._polled.unregister(arrival.socket)
        del self._arriving[arrival.socket.fileno()]
