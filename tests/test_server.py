"""Start, stop and restart of a server in this process, and what the sample room holds."""

import asyncio
import errno
import logging
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from livevote import server
from livevote.clock import ManualClock
from livevote.domain.records import Entry
from livevote.failures import AlreadyRunningError, DataDirectoryError, PortError, SetupError
from livevote.keys import Keyring
from livevote.live import keeper
from livevote.live.auditor import Auditor
from livevote.live.sample import make_sample
from livevote.live.timers import Timers
from livevote.log import LogFailedError, LogRetryError
from livevote.log.memory import MemoryLog
from livevote.protocol.codes import CLOSE
from livevote.server import running
from livevote.web import assets
from tests.client import ballot, config, eventually, venue


async def test_a_newcomer_can_vote_at_once_in_the_sample_room(tmp_path: Path) -> None:
    async with venue(tmp_path, sample=True) as at:
        page = await at.open()
        state = await page.receive()
        assert state is not None
        assert state["room"]["title"] == "Welcome"
        assert (state["question"]["phase"], state["question"]["revealed"]) == ("open", True)
        await page.vote("v1", 0)
        assert (await page.until_tally(7))["counts"] == [1, 0, 0, 0]
        room = at.server.registry.get(at.code)
        assert room is not None
        assert len(room.state.questions) == 3
    async with venue(tmp_path, sample=True) as at:
        assert len(at.server.registry) == 1, "the sample is for an empty directory only"


async def test_a_restart_finds_every_vote_once(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        question = await at.ask(reveal=True)
        for number in range(10):
            await (await at.open()).vote(f"v{number}", number % 3)
        epoch = (await (await at.open()).until_type("state"))["epoch"]
    for _ in range(2):
        async with venue(tmp_path) as at:
            state = await (await at.open()).until_type("state")
            assert (state["tally"]["counts"], state["tally"]["voters"]) == ([4, 3, 3], 10)
            assert (state["question"]["id"], state["epoch"]) == (question, epoch)


async def test_a_stop_saves_the_state_of_a_large_room_and_a_start_goes_on_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LARGE", 5)
    monkeypatch.setattr(keeper, "_WORTH", 2)
    saved: list[dict[str, int]] = []
    for votes in (1, 3, 3, 4):  # too few, worth it, nothing new, too few more
        async with venue(tmp_path) as at:
            saved.append(at.server.registry.resumed)
            if not at.server.registry.all()[0].state.questions:
                await at.ask(reveal=True)
            room = at.server.registry.all()[0]
            while len(room.state.questions["q1"].rounds[0].ballots) < votes:
                await (await at.open()).vote(f"v{room.state.head}", 1)
            await asyncio.wait((at.server.auditing,))
        assert [path.name for path in (tmp_path / "states").glob("*")] == [f"{room.code}.state"] * (votes > 1)
    head = room.state.head
    assert saved == [{}, {}, {room.code: head - 1}, {room.code: head - 1}]
    async with venue(tmp_path) as at:
        state = await (await at.open()).until_type("state")
        assert (state["tally"]["counts"], state["tally"]["voters"], state["as_of"]) == ([0, 4, 0], 4, head)


async def test_a_stop_during_the_check_saves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "LARGE", 0)
    monkeypatch.setattr(keeper, "_WORTH", 1)

    async def never(_: Auditor) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Auditor, "finish", never)
    async with venue(tmp_path) as at:
        await at.ask(reveal=True)
    assert not (tmp_path / "states").exists()


async def test_on_leaving_pages_are_told_to_come_back(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask(reveal=True)
        page, host = await at.open(), await at.open_host()
        await page.send(ballot("v1", 1))
        await page.until_type("recorded")
        writer = at.server.services.writer
        writer.stop()
        assert (await page.vote("v2", 0))["code"] == "stopping"
        told = asyncio.gather(page.closed(), host.closed())
        at.forget_pages()
    assert list(await told) == [CLOSE["restarting"].code] * 2
    assert at.server.writing.done()


async def test_a_second_server_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    async with running(config(tmp_path)):
        with pytest.raises(AlreadyRunningError):
            async with running(config(tmp_path)):
                pass
    async with running(config(tmp_path)):
        pass


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortError, match=f"port {port}"):
            async with running(config(tmp_path, port=port)):
                pass
    async with running(config(tmp_path)):
        pass  # the lock was let go


@pytest.mark.parametrize("port", [-1, 70_000])
async def test_an_impossible_port_is_refused(tmp_path: Path, port: int) -> None:
    with pytest.raises(PortError):
        async with running(config(tmp_path, port=port)):
            pass


async def test_on_all_interfaces_it_lists_an_address_for_this_machine(tmp_path: Path) -> None:
    async with running(config(tmp_path, host="")) as server:
        assert f"http://127.0.0.1:{server.port}" == server.urls[-1]
        assert (tmp_path / "livevote.url").read_text().strip() == server.urls[0]
    assert not (tmp_path / "livevote.url").exists()


async def test_where_ipv6_is_switched_off_it_listens_on_ipv4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = socket.create_server

    def without_ipv6(address: tuple[str, int], *, family: int = socket.AF_INET, **options: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return create(address, family=family, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "create_server", without_ipv6)
    async with venue(tmp_path, host="") as at:
        assert (await at.fetch("/healthz")).code == 200


async def test_a_tls_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"cert\.pem"):
        async with running(config(tmp_path, tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem")):
            pass


async def test_a_checkout_that_was_not_set_up_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "CHART", tmp_path / "chart.umd.js")
    with pytest.raises(SetupError, match="make run"):
        async with running(config(tmp_path)):
            pass


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("statement", ["BEGIN", "INSERT", "COMMIT"])
async def test_a_start_that_is_killed_over_the_sample_leaves_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    execute = aiosqlite.Connection.execute
    made = []

    def fatal(connection: aiosqlite.Connection, sql: str, *rest: object) -> Any:
        if sql.startswith(statement) and list(tmp_path.glob("keys/rooms/*.key")):
            made.append(sql)
            raise KilledError
        return execute(connection, sql, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(aiosqlite.Connection, "execute", fatal)
        with pytest.raises(KilledError):
            async with running(config(tmp_path, sample=True)):
                pass
    assert len(made) == 1, "it was one transaction that was killed"
    async with venue(tmp_path, sample=True) as at:
        (room,) = at.server.registry.all()
        assert (room.state.title, room.state.head, len(room.state.questions)) == ("Welcome", 6, 3)


async def test_a_sample_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    for error in (LogRetryError("disk full"), LogFailedError("disk gone")):
        log = FailingLog(error)
        with pytest.raises(DataDirectoryError, match="sample room could not be written"):
            await make_sample(log, Keyring(tmp_path / "keys", create=True), ManualClock())
        assert log.count() == 0


class FailingLog(MemoryLog):
    """A log that takes nothing over."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def adopt(self, chunks: Iterable[Sequence[Entry]]) -> None:  # noqa: ARG002
        raise self._error


async def test_a_timer_rings_also_after_a_fault_in_the_timers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "_ANEW_S", 0.0)
    clock, ring, faults = ManualClock(), Timers.ring, [ValueError("a fault")]

    def faulty(timers: Timers) -> float | None:
        if timers._armed and faults:
            raise faults.pop()
        return ring(timers)

    monkeypatch.setattr(Timers, "ring", faulty)
    with caplog.at_level(logging.ERROR, "livevote"):
        async with venue(tmp_path, clock=clock) as at:
            await at.command("add_question", kind="single", text="Which?", options=["A", "B"])
            await at.command("open", seconds=5)
            room = at.server.registry.get(at.code)
            assert room is not None
            state = room.state
            await eventually(lambda: not faults)
            clock.advance(5)
            at.server.registry.stirred.set()
            await eventually(lambda: state.questions["q1"].phase == "closed")
    assert [record.message for record in caplog.records] == ["the timers failed and begins anew"]
