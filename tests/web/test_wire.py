"""The contract with Tornado's internals that the fan-out relies on: these fail when a new Tornado drifts."""

import asyncio
from pathlib import Path

import tornado
from tornado.iostream import IOStream
from tornado.websocket import WebSocketProtocol13

from livevote.protocol.codec import text_frame
from livevote.web import wire
from livevote.web.socket import PageSocket
from tests.client import Venue, eventually, venue


def sockets(at: Venue) -> list[PageSocket]:
    room = at.server.registry.get(at.code)
    assert room is not None
    return [page for page in room.channel.subscribers() if isinstance(page, PageSocket)]


def test_tornado_is_the_version_whose_internals_are_known() -> None:
    assert (6, 6, 1) <= tornado.version_info[:3] < (6, 7)


async def test_a_prebuilt_frame_is_what_write_message_would_send(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        page = await at.open()
        await page.receive()
        (socket,) = sockets(at)
        assert type(socket.ws_connection) is WebSocketProtocol13
        assert isinstance(socket.ws_connection.stream, IOStream)
        for text in ("{}", '"' + "x" * 200 + '"', '"' + "x" * 70_000 + '"'):
            wire.write_frame(socket, text_frame(text.encode()))
            raw = await page.connection.read_message()
            await socket.write_message(text)
            assert raw == text == await page.connection.read_message()


async def test_a_client_that_does_not_read_is_seen_as_writing_and_a_closed_one_drops_frames(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        page = await at.open()
        await page.receive()
        (socket,) = sockets(at)
        assert not wire.writing(socket)
        frame = text_frame(b'"' + b"x" * 8_000_000 + b'"')
        socket.send(frame)
        assert wire.writing(socket)
        wire.abort(socket)
        assert not wire.writing(socket)
        socket.send(frame)
        assert await page.closed() is None
        await eventually(lambda: not sockets(at))


async def test_i15_who_asks_and_never_reads_is_dropped(tmp_path: Path) -> None:
    async with venue(tmp_path, vote_burst=1000) as at:
        await at.ask()
        cookie = await at.cookie()
        # A reader with a small limit stops taking from the socket, as a stalled phone does.
        reader, writer = await asyncio.open_connection("127.0.0.1", at.server.port, limit=1024)
        writer.write(
            f"GET /ws/{at.code} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nCookie: {cookie}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OUFCQ0RFRg==\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        await eventually(lambda: bool(sockets(at)))
        sockets(at)[0].send(text_frame(b'"' + b"x" * 8_000_000 + b'"'))
        text = b'{"type":"vote","id":"v","question":"q9","round":1,"answer":1}'
        for _ in range(40):
            writer.write(bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text)
        await eventually(lambda: not sockets(at))
        writer.close()


async def test_a_connection_that_is_gone_is_closed_by_the_next_frame(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        page = await at.open()
        await page.receive()
        (socket,) = sockets(at)
        connection = socket.ws_connection
        assert isinstance(connection, WebSocketProtocol13)
        connection.stream.socket.shutdown(2)
        socket.send(text_frame(b"{}"))
        await eventually(lambda: not sockets(at))
