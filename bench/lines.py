"""Open WebSocket connections without a library, all on one epoll: the load generator for comparisons.

A comparison is only worth something while the load generator is not what limits it, and node's ``ws`` answers more
messages in a second than an asyncio client can send. So these connections are sockets, their messages are bytes made
ahead, and one loop reads and writes them. Everything here blocks: while a lap runs, this process does nothing else.
"""

import re
import select
import socket
import time
from array import array
from collections import deque
from collections.abc import Callable, Sequence

from bench.arrivals import Arrivals
from bench.expected import BenchError
from bench.frames import CLOSE, PING, PONG, TEXT, Votes, from_client, whole_frames

ANSWER_S = 30
"""A message without an answer for so long fails the run."""

AGAIN_S = 1
"""When a vote is sent again that the server could not say anything about."""

READ_BYTES = 4096
_TURN = 500
"""Arrivals between two looks for pings: a server lets go of who does not answer them."""

_INDEX = re.compile(rb'"index":(\d+)')
_UNKNOWN = b'"type":"unknown"'
_AS_OF = re.compile(rb'"as_of":(\d+)')


class Line:
    """One open connection."""

    __slots__ = ("marker", "number", "read", "rest", "send", "socket")

    def __init__(self, connected: socket.socket, rest: bytes = b"") -> None:
        self.socket = connected
        self.read = connected.recv
        self.send = connected.send
        self.rest = rest
        """The beginning of a frame that is not whole yet."""
        self.marker = b""
        """What stands in the answer that this line waits for."""
        self.number = -1
        """The last vote that was answered; -1 for none."""


class Lines:
    """All connections to one server. Close them with ``close``."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.open: list[Line] = []
        self._by_descriptor: dict[int, Line] = {}
        self._polled = select.epoll()
        self.sent = 0
        """The number of the last vote."""

    # --- coming and going ---------------------------------------------------

    def arrive(
        self,
        number: int,
        *,
        at_once: int = 100,
        page: bytes | None = None,
        upgrade_with: Callable[[str], bytes] | None = None,
        greeted: bool = False,
        deaf: bool = False,
    ) -> "array[float]":
        """Open ``number`` more connections, ``at_once`` of them at a time; how long each took, in seconds.

        With ``page``, each first sends this request on a connection of its own, and its cookies go into the handshake.
        ``greeted``: an arrival ends with the first frame and not with the handshake. ``deaf`` lines are never read.
        Raises ``BenchError`` when one is refused.
        """
        arrivals = Arrivals(self.port, page=page, upgrade_with=upgrade_with, greeted=greeted, narrow=deaf)
        try:
            took_s, arrived = arrivals.run(number, at_once)
        finally:
            arrivals.close()
        for connected, rest in arrived:
            line = Line(connected, rest)
            self.open.append(line)
            if not deaf:
                self._by_descriptor[connected.fileno()] = line
                self._polled.register(connected, select.EPOLLIN)
        return took_s

    def gather(
        self, number: int, *, page: bytes | None = None, upgrade_with: Callable[[str], bytes] | None = None
    ) -> None:
        """Open ``number`` more connections, however long it takes, and read what greets them."""
        for begun in range(0, number, _TURN):
            self.arrive(min(_TURN, number - begun), page=page, upgrade_with=upgrade_with)
            self.tend()
        self.settle()

    def close(self) -> None:
        """Close all connections, the server's side of which may still be open for a moment."""
        for line in self.open:
            line.socket.close()
        self._polled.close()
        self.open, self._by_descriptor, self._polled = [], {}, select.epoll()

    def say(self, frame: bytes) -> None:
        """Send ``frame`` on every line."""
        for line in self.open:
            line.send(frame)

    def settle(self, quiet_s: float = 0.2) -> None:
        """Read and drop what still arrives, until nothing has for ``quiet_s`` seconds. Answers pings."""
        while found := self._polled.poll(quiet_s, 1000):
            for descriptor, _ in found:
                self._frames(self._by_descriptor[descriptor])

    def tend(self) -> None:
        """Answer the pings that have come while others had their turn."""
        self.settle(0)

    def _frames(self, line: Line, data: bytes | None = None) -> list[bytes]:
        """The texts that have arrived on ``line``. Answers pings. Raises ``BenchError`` when the server hung up."""
        if data is None:
            data = line.read(1 << 16)
        if not data:
            raise BenchError("The server closed a connection without a word.")
        frames, line.rest = whole_frames(line.rest + data)
        texts = []
        for first, payload in frames:
            if first == TEXT:
                texts.append(payload)
            elif first == PING:
                line.send(from_client(payload, PONG))
            elif first == CLOSE:
                raise BenchError(f"The server closed a connection with code {int.from_bytes(payload[:2], 'big')}.")
        return texts

    # --- votes in a closed loop ---------------------------------------------

    def race(
        self, votes: Votes, *, during_s: float, answer: bytes = b"", under_way: int | None = None
    ) -> Callable[[], int]:
        """Every line sends its next vote as soon as the last one is answered, for ``during_s`` seconds.

        ``under_way``: only so many votes are under way at any time, and the lines take turns. Returns after that with
        votes still under way: call what it returns to take in the rest of the answers. That gives how many were
        answered in the time. An answer has the number of its vote in it, and ``answer``. Raises ``BenchError`` for any
        other one.
        """
        poll, lines, frame = self._polled.poll, self._by_descriptor, votes.frame
        done, sent = 0, self.sent
        ends_at = time.perf_counter() + during_s
        resting = deque(lines.values())
        for _ in range(len(lines) if under_way is None else under_way):
            line = resting.popleft()
            sent += 1
            line.marker = b"%08d" % sent
            line.send(frame(sent))
        while time.perf_counter() < ends_at:
            found = poll(ANSWER_S, 1000)
            if not found:
                raise BenchError(f"Nothing was answered for {ANSWER_S} s.")
            for descriptor, _ in found:
                line = lines[descriptor]
                data = line.read(READ_BYTES)
                if not _is_one_text(line, data):
                    data = self._answer_of(line, data)
                    if not data:
                        continue
                if line.marker not in data or answer not in data:
                    raise BenchError(f"This is no answer to the vote {line.marker.decode()}: {data[:200]!r}.")
                done += 1
                line.number = int(line.marker)
                resting.append(line)
                line = resting.popleft()
                sent += 1
                line.marker = b"%08d" % sent
                line.send(frame(sent))
        self.sent = sent

        def rest() -> int:
            waiting = lines.keys() - {line.socket.fileno() for line in resting}
            while waiting:
                found = poll(ANSWER_S, 1000)
                if not found:
                    raise BenchError(f"{len(waiting)} votes were not answered within {ANSWER_S} s.")
                for descriptor, _ in found:
                    line = lines[descriptor]
                    for text in self._frames(line):
                        if line.marker in text and answer in text:
                            line.number = int(line.marker)
                            waiting.discard(descriptor)
            return done

        return rest

    def _answer_of(self, line: Line, data: bytes) -> bytes:
        """The answer among what has arrived; empty while there is none. The rest is not an answer to anything."""
        texts = self._frames(line, data)
        return next((text for text in texts if line.marker in text), b"")

    # --- a fan-out ----------------------------------------------------------

    def fan_out(self, trigger: bytes, *, kind: bytes, other: bytes | None = None) -> bytes:
        """Send ``trigger`` on the first line and wait until every line got the same text with ``kind`` in it.

        ``other``: the first line also gets an answer with this in it. Returns the text. Raises ``BenchError`` when a
        line gets it twice, or another one.
        """
        poll, lines = self._polled.poll, self._by_descriptor
        expected, shared = b"", b""
        waiting = len(lines) + (other is not None)
        self.open[0].send(trigger)
        while waiting > 0:
            found = poll(ANSWER_S, 1000)
            if not found:
                raise BenchError(f"{waiting} clients got nothing within {ANSWER_S} s.")
            for descriptor, _ in found:
                line = lines[descriptor]
                data = line.read(READ_BYTES)
                if data == expected and not line.rest:
                    waiting -= 1
                    continue
                for text in self._frames(line, data):
                    if kind in text:
                        if not shared:
                            shared = text
                            if not line.rest and data.endswith(text):
                                expected = data[-len(text) - (2 if len(text) < 126 else 4) :]
                        if text != shared:
                            raise BenchError(f"One fan-out brought both {shared!r} and {text!r}.")
                        waiting -= 1
                    elif other is not None and other in text:
                        waiting -= 1
        if waiting < 0:
            raise BenchError("A client got the same fan-out twice.")
        return shared

    # --- votes at their own pace --------------------------------------------

    def steady(
        self,
        votes: Votes,
        due: Sequence[float],
        *,
        answer: bytes = b"",
        until: Callable[[], bool] | None = None,
        least: int = 0,
    ) -> "array[float]":
        """Send votes when they are ``due``, in seconds from now, the lines taking turns; how long each answer took.

        Each is counted from the instant at which it was due, also one that the server asked to send again. Ends early
        as soon as ``until`` says so and ``least`` votes were sent. Raises ``BenchError`` when an answer is missing or
        is not the one.
        """
        took_s: array[float] = array("d")
        pending: dict[bytes, tuple[float, Line, int]] = {}
        again: deque[tuple[float, bytes]] = deque()
        turns = self.open
        begun_at = time.perf_counter()
        next_vote = 0
        number_at = len(votes.prefix)
        ended = False
        while pending or not ended:
            if not ended and (next_vote == len(due) or (until is not None and next_vote >= least and until())):
                ended = True
            now = time.perf_counter()
            while again and again[0][0] <= now:
                _, line, number = pending[again.popleft()[1]]
                line.send(votes.frame(number))
            while not ended and next_vote < len(due) and begun_at + due[next_vote] <= now:
                self.sent += 1
                line = turns[self.sent % len(turns)]
                line.send(votes.frame(self.sent))
                pending[b"%08d" % self.sent] = begun_at + due[next_vote], line, self.sent
                next_vote += 1
            if ended or next_vote == len(due):
                wait_s: float = ANSWER_S
                if not pending:
                    continue
            else:
                wait_s = max(0.0, begun_at + due[next_vote] - now)
            if again:
                wait_s = min(wait_s, max(0.0, again[0][0] - now))
            found = self._polled.poll(wait_s, 1000)
            if not found and wait_s == ANSWER_S:
                raise BenchError(f"{len(pending)} votes were not answered within {ANSWER_S} s.")
            for descriptor, _ in found:
                for text in self._frames(self._by_descriptor[descriptor]):
                    begins = text.find(votes.prefix)
                    if begins < 0:
                        continue
                    marker = text[begins + number_at : begins + number_at + 8]
                    if marker in pending and _UNKNOWN in text:
                        # As a page does. The vote still counts from the instant at which it was due.
                        again.append((time.perf_counter() + AGAIN_S, marker))
                        continue
                    if marker not in pending or answer not in text:
                        raise BenchError(f"This is no answer to a vote: {text[:200]!r}.")
                    due_at, line, number = pending.pop(marker)
                    took_s.append(time.perf_counter() - due_at)
                    line.number = max(line.number, number)
        return took_s


def _is_one_text(line: Line, data: bytes) -> bool:
    """Whether ``data`` is exactly one whole text frame."""
    if line.rest or len(data) < 4 or data[0] != TEXT:
        return False
    size = data[1]
    return len(data) == (2 + size if size < 126 else 4 + (data[2] << 8 | data[3]))


def index_in(text: bytes) -> int:
    """The log index in an answer. Raises ``BenchError`` where there is none."""
    return _number(_INDEX, text)


def as_of_in(text: bytes) -> int:
    """The log position of a result. Raises ``BenchError`` where there is none."""
    return _number(_AS_OF, text)


def _number(pattern: re.Pattern[bytes], text: bytes) -> int:
    found = pattern.search(text)
    if found is None:
        raise BenchError(f"There is no number where one was expected: {text[:200]!r}.")
    return int(found[1])
