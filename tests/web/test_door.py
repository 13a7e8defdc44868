"""The door against Tornado, which it stands in front of: the same bytes for a join, and everything else untouched."""

import asyncio
import contextlib
import gzip
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

from livevote import server
from livevote.web import door
from livevote.web.languages import LANGUAGES
from livevote.web.page_answer import PageAnswers
from livevote.web.session import _MAX_STRANGERS
from tests.client import Venue, eventually, venue

UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)
NOT_FOR_THE_DOOR = "X-Name: é"


class Wire:
    """One connection, as bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, body: bool = True) -> tuple[str, bytes]:
        """The head of the next answer, without what differs each time, and its body."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        size = re.search(r"Content-Length: (\d+)", head)
        content = await self._reader.readexactly(int(size[1])) if size and body else b""
        head = re.sub(r"Date: [^\r]+ GMT\r", "Date: now\r", head)
        head = re.sub(r'(livevote\.)[\w-]{8}="[^"]+"', r'\1name="value"', head)
        return head, content

    async def rest(self) -> bytes:
        return await self._reader.read()


@asynccontextmanager
async def connection(at: Venue) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", at.server.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


def request(at: Venue, path: str, *headers: str, method: str = "GET", host: str = "127.0.0.1") -> bytes:
    lines = (f"{method} {path.format(code=at.code)} HTTP/1.1", f"Host: {host}", *headers)
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1")


async def by_tornado(at: Venue, path: str, *headers: str, host: str = "127.0.0.1") -> tuple[str, bytes]:
    async with connection(at) as wire:
        wire.send(request(at, path, *headers, NOT_FOR_THE_DOOR, host=host))
        return await wire.answer()


async def by_whomever(at: Venue, path: str, *headers: str, host: str = "127.0.0.1") -> tuple[str, bytes]:
    async with connection(at) as wire:
        wire.send(request(at, path, *headers, host=host))
        return await wire.answer()


@asynccontextmanager
async def watched(tmp_path: Path, **settings: str) -> AsyncIterator[tuple[Venue, list[object]]]:
    """A venue, and one item in the list for every connection that Tornado gets to serve."""
    handed: list[object] = []
    serve = HTTPServer.handle_stream

    def handle_stream(self: HTTPServer, stream: object, address: object) -> None:
        handed.append(address)
        serve(self, stream, address)  # type: ignore[arg-type]

    with patch.object(HTTPServer, "handle_stream", handle_stream):
        async with venue(tmp_path, **settings) as at:
            handed.clear()
            yield at, handed


@pytest.mark.parametrize("url", ["", "https://vote.example.org"])
@pytest.mark.parametrize("path", ["/", "/{code}"])
@pytest.mark.parametrize("known", [False, True])
async def test_a_page_of_the_door_is_tornados_byte_for_byte(tmp_path: Path, url: str, path: str, known: bool) -> None:
    async with watched(tmp_path, url=url) as (at, handed):
        host = "vote.example.org" if url else "127.0.0.1"
        headers = ["Accept-Encoding: gzip, deflate, br"]
        if known:
            set_ = re.search(r"Set-Cookie: ([^;]+);", (await raw_head(at, path, *headers, host=host)))
            assert set_ is not None
            headers.append(f"Cookie: theme=dark; {set_[1]}")
        handed.clear()
        mine = await by_whomever(at, path, *headers, host=host)
        assert handed == [], "the door answers it by itself"
        theirs = await by_tornado(at, path, *headers, host=host)
        assert len(handed) == 1
        assert mine == theirs
        assert mine[0].startswith("HTTP/1.1 200 OK\r\n")
        assert ("Set-Cookie" in mine[0]) is not known


@pytest.mark.parametrize(
    ("headers", "room", "wanted"),
    [
        *(((f"Accept-Language: {code}-XX;q=0.7, en;q=0.5",), "", code) for code in LANGUAGES),
        ((), "", "en"),
        (("Accept-Language: *",), "", "en"),
        (("Accept-Language: de", "Cookie: livevote-language=ja"), "", "ja"),
        (("Accept-Language: de", "Cookie: livevote-language=ja"), "ar", "ja"),
        (("Accept-Language: de", "Cookie: livevote-language=xx"), "ar", "ar"),
        (("Accept-Language: de ,fr",), "", "de"),
    ],
)
async def test_the_door_speaks_tornados_language(
    tmp_path: Path, headers: tuple[str, ...], room: str, wanted: str
) -> None:
    async with watched(tmp_path) as (at, handed):
        if room:
            await at.command("set_language", language=room)
        for path in ("/{code}", "/"):
            handed.clear()
            mine = await by_whomever(at, path, "Accept-Encoding: gzip", *headers)
            assert handed == []
            assert mine == await by_tornado(at, path, "Accept-Encoding: gzip", *headers)
            expected = wanted if path != "/" or wanted != room else "de"
            assert f"\r\nContent-Language: {expected}\r\n" in mine[0]
            assert f'<html lang="{expected}"'.encode() in gzip.decompress(mine[1])


async def raw_head(at: Venue, path: str, *headers: str, host: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", at.server.port)
    writer.write(request(at, path, *headers, host=host))
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()
    return head


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/{code}", ("Accept-Encoding: identity",)),
        ("/{code}", ("Accept-Encoding: gzip", "If-None-Match: *")),
        ("/{code}", ("Accept-Encoding: gzip", "Connection: close")),
        ("/{code}", ("Accept-Encoding: gzip", "Accept-Encoding: br")),
        ("/{code}", ("Accept-Encoding: gzip", "Content-Length: 0")),
        ("/{code}", ("Accept-Encoding: gzip", "Host: 127.0.0.1")),
        ("/{code}", ("Accept-Encoding: gzip", "X-Folded: 1\r\n  2")),
        ("/{code}?from=wall", ("Accept-Encoding: gzip",)),
        ("/XXXXXX", ("Accept-Encoding: gzip",)),
        ("/host", ("Accept-Encoding: gzip",)),
        ("/healthz", ()),
        ("/ws/{code}", ()),
        ("/ws/{code}", UPGRADE),
        ("/ws/{code}", (*UPGRADE, "Origin: http://evil.example")),
        ("/ws/{code}", (*UPGRADE[:3], "Sec-WebSocket-Version: 12", "Origin: http://127.0.0.1")),
        ("/ws/{code}", (*UPGRADE[:2], UPGRADE[3], "Origin: http://127.0.0.1")),
        ("/ws/{code}", (*UPGRADE[1:], "Origin: http://127.0.0.1")),
        ("/ws/{code}?role=host", (*UPGRADE, "Origin: http://127.0.0.1")),
    ],
)  # fmt: skip
async def test_all_others_are_tornados(tmp_path: Path, path: str, headers: tuple[str, ...]) -> None:
    async with watched(tmp_path) as (at, handed):
        assert await by_whomever(at, path, *headers) == await by_tornado(at, path, *headers)
        assert len(handed) == 2


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:port", "user@127.0.0.1", ""])
async def test_a_foreign_name_is_refused_by_tornado(tmp_path: Path, host: str) -> None:
    async with watched(tmp_path) as (at, handed):
        for path, headers in (("/{code}", ("Accept-Encoding: gzip",)), ("/ws/{code}", UPGRADE)):
            handed.clear()
            mine = await by_whomever(at, path, *headers, host=host)
            assert mine == await by_tornado(at, path, *headers, host=host)
            assert len(handed) == 2
            assert mine[0].split(" ")[1] in ("400", "421")


async def test_cookies_of_strangers_are_swept_by_tornado(tmp_path: Path) -> None:
    async with watched(tmp_path) as (at, handed):
        for count, expected in ((_MAX_STRANGERS, 0), (_MAX_STRANGERS + 1, 1)):
            handed.clear()
            cookies = "; ".join(f"livevote.other{number:03}=forged" for number in range(count))
            head, _ = await by_whomever(at, "/{code}", "Accept-Encoding: gzip", f"Cookie: {cookies}")
            assert len(handed) == expected
            assert 'livevote.name="value"' in head


@pytest.mark.parametrize(
    "forged", ["livevote.zzzzzzzz=forged", 'livevote.zzzzzzzz="2|1:0|1:0|1:x|1:x|é"', "livevote.a"]
)
async def test_a_forged_cookie_brings_a_new_session(tmp_path: Path, forged: str) -> None:
    async with venue(tmp_path) as at:
        head, _ = await by_whomever(at, "/{code}", "Accept-Encoding: gzip", f"Cookie: {forged}")
        assert 'Set-Cookie: livevote.name="value"; HttpOnly; Max-Age=34560000; Path=/; SameSite=Lax\r\n' in head


async def test_every_new_browser_gets_a_cookie_with_a_name_of_its_own(tmp_path: Path) -> None:
    async with watched(tmp_path) as (at, handed):
        await at.ask(changeable=False)
        handed.clear()
        async with connection(at) as one, connection(at) as other:
            first, second = await joined(at, one), await joined(at, other)
        assert handed == []
        assert first.split("=")[0] != second.split("=")[0], "the later would replace the earlier"
        early, late = await at.open(first), await at.open(f"{first}; {second}")
        assert (await early.vote("v1", 0))["type"] == "recorded"
        assert (await late.vote("v2", 1))["code"] == "already_voted"


async def joined(at: Venue, wire: Wire) -> str:
    """Ask for the page over this connection; the cookie that came with it, as the browser sends it back."""
    set_ = re.search(r"Set-Cookie: ([^;]+);", await raw_head(at, "/{code}", "Accept-Encoding: gzip", host="127.0.0.1"))
    assert set_ is not None
    wire.send(request(at, "/{code}", "Accept-Encoding: gzip", f"Cookie: {set_[1]}"))
    await wire.answer()
    return set_[1]


async def test_a_voters_socket_is_opened_without_tornados_connection_and_answered_alike(tmp_path: Path) -> None:
    async with watched(tmp_path) as (at, handed):
        async with connection(at) as wire:
            cookie = await joined(at, wire)
            headers = (*UPGRADE, "Origin: http://127.0.0.1", f"Cookie: {cookie}")
            wire.send(request(at, "/ws/{code}", *headers))
            head, _ = await wire.answer()
            assert handed == []
            await eventually(lambda: at.server.registry.all()[0].online == 1)
        assert head == (await by_tornado(at, "/ws/{code}", *headers))[0]
        assert head.startswith("HTTP/1.1 101 Switching Protocols\r\n")
        await eventually(lambda: at.server.registry.all()[0].online == 0)


async def test_what_follows_a_handshake_too_early_is_not_lost(tmp_path: Path) -> None:
    async with watched(tmp_path) as (at, handed):
        await at.ask()
        handed.clear()
        async with connection(at) as wire:
            cookie = await joined(at, wire)
            text = b'{"type":"sync"}'
            frame = bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text
            headers = (*UPGRADE, "Origin: http://127.0.0.1", f"Cookie: {cookie}")
            wire.send(request(at, "/ws/{code}", *headers) + frame)
            await wire.answer()
            assert len(handed) == 1, "it is unusual, so Tornado gets it"
            state = 0
            while state < 2:
                state += (await wire._reader.readuntil(b'"type":"state"')).count(b'"type":"state"')


async def test_one_connection_serves_one_request_after_another(tmp_path: Path) -> None:
    async with watched(tmp_path) as (at, handed), connection(at) as wire:
        page = request(at, "/{code}", "Accept-Encoding: gzip")
        wire.send(page + page)
        first, second = await wire.answer(), await wire.answer()
        assert first == second
        assert handed == []
        wire.send(page + request(at, "/healthz"))
        assert await wire.answer() == first
        assert (await wire.answer())[1] == b'{"status":"ok"}'
        assert len(handed) == 1
        wire.send(page)
        assert await wire.answer() == first, "Tornado keeps the connection"


async def test_a_request_that_comes_in_pieces_is_tornados(tmp_path: Path) -> None:
    async with watched(tmp_path) as (at, handed), connection(at) as wire:
        page = request(at, "/{code}", "Accept-Encoding: gzip")
        wire.send(page[:20])
        await eventually(lambda: len(handed) == 1)
        wire.send(page[20:])
        assert (await wire.answer())[0].startswith("HTTP/1.1 200 OK")


async def test_a_page_that_does_not_fit_into_the_socket_arrives_whole(tmp_path: Path) -> None:
    async with watched(tmp_path) as (at, handed):
        whole = (await by_whomever(at, "/{code}", "Accept-Encoding: gzip"))[1]
        real = socket.socket.send
        few: list[int] = []

        def send(self: socket.socket, data: bytes, *flags: int) -> int:
            if len(data) > 20_000 and not few:
                few.append(real(self, data[:100]))
                return few[0]
            return real(self, data, *flags)

        with patch.object(socket.socket, "send", send):
            async with connection(at) as wire:
                wire.send(request(at, "/{code}", "Accept-Encoding: gzip"))
                assert (await wire.answer())[1] == whole
                assert few == [100]
                wire.send(request(at, "/healthz"))
                assert (await wire.answer())[1] == b'{"status":"ok"}'
        assert len(handed) == 1


async def test_who_never_takes_the_rest_of_the_page_is_closed_in_time(tmp_path: Path) -> None:
    def little(self: socket.socket, data: bytes) -> int:
        return real(self, data[:1000])

    real = socket.socket.send
    async with watched(tmp_path) as (at, handed), connection(at) as wire:
        asked = request(at, "/{code}", "Accept-Encoding: gzip")
        with (
            patch.object(socket.socket, "send", little),
            patch.object(IOStream, "write_to_fd", side_effect=BlockingIOError),
            patch.object(door, "_TAKEN_WITHIN_S", 0.1),
        ):
            wire.send(asked)
            assert len(await asyncio.wait_for(wire.rest(), 5)) == 1000
        assert handed == []


@pytest.mark.parametrize("error", [ConnectionResetError, BlockingIOError])
async def test_who_is_gone_before_the_page_takes_nothing_down(tmp_path: Path, error: type[OSError]) -> None:
    async with watched(tmp_path) as (at, _):
        real = socket.socket.send
        failed: list[bytes] = []

        def send(self: socket.socket, data: bytes, *flags: int) -> int:
            if len(data) > 20_000 and not failed:
                failed.append(data)
                raise error
            return real(self, data, *flags)

        with patch.object(socket.socket, "send", send):
            async with connection(at) as wire:
                wire.send(request(at, "/{code}", "Accept-Encoding: gzip"))
                if error is ConnectionResetError:
                    assert await wire.rest() == b""
                else:
                    assert len((await wire.answer())[1]) > 10_000
        assert failed
        assert (await by_whomever(at, "/{code}", "Accept-Encoding: gzip"))[0].startswith("HTTP/1.1 200 OK")


async def test_a_mistake_in_the_door_costs_one_connection_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(tmp_path) as (at, _):
        with patch.object(PageAnswers, "find", side_effect=ZeroDivisionError):
            async with connection(at) as wire:
                wire.send(request(at, "/{code}", "Accept-Encoding: gzip"))
                with contextlib.suppress(ConnectionResetError):  # it may have been closed with the request unread
                    assert await wire.rest() == b""
        assert [record.message for record in caplog.records] == ["a connection could not be served"]
        assert (await by_whomever(at, "/{code}", "Accept-Encoding: gzip"))[0].startswith("HTTP/1.1 200 OK")


async def test_who_is_gone_before_the_handshake_leaves_no_voter(tmp_path: Path) -> None:
    async with watched(tmp_path) as (at, _):
        real = socket.socket.send

        def send(self: socket.socket, data: bytes, *flags: int) -> int:
            if data.startswith(b"HTTP/1.1 101"):
                raise ConnectionResetError
            return real(self, data, *flags)

        async with connection(at) as wire:
            cookie = await joined(at, wire)
            with patch.object(socket.socket, "send", send):
                wire.send(request(at, "/ws/{code}", *UPGRADE, "Origin: http://127.0.0.1", f"Cookie: {cookie}"))
                assert await wire.rest() == b""
        await eventually(lambda: at.server.registry.all()[0].online == 0)


async def test_who_says_nothing_is_closed_in_time(tmp_path: Path) -> None:
    with patch.object(server, "_IDLE_S", 0.2):
        async with watched(tmp_path) as (at, handed), connection(at) as silent, connection(at) as served:
            served.send(request(at, "/{code}", "Accept-Encoding: gzip"))
            await served.answer()
            assert await silent.rest() == b""
            assert await served.rest() == b""
            assert handed == []


async def test_a_stop_closes_those_who_wait_at_the_door(tmp_path: Path) -> None:
    async with watched(tmp_path) as (at, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", at.server.port)
        writer.write(request(at, "/{code}", "Accept-Encoding: gzip"))
        await reader.readuntil(b"\r\n\r\n")
    await reader.read()
    assert reader.at_eof()
    writer.close()
