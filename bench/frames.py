"""WebSocket frames as bytes: what a client sends, made ahead so that sending costs nothing, and what a server sends."""

import secrets
from collections.abc import Sequence

TEXT = 0x81
CLOSE = 0x88
PING = 0x89
PONG = 0x8A
"""The first byte of a whole frame of that kind."""

_MASK = b"\x5a\xa5\x3c\xc3"
"""One mask for all. Not zeros, which some servers need not unmask; a fresh one for each frame would change nothing."""

_ID_CHARACTERS = 22
DIGITS = 8


def masked(payload: bytes, first: int = 0) -> bytes:
    """``payload`` under the mask, for a payload that begins at place ``first`` of its frame."""
    key = (_MASK[first & 3 :] + _MASK[: first & 3]) * (len(payload) // 4 + 1)
    size = len(payload)
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key[:size], "big")).to_bytes(size, "big")


def from_client(payload: bytes, first_byte: int = TEXT) -> bytes:
    """A client's frame. ``payload`` is below 64 KiB."""
    size = len(payload)
    head = bytes((first_byte, 0x80 | size)) if size < 126 else bytes((first_byte, 0xFE)) + size.to_bytes(2, "big")
    return head + _MASK + masked(payload)


def whole_frames(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The server's frames in ``data`` as (first byte, payload), and what is left of one that is not whole yet."""
    frames = []
    at = 0
    while len(data) - at >= 2:
        size, start = data[at + 1] & 0x7F, at + 2
        if size == 126:
            size, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif size == 127:
            size, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        if len(data) < start + size:
            break
        frames.append((data[at], data[start : start + size]))
        at = start + size
    return frames, data[at:]


_FOUR = [masked(b"%04d" % number) for number in range(10_000)]
"""Four digits under the mask, at a place that is a multiple of four."""


class Votes:
    """Numbered votes as ready frames: the number is the end of the ballot's id, so its answer can be told by it.

    Vote ``n`` chooses option ``n % options``. ``wrapped`` is put around the JSON, for protocols on top of WebSocket.
    """

    def __init__(self, question: str, round_number: int, *, options: int, wrapped: tuple[bytes, bytes] = (b"", b"")):
        self.round_number = round_number
        before = wrapped[0] + b'{"type":"vote","id":"'
        # So that the digits begin where the mask does.
        padding = _ID_CHARACTERS - DIGITS
        padding += -(len(before) + padding) % 4
        self.prefix = secrets.token_urlsafe(padding)[:padding].encode()
        """What all ids of these votes begin with."""
        before += self.prefix
        self._heads, self._tails = [], []
        for choice in range(options):
            after = b'","question":"%s","round":%d,"answer":{"choices":[%d]}}' % (
                question.encode(),
                round_number,
                choice,
            )
            frame = from_client(before + b"0" * DIGITS + after + wrapped[1])
            end = len(frame) - len(after) - len(wrapped[1])
            self._heads.append(frame[: end - DIGITS])
            self._tails.append(frame[end:])
        self._options = options

    def choice(self, number: int) -> int:
        """The option that vote ``number`` chooses."""
        return number % self._options

    def frame(self, number: int) -> bytes:
        """Vote ``number``, below ten to the power of eight."""
        choice = number % self._options
        return self._heads[choice] + _FOUR[number // 10_000] + _FOUR[number % 10_000] + self._tails[choice]

    def ids(self, numbers: Sequence[int]) -> list[bytes]:
        """The ballot ids of these votes."""
        return [self.prefix + b"%08d" % number for number in numbers]
