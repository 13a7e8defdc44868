"""The one place that reaches below Tornado's public WebSocket interface: writing a prebuilt frame.

``write_message`` builds the frame again for every client and wraps every write in a Task and two Futures that nobody
awaits; ``IOStream.write`` still makes a Future and copies into its buffer. Here the bytes of ``protocol.codec.frame``
go to the socket with one ``send()``, and to the stream only where the socket would block. What this relies on in
Tornado 6.6 is ``ws_connection.stream``, its ``socket``, and that an uncompressed server frame is just its bytes;
``tests/web/test_wire.py`` fails when any of it drifts.
"""

import contextlib

from tornado.iostream import IOStream, StreamClosedError
from tornado.websocket import WebSocketHandler, WebSocketProtocol13


def _stream(handler: WebSocketHandler) -> IOStream | None:
    connection = handler.ws_connection
    if not isinstance(connection, WebSocketProtocol13) or connection.is_closing():
        return None
    return connection.stream


def write_frame(handler: WebSocketHandler, frame: bytes) -> None:
    """Write a whole frame. A socket that is closed or closing drops it."""
    stream = _stream(handler)
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


def writing(handler: WebSocketHandler) -> bool:
    """Whether bytes of an earlier frame still wait for the client to read."""
    stream = _stream(handler)
    return stream is not None and stream.writing()


def abort(handler: WebSocketHandler) -> None:
    """Drop the connection at once, without the closing handshake that a client which does not read cannot answer."""
    stream = _stream(handler)
    if stream is not None:
        stream.close()
