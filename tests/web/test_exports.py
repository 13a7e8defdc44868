"""Exports over HTTP: the bytes of the command line, one moment, also while votes arrive, and never half a file."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPResponse
from tornado.simple_httpclient import HTTPStreamClosedError

from livevote.cli import reading
from livevote.domain.audit import commitment
from livevote.domain.merkle import Frontier
from livevote.domain.records import BallotCast, Draft, Entry, Opening
from livevote.domain.tally import fold, snapshot
from livevote.export import FORMATS, Format, Source
from livevote.live.room import LiveRoom
from livevote.log import Checkpoints, open_log
from livevote.web import api
from livevote.web.log_api import CHECKING
from tests.client import Page, Venue, eventually, venue
from tests.history import AT, SALT, answer
from tests.process import process, run_cli


async def fetch(at: Venue, name: str) -> HTTPResponse:
    headers = {"Authorization": f"Bearer {at.host_token}"}
    return await at.fetch(f"/api/rooms/{at.code}/exports/{name}", headers=headers, request_timeout=60)


async def download(at: Venue, name: str) -> bytes:
    """The file, as a browser would get and keep it."""
    response = await fetch(at, name)
    assert response.code == 200, response.body
    assert response.headers["Content-Type"] == FORMATS[name].media_type
    assert response.headers["Content-Disposition"] == f'attachment; filename="livevote-{at.code}-{name}"'
    assert response.headers["Cache-Control"] == "no-store"
    body: bytes = response.body
    return body


def error(response: HTTPResponse) -> tuple[int, str]:
    return response.code, json.loads(response.body)["error"]["code"]


async def hold(at: Venue) -> None:
    """A room with changed votes and texts that spreadsheets would run."""
    await at.command("add_question", kind="multiple", text='=HYPERLINK("x")', options=["+1", 'say "no", or\u00e9', "-"])
    await at.command("open")
    page = await at.open()
    await page.vote("v1", 0)
    await page.vote("v2", 2, 1)
    await (await at.open()).vote("v3", 2)


async def test_every_format_is_the_same_file_on_the_command_line(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await hold(at)
        for name, format_ in FORMATS.items():
            output = tmp_path / name
            await reading._export(at.server.services.config, at.code, format_, output)
            assert output.read_bytes() == await download(at, name), name
        old = await at.fetch(f"/api/rooms/{at.code}/ballots.csv", headers={"Authorization": f"Bearer {at.host_token}"})
        assert old.body == await download(at, "ballots.csv")
        assert old.headers["Content-Disposition"] == f'attachment; filename="livevote-{at.code}-ballots.csv"'


async def test_the_csv_holds_every_ballot(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await hold(at)
        text = (await download(at, "ballots.csv")).decode("utf-8-sig")
    assert "\r\n" in text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["index"], row["rev"], row["counted"], row["answer"], row["answer_text"]) for row in rows] == [
        ("4", "0", "no", '{"choices":[0]}', "'+1"),
        ("5", "1", "yes", '{"choices":[1,2]}', 'say "no", or\u00e9; -'),
        ("6", "0", "yes", '{"choices":[2]}', "'-"),
    ]
    assert rows[0]["voter"] == rows[1]["voter"] != rows[2]["voter"]
    assert {row["question_text"] for row in rows} == {'\'=HYPERLINK("x")'}


async def test_an_unknown_format_is_told_the_known_ones(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        response = await fetch(at, "results.pdf")
        assert error(response) == (404, "no_such_export")
        assert all(name in json.loads(response.body)["error"]["message"] for name in FORMATS)


async def test_the_description_names_every_format(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        document = json.loads((await at.fetch("/api/openapi.json")).body)
    described = document["paths"]["/api/rooms/{code}/exports/{name}"]["get"]
    parameters = {parameter["name"]: parameter["schema"] for parameter in described["parameters"]}
    assert parameters["name"]["enum"] == list(FORMATS)
    assert set(described["responses"]["200"]["content"]) == {format_.media_type for format_ in FORMATS.values()}


async def test_before_the_log_was_checked_there_is_no_export(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await hold(at)
        room = at.server.registry.get(at.code)
        assert room is not None
        seal = room.seal
        room.seal = type(seal)(Frontier(size=seal.size, peaks=seal._frontier.peaks), seal.chain)
        for name in FORMATS:
            response = await fetch(at, name)
            assert error(response) == (503, "checking")
            assert json.loads(response.body)["error"]["message"] == CHECKING
        room.seal = seal


async def test_an_export_makes_a_checkpoint_first(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        page = await at.open()
        await at.ask()
        room = at.server.registry.get(at.code)
        assert room is not None
        for number in range(20):
            await page.vote(f"v{number}", number % 2)
            about = json.loads(await download(at, "results.json"))
            assert room.seal.checkpoint is not None
            assert room.seal.checkpoint.size == about["as_of"]
            assert (room.seal.checkpoint.root.hex(), room.seal.checkpoint.chain.hex()) == (
                about["root"],
                about["chain"],
            )


async def test_a_checkpoint_that_cannot_be_written_for_an_export_ends_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    async with venue(tmp_path) as at:
        await at.ask()
        await at.server.services.notary.seal()
        page = await at.open()
        # As soon as the export has the failure, so must have whoever watches over the server.
        monkeypatch.setattr(Checkpoints, "append", broken)
        vote = asyncio.create_task(page.vote("v1", 0))
        response = await fetch(at, "results.json")
        await vote
        while response.code == 200:
            response = await fetch(at, "results.json")
        assert response.code == 500
        await eventually(at.server.sealing.done)
        assert isinstance(at.server.sealing.exception(), OSError)
    assert "a request failed" in caplog.text


async def vote_on(page: Page, stop: asyncio.Event, name: str) -> int:
    """Change one's mind until told to stop; how many votes counted."""
    count = 0
    while not stop.is_set():
        answer = await page.vote(f"{name}-{count}", count % 3)
        assert answer["type"] == "recorded"
        count += 1
    return count


async def whole_log(at: Venue) -> list[Entry]:
    return [entry async for entries in at.server.services.log.read(at.code) for entry in entries]


def counts_at(log: Sequence[Entry], as_of: int) -> tuple[list[int], int]:
    """What the votes add up to up to this record."""
    room = fold(log[:as_of])
    assert room is not None
    question = room.questions["q1"]
    result = snapshot(room, question, question.rounds[0])
    return list(result.counts), result.voters


def has_grown(room: LiveRoom, head: int) -> bool:
    """Whether the room's log has come as far as this record."""
    return room.state.head >= head


@pytest.mark.timeout(seconds=90)
async def test_under_load_every_file_shows_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # These voters are to vote for as long as the files take.
    monkeypatch.setattr("livevote.domain.ballots.MAX_CHANGES", 1_000_000)
    async with venue(tmp_path, vote_burst=1_000_000, vote_rate=1e6) as at:
        await at.ask("A", "B", "C", reveal=True)
        pages = [await at.open() for _ in range(6)]
        stop = asyncio.Event()
        voting = [asyncio.create_task(vote_on(page, stop, f"v{number}")) for number, page in enumerate(pages)]
        files: list[dict[str, bytes]] = []
        room = at.server.registry.get(at.code)
        assert room is not None
        for _ in range(3):
            grown = room.state.head + 10
            await eventually(partial(has_grown, room, grown))
            files.append({name: await download(at, name) for name in FORMATS})
        stop.set()
        assert all(await asyncio.gather(*voting))
        log = await whole_log(at)
    ballots = [entry.index for entry in log if isinstance(entry.record, BallotCast)]
    seen = 0
    for each in files:
        about = json.loads(each["results.json"])
        counts, voters = counts_at(log, about["as_of"])
        asked = about["questions"][0]["rounds"][0]
        assert ([option["count"] for option in asked["options"]], asked["voters"]) == (counts, voters)
        assert about["chain"] == log[about["as_of"] - 1].chain.hex()
        assert about["as_of"] > seen
        seen = about["as_of"]

        rows = read(each["results.csv"])
        counts, _ = counts_at(log, int(rows[0]["as_of"]))
        assert [int(row["count"]) for row in rows] == counts

        rows = read(each["ballots.csv"])
        assert [int(row["index"]) for row in rows] == ballots[: len(rows)]
        assert sum(row["counted"] == "yes" for row in rows) == len({row["voter"] for row in rows})

        last = read(each["series.csv"])[-1]
        counts, voters = counts_at(log, int(last["as_of"]))
        assert ([int(last[f"option_{number}"]) for number in (1, 2, 3)], int(last["voters"])) == (counts, voters)

        lines = [json.loads(line) for line in each["records.jsonl"].splitlines()]
        assert [line["chain"] for line in lines] == [entry.chain.hex() for entry in log[: len(lines)]]


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def format_of(monkeypatch: pytest.MonkeyPatch, write: Any) -> None:
    """Offer one more format, ``test.bin``."""
    extra = Format(name="test.bin", media_type="application/octet-stream", text="For tests", write=write)
    monkeypatch.setitem(FORMATS, "test.bin", extra)


async def test_an_export_that_breaks_off_does_not_look_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def half(_: Source) -> AsyncGenerator[bytes, None]:
        yield bytes(100_000)
        raise RuntimeError("the other half")

    format_of(monkeypatch, half)
    async with venue(tmp_path) as at:
        with pytest.raises(HTTPStreamClosedError):
            await fetch(at, "test.bin")
        assert (await at.fetch("/healthz")).code == 200
    assert "the other half" in caplog.text


async def test_an_export_that_fails_at_once_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def hardly(_: Source) -> AsyncGenerator[bytes, None]:
        yield b"not sent yet"
        raise RuntimeError("the rest")

    format_of(monkeypatch, hardly)
    async with venue(tmp_path) as at:
        assert error(await fetch(at, "test.bin")) == (500, "error")
    assert "the rest" in caplog.text


async def test_a_full_disk_is_named_before_anything_was_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(source: Source) -> AsyncGenerator[bytes, None]:
        if source.head.index:
            raise OSError(28, "No space left on device")
        yield b""

    format_of(monkeypatch, full)
    async with venue(tmp_path) as at:
        response = await fetch(at, "test.bin")
        assert error(response) == (503, "cannot_write")
        assert "No space left on device" in json.loads(response.body)["error"]["message"]


@pytest.mark.parametrize("sent", [0, 100_000])
async def test_a_file_in_which_answers_would_be_missing_is_not_sent_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: int
) -> None:
    async with venue(tmp_path) as at:

        async def meanwhile(_: Source) -> AsyncGenerator[bytes, None]:
            yield bytes(sent)
            body = {"code": at.code}
            assert (await at.post(f"/api/rooms/{at.code}/delete", body, key=at.host_token)).code == 200
            await eventually(lambda: not at.server.registry.erasing)
            yield b"the rest"

        format_of(monkeypatch, meanwhile)
        if sent:
            with pytest.raises(HTTPStreamClosedError):
                await fetch(at, "test.bin")
        else:
            assert error(await fetch(at, "test.bin")) == (503, "erasing")
        assert (await fetch(at, "records.jsonl")).code == 200


async def test_a_bundle_that_would_lack_a_name_that_is_erased_meanwhile_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue(tmp_path) as at:
        await at.command("link_pseudonyms")
        named = await (await at.open()).name("n1", "Ann")

        async def meanwhile(_: Source) -> AsyncGenerator[bytes, None]:
            await at.command("remove_name", index=named["index"])
            yield b"all"

        format_of(monkeypatch, meanwhile)
        assert error(await fetch(at, "test.bin")) == (503, "erasing")
        assert (await fetch(at, "bundle.jsonl")).code == 200


async def test_who_does_not_read_holds_the_export_up_and_who_leaves_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    written, ended = 0, asyncio.Event()

    async def endless(_: Source) -> AsyncGenerator[bytes, None]:
        nonlocal written
        try:
            while True:
                written += 1
                yield bytes(100_000)
                await asyncio.sleep(0)
        finally:
            ended.set()

    format_of(monkeypatch, endless)
    async with venue(tmp_path) as at:
        _, writer = await asyncio.open_connection("127.0.0.1", at.server.port)
        writer.write(
            f"GET /api/rooms/{at.code}/exports/test.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {at.host_token}\r\n\r\n".encode()
        )
        await eventually(lambda: written > 0)
        before = -1
        while before != written:
            before = written
            for _ in range(200):  # turns in which whatever can be sent is sent
                await asyncio.sleep(0)
        assert written < 500, "what the sockets of both sides hold, and no more"
        assert not ended.is_set()
        writer.transport.abort()
        async with asyncio.timeout(5):
            await ended.wait()
        assert await download(at, "ballots.csv")
    assert caplog.text == ""


async def test_who_never_reads_does_not_keep_a_place_that_others_wait_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(api, "_TAKEN_WITHIN_S", 0.1)
    ended = 0

    async def endless(_: Source) -> AsyncGenerator[bytes, None]:
        nonlocal ended
        try:
            while True:
                yield bytes(100_000)
        finally:
            ended += 1

    format_of(monkeypatch, endless)
    async with venue(tmp_path) as at:
        request = (
            f"GET /api/rooms/{at.code}/exports/test.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {at.host_token}\r\n\r\n"
        )
        writers = []
        for _ in range(2):
            _, writer = await asyncio.open_connection("127.0.0.1", at.server.port)
            writer.write(request.encode())
            writers.append(writer)
        await eventually(lambda: ended == 2)
        assert not at.server.services.exporting.locked()
        assert await download(at, "ballots.csv")
        for writer in writers:
            writer.transport.abort()
    assert caplog.text == ""


@pytest.mark.timeout(seconds=60)
async def test_a_process_of_its_own_writes_the_same_bytes(tmp_path: Path) -> None:
    async with venue(tmp_path / "data") as at:
        await hold(at)
        for name in ("workbook.xlsx", "results.html"):
            output = tmp_path / name
            arguments = ("export", at.code, "--data", str(tmp_path / "data"), "--format", name, "-o", str(output))
            done = await asyncio.to_thread(run_cli, *arguments)
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
            assert output.read_bytes() == await download(at, name), name


async def fill(data: Path, code: str, ballots: int) -> None:
    """Put so many ballots into the log of a server that does not run."""
    opening = Opening(SALT, answer(0))
    log = await open_log(f"sqlite:{data / 'livevote.db'}")
    await log.append(
        [
            Draft(code, BallotCast(AT, f"b{number}", f"v{number}", "q1", 1, 0, None, commitment(opening)), opening)
            for number in range(ballots)
        ],
        ticket=1,
    )
    await log.aclose()


@pytest.mark.timeout(seconds=60)
async def test_a_stop_in_the_middle_of_a_workbook_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    data = tmp_path / "data"
    async with venue(data) as at:
        await at.ask()
        code, token = at.code, at.host_token
    await fill(data, code, 4000)
    with process(data) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            f"GET /api/rooms/{code}/exports/workbook.xlsx HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {token}\r\n\r\n".encode()
        )
        await eventually(lambda: any(temporary.iterdir()), within_s=20)
        assert server.terminate() == (0, "")
        writer.close()
    assert list(temporary.iterdir()) == []
