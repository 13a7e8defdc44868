"""The door: looks at each new connection, answers the two requests of a join, and leaves all others to Tornado.

A crowd that scans the code at once asks for one page and one socket each. The door looks at what arrived without taking
it out of the kernel (``MSG_PEEK``): a request that is surely one of the two, and surely granted, it answers from
memory. Everything else, every refusal among it, goes to Tornado as if nobody had looked. TLS does not come by here.
"""

import asyncio
import logging
import socket
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream, StreamClosedError

from livevote.web.handshake import Handshakes
from livevote.web.page_answer import PageAnswers
from livevote.web.request_head import read_head

_log = logging.getLogger("livevote")

_LOOK_BYTES = 4096
"""A head that is longer is Tornado's."""


_TAKEN_WITHIN_S = 60.0
"""How long a page may be on its way out of here: 24 KB are 3 kbit/s. Nobody who stops reading stays for ever."""


class _Visitor:
    """A connection of which nothing is known yet: since its beginning, or since its last page."""

    __slots__ = ("address", "expires_at_s", "number", "socket", "watched")

    def __init__(self, connection: socket.socket, address: Any) -> None:
        self.socket = connection
        self.number = connection.fileno()
        self.address = address
        self.expires_at_s = 0.0
        self.watched = False


class Door:
    """Takes connections for ``http``. Closes whoever says nothing for ``idle_s``, as ``http`` does."""

    def __init__(self, http: HTTPServer, *, pages: PageAnswers, handshakes: Handshakes, idle_s: float) -> None:
        self._http = http
        self._pages = pages
        self._handshakes = handshakes
        self._idle_s = idle_s
        self._loop = asyncio.get_running_loop()
        # In the order in which they expire.
        self._waiting: dict[_Visitor, None] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._finishing: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Close the connections that have asked for nothing. Nobody else may come in any more."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for visitor in list(self._waiting):
            self._close(visitor)

    def let_in(self, connection: socket.socket, address: Any) -> None:
        """Answer a new connection, or leave it to Tornado."""
        connection.setblocking(False)
        # What a browser wants it says at once, so that is often there before anybody has accepted.
        self._look(_Visitor(connection, address))

    def _look(self, visitor: _Visitor) -> None:
        try:
            data = visitor.socket.recv(_LOOK_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            self._wait(visitor)
            return
        except OSError:
            data = b""
        if not data:
            self._close(visitor)
            return
        try:
            self._serve(visitor, data)
        except Exception:
            # Its bytes are still there, and the loop would call again, for ever.
            _log.exception("a connection could not be served")
            self._close(visitor)

    def _serve(self, visitor: _Visitor, data: bytes) -> None:
        head = read_head(data)
        page = None if head is None else self._pages.find(head)
        if head is not None and page is not None:
            self._answer(visitor, head.size, page)
            return
        self._forget(visitor)
        stream = self._stream(visitor)

        def hand_over() -> None:
            self._http.handle_stream(stream, visitor.address)

        # Nothing may follow a handshake before its answer.
        if head is None or head.size < len(data) or not self._handshakes.begin(head, stream, otherwise=hand_over):
            hand_over()

    def _stream(self, visitor: _Visitor) -> IOStream:
        http = self._http
        return IOStream(visitor.socket, max_buffer_size=http.max_buffer_size, read_chunk_size=http.read_chunk_size)

    def _answer(self, visitor: _Visitor, size: int, answer: bytes) -> None:
        try:
            visitor.socket.recv(size)
            sent = visitor.socket.send(answer)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._close(visitor)
            return
        if sent == len(answer):
            self._wait(visitor)
            return
        # Somebody who reads slowly. What is left is Tornado's, and so is whatever they ask next.
        self._forget(visitor)
        task = asyncio.create_task(self._finish(self._stream(visitor), answer[sent:], visitor.address), name="page")
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    async def _finish(self, stream: IOStream, rest: bytes, address: Any) -> None:
        try:
            # Shielded, because Tornado's future would tell of its cancellation in a traceback.
            await asyncio.wait_for(asyncio.shield(stream.write(rest)), _TAKEN_WITHIN_S)
            self._http.handle_stream(stream, address)
        except TimeoutError:
            stream.close()
        except StreamClosedError:
            pass  # it has left

    def _wait(self, visitor: _Visitor) -> None:
        """Wait for the (next) request, with the whole time for it."""
        self._waiting.pop(visitor, None)
        self._waiting[visitor] = None
        visitor.expires_at_s = self._loop.time() + self._idle_s
        if not visitor.watched:
            visitor.watched = True
            self._loop.add_reader(visitor.number, self._look, visitor)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(self._idle_s, self._sweep)

    def _sweep(self) -> None:
        """Close whoever has waited too long. One timer for all, because most are gone long before."""
        now_s = self._loop.time()
        self._sweeping = None
        for visitor in list(self._waiting):
            if visitor.expires_at_s > now_s:
                self._sweeping = self._loop.call_at(visitor.expires_at_s, self._sweep)
                break
            self._close(visitor)

    def _forget(self, visitor: _Visitor) -> None:
        self._waiting.pop(visitor, None)
        if visitor.watched:
            visitor.watched = False
            self._loop.remove_reader(visitor.number)

    def _close(self, visitor: _Visitor) -> None:
        self._forget(visitor)
        visitor.socket.close()
