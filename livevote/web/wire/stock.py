"""A WebSocket connection that stays with Tornado's code after the handshake, except for how frames are sent.

``write_message`` builds the frame again for every client and wraps every write in a Task and two Futures that nobody
awaits; ``IOStream.write`` still makes a Future and copies into its buffer. Here the bytes of ``protocol.codec.frame``
go to the socket with one ``send()``, and to the stream only where the socket would block.
"""

import contextlib

from tornado.iostream import IOStream, StreamClosedError
from tornado.websocket import WebSocketHandler, WebSocketProtocol13

from livevote.protocol.codec import MAX_MESSAGE_BYTES
from livevote.protocol.codes import CLOSE
from livevote.web.wire.base import Listener


class StockWire:
    """A connection that stays with Tornado's WebSocket code.

    Relies on ``ws_connection.stream``, on the stream's ``socket``, and that an uncompressed server frame is its bytes.
    """

    __slots__ = ("_handler",)

    def __init__(self, handler: WebSocketHandler) -> None:
        self._handler = handler

    def _stream(self) -> IOStream | None:
        connection = self._handler.ws_connection
        if not isinstance(connection, WebSocketProtocol13) or connection.is_closing():
            return None
        return connection.stream

    def send(self, frame: bytes) -> None:
        """Write a whole frame. A socket that is closed or closing drops it."""
        stream = self._stream()
        if stream is None:
            return
        # A TLS stream has its own idea of what to send, and what waits in a stream goes first.
        if type(stream) is IOStream and not stream.writing():
            try:
                sent = stream.socket.send(frame)
            except BlockingIOError:
                sent = 0
            except OSError:
                stream.close()
                return
            if sent == len(frame):
                return
            frame = frame[sent:]
        with contextlib.suppress(StreamClosedError):  # the close callback tells everybody else
            stream.write(frame)

    @property
    def writing(self) -> bool:
        """Whether bytes of an earlier frame still wait for the client to read."""
        stream = self._stream()
        return stream is not None and stream.writing()

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake. What was sent before goes out first."""
        self._handler.close(code, reason)

    def abort(self) -> None:
        """Drop the connection at once."""
        stream = self._stream()
        if stream is not None:
            stream.close()


class WireHandler(WebSocketHandler):
    """The handshake of a connection that a ``Listener`` gets, and the way from Tornado's callbacks to it.

    A subclass calls ``Wires.take`` in its ``open``.
    """

    listener: Listener | None = None
    """Whose connection this is, while it stays with Tornado's code."""

    def on_message(self, message: str | bytes) -> None:
        """A whole message, of any size that Tornado takes."""
        if self.listener is None:
            return
        self.listener.alive = True
        if isinstance(message, bytes):
            self.close(CLOSE["binary_refused"].code, "binary_refused")
        elif len(message) > MAX_MESSAGE_BYTES or len(message.encode()) > MAX_MESSAGE_BYTES:
            self.close(CLOSE["too_big"].code, "too_big")
        else:
            self.listener.on_text(message)

    def on_pong(self, data: bytes) -> None:
        """An answer to the sweeper."""
        if self.listener is not None:
            self.listener.alive = True
            if data:
                self.listener.on_pong(data)

    def on_close(self) -> None:
        """The connection is gone, or is not Tornado's any more."""
        listener, self.listener = self.listener, None
        if listener is not None:
            if self.close_code is not None:  # Tornado keeps no sign of a goodbye without a code, which is rare
                listener.on_goodbye()
            listener.on_close()
