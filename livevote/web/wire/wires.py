"""The one place that reaches below Tornado's public interface: it takes the socket over after the handshake.

Tornado reads a frame with three awaits and keeps a coroutine, a stream, a request and a handler for each socket. So it
does the handshake with all its checks, and then ``Wires.take`` detaches the descriptor from its stream and everything
that the handshake has made is dropped.

TLS sockets stay with Tornado, whose streams know when TLS itself has to read or write; so do the rare connections
that still have an earlier response to send, and all of them with ``--stock-wire``. There the close codes 1002 and 1007
are not sent, because Tornado hangs up.

What this relies on in Tornado 6.6 is listed in ``Wires.take`` and ``StockWire``; ``tests/web/test_wire.py`` fails when
any of it drifts.
"""

import asyncio
import socket

from tornado.iostream import IOStream
from tornado.websocket import WebSocketProtocol13

from livevote.web.wire.base import Listener, Wire
from livevote.web.wire.own import OwnWire
from livevote.web.wire.stock import StockWire, WireHandler


class Wires:
    """The connections of one server: takes them over after the handshake, or leaves them to Tornado if ``stock``."""

    def __init__(self, *, stock: bool = False) -> None:
        self._stock = stock
        self._open: set[OwnWire] = set()

    def take(self, handler: WireHandler, listener: Listener) -> Wire:
        """Give the connection of ``handler``, whose ``open`` calls this, to ``listener``.

        Nothing is read before ``open`` has returned. Relies on this: the stream has left in ``_read_buffer`` what came
        behind the request; it forgets the descriptor by ``remove_handler``; closing it closes nothing once its socket
        is detached; and a connection with ``client_terminated`` set is cleaned up by Tornado when ``open`` returns.
        """
        connection = handler.ws_connection
        assert isinstance(connection, WebSocketProtocol13)
        stream = connection.stream
        if self._stock or type(stream) is not IOStream or stream.writing() or stream.closed():
            handler.listener = listener
            return StockWire(handler)
        arrived = bytes(stream._read_buffer)
        stream.io_loop.remove_handler(stream.socket)
        theirs = stream.socket
        own = socket.socket(theirs.family, theirs.type, theirs.proto, fileno=theirs.detach())
        own.setblocking(False)
        stream.close()
        connection.client_terminated = True
        loop = asyncio.get_running_loop()
        wire = OwnWire(own, listener, loop=loop, siblings=self._open)
        loop.call_soon(wire.begin, arrived)
        return wire

    def abort(self) -> None:
        """Drop every connection that was taken over: the server stops."""
        for wire in tuple(self._open):
            wire.abort()
