"""The reader of frames: by itself, and against Tornado's own on valid and damaged streams that are cut anywhere."""

import itertools
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest
from hypothesis import example, given, seed, settings
from hypothesis import strategies as st
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketProtocol13, _WebSocketParams

from livevote.web.wire.frames import Event, Fault, FrameReader, Goodbye, Ping, Pong, close_frame, pong_frame
from tests.evidence import size
from tests.web import raw
from tests.web.raw import CLOSE, CONTINUATION, PING, PONG, TEXT, announced, close, frame

LIMIT = 200
EXAMPLES = size(150, 300, 5_000)

STRICTER = {
    "a frame without a mask",
    "a length in a longer form than it needs",
    "a binary message",
    "half a close code",
    "a close code that nobody may send",
    "a reserved opcode",
}
"""What is a fault here and not, or only later, for Tornado."""

ENOUGH = frame(CONTINUATION, b"\xff") + b"\0" * 2 * LIMIT + frame(CONTINUATION, b"\xff") * 2
"""Ends every connection that Tornado has not ended yet: it completes what was announced, and then continues nothing."""


def read(*pieces: bytes, limit: int = LIMIT) -> list[Event]:
    """All events of a stream that arrives in these pieces."""
    reader = FrameReader(limit=limit)
    events: list[Event] = []
    for piece in pieces:
        events += reader.feed(piece)
        held = len(reader._rest) + len(reader._message or b"")
        assert held < 2 * limit + 14, "what is too long is not kept"
        if events and isinstance(events[-1], Fault | Goodbye):
            break
    return events


class _Written:
    """A Future of something that is written already."""

    def done(self) -> bool:
        return True

    def add_done_callback(self, callback: Callable[..., None]) -> None:
        pass


class _Stream:
    """A Tornado stream that has received these bytes and waits for more."""

    def __init__(self, data: bytes) -> None:
        self.io_loop = self
        self.exhausted = False
        self.written: list[bytes] = []
        self._data = data
        self._closed = False

    async def read_bytes(self, number: int) -> bytes:
        if len(self._data) < number:
            self.exhausted = not self._closed
            raise StreamClosedError
        data, self._data = self._data[:number], self._data[number:]
        return data

    def write(self, data: bytes) -> _Written:
        self.written.append(data)
        return _Written()

    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._closed = True

    def time(self) -> float:
        return 0.0

    def add_timeout(self, *_: object) -> object:
        return self

    def remove_timeout(self, _: object) -> None:
        pass


class Theirs:
    """What Tornado's reader tells of a stream."""

    def __init__(self, data: bytes, *, limit: int) -> None:
        self.events: list[object] = []
        self.stream = _Stream(data)
        params = _WebSocketParams(max_message_size=limit)
        protocol = WebSocketProtocol13(cast("Any", self), False, params)
        protocol.stream = cast("Any", self.stream)
        self._run(protocol._receive_frame_loop())
        for written in self.stream.written:
            if written[0] == close_frame(None)[0]:
                self.events.append(Goodbye(int.from_bytes(written[2:4], "big") if written[2:] else None))

    def _run(self, loop: Coroutine[Any, Any, None]) -> None:
        try:
            while True:
                loop.send(None)
        except StopIteration:
            pass
        except ValueError:  # a reason that is not UTF-8; ``accept_connection`` aborts
            pass

    @property
    def waits(self) -> bool:
        """Whether all was read and the connection goes on."""
        return self.stream.exhausted

    def on_message(self, message: str | bytes) -> None:
        self.events.append(message)

    def on_ping(self, data: bytes) -> None:
        self.events.append(Ping(data))

    def on_pong(self, data: bytes) -> None:
        if data:
            self.events.append(Pong(data))

    def on_ws_connection_close(self, *_: object) -> None:
        pass


def compare(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    ours = read(*(data[start:end] for start, end in itertools.pairwise(places)))
    assert ours == read(data)
    last = ours[-1] if ours else None
    if not isinstance(last, Fault):
        # Tornado counts a control frame towards the length of the message that it interrupts.
        theirs = Theirs(data, limit=LIMIT + 125)
        assert theirs.events == ours
        assert theirs.waits is not isinstance(last, Goodbye)
    elif last.name == "too_big":
        theirs = Theirs(data, limit=LIMIT)
        told = theirs.events[:-1]
        assert theirs.events == [*ours[: len(told)], Goodbye(1009)]
    else:
        theirs = Theirs(data + ENOUGH, limit=LIMIT + 125)
        told = [event for event in theirs.events if event != Goodbye(1009)]
        assert told[: len(ours) - 1] == ours[:-1]
        if last.why not in STRICTER:
            assert told == ours[:-1], "what is a fault here is told by nobody"
            assert not theirs.waits


masks = st.binary(min_size=4, max_size=4)
payloads = st.text(max_size=70).map(str.encode) | st.integers(0, LIMIT + 60).map(lambda number: b"x" * number)
controls = st.builds(frame, st.sampled_from((PING, PONG)), st.binary(max_size=125), mask=masks)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A whole text, or one in fragments with control frames between them."""
    payload = draw(payloads)
    cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=4)))
    pieces = [payload[start:end] for start, end in itertools.pairwise((0, *cuts, len(payload)))]
    data = b""
    for number, piece in enumerate(pieces):
        opcode, fin = CONTINUATION if number else TEXT, number == len(pieces) - 1
        data += frame(opcode, piece, fin=fin, mask=draw(masks))
        if not fin:
            data += b"".join(draw(st.lists(controls, max_size=2)))
    return data


goodbyes = st.builds(
    close, st.sampled_from((1000, 1001, 3000, 4999)), st.sampled_from((b"", b"bye", "später".encode()))
) | st.just(frame(CLOSE))
streams = st.builds(
    lambda parts, end: b"".join(parts) + end, st.lists(messages() | controls, max_size=6), goodbyes | st.just(b"")
)
cutting = st.lists(st.integers(0, 5000), max_size=20)
edits = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(0, 3), st.binary(max_size=3) | st.integers(0, 7)),
    min_size=1,
    max_size=3,
)


def damage(data: bytes, changes: list[tuple[int, int, bytes | int]]) -> bytes:
    """Bytes cut out and put in, or single bits turned, at these places."""
    for place, length, new in changes:
        start = place % (len(data) + 1)
        if isinstance(new, bytes):
            data = data[:start] + new + data[start + length :]
        elif start < len(data):
            data = data[:start] + bytes((data[start] ^ 1 << new,)) + data[start + 1 :]
    return data


@seed(6455)
@settings(max_examples=EXAMPLES, database=None)
@given(streams, cutting)
def test_valid_streams_are_read_as_by_tornado(data: bytes, cuts: list[int]) -> None:
    compare(data, cuts)


@seed(6455)
@settings(max_examples=EXAMPLES, database=None)
@given(st.builds(damage, streams, edits), cutting)
@example(frame(TEXT, b"x" * LIMIT, fin=False) + frame(CONTINUATION, b"x"), [])
@example(announced(TEXT, 1 << 63, form=8), [3])
def test_damaged_streams_are_read_as_by_tornado_or_more_strictly(data: bytes, cuts: list[int]) -> None:
    compare(data, cuts)


@seed(6455)
@settings(max_examples=EXAMPLES, database=None)
@given(st.binary(max_size=40), cutting)
def test_any_bytes_are_read_as_by_tornado_or_more_strictly(data: bytes, cuts: list[int]) -> None:
    compare(data, cuts)


@pytest.mark.parametrize(
    "reader",
    [
        pytest.param(lambda events: [*events, "more"], id="tells too much"),
        pytest.param(lambda events: events[:-1], id="tells too little"),
        pytest.param(lambda _: [Fault("too_big", "a message above the limit")], id="is too strict"),
    ],
)
def test_the_comparison_can_fail(monkeypatch: pytest.MonkeyPatch, reader: Callable[[list[Event]], list[Event]]) -> None:
    feed = FrameReader.feed
    monkeypatch.setattr(FrameReader, "feed", lambda self, data: reader(feed(self, data)))
    with pytest.raises(AssertionError):
        compare(frame(TEXT, b"one") + frame(PING, b"two"), [])


def test_the_examples_of_the_rfc() -> None:
    """Section 5.7."""
    assert read(bytes.fromhex("818537fa213d7f9f4d5158")) == ["Hello"]
    assert read(bytes.fromhex("898537fa213d7f9f4d5158")) == [Ping(b"Hello")]
    assert read(bytes.fromhex("8a8537fa213d7f9f4d5158")) == [Pong(b"Hello")]
    assert pong_frame(b"Hello") == bytes.fromhex("8a0548656c6c6f")


@pytest.mark.parametrize("length", [0, 1, 124, 125, 126, 127, 4095, 4096])
def test_every_cut_of_a_frame_gives_the_same(length: int) -> None:
    data = frame(TEXT, b"x" * length) + frame(PING, b"p")
    wanted = ["x" * length, Ping(b"p")]
    for cut in (*range(1, 20), len(data) - 9, len(data) - 1):
        assert read(data[:cut], data[cut:], limit=4096) == wanted


@pytest.mark.parametrize("begun", [b"", frame(TEXT, fin=False)])
def test_what_is_too_long_is_a_fault_before_any_of_it_is_there(begun: bytes) -> None:
    opcode = CONTINUATION if begun else TEXT
    for number in (LIMIT + 1, 1 << 15):
        assert read(begun + announced(opcode, number, form=2)) == [Fault("too_big", "a message above the limit")]
    for number in (1 << 16, 1 << 62, 1 << 63, (1 << 64) - 1):
        assert read(begun + announced(opcode, number, form=8)) == [Fault("too_big", "a message above the limit")]


def test_close_frames_of_the_server() -> None:
    assert close_frame(None) == b"\x88\x00"
    assert close_frame(1000) == b"\x88\x02\x03\xe8"
    assert close_frame(4408, "timed_out") == b"\x88\x0b\x11\x38timed_out"
    assert read(raw.close(4408, b"timed_out")) == [Goodbye(4408)]
