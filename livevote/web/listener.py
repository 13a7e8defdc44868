"""Accepts connections, and pauses while the system has no descriptor for another one.

Apart from the door, which looks at what was accepted: connections over TLS are accepted here as well. Tornado's own
accept loop tries again in every turn of the event loop and logs a traceback each time, for as long as there is a crowd.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import SSLIOStream
from tornado.netutil import ssl_wrap_socket

_log = logging.getLogger("livevote")

_AT_ONCE = 128  # connections in one turn of the loop, as Tornado does it: votes are taken in between
_PAUSE_S = 0.5  # meanwhile those who connect wait in the kernel's queue, and whoever leaves makes room

Accepted = Callable[[socket.socket, Any], None]
"""What is done with a new connection and its address. Must not raise."""


class Listener:
    """Accepts on the socket ``listening``, which is not blocking and stays the caller's, until ``close``.

    ``pause_s`` is how long nothing is accepted after a failure. One line is logged for each time of shortage: it lasts
    until nobody waits any more.
    """

    def __init__(self, listening: socket.socket, accepted: Accepted, *, pause_s: float = _PAUSE_S) -> None:
        self._listening = listening
        self._accepted = accepted
        self._pause_s = pause_s
        self._loop = asyncio.get_running_loop()
        self._short = False
        self._paused: asyncio.TimerHandle | None = None
        self._closed = False
        self._resume()

    def close(self) -> None:
        """Accept no more. Safe to call twice."""
        self._closed = True
        if self._paused is not None:
            self._paused.cancel()
        self._loop.remove_reader(self._listening)

    def _resume(self) -> None:
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            if self._closed:
                return
            try:
                connection, address = self._listening.accept()
            except BlockingIOError:
                self._short = False
                return
            except ConnectionAbortedError:
                continue  # it left while it waited
            except OSError as error:
                self._pause(error)
                return
            self._accepted(connection, address)

    def _pause(self, error: OSError) -> None:
        if not self._short:
            self._short = True
            _log.warning("no more connections can be accepted: %s; those who connect wait", error.strerror)
        self._loop.remove_reader(self._listening)
        self._paused = self._loop.call_later(self._pause_s, self._resume)


def over_tls(http: HTTPServer, context: ssl.SSLContext) -> Accepted:
    """Hands connections to ``http``, whose handshake comes first."""

    def accepted(connection: socket.socket, address: Any) -> None:
        try:
            wrapped = ssl_wrap_socket(connection, context, server_side=True, do_handshake_on_connect=False)
        except OSError:  # of which SSLError is one: the other side has gone
            connection.close()
            return
        stream = SSLIOStream(wrapped, max_buffer_size=http.max_buffer_size, read_chunk_size=http.read_chunk_size)
        http.handle_stream(stream, address)

    return accepted
