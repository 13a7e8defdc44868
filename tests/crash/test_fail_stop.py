"""I11: when a write fails or the log was changed, nothing is acknowledged, and the process says so and ends."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from tests.client import Page, ballot
from tests.process import Process, process

pytestmark = pytest.mark.crash


async def enter(server: Process) -> Page:
    """A voter's page in the sample room."""
    code = server.read_until("Votes are kept.").partition("code ")[2][:6]
    cookie = (await AsyncHTTPClient().fetch(f"{server.base}/{code}")).headers["Set-Cookie"].split(";")[0]
    url = f"{server.base.replace('http', 'ws', 1)}/ws/{code}"
    return Page(await websocket_connect(HTTPRequest(url, headers={"Cookie": cookie, "Origin": server.base})))


async def test_a_failing_disk_acknowledges_nothing_and_ends_the_process(tmp_path: Path) -> None:
    with process(tmp_path, module="tests.crash.write_fails") as server:
        page = await enter(server)
        await page.send(ballot("v1", 1))
        answer = await page.until(lambda message: message.get("id") == "v1")
        assert (answer["type"], answer["code"]) == ("unknown", "failed")
        assert await page.closed() == 1012, "pages wait for somebody to start it again"
        page.close()
        code, errors = await asyncio.get_running_loop().run_in_executor(None, server.end)
    assert code == 74
    assert "SQLITE_IOERR" in errors
    assert errors.startswith("livevote: A write to ")
    assert len(errors.splitlines()) == 1
    with process(tmp_path) as server:
        page = await enter(server)
        state = await page.until_type("state")
        assert state["tally"]["voters"] == 0, json.dumps(state)
        page.close()
        await page.closed()


async def test_a_large_log_that_was_changed_ends_the_process_that_serves_it(tmp_path: Path) -> None:
    with process(tmp_path) as server:
        server.terminate()
    with closing(sqlite3.connect(tmp_path / "livevote.db", isolation_level=None)) as database:
        database.execute("DROP TRIGGER records_are_never_changed")
        database.execute("UPDATE records SET body = replace(body, 'talk', 'walk') WHERE idx = 2")
    with process(tmp_path, module="tests.crash.audit_late") as server:
        code, errors = await asyncio.get_running_loop().run_in_executor(None, server.end)
    assert code == 65
    assert "record 2" in errors
    assert len(errors.splitlines()) == 1


async def test_a_large_log_that_is_intact_is_served_on(tmp_path: Path) -> None:
    with process(tmp_path) as server:
        server.terminate()
    with process(tmp_path, module="tests.crash.audit_late") as server:
        page = await enter(server)
        assert (await page.vote("v1", 1))["type"] == "recorded"
        page.close()
        await page.closed()
        assert server.terminate() == (0, "")
