"""The offline check of a log: intact logs pass with the right fingerprints, and every kind of tampering is named."""

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from livevote import bundle
from livevote.domain import merkle
from livevote.domain.audit import TamperedError, commitment, leaf, link
from livevote.domain.commands import (
    AcceptRecovery,
    AddQuestion,
    AskAgain,
    CloseVoting,
    EditQuestion,
    EraseAnswer,
    JudgeTerms,
    OpenVoting,
    SwitchReceipts,
)
from livevote.domain.kinds.written import key
from livevote.domain.note import Signer, Verifier
from livevote.domain.receipt import Receipt
from livevote.domain.records import (
    BallotCast,
    CodesIssued,
    CodeUsed,
    Draft,
    Entry,
    Opening,
    PlayerNamed,
    PostAsked,
    QuestionDefined,
    QuizTerms,
    Record,
    RoomCreated,
    decode,
    encode,
)
from livevote.log import open_reader
from livevote.log.base import Heads
from livevote.log.memory import MemoryLog
from livevote.verify import Verdict, verify, verify_database
from tests.client import venue
from tests.history import AT, CODE, SALT, History, ask, by_code, cast, linked, named, opened, with_board
from tests.process import process, run_cli
from tests.receipts import OTHER, SIGNER, bundle_at, receipt, signed, stored_at

pytestmark = pytest.mark.long


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


def files(directory: Path) -> dict[Path, bytes]:
    """What is there, with its content."""
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


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
    before = files(tmp_path)
    for path in (tmp_path, database):
        done = run_cli("verify", str(path))
        assert (done.returncode, done.stderr) == (0, "")
        assert f"INTACT  {code}  Test" in done.stdout
        assert re.search(r"13 records, 7 of them ballots\n  root  [0-9a-f]{64}\n  chain [0-9a-f]{64}\n", done.stdout)
        assert re.search(r"Which\? \(round 1, 5 voted\)\n +2  Tea\n +3  Coffee\n", done.stdout)
    assert files(tmp_path) == before


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


async def test_a_record_that_cannot_be_read_does_not_hide_one_that_was_changed_before_it(tmp_path: Path) -> None:
    await hold_an_event(tmp_path)
    with closing(sqlite3.connect(tmp_path / "livevote.db", isolation_level=None)) as database:
        database.execute("DROP TRIGGER records_are_never_changed")
        database.execute("UPDATE records SET chain = zeroblob(32) WHERE idx = 5")
        database.execute("UPDATE records SET body = '{}' WHERE idx = 9")
    done = run_cli("verify", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "the chain breaks at record 5" in done.stderr


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
        assert ", and it counts.\n" in found.stdout
        assert found.stdout.endswith("\n  It answers: Which? (round 1)\n  It chose: B\n")
        await at.server.services.writer.ask(at.code, EraseAnswer(entry.index))
    found = run_cli("verify", str(tmp_path), "--receipt", str(tmp_path / "receipt.json"))
    assert (found.returncode, found.stderr) == (0, "")
    assert "It does not count: its answer was erased by record 5.\n" in found.stdout
    assert found.stdout.endswith("(round 1)\n  The log does not say any more what it chose.\n")


# What can be said of a log without a server: checkpoints, bundles and receipts.


def voted() -> History:
    """Ann voted twice, Bob once: records 4 to 6."""
    return opened().did(cast("ann", 0, id="a1"), cast("bob", 1), cast("ann", 1, id="a2"))


async def verdicts(directory: Path, *, trusted: Verifier | None = None) -> list[Verdict]:
    reader = await open_reader(f"sqlite:{directory}/livevote.db")
    return list(verify_database(reader, directory / "checkpoints", trusted=trusted))


def test_records_that_two_programs_may_read_in_two_ways_are_named() -> None:
    def sealed(*bodies: tuple[bytes, Opening | None]) -> list[Entry]:
        chain, found = bytes(32), []
        for index, (body, opening) in enumerate(bodies, 1):
            chain = link(chain, body)
            found.append(Entry(CODE, index, decode(body), body, chain, opening))
        return found

    good = [(entry.body, entry.opening) for entry in voted().entries]
    assert verify(CODE, sealed(*good)).records == 6
    answer = Opening(SALT, b'{"choices": [1]}')
    ballot = voted().entries[4].record
    assert isinstance(ballot, BallotCast)
    spaced = encode(msgspec.structs.replace(ballot, commitment=commitment(answer)))
    for index, body in [
        (1, good[0][0].replace(b"Welcome", b"Cafe\xcc\x81")),
        (2, good[1][0].replace(b"Tea", b"\xe2\x84\xab")),
    ]:
        bad = [*good[: index - 1], (body, None), *good[index:]]
        with pytest.raises(TamperedError, match=f"record {index} holds a text that is not NFC"):
            verify(CODE, sealed(*bad))
    for index, body, opening in [
        (2, good[1][0].replace(b":", b": ", 1), None),
        (2, good[1][0].replace(b'"max":1', b'"max":1,"max":1'), None),
        (2, good[1][0].replace(b'"at":', b'"at":1,"at":'), None),
        (5, spaced, answer),
    ]:
        bad = [*good[: index - 1], (body, opening), *good[index:]]
        with pytest.raises(TamperedError, match=f"record {index} is not written as livevote writes it"):
            verify(CODE, sealed(*bad))


def test_what_a_name_and_a_quiz_hide_is_written_in_one_way() -> None:
    def hiding(answer: bytes, *, quiz: bool) -> list[Entry]:
        opening = Opening(SALT, answer)
        history, terms = linked(), QuizTerms(commitment(opening), False, 1)
        rules = msgspec.Raw(b'{"max":1,"min":1}')
        record = (
            QuestionDefined(AT, "q1", "single", "?", ("a", "b"), rules, True, quiz=terms)
            if quiz
            else PlayerNamed(AT, "n1", "ann", commitment(opening))
        )
        history.put(Draft(CODE, record, opening))
        return history.entries

    assert verify(CODE, hiding(b'{"name":"Ann"}', quiz=False)).records == 3
    assert verify(CODE, hiding(b'{"explanation":"","right":[1]}', quiz=True)).records == 3
    assert verify(CODE, linked().did(named("ann", "Ann"), EraseAnswer(3)).entries).records == 4
    for answer, quiz in (
        (b'{"name": "Ann"}', False),
        (b'{"more":1,"name":"Ann"}', False),
        (b'{"right":[1],"explanation":""}', True),
    ):
        with pytest.raises(TamperedError, match="record 3 is not written as livevote writes it"):
            verify(CODE, hiding(answer, quiz=quiz))
    for answer, quiz in (
        (b'{"name":"e\xcc\x81"}', False),
        (b'{"explanation":"e\xcc\x81","right":[1]}', True),
    ):
        with pytest.raises(TamperedError, match="record 3 hides a text that is not NFC"):
            verify(CODE, hiding(answer, quiz=quiz))


def test_a_post_is_written_in_one_way_and_in_one_spelling() -> None:
    def judged(opened: bytes) -> None:
        history, opening = with_board(), Opening(SALT, opened)
        history.put(Draft(CODE, PostAsked(AT, "p1", "ann", commitment(opening)), opening))
        assert verify(CODE, history.entries).records == 3

    judged('{"text":"\u00e9"}'.encode())
    with pytest.raises(TamperedError, match="record 3 is not written as livevote writes it"):
        judged(b'{"text": "Why?"}')
    with pytest.raises(TamperedError, match="record 3 holds a text that is not NFC"):
        judged('{"text":"e\u0301"}'.encode())
    history = with_board().did(ask("ann", "Why?"), EraseAnswer(3))
    assert verify(CODE, history.entries).records == 4


def test_a_log_of_another_room_is_named() -> None:
    with pytest.raises(TamperedError, match=f"room OTHER2: record 1 begins the log of another room, {CODE}"):
        verify("OTHER2", voted().entries)


def test_the_newest_checkpoint_is_the_one_of_this_incarnation() -> None:
    history = voted()
    before = [SIGNER.open(signed(history, 6)), msgspec.structs.replace(SIGNER.open(signed(history, 6)), size=9)]
    history.did(AcceptRecovery(before[0].origin, 6, 9, "00" * 32), SwitchReceipts(on=False))
    after = [SIGNER.open(signed(history, size)) for size in (8, 7)]
    verdict = verify(CODE, history.entries, checkpoints=[*before, *after], vkey=SIGNER.vkey)
    assert (verdict.newest, verdict.agreed) == (after[0], 3)
    assert [(each.kept, each.lost) for each in verdict.recoveries] == [(6, 9)]


async def test_a_database_is_compared_with_its_checkpoints(tmp_path: Path) -> None:
    history = voted()
    data = await stored_at(tmp_path, history, signed(history, 3), signed(history, 6))
    (verdict,) = await verdicts(data)
    assert (verdict.agreed, verdict.vkey) == (2, SIGNER.vkey)
    (verdict,) = await verdicts(data, trusted=SIGNER)
    assert verdict.agreed == 2
    with pytest.raises(TamperedError, match="not signed by the key"):
        await verdicts(data, trusted=OTHER)


async def test_checkpoints_that_cannot_be_true_are_named(tmp_path: Path) -> None:
    history = voted()
    data = await stored_at(tmp_path, history, signed(history, 6))
    notes = data / "checkpoints" / f"{CODE}.notes"
    (data / "checkpoints" / "OTHER2.notes").write_text(f"{signed(history, 6)}\n")
    with pytest.raises(TamperedError, match=r"room OTHER2 has checkpoints in .* and is not in the log"):
        await verdicts(data)
    (data / "checkpoints" / "OTHER2.notes").unlink()
    notes.write_bytes(b"nonsense")
    with pytest.raises(TamperedError, match="note 1 is no signed note"):
        await verdicts(data)
    notes.write_text(f"{signed(history, 6)}\n")
    vkey = data / "checkpoints" / "livevote.vkey"
    for wrong in (b"livevote+00000000+AQ==", b"\xff"):
        vkey.write_bytes(wrong)
        with pytest.raises(TamperedError, match=r"livevote\.vkey: "):
            await verdicts(data)
    vkey.unlink()
    with pytest.raises(TamperedError, match=r"livevote\.vkey is missing, the key that signed its checkpoints"):
        await verdicts(data)
    notes.unlink()
    (verdict,) = await verdicts(data)
    assert (verdict.newest, verdict.vkey) == (None, "")


async def test_a_record_that_no_version_wrote_is_tampering_in_a_database(tmp_path: Path) -> None:
    data = await stored_at(tmp_path, voted())
    with closing(sqlite3.connect(data / "livevote.db", isolation_level=None)) as database:
        database.execute("DROP TRIGGER records_are_never_changed")
        database.execute("UPDATE records SET body = '[]' WHERE idx = 4")
    with pytest.raises(TamperedError, match="Record 4 of room"):
        await verdicts(data)


async def test_the_command_checks_bundles_and_receipts(tmp_path: Path) -> None:
    history = voted()
    path = str(await bundle_at(tmp_path / "bundle", history, signed(history, 6)))
    ticket = tmp_path / "receipt.json"
    ticket.write_bytes(encode(receipt(history, 4)))
    done = run_cli("verify", path, "--receipt", str(ticket), "--key", SIGNER.vkey)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(rf"under the checkpoint of 6 records signed at .*\n  by {re.escape(SIGNER.vkey)}\n", done.stdout)
    assert f"signed by {SIGNER.vkey}" in done.stdout
    assert "It does not count: its voter replaced it by record 6." in done.stdout
    assert "  It chose: Tea\n" in done.stdout
    ticket.write_bytes(encode(msgspec.structs.replace(receipt(history, 5), proof=None)))
    done = run_cli("verify", path, "--receipt", str(ticket))
    assert "Nobody has signed it" in done.stdout
    assert "and it counts." in done.stdout
    for arguments, code, said in [
        ((path, "--key", OTHER.vkey), 1, "TAMPERED  the bundle was signed by another key"),
        ((path, "--key", "livevote"), 2, "livevote: this is no Ed25519 verifier key"),
        ((path, "--receipt", path), 2, "livevote: Cannot read the receipt"),
    ]:
        done = run_cli("verify", *arguments)
        assert (done.returncode, done.stdout) == (code, "")
        assert done.stderr.startswith(said)


async def test_times_that_no_calendar_has_are_no_obstacle(tmp_path: Path) -> None:
    history = voted()
    late = msgspec.structs.replace(SIGNER.open(signed(history, 6)), at=10**18)
    done = run_cli("verify", str(await bundle_at(tmp_path / "bundle", history, SIGNER.sign(late))))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"the newest over 6 records at {10**18} ms" in done.stdout


async def test_a_key_is_insisted_on_also_where_nothing_is_signed(tmp_path: Path) -> None:
    path = await bundle_at(tmp_path / "bundle", voted())
    assert run_cli("verify", str(path)).returncode == 0
    done = run_cli("verify", str(path), "--key", SIGNER.vkey)
    assert done.returncode == 3
    assert f"INTACT  {CODE}" in done.stdout
    assert f"no checkpoint by {SIGNER.vkey} covers the records 1 to 6" in done.stderr


async def test_texts_of_a_bundle_write_nothing_else_to_the_terminal(tmp_path: Path) -> None:
    history = opened(options=("Tea", "Coffee"))
    history.did(cast("ann", 0))
    title = encode(msgspec.structs.replace(history.entries[0].record, title="A\nINTACT \x1b[8m"))
    entries = Heads().link(
        [Draft(CODE, decode(title)), *(Draft(CODE, entry.record, entry.opening) for entry in history.entries[1:])]
    )
    log = MemoryLog()
    await log.adopt([entries])
    shouting = Signer(bytes(32), name="a\x1b]0;b\x07")
    lines = [part async for part in bundle.write(CODE, log.read(CODE), vkey=shouting.vkey, notes=[])]
    (tmp_path / "bundle").write_bytes(b"".join(lines))
    data = ("--data", str(tmp_path / "data"))
    for command in (
        ("verify", str(tmp_path / "bundle")),
        ("import", *data, str(tmp_path / "bundle"), "--new-key"),
        ("rooms", *data),
        ("replay", *data, CODE),
    ):
        done = run_cli(*command)
        assert (done.returncode, done.stderr) == (0, "")
        assert "A\\x0aINTACT \\x1b[8m" in done.stdout
        assert "\x1b" not in done.stdout
    with process(tmp_path / "data") as server:
        assert f"Room 'A\\x0aINTACT \\x1b[8m', code {CODE}." in server.read_until("Join at")
    done = run_cli("verify", str(tmp_path / "bundle"), "--key", SIGNER.vkey)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("TAMPERED  the bundle was signed by another key, a\\x1b]0;b\\x07+")
    (tmp_path / "receipt").write_bytes(encode(msgspec.structs.replace(receipt(voted(), 5), room="\x1b[2J", proof=None)))
    done = run_cli("verify", str(tmp_path / "bundle"), "--receipt", str(tmp_path / "receipt"))
    assert done.returncode == 3
    assert "of room \\x1b[2J is not the ballot" in done.stderr


async def test_records_that_no_signature_covers_are_counted(tmp_path: Path) -> None:
    history = voted()
    done = run_cli("verify", str(await bundle_at(tmp_path / "bundle", history, signed(history, 4))))
    assert "2 records are newer than that: no signature covers them" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")
    done = run_cli("verify", str(tmp_path / "bundle"), "--key", SIGNER.vkey)
    assert done.returncode == 3
    assert "covers the records 5 to 6" in done.stderr


async def test_what_is_no_count_is_printed_as_well(tmp_path: Path) -> None:
    history = opened(kind="cloud", options=()).did(
        cast("ann", raw=b'{"terms":["Tea","Milk"]}'), cast("bob", raw=b'{"terms":["tea"]}')
    )
    history.did(JudgeTerms("q1", 1, (key("milk"),), False))
    history.did(CloseVoting("q1"), AddQuestion("rating", "How was it?"), OpenVoting("q2"))
    history.did(cast("ann", question="q2", raw=b'{"value":4}'))
    path = await bundle_at(tmp_path / "bundle", history, signed(history, 3))
    done = run_cli("verify", str(path))
    assert done.returncode == 0
    printed = done.stdout.splitlines()
    first = next(place for place, line in enumerate(printed) if "What to drink?" in line)
    assert printed[first : first + 3] == [
        "  What to drink? (round 1, 2 voted)",
        "            2  Tea",
        "            1  Milk (hidden)",
    ]
    assert printed[first + 3 :][:7] == [
        "  How was it? (round 1, 1 voted)",
        *(f"            {int(grade == 4)}  {grade}" for grade in range(1, 6)),
        "    mean: 4.00",
    ]


async def test_a_round_is_printed_by_the_rules_that_it_was_asked_with(tmp_path: Path) -> None:
    history = opened(kind="rating", options=()).did(cast("ann", raw=b'{"value":5}'), CloseVoting("q1"))
    edited = EditQuestion("q1", text="How likely?", rules=msgspec.Raw(b'{"style":"nps"}'), meaning=True)
    history.did(edited, AskAgain("q1"), cast("ann", round=2, raw=b'{"value":10}'))
    path = await bundle_at(tmp_path / "bundle", history, signed(history, 3))
    done = run_cli("verify", str(path))
    assert done.returncode == 0
    printed = done.stdout.splitlines()
    first = next(place for place, line in enumerate(printed) if "What to drink?" in line)
    assert printed[first:] == [
        "  What to drink? (round 1, 1 voted)",
        *(f"            {int(grade == 5)}  {grade}" for grade in range(1, 6)),
        "    mean: 5.00",
        "  How likely? (round 2, 1 voted)",
        *(f"            {int(grade == 10)}  {grade}" for grade in range(11)),
        "    mean: 10.00",
        "    Net Promoter Score: 100.0",
    ]


def stuffed(*, used: int) -> list[Entry]:
    """A log with valid seals in which three voters answered by code."""
    history = by_code(used=3).did(*(cast(name, 0, code=(1, 0)) for name in ("ann", "bob", "eve")))
    rewritten = History()
    dropped = range(4 + used, 7)
    for number, entry in enumerate(history.entries):
        if number not in dropped:
            rewritten.entries.append(rewritten.next(entry.record, entry.opening))
    return rewritten.entries


def test_more_voters_than_codes_that_were_entered_are_named() -> None:
    assert verify(CODE, stuffed(used=3)).ballots == 3
    with pytest.raises(TamperedError, match="record 9 does not fit"):
        verify(CODE, stuffed(used=2))
    with pytest.raises(TamperedError, match="record 5 does not fit"):
        verify(CODE, stuffed(used=0))


@pytest.mark.parametrize(
    "record",
    [
        CodeUsed(AT, 1, 0, "browser0"),
        CodeUsed(AT, 1, 5, "eve"),
        CodesIssued(AT, 2, 5, "0b" * 32),
    ],
)
def test_a_code_used_twice_or_never_issued_and_codes_that_come_too_late_are_named(record: Record) -> None:
    history = by_code(used=1)
    history.entries.append(history.next(record))
    with pytest.raises(TamperedError, match="record 6 does not fit"):
        verify(CODE, history.entries)


async def test_the_command_says_how_many_codes_there_were(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        issued = await at.post(f"/api/rooms/{at.code}/codes", {"count": 3}, key=at.host_token)
        made = json.loads(issued.body)
        await at.ask("Tea", "Coffee", level="code")
        cookie = await at.cookie()
        entered = await at.post(f"/api/rooms/{at.code}/code", {"code": made["codes"][0]}, Cookie=cookie)
        page = await at.open(f"{cookie}; {entered.headers['Set-Cookie'].split(';')[0]}")
        assert (await page.vote("v1", 1))["type"] == "recorded"
    done = run_cli("verify", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "  3 one-time codes were issued, 1 entered, each once\n    list 1: 3, issued at " in done.stdout
    assert f"root {made['root']}\n" in done.stdout
    assert "Which? (round 1, 1 voted, each with a code)\n" in done.stdout
