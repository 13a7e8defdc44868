"""RFC 6455 on the wire: bytes that clients may and may not send, and what comes back for them, on both paths.

A case's bytes are written at once and then in small pieces, each time on a new socket and with a ping behind them: its
pong shows that the connection goes on. Texts are messages of an unknown type, which are refused with their own id.
"""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from livevote.protocol.codes import CLOSE
from tests.client import Venue, venue
from tests.web.raw import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Received,
    announced,
    close,
    frame,
    raw_socket,
)
from tests.web.raw import CLOSE as CLOSE_FRAME

GOES_ON = "goes on"
HUNG_UP = "hung up"
"""The connection ended without a close frame."""
_BEHIND = b"still there?"

Outcome = tuple[str | bytes | int | None, ...]
"""Ids of refused texts, payloads of pongs and the code of the close frame, in order; then GOES_ON or HUNG_UP, or
nothing where a close frame came."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is sent, what must come back, and what comes back from Tornado's own code where that is something else."""

    sent: bytes
    outcome: Outcome
    stock: tuple[Outcome, ...] = ()
    """Any one of these. Where Tornado hangs up behind a close frame, a RST may overtake it."""


def text(id_: str) -> bytes:
    return json.dumps({"type": "dance", "id": id_}, ensure_ascii=False).encode()


def sized(size: int) -> bytes:
    """A message of this many bytes, with the id ``v``."""
    return text("v") + b" " * (size - len(text("v")))


def goes_on(sent: bytes, *answers: str | bytes) -> Case:
    return Case(sent, (*answers, GOES_ON))


def fails(name: str, sent: bytes, *, before: Outcome = (), stock: tuple[Outcome, ...] | None = None) -> Case:
    """Closed with the code of this name; Tornado hangs up."""
    return Case(sent, (*before, CLOSE[name].code), ((*before, HUNG_UP),) if stock is None else stock)


def protocol_error(sent: bytes, *, before: Outcome = (), stock: tuple[Outcome, ...] | None = None) -> Case:
    return fails("protocol_error", sent, before=before, stock=stock)


def ignored(sent: bytes, *answers: str | bytes) -> Case:
    """A protocol error that Tornado does not mind."""
    return protocol_error(sent, stock=((*answers, GOES_ON),))


def parts(*payloads: bytes, opcode: int = TEXT, between: bytes = b"") -> bytes:
    """A message in fragments, with the bytes ``between`` after each but the last."""
    first, *middle, last = payloads
    frames = [
        frame(opcode, first, fin=False),
        *(frame(CONTINUATION, payload, fin=False) for payload in middle),
        frame(CONTINUATION, last),
    ]
    return between.join(frames)


V = text("v")
TOO_BIG = CLOSE["too_big"].code
TOO_BIG_FOR_TORNADO: tuple[Outcome, ...] = ((TOO_BIG,), (HUNG_UP,))
KISS = "κόσμε"
EVERYTHING = "aé€\U0001d11e"  # one to four bytes long

FRAMES = {
    "a text": goes_on(frame(TEXT, V), "v"),
    "two texts": goes_on(frame(TEXT, V) + frame(TEXT, text("w")), "v", "w"),
    "a hundred texts": goes_on(
        b"".join(frame(TEXT, text(f"v{n}")) for n in range(100)), *(f"v{n}" for n in range(100))
    ),
    "an empty text": Case(frame(TEXT), (None, GOES_ON)),
    "a mask of zeros": goes_on(frame(TEXT, V, mask=bytes(4)), "v"),
    "another mask for each frame": goes_on(frame(TEXT, V, mask=b"\x80\0\xff\x01") + frame(TEXT, V), "v", "v"),
    "125 bytes": goes_on(frame(TEXT, sized(125)), "v"),
    "126 bytes": goes_on(frame(TEXT, sized(126)), "v"),
    "127 bytes": goes_on(frame(TEXT, sized(127)), "v"),
    "128 bytes": goes_on(frame(TEXT, sized(128)), "v"),
    "4,096 bytes": goes_on(frame(TEXT, sized(4096)), "v"),
    "16 bits of length for 125 bytes": ignored(frame(TEXT, sized(125), form=2), "v"),
    "64 bits of length for 126 bytes": ignored(frame(TEXT, sized(126), form=8), "v"),
    "not masked": ignored(frame(TEXT, V, mask=None), "v"),
    "not masked, after one that is": protocol_error(
        frame(TEXT, V) + frame(TEXT, text("w"), mask=None), before=("v",), stock=(("v", "w", GOES_ON),)
    ),
    "a ping that is not masked": ignored(frame(PING, b"p", mask=None), b"p"),
    "a close frame that is not masked": protocol_error(frame(CLOSE_FRAME, b"\x03\xe8", mask=None), stock=((1000,),)),
    "binary": fails("binary_refused", frame(BINARY, b"\0"), stock=((1003,),)),
    "empty binary": fails("binary_refused", frame(BINARY), stock=((1003,),)),
    "binary in fragments": fails("binary_refused", parts(b"\0", b"\1", opcode=BINARY), stock=((1003,),)),
    "binary after a text": fails("binary_refused", frame(TEXT, V) + frame(BINARY), before=("v",), stock=(("v", 1003),)),
}

RESERVED = {
    **{
        f"reserved bits {bits:03b}, {name}": protocol_error(frame(opcode, V, reserved=bits))
        for bits in range(1, 8)
        for name, opcode in (("text", TEXT), ("ping", PING))
    },
    **{f"opcode {opcode:#x}": protocol_error(frame(opcode)) for opcode in (0x3, 0x4, 0x5, 0x6, 0x7)},
    **{f"opcode {opcode:#x}": protocol_error(frame(opcode)) for opcode in (0xB, 0xC, 0xD, 0xE, 0xF)},
    "a reserved bit in a continuation": protocol_error(frame(TEXT, V, fin=False) + frame(CONTINUATION, reserved=4)),
    "a reserved opcode after a text": protocol_error(frame(TEXT, V) + frame(0x3), before=("v",)),
    "a reserved opcode inside a message": protocol_error(frame(TEXT, V, fin=False) + frame(0xB)),
}

CONTROL = {
    "a ping": goes_on(frame(PING, b"p"), b"p"),
    "an empty ping": goes_on(frame(PING), b""),
    "a ping of 125 bytes": goes_on(frame(PING, bytes(125)), bytes(125)),
    "a ping that is not UTF-8": goes_on(frame(PING, b"\xff\xfe"), b"\xff\xfe"),
    "a ping of 126 bytes": protocol_error(frame(PING, bytes(126))),
    "a ping with 64 bits of length": protocol_error(frame(PING, bytes(3), form=8)),
    "ten pings": goes_on(b"".join(frame(PING, b"%d" % n) for n in range(10)), *(b"%d" % n for n in range(10))),
    "a ping in fragments": protocol_error(frame(PING, b"p", fin=False)),
    "a pong that nobody asked for": goes_on(frame(PONG, b"p")),
    "an empty pong": goes_on(frame(PONG)),
    "a pong of 126 bytes": protocol_error(frame(PONG, bytes(126))),
    "a pong in fragments": protocol_error(frame(PONG, fin=False)),
    "a pong and a ping": goes_on(frame(PONG, b"a") + frame(PING, b"b"), b"b"),
    "a close frame in fragments": protocol_error(frame(CLOSE_FRAME, b"\x03\xe8", fin=False)),
    "a close frame of 126 bytes": protocol_error(close(1000, b"x" * 124)),
}

FRAGMENTS = {
    "two": goes_on(parts(V[:5], V[5:]), "v"),
    "three": goes_on(parts(V[:5], V[5:9], V[9:]), "v"),
    "one byte each": goes_on(parts(*(V[n : n + 1] for n in range(len(V)))), "v"),
    "an empty first one": goes_on(parts(b"", V), "v"),
    "an empty last one": goes_on(parts(V, b""), "v"),
    "empty ones between": goes_on(parts(V[:5], b"", b"", V[5:]), "v"),
    "only empty ones": Case(parts(b"", b"", b""), (None, GOES_ON)),
    "300 empty ones": goes_on(parts(V, *[b""] * 300), "v"),
    "with a ping between": goes_on(parts(V[:5], V[5:], between=frame(PING, b"p")), b"p", "v"),
    "with pings and pongs between": goes_on(
        parts(V[:5], V[5:9], V[9:], between=frame(PING, b"p") + frame(PONG)), b"p", b"p", "v"
    ),
    "with a close frame between": Case(parts(V[:5], V[5:], between=close(1001)), (1001,)),
    "two messages": goes_on(parts(V[:5], V[5:]) + parts(V, b"") + frame(TEXT, V), "v", "v", "v"),
    "a last one without a first": protocol_error(frame(CONTINUATION, V)),
    "one without a first": protocol_error(frame(CONTINUATION, V, fin=False)),
    "one too many": protocol_error(parts(V[:5], V[5:]) + frame(CONTINUATION, V), before=("v",)),
    "a text inside a text": protocol_error(frame(TEXT, V, fin=False) + frame(TEXT, V)),
    "a first one inside a text": protocol_error(frame(TEXT, V, fin=False) + frame(TEXT, V, fin=False)),
    "binary inside a text": protocol_error(frame(TEXT, V, fin=False) + frame(BINARY, V)),
    "a continuation that is not masked": protocol_error(
        frame(TEXT, V[:5], fin=False) + frame(CONTINUATION, V[5:], mask=None), stock=(("v", GOES_ON),)
    ),
}

UTF8 = {
    "one to four bytes": goes_on(frame(TEXT, text(EVERYTHING)), EVERYTHING),
    "Greek in two fragments": goes_on(parts(text(KISS)[:23], text(KISS)[23:]), KISS),
    "cut inside every character": goes_on(parts(*(text(EVERYTHING)[n : n + 1] for n in range(40))), EVERYTHING),
    "cut inside a character, a ping between": goes_on(
        parts(text("€")[:23], text("€")[23:], between=frame(PING, b"p")), b"p", "€"
    ),
    "the highest code point": goes_on(frame(TEXT, text("\U0010ffff")), "\U0010ffff"),
    "a byte order mark inside": goes_on(frame(TEXT, text("\ufeff")), "\ufeff"),
    **{
        f"bad: {why}": fails("not_utf8", frame(TEXT, b'"' + data + b'"'))
        for why, data in {
            "a lone continuation byte": b"\x80",
            "a byte that is never used": b"\xff",
            "a character that is cut off": b"\xe2\x82",
            "a long form of /": b"\xc0\xaf",
            "a longer form of /": b"\xe0\x80\xaf",
            "half a surrogate pair": b"\xed\xa0\x80",
            "a surrogate pair": b"\xed\xa1\x8c\xed\xbe\xb4",
            "above the highest code point": b"\xf4\x90\x80\x80",
            "five bytes": b"\xf8\x88\x80\x80\x80",
        }.items()
    },
    "bad in the last fragment": fails("not_utf8", parts(b'"\xe2', b'\x82"')),
    "bad in the first fragment": fails("not_utf8", parts(b'"\xff', b'"')),
    "cut off at the end of the message": fails("not_utf8", parts(b'"', b"\xe2\x82", b"")),
    "bad after a good one": fails("not_utf8", frame(TEXT, V) + frame(TEXT, b"\xff"), before=("v",)),
}

LENGTHS = {
    "4,097 bytes": fails("too_big", frame(TEXT, sized(4097)), stock=((TOO_BIG,),)),
    "64 KiB": fails("too_big", frame(TEXT, sized(1 << 16)), stock=((TOO_BIG,),)),
    "64 KiB and a byte": fails("too_big", frame(TEXT, sized((1 << 16) + 1)), stock=TOO_BIG_FOR_TORNADO),
    **{
        f"{size:,} bytes announced": fails("too_big", announced(TEXT, size, form=8), stock=TOO_BIG_FOR_TORNADO)
        for size in (1 << 31, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
    },
    "too long after a good one": fails(
        "too_big",
        frame(TEXT, V) + announced(TEXT, 1 << 40, form=8),
        before=("v",),
        stock=(("v", TOO_BIG), ("v", HUNG_UP)),
    ),
    "4,096 bytes in fragments": goes_on(parts(sized(4096)[:4000], sized(4096)[4000:]), "v"),
    "4,097 bytes in fragments": fails("too_big", parts(sized(4097)[:4096], b" "), stock=((TOO_BIG,),)),
    "many fragments": fails("too_big", parts(V, *[b" " * 100] * 50), stock=((TOO_BIG,),)),
    "a continuation of 2^63 bytes": fails(
        "too_big",
        frame(TEXT, V, fin=False) + announced(CONTINUATION, 1 << 63, form=8),
        stock=TOO_BIG_FOR_TORNADO,
    ),
}

GOODBYES = {
    "without a code": Case(frame(CLOSE_FRAME), (None,)),
    **{
        f"with {code}": Case(close(code), (code,))
        for code in (
            1000,
            1001,
            1002,
            1003,
            1007,
            1008,
            1009,
            1010,
            1011,
            1012,
            1013,
            1014,
            3000,
            3999,
            4000,
            4429,
            4999,
        )
    },
    **{
        f"with {code}, which nobody may send": protocol_error(close(code), stock=((code,),))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
    "with half a code": protocol_error(frame(CLOSE_FRAME, b"\x03"), stock=((None,),)),
    "with a reason": Case(close(1000, "später".encode()), (1000,)),
    "with a long reason": Case(close(1000, b"x" * 123), (1000,)),
    "with a reason that is not UTF-8": fails("not_utf8", close(1000, b"\xff")),
    "with a reason that is cut off": fails("not_utf8", close(1000, b"\xe2\x82")),
    "behind a text": Case(frame(TEXT, V) + close(1000), ("v", 1000)),
    "behind a ping": Case(frame(PING, b"p") + close(1000), (b"p", 1000)),
    "a text behind it": Case(close(1000) + frame(TEXT, V), (1000,), ((1000,), (HUNG_UP,))),
    "a ping behind it": Case(close(1000) + frame(PING, b"p"), (1000,), ((1000,), (HUNG_UP,))),
    "twice": Case(close(1000) + close(1001), (1000,)),
    "nonsense behind it": Case(close(1000) + b"\xff\xff\xff", (1000,)),
}

TABLES = {
    "frames": FRAMES,
    "reserved": RESERVED,
    "control frames": CONTROL,
    "fragments": FRAGMENTS,
    "UTF-8": UTF8,
    "lengths": LENGTHS,
    "goodbyes": GOODBYES,
}


def understood(received: list[Received], *, goes_on: bool) -> Outcome:
    found: list[str | bytes | int | None] = []
    for opcode, payload in received:
        if opcode == TEXT:
            found.append(json.loads(payload)["id"])
        elif opcode == PONG:
            found.append(payload)
        else:
            assert opcode == CLOSE_FRAME
            found.append(int.from_bytes(payload[:2], "big") if payload else None)
    if goes_on:
        found.append(GOES_ON)
    elif not received or received[-1][0] != CLOSE_FRAME:
        found.append(HUNG_UP)
    return tuple(found)


async def outcome_of(case: Case, at: Venue, cookie: str, *, in_pieces: bool) -> Outcome:
    async with raw_socket(at, cookie) as client:
        at_a_time = 1 << 20 if not in_pieces else 1 if len(case.sent) < 1000 else 101
        sending = asyncio.create_task(client.send(case.sent + frame(PING, _BEHIND), at_a_time=at_a_time))
        received = []
        while (one := await client.receive()) not in (None, (PONG, _BEHIND)):
            assert one is not None
            received.append(one)
            if one[0] == CLOSE_FRAME:
                await sending
                await client.send(close(1000))
        await sending
        return understood(received, goes_on=one is not None)


@pytest.mark.parametrize("in_pieces", [False, True])
@pytest.mark.parametrize("table", TABLES)
async def test_what_comes_back(tmp_path: Path, wire: str, table: str, in_pieces: bool) -> None:
    wrong = {}
    async with venue(tmp_path, vote_burst=1_000_000) as at:
        cookie = await at.cookie()
        for name, case in TABLES[table].items():
            wanted = case.stock if wire == "stock" and case.stock else (case.outcome,)
            found = await outcome_of(case, at, cookie, in_pieces=in_pieces)
            if found not in wanted:
                wrong[name] = found, wanted
    assert wrong == {}
