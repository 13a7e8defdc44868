"""A WebSocket connection on a bare socket: one reader in the event loop, and no task, future or coroutine at all.

All that has arrived is taken with one ``recv``, parsed at once and told in plain calls; a frame is written with one
``send``. Only what the client does not read in time is kept.
"""

import asyncio
import socket

from livevote.protocol.codec import MAX_MESSAGE_BYTES
from livevote.protocol.codes import CLOSE
from livevote.web.wire.base import Listener
from livevote.web.wire.frames import (
    SMALLEST_FRAME_BYTES,
    Fault,
    FrameReader,
    Goodbye,
    Ping,
    Pong,
    close_frame,
    pong_frame,
)

# Who floods the server with the smallest frames has 256 of them read in one go, as in Tornado 6.6, and then it is
# everybody else's turn: the event loop comes back for the rest.
_RECV_BYTES = 256 * SMALLEST_FRAME_BYTES
_CLOSE_S = 5.0
"""How long a client has for its side of the closing handshake, as in Tornado."""


class OwnWire:
    """A connection that is read and written here and by nobody else.

    The event loop holds it while its descriptor is open, and ``siblings`` are all that are open. After the server's
    close frame it waits for the client's. After a fault, and where the client said goodbye before it had read
    everything, it sends what is left, ends its own side and throws away what still comes: closing a socket with unread
    bytes would take the close frame from the client again.
    """

    __slots__ = (
        "_closing",
        "_deaf",
        "_late_pongs",
        "_listener",
        "_loop",
        "_reader",
        "_siblings",
        "_socket",
        "_timer",
        "_unsent",
    )

    def __init__(
        self, own: socket.socket, listener: Listener, *, loop: asyncio.AbstractEventLoop, siblings: "set[OwnWire]"
    ) -> None:
        self._loop = loop
        self._siblings = siblings
        siblings.add(self)
        self._socket: socket.socket | None = own
        self._listener = listener
        self._reader = FrameReader(limit=MAX_MESSAGE_BYTES)
        self._unsent: bytearray | None = None
        self._late_pongs = b""
        self._closing = False
        self._deaf = False
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, arrived: bytes) -> None:
        """Read what came with the handshake, in turns like everybody's, and then whatever comes."""
        if self._socket is None:
            return
        if arrived:
            self._hear(arrived[:_RECV_BYTES])
            self._loop.call_soon(self.begin, arrived[_RECV_BYTES:])
        else:
            self._loop.add_reader(self._socket.fileno(), self._readable)

    def _readable(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(_RECV_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self._hear(data)
        else:
            self.abort()

    def _hear(self, data: bytes) -> None:
        if self._deaf:
            return
        listener = self._listener
        listener.alive = True
        pongs = b""
        last: Goodbye | Fault | None = None
        for event in self._reader.feed(data):
            if type(event) is str:
                if pongs:
                    self._answer_pings(pongs)
                    pongs = b""
                if not self._closing:
                    listener.on_text(event)
            elif isinstance(event, Ping):
                pongs += pong_frame(event.payload)
            elif isinstance(event, Pong):
                listener.on_pong(event.payload)
            else:
                assert isinstance(event, Goodbye | Fault)
                last = event
        if pongs:
            self._answer_pings(pongs)
        if last is not None:
            self._part(last)

    def _answer_pings(self, pongs: bytes) -> None:
        # Only the latest while earlier frames wait (RFC 6455 section 5.5.3), or who pings and never reads would fill
        # the memory.
        if self.writing:
            self._late_pongs = pongs
        else:
            self.send(pongs)

    def _part(self, last: Goodbye | Fault) -> None:
        if isinstance(last, Goodbye):
            self._listener.on_goodbye()
            self._say_goodbye(close_frame(last.code))
        else:
            self._say_goodbye(close_frame(CLOSE[last.name].code, last.name))
        if isinstance(last, Goodbye) and not self.writing:
            self.abort()
            return
        self._deaf = True
        if not self.writing:
            self._end_own_side()

    def send(self, frame: bytes) -> None:
        """Write a whole frame. A socket that is closed or closing drops it."""
        if self._closing or self._socket is None:
            return
        if self._unsent is not None:
            self._unsent += frame
            return
        try:
            sent = self._socket.send(frame)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.abort()
            return
        if sent != len(frame):
            self._unsent = bytearray(frame[sent:])
            self._loop.add_writer(self._socket.fileno(), self._writable)

    def _writable(self) -> None:
        assert self._socket is not None
        assert self._unsent is not None
        try:
            del self._unsent[: self._socket.send(self._unsent)]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.abort()
            return
        if not self._unsent:
            self._unsent = None
            self._loop.remove_writer(self._socket.fileno())
            pongs, self._late_pongs = self._late_pongs, b""
            if pongs:
                self.send(pongs)
            if self._deaf:
                self._end_own_side()

    def _end_own_side(self) -> None:
        if self._socket is None:
            return
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.abort()

    @property
    def writing(self) -> bool:
        """Whether bytes of an earlier frame still wait for the client to read."""
        return self._unsent is not None

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake. What was sent before goes out first."""
        self._say_goodbye(close_frame(code, reason))

    def _say_goodbye(self, frame: bytes) -> None:
        if self._closing:
            return
        self.send(frame)
        self._closing = True
        if self._socket is not None:
            self._timer = self._loop.call_later(_CLOSE_S, self.abort)

    def abort(self) -> None:
        """Drop the connection at once. Its listener hears of it in a later turn of the loop."""
        own, self._socket = self._socket, None
        if own is None:
            return
        loop = self._loop
        loop.remove_reader(own.fileno())
        if self._unsent is not None:
            loop.remove_writer(own.fileno())
            self._unsent = None
        own.close()
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        self._siblings.discard(self)
        loop.call_soon(self._listener.on_close)
