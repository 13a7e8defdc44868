"""Reads a client's WebSocket frames out of whatever bytes have arrived (RFC 6455), without a socket.

It stands apart so that it can be compared with Tornado's own reader on any stream of bytes, cut at any place. It is
stricter than that one: it wants masks, the shortest form of a length and known close codes, and says what was wrong.
"""

from dataclasses import dataclass

# With Tornado's C extension this takes a third of a microsecond; an XOR of two large integers takes three times that.
from tornado.util import _websocket_mask as unmask

_FIN, _RESERVED, _OPCODE, _CONTROL = 0x80, 0x70, 0x0F, 0x08
_MASKED, _LENGTH = 0x80, 0x7F
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_WHOLE_TEXT = _FIN | _TEXT
_SHORT = 126  # a length below this stands in the second byte
_MORE_LENGTH = {126: 2, 127: 8}  # how many bytes of length follow

SMALLEST_FRAME_BYTES = 6
"""A masked frame without a payload."""


@dataclass(frozen=True, slots=True)
class Ping:
    """The client wants these bytes back."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """The client has sent these bytes back, at least one."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The client's close frame, with its code if it gave one. Nothing comes after it."""

    code: int | None


@dataclass(frozen=True, slots=True)
class Fault:
    """The client broke a rule; what it sends from here on cannot be read.

    ``name`` is that of the close code in ``protocol.codes``, ``why`` is for developers.
    """

    name: str
    why: str


Event = str | Ping | Pong | Goodbye | Fault
"""A whole text message, or what else a server must act on. Empty pongs and single fragments are no event."""


class FrameReader:
    """The reading side of one connection. ``limit`` is how long a message may be: in bytes, at least 125.

    It holds at most one incomplete frame and one incomplete message, together less than two messages and a
    header: what is announced as longer is a fault before any of it is kept.
    """

    __slots__ = ("_limit", "_message", "_rest")

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._message: bytearray | None = None
        self._rest = b""

    def feed(self, data: bytes) -> list[Event]:
        """What ``data`` completes, in order. A ``Goodbye`` or ``Fault`` is the last one: feed no more after it."""
        if self._rest:
            data = self._rest + data
        events: list[Event] = []
        at, end = 0, len(data)
        while end - at >= 2:
            first, second = data[at], data[at + 1]
            # Nearly every frame is a whole text message.
            if first != _WHOLE_TEXT or second < _MASKED or self._message is not None:
                wrong = self._wrong_header(first, second)
                if wrong is not None:
                    events.append(wrong)
                    at = end  # the rest cannot be read
                    break
            size, start = second & _LENGTH, at + SMALLEST_FRAME_BYTES
            if size >= _SHORT or self._message is not None:
                more = _MORE_LENGTH.get(size, 0)
                if end - at < 2 + more:
                    break
                if more:
                    size = int.from_bytes(data[at + 2 : at + 2 + more], "big")
                    start += more
                wrong = self._wrong_length(first, size, more)
                if wrong is not None:
                    events.append(wrong)
                    at = end
                    break
            stop = start + size
            if stop > end:
                break
            payload = unmask(data[start - 4 : start], data[start:stop])
            at = stop
            event = _text(payload) if first == _WHOLE_TEXT else self._take(first, payload)
            if event is not None:
                events.append(event)
                if type(event) is Fault or type(event) is Goodbye:
                    at = end
                    break
        self._rest = data[at:]
        return events

    def _wrong_header(self, first: int, second: int) -> Fault | None:
        opcode = first & _OPCODE
        if first & _RESERVED:
            return Fault("protocol_error", "a reserved bit is set")
        if opcode not in (_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG):
            return Fault("protocol_error", "a reserved opcode")
        if second < _MASKED:
            return Fault("protocol_error", "a frame without a mask")
        if opcode & _CONTROL:
            if not first & _FIN:
                return Fault("protocol_error", "a control frame in fragments")
            if second & _LENGTH >= _SHORT:
                return Fault("protocol_error", "a control frame above 125 bytes")
        elif opcode == _CONTINUATION:
            if self._message is None:
                return Fault("protocol_error", "nothing to continue")
        elif self._message is not None:
            return Fault("protocol_error", "a message inside another")
        elif opcode == _BINARY:
            return Fault("binary_refused", "a binary message")
        return None

    def _wrong_length(self, first: int, size: int, more: int) -> Fault | None:
        if more and size < (_SHORT if more == 2 else 1 << 16):
            return Fault("protocol_error", "a length in a longer form than it needs")
        if first & _CONTROL:
            return None
        if size + len(self._message or b"") > self._limit:
            return Fault("too_big", "a message above the limit")
        return None

    def _take(self, first: int, payload: bytes) -> Event | None:
        opcode = first & _OPCODE
        if opcode == _PING:
            return Ping(payload)
        if opcode == _PONG:
            return Pong(payload) if payload else None
        if opcode == _CLOSE:
            return _goodbye(payload)
        if self._message is None:
            self._message = bytearray(payload)
            return None
        self._message += payload
        if not first & _FIN:
            return None
        whole, self._message = self._message, None
        return _text(whole)


def _text(payload: bytes | bytearray) -> str | Fault:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return Fault("not_utf8", "a text that is not UTF-8")


def _goodbye(payload: bytes) -> Goodbye | Fault:
    if not payload:
        return Goodbye(None)
    if len(payload) == 1:
        return Fault("protocol_error", "half a close code")
    code = int.from_bytes(payload[:2], "big")
    if not _may_be_sent(code):
        return Fault("protocol_error", "a close code that nobody may send")
    if isinstance(_text(payload[2:]), Fault):
        return Fault("not_utf8", "a reason that is not UTF-8")
    return Goodbye(code)


def _may_be_sent(code: int) -> bool:
    # Section 7.4 and its registry: 1004 is reserved, 1005, 1006 and 1015 describe what had no close frame.
    return 3000 <= code <= 4999 or (1000 <= code <= 1014 and code not in (1004, 1005, 1006))


def close_frame(code: int | None, reason: str = "") -> bytes:
    """A server's close frame. ``reason`` is short, and only there with a code."""
    payload = b"" if code is None else code.to_bytes(2, "big") + reason.encode()
    return bytes((_FIN | _CLOSE, len(payload))) + payload


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping."""
    return bytes((_FIN | _PONG, len(payload))) + payload
