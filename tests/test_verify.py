"""The offline check of a log: intact logs pass with the right fingerprints, and every kind of tampering is named."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from livevote.domain import merkle
from livevote.domain.audit import TamperedError, leaf
from livevote.domain.commands import EraseAnswer
from livevote.domain.receipt import Receipt
from livevote.domain.records import Draft, Entry, RoomCreated
from livevote.log import open_reader
from livevote.log.base import Heads
from livevote.verify import verify, verify_database
from tests.client import venue
from tests.process import run_cli


async def hold_an_event(data: Path) -> str:
    """A room with a changed vote, a second round and a revealed result; its code."""
    async with venue(data) as at:
        await at.ask("Tea", "Coffee", reveal=True)
        for number in range(5):
            page = await at.open()
            await page.vote(f"v{number}", number % 2)
        await page.vote("v9", 1)
        await at.command("close")
        await at.command("ask_again")
        await page.vote("w1", 1, round_=2)
        return at.code


async def entries(data: Path) -> list[Entry]:
    return list((await open_reader(f"sqlite:{data}/livevote.db")).scan())


async def test_an_intact_log_passes_with_its_fingerprints_and_results(tmp_path: Path) -> None:
    code = await hold_an_event(tmp_path)
    found = await entries(tmp_path)
    verdict = verify(code, found)
    assert (verdict.room.code, verdict.records, verdict.ballots) == (code, 13, 7)
    assert verdict.root == merkle.root([leaf(entry.body) for entry in found])
    assert verdict.chain == found[-1].chain
    assert [(result.round, result.counts, result.voters) for result in verdict.results] == [
        (1, (2, 3), 5),
        (2, (0, 1), 1),
    ]


async def test_rooms_are_checked_one_by_one(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        codes = sorted([at.code, await at.create_room("Other")])
    reader = await open_reader(f"sqlite:{tmp_path}/livevote.db")
    verdicts = list(verify_database(reader, tmp_path / "checkpoints"))
    assert [verdict.room.code for verdict in verdicts] == codes
    assert all(verdict.agreed and verdict.newest and verdict.vkey.startswith("livevote+") for verdict in verdicts)
    with pytest.raises(TamperedError, match="no records"):
        verify("ROOM22", [])


async def test_a_database_without_its_checkpoints_is_checked_in_itself(tmp_path: Path) -> None:
    code = await hold_an_event(tmp_path)
    shutil.rmtree(tmp_path / "checkpoints")
    done = run_cli("verify", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"INTACT  {code}" in done.stdout
    assert "no checkpoints: whoever could write the file" in done.stdout


async def test_the_command_says_intact_and_changes_nothing(tmp_path: Path) -> None:
    code = await hold_an_event(tmp_path)
    database = tmp_path / "livevote.db"
    before = database.read_bytes()
    for path in (tmp_path, database):
        done = run_cli("verify", str(path))
        assert (done.returncode, done.stderr) == (0, "")
        assert f"INTACT  {code}  Test" in done.stdout
        assert re.search(r"13 records, 7 of them ballots\n  root  [0-9a-f]{64}\n  chain [0-9a-f]{64}\n", done.stdout)
        assert re.search(r"Which\? \(round 1, 5 voted\)\n +2  Tea\n +3  Coffee\n", done.stdout)
    assert database.read_bytes() == before


TAMPERING = {
    "an answer": ("UPDATE records SET answer = '{\"choices\":[1]}' WHERE idx = 5", 5),
    "a salt": ("UPDATE records SET salt = zeroblob(16) WHERE idx = 6", 6),
    "a record": ("UPDATE records SET body = '{}' WHERE idx = 4", 4),
    "a text": ("UPDATE records SET body = replace(body, 'Tea', 'Tee') WHERE idx = 2", 2),
    "a seal": ("UPDATE records SET chain = zeroblob(32) WHERE idx = 9", 9),
    "a dropped ballot": ("DELETE FROM records WHERE idx = 7", 8),
    "two ballots swapped": ("UPDATE records SET idx = CASE idx WHEN 5 THEN 60 ELSE 5 END WHERE idx IN (5, 6)", 5),
    "the end": ("DELETE FROM records WHERE idx > 9", 9),
    "an answer where none may be": (
        "UPDATE records SET answer = '{}', salt = zeroblob(16) WHERE idx = 3",
        3,
    ),
}


@pytest.mark.parametrize("kind", TAMPERING)
async def test_tampering_is_named_with_the_first_bad_record(tmp_path: Path, kind: str) -> None:
    statement, index = TAMPERING[kind]
    await hold_an_event(tmp_path)
    with closing(sqlite3.connect(tmp_path / "livevote.db", isolation_level=None)) as database:
        database.execute("DROP TRIGGER records_are_never_changed")
        database.execute("DROP TRIGGER records_are_never_deleted")
        database.execute(statement)
    done = run_cli("verify", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("TAMPERED  ")
    assert f"ecord {index}" in done.stderr


async def test_an_answer_that_is_gone_without_a_word_is_tampering(tmp_path: Path) -> None:
    code = await hold_an_event(tmp_path)
    with closing(sqlite3.connect(tmp_path / "livevote.db", isolation_level=None)) as database:
        database.execute("UPDATE records SET answer = NULL, salt = NULL WHERE idx = 5")
    with pytest.raises(TamperedError, match="the answer of record 5 is missing, and no erasure is recorded"):
        verify(code, await entries(tmp_path))


def test_a_record_that_the_rules_do_not_allow_is_tampering_although_it_is_sealed() -> None:
    twice = [Draft("ROOM22", RoomCreated(at=1, code="ROOM22", title="Twice"))] * 2
    with pytest.raises(TamperedError, match="record 2 does not fit"):
        verify("ROOM22", Heads().link(twice))


def test_what_cannot_be_read_is_another_exit_code(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database" * 1000)
    for path in (tmp_path / "nowhere", tmp_path / "notes.txt", tmp_path):
        done = run_cli("verify", str(path))
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("livevote: ")
        assert len(done.stderr.splitlines()) == 1


async def test_a_receipt_whose_answer_was_erased_is_found_and_said_not_to_count(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        page = await at.open()
        recorded = await page.vote("mine", 1)
        (entry,) = [entry for entry in await entries(tmp_path) if entry.index == recorded["index"]]
        receipt = Receipt(
            room=at.code,
            index=entry.index,
            body=entry.body.decode(),
            salt=recorded["receipt"]["salt"],
            answer='{"choices":[1]}',
            chain=recorded["receipt"]["chain"],
        )
        (tmp_path / "receipt.json").write_bytes(msgspec.json.encode(receipt))
        found = run_cli("verify", str(tmp_path), "--receipt", str(tmp_path / "receipt.json"))
        assert "is record 4 of room" in found.stdout
        assert found.stdout.endswith(", and it counts.\n")
        await at.server.services.writer.ask(at.code, EraseAnswer(entry.index))
    found = run_cli("verify", str(tmp_path), "--receipt", str(tmp_path / "receipt.json"))
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.endswith("It does not count: its answer was erased by record 5.\n")
