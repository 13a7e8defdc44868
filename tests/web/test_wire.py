"""The wire below the messages, on both paths: slow and vanished clients, and every way in which a connection ends.

Also the contract with Tornado's internals: these fail when a new Tornado drifts.
"""

import asyncio
import gc
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import tornado
from tornado import websocket
from tornado.iostream import IOStream
from tornado.websocket import WebSocketProtocol13

from livevote.live.sweep import PING, sweep
from livevote.protocol.codec import text_frame
from livevote.protocol.codes import CLOSE
from livevote.web.socket import Page
from livevote.web.wire import own
from livevote.web.wire.own import OwnWire
from livevote.web.wire.stock import StockWire
from tests.client import Venue, eventually, venue
from tests.web import raw
from tests.web.raw import frame, raw_socket

pytestmark = pytest.mark.usefixtures("wire")

LARGE = text_frame(b'"' + b"x" * 8_000_000 + b'"')
"""More than the kernel takes at once for a client that does not read."""


def pages(at: Venue) -> list[Page]:
    room = at.server.registry.get(at.code)
    assert room is not None
    return [page for page in room.channel.subscribers() if isinstance(page, Page)]


def echo(id_: str) -> bytes:
    """A message that is answered at once with the same id."""
    return frame(raw.TEXT, json.dumps({"type": "dance", "id": id_}).encode())


def answered(received: raw.Received | None) -> str:
    assert received is not None
    assert received[0] == raw.TEXT
    id_: str = json.loads(received[1])["id"]
    return id_


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[Page]]:
    """How often each page was told that its connection is gone."""
    told: Counter[Page] = Counter()
    on_close = Page.on_close

    def count(page: Page) -> None:
        told[page] += 1
        on_close(page)

    monkeypatch.setattr(Page, "on_close", count)
    yield told
    assert set(told.values()) <= {1}


def test_tornado_is_the_version_whose_internals_are_known() -> None:
    assert (6, 6, 1) <= tornado.version_info[:3] < (6, 7)
    assert websocket._YIELD_THRESHOLD // websocket._FRAME_YIELD_COST == 256
    assert 256 * len(frame(raw.TEXT)) == own._RECV_BYTES


async def test_the_own_path_is_the_default_and_the_stock_path_a_setting(tmp_path: Path, wire: str) -> None:
    async with venue(tmp_path) as at:
        await (await at.open()).receive()
        (page,) = pages(at)
        assert type(page._wire) is {"own": OwnWire, "stock": StockWire}[wire]
    assert wire == "stock" or not at.server.services.config.stock_wire


async def test_a_prebuilt_frame_is_what_write_message_would_send(tmp_path: Path, wire: str) -> None:
    async with venue(tmp_path) as at:
        page = await at.open()
        await page.receive()
        (socket,) = pages(at)
        for text in ("{}", '"' + "x" * 200 + '"', '"' + "x" * 70_000 + '"'):
            socket.send(text_frame(text.encode()))
            assert await page.connection.read_message() == text
        if wire == "stock":
            assert isinstance(socket._wire, StockWire)
            connection = socket._wire._handler.ws_connection
            assert type(connection) is WebSocketProtocol13
            assert isinstance(connection.stream, IOStream)


async def test_nothing_of_the_handshake_stays_in_memory(tmp_path: Path, wire: str) -> None:
    async with venue(tmp_path) as at:
        cookie = await at.cookie()
        gc.collect()
        gc.disable()  # it must go by itself: a collector would come late, and stop everybody while it works
        try:
            async with raw_socket(at, cookie) as client:
                await client.send(echo("v1"))
                assert answered(await client.receive()) == "v1"
                found = Counter(type(one).__name__ for one in gc.get_objects())
        finally:
            gc.enable()
    left = {name: found[name] for name in ("PageSocket", "HTTPServerRequest", "WebSocketProtocol13")}
    assert left == dict.fromkeys(left, 0 if wire == "own" else 1)
    assert not found["HTTP1Connection"]  # the door has read the request


@pytest.mark.parametrize("number", [0, 1, 3, 1000])
async def test_frames_that_came_with_the_handshake_are_heard(tmp_path: Path, number: int) -> None:
    async with venue(tmp_path, vote_burst=10_000) as at:
        behind = b"".join(echo(f"v{place}") for place in range(number))
        async with raw_socket(at, await at.cookie(), behind=behind + echo("last")[:9]) as client:
            for place in range(number):
                assert answered(await client.receive()) == f"v{place}"
            await client.send(echo("last")[9:])
            assert answered(await client.receive()) == "last"


async def test_i17_a_flood_of_small_frames_lets_others_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = [0]
    turning = True

    def turn() -> None:
        heard.append(0)
        if turning:
            asyncio.get_running_loop().call_soon(turn)

    def count(page: Page, text: str) -> None:  # noqa: ARG001
        heard[-1] += 1

    monkeypatch.setattr(Page, "on_text", count)
    async with venue(tmp_path) as at:
        turn()
        flood = frame(raw.TEXT) * 5_000
        async with raw_socket(at, await at.cookie(), behind=flood) as client:
            await client.send(flood)
            await eventually(lambda: sum(heard) == 10_000)
        turning = False
    assert max(heard) <= 257, "with the one that the last turn left a piece of"


async def test_a_slow_client_gets_everything_in_order_and_only_the_latest_pong(tmp_path: Path) -> None:
    async with venue(tmp_path) as at, raw_socket(at, await at.cookie()) as client:
        (page,) = pages(at)
        page.send(LARGE)
        page.send(text_frame(b'"second"'))
        page.alive = False
        for number in range(50):
            await client.send(frame(raw.PING, b"%d" % number) + frame(raw.PONG))
            await eventually(lambda: page.alive)
            page.alive = False
        assert (await client.receive()) == (raw.TEXT, LARGE[10:])
        assert (await client.receive()) == (raw.TEXT, b'"second"')
        pongs = [await client.receive()]
        while pongs[-1] != (raw.PONG, b"49"):
            pongs.append(await client.receive())
        assert len(pongs) <= 2
        await eventually(lambda: not page.writing)
        await client.send(echo("v1"))
        assert answered(await client.receive()) == "v1"


async def test_a_client_that_does_not_read_is_seen_as_writing_and_a_closed_one_drops_frames(
    tmp_path: Path, closed: Counter[Page]
) -> None:
    async with venue(tmp_path) as at:
        client = await at.open()
        await client.receive()
        (page,) = pages(at)
        page.send(LARGE)
        assert page.writing
        page._wire.abort()
        assert not closed, "whoever aborts may be in the middle of something"
        page.send(LARGE)
        page._wire.close(1000, "")
        assert not page._wire.writing
        assert await client.closed() is None
        await eventually(lambda: not pages(at) and closed[page] == 1)


async def test_i15_who_asks_and_never_reads_is_dropped(tmp_path: Path) -> None:
    async with venue(tmp_path, vote_burst=1000) as at:
        await at.ask()
        async with raw_socket(at, await at.cookie()) as client:
            pages(at)[0].send(LARGE)
            text = b'{"type":"vote","id":"v","question":"q9","round":1,"answer":1}'
            for _ in range(40):
                await client.send(frame(raw.TEXT, text))
            await eventually(lambda: not pages(at))


async def test_a_connection_that_is_gone_is_closed_by_the_next_frame(tmp_path: Path, closed: Counter[Page]) -> None:
    async with venue(tmp_path) as at:
        client = await at.open()
        await client.receive()
        (page,) = pages(at)
        if isinstance(page._wire, OwnWire):
            assert page._wire._socket is not None
            page._wire._socket.shutdown(2)
        else:
            assert isinstance(page._wire, StockWire)
            stream = page._wire._stream()
            assert stream is not None
            stream.socket.shutdown(2)
        page.send(text_frame(b"{}"))
        assert not closed
        await eventually(lambda: not pages(at) and closed[page] == 1)


@pytest.mark.parametrize("end", ["eof", "reset", "half a frame", "goodbye", "no goodbye"])
async def test_a_page_leaves_its_room_once_however_it_ends(tmp_path: Path, end: str, closed: Counter[Page]) -> None:
    async with venue(tmp_path) as at, raw_socket(at, await at.cookie()) as client:
        (page,) = pages(at)
        match end:
            case "eof":
                client.end_own_side()
            case "reset":
                client.reset()
            case "half a frame":
                await client.send(echo("v1")[:9])
                client.end_own_side()
            case "goodbye":
                await client.send(raw.close(1001))
                assert await client.receive_all() == [(raw.CLOSE, b"\x03\xe9")]
            case "no goodbye":
                page.leave_with("timed_out")
                page.leave_with("too_fast")
                assert await client.receive() == (raw.CLOSE, b"\x11\x38timed_out")
                client.close()
        await eventually(lambda: not pages(at) and closed[page] == 1)


async def test_a_close_frame_goes_out_behind_what_a_slow_client_still_has_to_read(tmp_path: Path) -> None:
    async with venue(tmp_path) as at, raw_socket(at, await at.cookie()) as client:
        (page,) = pages(at)
        page.send(LARGE)
        page.leave_with("too_many_sockets")
        assert await client.receive() == (raw.TEXT, LARGE[10:])
        assert await client.receive() == (raw.CLOSE, (4409).to_bytes(2, "big") + b"too_many_sockets")
        await client.send(raw.close(4409))
        assert await client.receive() is None


async def test_the_sweeper_pings_and_closes_who_was_silent(tmp_path: Path) -> None:
    async with venue(tmp_path) as at, raw_socket(at, await at.cookie()) as client:
        sweeping = asyncio.create_task(sweep(at.server.registry, interval_s=0.01))
        for _ in range(3):
            opcode, payload = await client.receive() or (0, b"")
            assert opcode == PING[0] & 0x0F
            await client.send(frame(raw.PONG, payload))
        received = await client.receive()
        while received is not None and received[0] == raw.PING:
            received = await client.receive()
        assert received == (raw.CLOSE, CLOSE["timed_out"].code.to_bytes(2, "big") + b"timed_out")
        sweeping.cancel()


async def test_a_message_that_fails_costs_its_page_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("planted")

    async with venue(tmp_path) as at:
        cookie = await at.cookie()
        async with raw_socket(at, cookie) as client, raw_socket(at, cookie) as other:
            with monkeypatch.context() as patch:
                patch.setattr("livevote.protocol.codec.decode", fail)
                await client.send(echo("v1"))
                assert await client.receive() == (raw.CLOSE, b"\x03\xf3server_fault")
            await client.send(raw.close(1011))
            assert await client.receive() is None
            await other.send(echo("v2"))
            assert answered(await other.receive()) == "v2"
        with monkeypatch.context() as patch:
            patch.setattr("livevote.live.room.LiveRoom.join", fail)
            assert await (await at.open(cookie)).closed() in (CLOSE["server_fault"].code, None)
    assert caplog.text.count("planted") == 2
    caplog.clear()
