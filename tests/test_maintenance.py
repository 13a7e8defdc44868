"""What an operator does to a stopped server's log: recoveries, erasures, imports. Each leaves a log that verifies."""

import asyncio
import errno
import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import aiosqlite
import msgspec
import pytest

from livevote.bundle import Bundle, NoBundleError
from livevote.cli import main
from livevote.clock import ManualClock
from livevote.domain.audit import TamperedError
from livevote.domain.commands import AddQuestion, CreateRoom, EraseRoom
from livevote.domain.records import (
    AnswerErased,
    Draft,
    QuestionDefined,
    RecoveryAccepted,
    ResultsRevealed,
    RoomCreated,
    VotingClosed,
    VotingOpened,
)
from livevote.domain.room import decide
from livevote.export import FORMATS, Source
from livevote.failures import CorruptError, DataDirectoryError, NoSuchRoomError, SetupError
from livevote.live import keeper
from livevote.log import VKEY, Checkpoints, States, open_log, open_reader, opened, read_notes, sqlite
from livevote.log.base import Heads
from livevote.maintenance import accept_recovery, create_room, delete_room, erase, import_bundle
from livevote.verify import Verdict, verify_bundle, verify_database
from tests.client import config, eventually, venue
from tests.history import AT, CODE, History, ballot, created
from tests.process import process, run_cli
from tests.receipts import bundle_at

pytestmark = pytest.mark.long


async def evening(data: Path, *, votes: int = 4, close: bool = True) -> str:
    """A room with a question and so many votes; its code."""
    async with venue(data) as at:
        await at.ask("Tea", "Coffee", reveal=True)
        for number in range(votes):
            await (await at.open()).vote(f"v{number}", number % 2)
        if close:
            await at.command("close")
        return at.code


async def verdict_on(data: Path) -> Verdict:
    reader = await open_reader(f"sqlite:{data}/livevote.db")
    (verdict,) = verify_database(reader, data / "checkpoints")
    return verdict


async def older_copy(data: Path) -> str:
    """A data directory whose database is older than its checkpoints; the room's code."""
    code = await evening(data, votes=2, close=False)
    copy = (data / "livevote.db").read_bytes()
    async with venue(data) as at:
        for number in range(3):
            await (await at.open()).vote(f"w{number}", 1)
    (data / "livevote.db").write_bytes(copy)
    return code


async def write_bundle(data: Path, code: str, path: Path) -> Path:
    source = await Source.now(await open_reader(f"sqlite:{data}/livevote.db"), code, data / "checkpoints")
    chunks = [chunk async for chunk in FORMATS["bundle.jsonl"].write(source)]
    path.write_bytes(b"".join(chunks))  # noqa: ASYNC240
    return path


def data_files(data: Path) -> list[Path]:
    return list(data.glob("livevote.db*"))


async def csv_of(data: Path, code: str) -> bytes:
    reader = await open_reader(f"sqlite:{data}/livevote.db")
    source = await Source.now(reader, code, data / "checkpoints")
    return b"".join([part async for part in FORMATS["ballots.csv"].write(source)])


async def test_i7_an_older_copy_is_refused_until_a_recovery_is_accepted_and_recorded(tmp_path: Path) -> None:
    code = await older_copy(tmp_path)
    with pytest.raises(CorruptError, match=f"the log ends at record 6, and a checkpoint has 9.*accept-recovery {code}"):
        async with venue(tmp_path):
            pass
    with pytest.raises(TamperedError, match="records are missing"):
        await verdict_on(tmp_path)
    assert await accept_recovery(config(tmp_path), code, ManualClock(), agrees=lambda _: False) == []
    (accepted,) = await accept_recovery(config(tmp_path), code, ManualClock(), agrees=lambda _: True)
    assert (accepted.kept, accepted.lost.size) == (6, 9)
    verdict = await verdict_on(tmp_path)
    assert [(found.kept, found.lost) for found in verdict.recoveries] == [(6, 9)]
    assert (verdict.records, verdict.results[0].counts) == (7, (1, 1))
    async with venue(tmp_path) as at:
        page = await at.open()
        assert (await page.until_type("state"))["epoch"] == verdict.room.origin.rpartition("/")[2]
        assert (await page.vote("x", 1))["index"] == 8
        host = await (await at.open_host()).until_type("state")
        assert host["recoveries"] == [{"at": ManualClock().now_ms(), "by_checkpoints": 9, "kept": 6}]
    assert (await verdict_on(tmp_path)).results[0].counts == (1, 2)


async def test_i7_no_bundle_is_made_of_a_log_that_was_cut_off_until_a_recovery_is_accepted(tmp_path: Path) -> None:
    code = await older_copy(tmp_path)
    with pytest.raises(CorruptError, match=f"ends at record 6, and a checkpoint has 9.*accept-recovery {code}"):
        await write_bundle(tmp_path, code, tmp_path / "bundle")
    await accept_recovery(config(tmp_path), code, ManualClock(), agrees=lambda _: True)
    with closing(Bundle(await write_bundle(tmp_path, code, tmp_path / "bundle"))) as bundle:
        verdict = verify_bundle(bundle)
    signed = opened(read_notes(tmp_path / "checkpoints" / f"{code}.notes")[0], bundle.verifier, tmp_path)
    assert bundle.checkpoints == signed, "those that promised more are evidence, and the recovery explains them"
    assert [(found.kept, found.lost) for found in verdict.recoveries] == [(6, 9)]
    assert max(checkpoint.size for checkpoint in signed) == 9


async def test_a_bundle_leaves_out_what_a_running_server_signs_after_its_moment(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask("Tea", "Coffee")
        reader = await open_reader(f"sqlite:{tmp_path}/livevote.db")
        source = await Source.now(reader, at.code, tmp_path / "checkpoints")
        await (await at.open()).vote("v1", 0)
        await at.server.services.notary.seal()
        parts = [part async for part in FORMATS["bundle.jsonl"].write(source)]
    (tmp_path / "bundle").write_bytes(b"".join(parts))
    with closing(Bundle(tmp_path / "bundle")) as bundle:
        assert verify_bundle(bundle).records == 3
    assert max(checkpoint.size for checkpoint in bundle.checkpoints) <= 3


async def half_a_recovery(data: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A log whose recovery was recorded, and then the disk was full before its first checkpoint; the room's code."""
    code = await older_copy(data)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "append", full)
        with pytest.raises(DataDirectoryError, match="No space left"):
            await accept_recovery(config(data), code, ManualClock(), agrees=lambda _: True)
    assert await is_signed(data) is False
    return code


async def is_signed(data: Path) -> bool:
    """Whether the newest checkpoint is of the log's present incarnation and over all of it."""
    verdict = await verdict_on(data)
    return verdict.newest is not None and verdict.newest.size == verdict.records


async def test_a_recovery_that_ended_before_its_checkpoint_is_signed_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await half_a_recovery(tmp_path, monkeypatch)
    async with venue(tmp_path) as at:
        room = at.server.registry.get(code)
        assert room is not None
        await eventually(lambda: room.seal.checkpoint is not None)
        assert room.seal.checkpoint is not None
        assert (room.seal.checkpoint.origin, room.seal.checkpoint.size) == (room.state.origin, 7)
    assert await is_signed(tmp_path)


async def test_a_recovery_that_ended_before_its_checkpoint_is_signed_when_it_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await half_a_recovery(tmp_path, monkeypatch)
    assert await accept_recovery(config(tmp_path), code, ManualClock(), agrees=lambda _: True) == []
    assert await is_signed(tmp_path)
    assert (await verdict_on(tmp_path)).records == 7
    notes = tmp_path / "checkpoints" / f"{code}.notes"
    before = notes.read_bytes()
    assert await accept_recovery(config(tmp_path), code, ManualClock(), agrees=lambda _: True) == []
    assert notes.read_bytes() == before, "what is signed is not signed again"


async def test_a_second_recovery_is_possible_and_both_stay_visible(tmp_path: Path) -> None:
    code = await older_copy(tmp_path)
    await accept_recovery(config(tmp_path), code, ManualClock(), agrees=lambda _: True)
    copy = (tmp_path / "livevote.db").read_bytes()
    async with venue(tmp_path) as at:
        await (await at.open()).vote("x", 1)
    (tmp_path / "livevote.db").write_bytes(copy)
    assert len(await accept_recovery(config(tmp_path), code, ManualClock(), agrees=lambda _: True)) == 1
    assert [found.kept for found in (await verdict_on(tmp_path)).recoveries] == [6, 7]


async def test_a_log_that_was_sealed_anew_is_refused_and_can_be_accepted_for_what_it_is(tmp_path: Path) -> None:
    code = await evening(tmp_path)
    found = list((await open_reader(f"sqlite:{tmp_path}/livevote.db")).scan())
    assert isinstance(found[1].record, QuestionDefined)
    found[1] = msgspec.structs.replace(
        found[1], record=msgspec.structs.replace(found[1].record, options=("Coffee", "Tea"))
    )
    sealed = Heads().link([Draft(code, entry.record, entry.opening) for entry in found])
    with closing(sqlite3.connect(tmp_path / "livevote.db", isolation_level=None)) as database:
        database.execute("DROP TRIGGER records_are_never_changed")
        for entry in sealed:
            database.execute(
                "UPDATE records SET body = ?, chain = ? WHERE idx = ?", (entry.body.decode(), entry.chain, entry.index)
            )
    with pytest.raises(CorruptError, match=r"records \d+ to \d+ are not those that a checkpoint sealed"):
        async with venue(tmp_path):
            pass
    (accepted,) = await accept_recovery(config(tmp_path), code, ManualClock(), agrees=lambda _: True)
    assert (accepted.kept, accepted.lost.size) == (1, 9)
    assert [found.lost for found in (await verdict_on(tmp_path)).recoveries] == [9]


async def test_a_room_that_vanished_is_missed_and_comes_back_empty(tmp_path: Path) -> None:
    code = await evening(tmp_path)
    (tmp_path / "livevote.db").write_bytes(b"")
    with pytest.raises(CorruptError, match=f"Room {code} has checkpoints"):
        async with venue(tmp_path):
            pass
    (accepted,) = await accept_recovery(config(tmp_path), code, ManualClock(), agrees=lambda _: True)
    assert (accepted.kept, accepted.lost.size) == (0, 9)
    verdict = await verdict_on(tmp_path)
    assert (verdict.room.title, verdict.records) == (f"Recovered room {code}", 2)
    async with venue(tmp_path) as at:
        assert at.code == code


async def test_nothing_is_accepted_where_nothing_is_wrong_or_nothing_is_known(tmp_path: Path) -> None:
    code = await evening(tmp_path)
    assert await accept_recovery(config(tmp_path), code, ManualClock(), agrees=lambda _: True) == []
    with pytest.raises(NoSuchRoomError, match="no room NOROOM"):
        await accept_recovery(config(tmp_path), "NOROOM", ManualClock(), agrees=lambda _: True)
    with pytest.raises(NoSuchRoomError, match="no data directory"):
        await accept_recovery(config(tmp_path / "nowhere"), code, ManualClock(), agrees=lambda _: True)


async def test_a_log_that_breaks_its_own_seals_cannot_be_accepted(tmp_path: Path) -> None:
    code = await evening(tmp_path)
    with closing(sqlite3.connect(tmp_path / "livevote.db", isolation_level=None)) as database:
        database.execute("UPDATE records SET salt = NULL, answer = NULL WHERE idx = 5")
    with pytest.raises(CorruptError, match="the answer of record 5 is missing"):
        await accept_recovery(config(tmp_path), code, ManualClock(), agrees=lambda _: True)


async def test_an_erased_answer_is_gone_from_the_disk_and_the_log_verifies(tmp_path: Path) -> None:
    code = await evening(tmp_path)
    with closing(sqlite3.connect(tmp_path / "livevote.db")) as database:
        ((salt,),) = database.execute("SELECT salt FROM records WHERE idx = 6").fetchall()
    before = await verdict_on(tmp_path)
    assert await erase(config(tmp_path), code, 6, ManualClock()) == (10, None)
    assert not any(salt in path.read_bytes() for path in data_files(tmp_path))
    after = await verdict_on(tmp_path)
    assert (before.results[0].counts, after.results[0].counts) == ((2, 2), (2, 1))
    assert after.results[0].voters == 3
    async with venue(tmp_path) as at:
        state = await (await at.open()).until_type("state")
        assert state["tally"]["counts"] == [2, 1]
    reader = await open_reader(f"sqlite:{tmp_path}/livevote.db")
    assert [entry.record.index for entry in reader.scan() if isinstance(entry.record, AnswerErased)] == [6]


async def test_an_erased_answer_is_in_no_saved_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "LARGE", 0)
    monkeypatch.setattr(keeper, "_WORTH", 1)
    code = await evening(tmp_path)
    state = States(tmp_path / "states").path(code)
    os.link(state, tmp_path / "blocks")
    assert any(state.read_bytes())
    await erase(config(tmp_path), code, 6, ManualClock())
    assert not state.exists()
    assert not any((tmp_path / "blocks").read_bytes())


async def test_an_answer_is_not_erased_from_the_log_alone(tmp_path: Path) -> None:
    code = await evening(tmp_path)
    States(tmp_path / "states").path(code).mkdir(parents=True)
    with pytest.raises(DataDirectoryError, match="Is a directory"):
        await erase(config(tmp_path), code, 6, ManualClock())
    assert (await verdict_on(tmp_path)).results[0].counts == (2, 2)


async def test_an_answer_that_another_program_keeps_from_being_erased_is_named(tmp_path: Path) -> None:
    code = await evening(tmp_path)
    with closing(sqlite3.connect(tmp_path / "livevote.db", isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM records").fetchall()
        done = await erase(config(tmp_path), code, 6, ManualClock())
        assert done.left_in == tmp_path / "livevote.db-wal"


async def test_i19_a_change_that_would_not_fold_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = await evening(tmp_path)
    monkeypatch.setattr(
        "livevote.maintenance.decide", lambda *_, at: Draft(code, AnswerErased(at, 6, "q1", 1, "nobody"))
    )
    with pytest.raises(CorruptError, match="no place for the change"):
        await erase(config(tmp_path), code, 6, ManualClock())
    assert (await verdict_on(tmp_path)).records == 9


async def test_only_ballots_are_erased_and_only_where_the_log_is_sound(tmp_path: Path) -> None:
    code = await older_copy(tmp_path)
    with pytest.raises(CorruptError, match="older copy"):
        await erase(config(tmp_path), code, 5, ManualClock())
    await accept_recovery(config(tmp_path), code, ManualClock(), agrees=lambda _: True)
    with pytest.raises(NoSuchRoomError, match="There is no such ballot: record 2 is none"):
        await erase(config(tmp_path), code, 2, ManualClock())
    with pytest.raises(NoSuchRoomError, match="There is no room"):
        await erase(config(tmp_path), "NOROOM", 2, ManualClock())
    await erase(config(tmp_path), code, 5, ManualClock())
    with pytest.raises(NoSuchRoomError, match="erased before"):
        await erase(config(tmp_path), code, 5, ManualClock())


async def test_a_deleted_room_is_gone_from_the_disk_and_the_log_verifies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LARGE", 0)
    monkeypatch.setattr(keeper, "_WORTH", 1)
    monkeypatch.setattr("livevote.maintenance._CHUNK", 2)
    code = await evening(tmp_path)
    assert States(tmp_path / "states").path(code).exists()
    assert await delete_room(config(tmp_path), code, ManualClock()) == (10, None)
    assert not States(tmp_path / "states").path(code).exists()
    assert not any(b'{"choices"' in path.read_bytes() for path in data_files(tmp_path))
    after = await verdict_on(tmp_path)
    assert (after.records, after.ballots, after.left, after.results[0].counts) == (10, 4, 0, (0, 0))
    assert after.unsigned == 0
    assert await delete_room(config(tmp_path), code, ManualClock()) == (10, None), "again, where a server was killed"
    path = await write_bundle(tmp_path, code, tmp_path / "bundle")
    imported = await import_bundle(config(tmp_path / "other"), path, ManualClock(), new_key=False)
    assert (imported.root, imported.room.erased_at) == (after.root, after.room.erased_at)
    async with venue(tmp_path) as at:
        assert not at.server.registry.erasing


async def test_a_room_is_not_deleted_where_people_vote_or_the_log_is_not_sound(tmp_path: Path) -> None:
    with pytest.raises(CorruptError, match=r"older copy.*Nothing was deleted"):
        await delete_room(config(tmp_path / "old"), await older_copy(tmp_path / "old"), ManualClock())
    code = await evening(tmp_path / "open", close=False)
    with pytest.raises(NoSuchRoomError, match=r"The question is open\. Close it first"):
        await delete_room(config(tmp_path / "open"), code, ManualClock())
    with pytest.raises(NoSuchRoomError, match="There is no room"):
        await delete_room(config(tmp_path / "open"), "NOROOM", ManualClock())


async def test_answers_that_were_deleted_and_are_still_there_are_counted(tmp_path: Path) -> None:
    """As in a copy that was made in the middle of it. The next start ends it."""
    code = await evening(tmp_path)
    async with venue(tmp_path) as at:
        draft = decide(at.server.registry.all()[0].state, EraseRoom(), at=AT)
        assert isinstance(draft, Draft)
    log = await open_log(f"sqlite:{tmp_path}/livevote.db")
    await log.append([draft], ticket=1)
    await log.forget(code, after=0, upto=6)
    await log.aclose()
    assert (await verdict_on(tmp_path)).left == 2
    done = run_cli("verify", str(tmp_path))
    assert "2 of these answers are still here" in done.stdout
    async with venue(tmp_path) as at:
        await eventually(lambda: not at.server.registry.erasing)
    assert (await verdict_on(tmp_path)).left == 0
    assert "ERASED at" in run_cli("verify", str(tmp_path)).stdout


async def test_a_room_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    commands = (CreateRoom(CODE, "New"), AddQuestion("single", "Q?", ("a", "b")))
    assert await create_room(config(tmp_path), commands, ManualClock()) == CODE
    verdict = await verdict_on(tmp_path)
    assert (verdict.records, verdict.unsigned, verdict.room.title) == (2, 0, "New")
    with pytest.raises(DataDirectoryError, match=r"is in .* already"):
        await create_room(config(tmp_path), commands, ManualClock())
    async with venue(tmp_path) as at:
        assert at.code == CODE
        await at.command("open")


async def test_i16_an_imported_room_is_the_room_that_was_exported(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    code = await evening(first)
    await erase(config(first), code, 6, ManualClock())
    path = await write_bundle(first, code, tmp_path / "bundle")
    imported = await import_bundle(config(second), path, ManualClock(), new_key=False)
    before, after = await verdict_on(first), await verdict_on(second)
    assert imported.root == before.root == after.root
    assert before.results == after.results
    assert await csv_of(first, code) == await csv_of(second, code)
    again = await write_bundle(second, code, tmp_path / "again")
    records = [line for line in path.read_bytes().splitlines() if b'"record"' in line]
    assert records == [line for line in again.read_bytes().splitlines() if b'"record"' in line]
    kept = second / "checkpoints" / "imported"
    assert (kept / f"{code}.vkey").read_text() == (first / "checkpoints" / VKEY).read_text()
    async with venue(second) as at:
        await at.command("ask_again")
        assert (await (await at.open()).vote("x", 1, round_=2))["type"] == "recorded"


async def test_i19_a_room_with_question_ids_of_its_own_takes_questions_and_harms_no_other_room(tmp_path: Path) -> None:
    history = created()
    rules = msgspec.Raw(b'{"max":1,"min":1}')
    history.put(Draft(CODE, QuestionDefined(AT, "q2", "single", "Sent by a friend", ("A", "B"), rules, True)))
    data = tmp_path / "data"
    path = await bundle_at(tmp_path / "bundle", history)
    await import_bundle(config(data), path, ManualClock(), new_key=True)
    async with venue(data) as at:
        assert at.code == CODE
        assert await at.ask("X", "Y") == "q1"
        added = await at.command("add_question", kind="single", text="Next?", options=["X", "Y"])
        assert added["question"] == "q3"
        await at.create_room()
        await at.ask("X", "Y")
        assert (await (await at.open()).vote("v", 1))["type"] == "recorded"
    async with venue(data) as at:
        assert len(at.server.registry) == 2


def len_of(at: int) -> str:
    return f"{'-' * (at < 0)}{at.bit_length()} bits"


def far_away(at: int) -> History:
    """A whole evening at an instant that no clock shows."""
    history = History()
    voted = ballot("ann", 0)
    cast_then = Draft(CODE, msgspec.structs.replace(voted.record, at=at), voted.opening)
    rules = msgspec.Raw(b'{"max":1,"min":1}')
    for draft in (
        Draft(CODE, RoomCreated(at, CODE, "Far away")),
        Draft(CODE, QuestionDefined(at, "q1", "single", "When?", ("A", "B"), rules, True)),
        Draft(CODE, VotingOpened(at, "q1", 1)),
        cast_then,
        Draft(CODE, VotingClosed(at, "q1", 1)),
        Draft(CODE, ResultsRevealed(at, "q1", 1)),
        Draft(CODE, RecoveryAccepted(at, "livevote/x", 2, 9, "ff")),
    ):
        history.put(draft)
    return history


@pytest.mark.parametrize("at", [-1, 10**16, -(10**18), 2**63, -(2**63) - 1, 2**64, 10**30, 10**400], ids=len_of)
async def test_instants_that_no_calendar_has_end_nothing(
    tmp_path: Path, at: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    path = await bundle_at(tmp_path / "bundle", far_away(at))
    await import_bundle(config(data), path, ManualClock(), new_key=True)
    commands = [
        ["rooms"],
        ["doctor"],
        ["replay", CODE],
        ["replay", CODE, "--as-of", "4"],
        ["replay", CODE, "--at", "20:15:00"],
        ["replay", CODE, "--at", "2026-09-21T20:15:00"],
        ["verify", str(data)],
        ["backup", str(tmp_path / "backups")],
        *(["export", CODE, "--format", name, "--output", str(tmp_path / name)] for name in FORMATS),
    ]
    for command in commands:
        place = [] if command[0] == "verify" else ["--data", str(data)]
        monkeypatch.setattr("sys.argv", ["livevote", *command, *place])
        code: object = 0
        try:
            await asyncio.to_thread(main)  # whatever else it raises is a traceback on somebody's terminal
        except SystemExit as exit_:
            code = exit_.code
        said = capsys.readouterr()
        assert code == 0 or "is no time" in said.err, (command, said)
    async with venue(data) as server:
        server.code = CODE
        assert (await (await server.open_host()).until_type("state"))["room"]["code"] == CODE
        for route in ("replay", *(f"exports/{name}" for name in FORMATS)):
            response = await server.fetch(
                f"/api/rooms/{CODE}/{route}", headers={"Authorization": f"Bearer {server.host_token}"}
            )
            assert response.code == 200, (route, response.body)
        await server.command("ask_again")
        assert (await (await server.open()).vote("v1", 1, round_=2))["type"] == "recorded"


async def test_a_room_is_not_imported_over_another(tmp_path: Path) -> None:
    code = await evening(tmp_path / "first")
    path = await write_bundle(tmp_path / "first", code, tmp_path / "bundle")
    with pytest.raises(DataDirectoryError, match=f"Room {code} is in .* already"):
        await import_bundle(config(tmp_path / "first"), path, ManualClock(), new_key=False)


async def test_a_lost_database_comes_back_from_a_bundle_that_fits_the_checkpoints(tmp_path: Path) -> None:
    code = await evening(tmp_path / "first")
    early = await write_bundle(tmp_path / "first", code, tmp_path / "early")
    async with venue(tmp_path / "first") as at:
        await at.command("ask_again")
    path = await write_bundle(tmp_path / "first", code, tmp_path / "bundle")
    (tmp_path / "first" / "livevote.db").unlink()
    with pytest.raises(CorruptError, match="contradicts the checkpoints"):
        await import_bundle(config(tmp_path / "first"), early, ManualClock(), new_key=False)
    await import_bundle(config(tmp_path / "first"), path, ManualClock(), new_key=False)
    async with venue(tmp_path / "first") as at:
        assert at.code == code


@pytest.mark.parametrize(
    ("copied", "lacking"),
    [
        ([], ["cookie.key", "rooms/{code}.key", "checkpoint.key"]),
        (["rooms/{code}.key"], ["cookie.key", "checkpoint.key"]),
        (["rooms/{code}.key", "checkpoint.key"], ["cookie.key"]),
        (["cookie.key", "checkpoint.key"], ["rooms/{code}.key"]),
        (["cookie.key", "rooms/{code}.key"], ["checkpoint.key"]),
    ],
)
async def test_a_room_with_open_voting_needs_all_keys_by_which_voters_are_known(
    tmp_path: Path, copied: list[str], lacking: list[str]
) -> None:
    code = await evening(tmp_path / "first", close=False)
    path = await write_bundle(tmp_path / "first", code, tmp_path / "bundle")
    data = tmp_path / "second"
    (data / "keys" / "rooms").mkdir(parents=True)
    for name in copied:
        shutil.copy(tmp_path / "first" / "keys" / name.format(code=code), data / "keys" / name.format(code=code))
    for _ in range(2):  # the first try leaves nothing behind that the second would take for the right keys
        with pytest.raises(SetupError, match="everybody could vote again") as raised:
            await import_bundle(config(data), path, ManualClock(), new_key=False)
        assert f"lacks {', '.join(lacking)}:".format(code=code) in str(raised.value)
        assert f"keys/cookie.key and rooms/{code}.key" in str(raised.value)
        assert not (data / "livevote.db").exists()
    await import_bundle(config(data), path, ManualClock(), new_key=True)


async def test_a_room_whose_board_is_on_needs_the_keys_too(tmp_path: Path) -> None:
    async with venue(tmp_path / "first") as at:
        code = at.code
        await at.command("switch_board", on=True)
    path = await write_bundle(tmp_path / "first", code, tmp_path / "bundle")
    with pytest.raises(SetupError, match=r"The board is open in room .* lacks cookie\.key"):
        await import_bundle(config(tmp_path / "second"), path, ManualClock(), new_key=False)
    async with venue(tmp_path / "first") as at:
        await at.command("switch_board", on=False)
    path = await write_bundle(tmp_path / "first", code, tmp_path / "bundle")
    await import_bundle(config(tmp_path / "second"), path, ManualClock(), new_key=False)


async def test_open_voting_goes_on_elsewhere_with_the_same_voters_where_the_keys_came_along(tmp_path: Path) -> None:
    async with venue(tmp_path / "first") as at:
        await at.ask("Tea", "Coffee", changeable=False)
        cookie, code = await at.cookie(), at.code
        await (await at.open(cookie)).vote("v1", 0)
    path = await write_bundle(tmp_path / "first", code, tmp_path / "bundle")
    shutil.copytree(tmp_path / "first" / "keys", tmp_path / "second" / "keys")
    (tmp_path / "second" / "keys" / "operator.key").unlink()
    await import_bundle(config(tmp_path / "second"), path, ManualClock(), new_key=False)
    async with venue(tmp_path / "second") as at:
        answer = await (await at.open(cookie)).vote("v2", 1)
        assert (answer["type"], answer["code"]) == ("rejected", "already_voted")


async def test_open_voting_is_not_taken_in_by_a_server_with_cookies_of_its_own(tmp_path: Path) -> None:
    code = await evening(tmp_path / "first", close=False)
    path = await write_bundle(tmp_path / "first", code, tmp_path / "bundle")
    await evening(tmp_path / "second")
    keys = Path("keys", "rooms", f"{code}.key")
    shutil.copy(tmp_path / "first" / keys, tmp_path / "second" / keys)
    with pytest.raises(SetupError, match=r"are another server's: everybody could vote again.*--new-key"):
        await import_bundle(config(tmp_path / "second"), path, ManualClock(), new_key=False)
    await import_bundle(config(tmp_path / "second"), path, ManualClock(), new_key=True)


async def test_a_changed_bundle_is_not_imported(tmp_path: Path) -> None:
    code = await evening(tmp_path / "first")
    path = await write_bundle(tmp_path / "first", code, tmp_path / "bundle")
    path.write_bytes(path.read_bytes().replace(b"Tea", b"Tee"))
    with pytest.raises(CorruptError, match="was changed"):
        await import_bundle(config(tmp_path / "second"), path, ManualClock(), new_key=False)
    assert not (tmp_path / "second" / "livevote.db").exists()


async def test_the_commands_say_what_they_did(tmp_path: Path) -> None:
    code = await older_copy(tmp_path)
    done = run_cli("run", "--port", "0", "--data", str(tmp_path))
    assert done.returncode == 65
    assert f"'python -m livevote.cli accept-recovery {code}" in done.stderr
    done = run_cli("accept-recovery", code.lower(), "--data", str(tmp_path), "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "has 9 records. Up to record 6 the log is the same" in done.stdout
    assert run_cli("accept-recovery", code, "--data", str(tmp_path)).stdout.endswith("nothing was recorded.\n")
    done = run_cli("redact", code, "5", "--data", str(tmp_path), "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "recorded as record 8" in done.stdout
    path = await write_bundle(tmp_path, code, tmp_path / "bundle")
    done = run_cli("import", str(path), "--data", str(tmp_path / "second"), "--new-key")
    assert (done.returncode, done.stderr) == (0, "")
    assert "log had 9 records by its checkpoints, of which those after 6 may be lost or changed\n" in done.stdout
    assert "Imported into" in done.stdout
    done = run_cli("verify", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "signed checkpoints agree" in done.stdout


async def test_i18_none_of_them_runs_beside_a_server(tmp_path: Path) -> None:
    with process(tmp_path) as server:
        code = server.read_until("Votes are kept.").partition("code ")[2][:6]
        for command in (["accept-recovery", code, "--yes"], ["redact", code, "5", "--yes"]):
            done = run_cli(*command, "--data", str(tmp_path))
            assert done.returncode == 75
        server.terminate()


async def test_a_bundle_names_no_file_outside_its_directory(tmp_path: Path) -> None:
    code = await evening(tmp_path / "first")
    path = await write_bundle(tmp_path / "first", code, tmp_path / "bundle")
    for evil in ("../" + code, "/" + code, "livevote", code.lower(), ""):
        path.write_bytes(path.read_bytes().replace(f'"room":"{code}"'.encode(), f'"room":"{evil}"'.encode(), 1))
        with pytest.raises((CorruptError, NoBundleError)):
            await import_bundle(config(tmp_path / "second"), path, ManualClock(), new_key=True)
        path = await write_bundle(tmp_path / "first", code, tmp_path / "bundle")
    assert not (tmp_path / "second" / "livevote.db").exists()


async def test_an_import_that_meets_a_full_disk_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await evening(tmp_path / "first")
    path = await write_bundle(tmp_path / "first", code, tmp_path / "bundle")

    async def full(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "_insert", lambda _: ("SELECT nothing", []))
        patch.setattr(aiosqlite.Connection, "execute", full)
        with pytest.raises(DataDirectoryError):
            await import_bundle(config(tmp_path / "second"), path, ManualClock(), new_key=True)
    await import_bundle(config(tmp_path / "second"), path, ManualClock(), new_key=True)
    assert (await verdict_on(tmp_path / "second")).records == (await verdict_on(tmp_path / "first")).records
    kept = tmp_path / "second" / "checkpoints" / "imported" / f"{code}.notes"
    for file in (tmp_path / "second" / "livevote.db", kept):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


async def test_a_log_under_another_rooms_name_is_refused(tmp_path: Path) -> None:
    await evening(tmp_path)
    shutil.rmtree(tmp_path / "checkpoints")
    with closing(sqlite3.connect(tmp_path / "livevote.db", isolation_level=None)) as database:
        database.execute("DROP TRIGGER records_are_never_changed")
        database.execute("UPDATE records SET room = 'OTHER2'")
    with pytest.raises(CorruptError, match="The log of room OTHER2 is that of room"):
        async with venue(tmp_path):
            pass
