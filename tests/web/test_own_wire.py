"""Connections that were taken over from Tornado, where they do something else or something more than Tornado's own."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from livevote.web.socket import PageSocket
from livevote.web.wire import own
from tests.client import eventually, venue
from tests.web import raw
from tests.web.raw import frame, raw_socket
from tests.web.test_wire import LARGE, answered, echo, pages


async def test_tornado_drops_a_connection_that_is_taken_from_it_and_closes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    on_close = PageSocket.on_close

    def note(handler: PageSocket) -> None:
        seen.append((handler.ws_connection, handler.listener))
        on_close(handler)

    monkeypatch.setattr(PageSocket, "on_close", note)
    async with venue(tmp_path) as at, raw_socket(at, await at.cookie()) as client:
        assert seen == [(None, None)]
        await client.send(echo("v1"))
        assert answered(await client.receive()) == "v1"
        assert [page._wire for page in pages(at)] == list(at.server.services.wires._open)


async def test_after_its_own_goodbye_the_server_hears_no_more_messages_and_waits_for_the_clients(
    tmp_path: Path,
) -> None:
    async with venue(tmp_path) as at, raw_socket(at, await at.cookie()) as client:
        (page,) = pages(at)
        page.leave_with("too_fast")
        await client.send(echo("v1") + frame(raw.PING) + raw.close(4429))
        assert await client.receive_all() == [(raw.CLOSE, (4429).to_bytes(2, "big") + b"too_fast")]
        await eventually(lambda: not pages(at))


async def test_who_does_not_answer_the_servers_goodbye_is_dropped_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "_CLOSE_S", 0.02)
    async with venue(tmp_path) as at:
        cookie = await at.cookie()
        async with raw_socket(at, cookie) as silent, raw_socket(at, cookie) as stalled:
            pages(at)[0].send(LARGE)
            for page in pages(at):
                page.leave_with("restarting")
            await silent.send(frame(raw.PING))
            await stalled.send(b"\xff\xff")
            await eventually(lambda: not pages(at))


async def test_a_goodbye_of_a_slow_client_is_answered_behind_what_it_still_has_to_read(tmp_path: Path) -> None:
    async with venue(tmp_path) as at, raw_socket(at, await at.cookie()) as client:
        (page,) = pages(at)
        page.send(LARGE)
        await client.send(raw.close(1000) + b"more")
        assert await client.receive() == (raw.TEXT, LARGE[10:])
        assert await client.receive_all() == [(raw.CLOSE, b"\x03\xe8")]


async def test_a_stop_leaves_no_descriptor_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livevote.server._CLOSE_PAGES_S", 0.02)
    async with AsyncExitStack() as clients:  # they stay for longer than the server, and answer nothing
        async with venue(tmp_path) as at:
            cookie, wires = await at.cookie(), at.server.services.wires
            for _ in range(3):
                await clients.enter_async_context(raw_socket(at, cookie))
            pages(at)[0].send(LARGE)
            assert len(wires._open) == 3
        assert not wires._open
