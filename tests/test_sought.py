"""What a receipt shows about a log: the log's own key accuses, an invented receipt accuses nobody."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from livevote.domain.audit import TamperedError
from livevote.domain.commands import AcceptRecovery, EraseAnswer
from livevote.domain.receipt import Receipt, check
from livevote.domain.records import encode
from livevote.sought import Sought
from livevote.verify import verify
from tests.history import CODE, History, cast, opened
from tests.process import run_cli
from tests.receipts import OTHER, SIGNER, bundle_at, checkpoint, receipt, signed, stored_at

ELSEWHERE = "OTHER2"


def voted() -> History:
    """Ann voted twice, Bob once: records 4 to 6."""
    return opened().did(cast("ann", 0, id="a1"), cast("bob", 1), cast("ann", 1, id="a2"))


def rewritten() -> History:
    """The same with other answers from record 5 on."""
    return opened().did(cast("ann", 0, id="a1"), cast("bob", 2), cast("ann", 2, id="a2"))


def recovered(*, kept: int = 4) -> History:
    """The same after an operator went on with a copy of 4 records, and Eve voted."""
    history, before = opened().did(cast("ann", 0, id="a1")), checkpoint(voted(), 6)
    return history.did(AcceptRecovery(before.origin, kept, before.size, before.root.hex()), cast("eve", 2))


def unsigned(found: Receipt) -> Receipt:
    return msgspec.structs.replace(found, proof=None)


def judged(history: History | None, found: Receipt, *, vkey: str = SIGNER.vkey, may_be_older: bool = False) -> Sought:
    """The receipt, held against this log."""
    sought = Sought(found, check(found))
    room = None
    if history is not None:
        room = verify(CODE, history.entries, sought=sought).room
    sought.judge(room, vkey=vkey, may_be_older=may_be_older)
    return sought


def test_a_receipt_finds_its_ballot_and_the_one_that_replaced_it() -> None:
    bob, ann = judged(voted(), receipt(voted(), 5)), judged(voted(), receipt(voted(), 4))
    assert (bob.found, bob.question, bob.round, bob.chosen) == (True, "What to drink?", 1, "Coffee")
    assert (bob.replaced_by, bob.erased_by, bob.doubts) == (None, None, [])
    assert (ann.found, ann.chosen, ann.replaced_by, ann.doubts) == (True, "Tea", 6, [])


def test_a_receipt_finds_that_its_answer_was_erased() -> None:
    before, after = receipt(voted(), 5), voted().did(EraseAnswer(5))
    found = judged(after, before)
    assert (found.found, found.chosen, found.erased_by, found.doubts) == (True, None, 7, [])


def test_records_of_other_rooms_are_not_looked_at() -> None:
    sought = Sought(msgspec.structs.replace(unsigned(receipt(voted(), 5)), room=ELSEWHERE))
    verify(CODE, voted().entries, sought=sought)
    assert not sought.found
    other = Sought(msgspec.structs.replace(receipt(voted(), 5), room=ELSEWHERE), checkpoint(voted(), 6))
    verify(CODE, voted().entries, sought=other)
    assert not other.agrees


ACCUSED: dict[str, tuple[Callable[[], History | None], Callable[[], Receipt], bool, str]] = {
    "records beside the ballot": (rewritten, lambda: receipt(voted(), 4), True, "the first 6 records are not those"),
    "the ballot itself": (rewritten, lambda: receipt(voted(), 5), True, "the first 6 records are not those"),
    "the ballot itself, in a log that ends before the checkpoint": (
        lambda: opened().did(cast("ann", 0, id="a1"), cast("bob", 2)),
        lambda: receipt(voted(), 5),
        True,
        "record 5 is not the ballot of the receipt, whose checkpoint this log's own key signed",
    ),
    "a database that ends too early": (
        opened,
        lambda: receipt(voted(), 5),
        False,
        "the log ends at record 3, and the receipt's checkpoint has 6: records are missing, or this is an older copy",
    ),
    "a database that ends behind the ballot": (
        lambda: opened().did(cast("ann", 0, id="a1")),
        lambda: receipt(voted(), 4),
        False,
        "the log ends at record 4, and the receipt's checkpoint has 6",
    ),
    "a database that was begun anew": (
        lambda: opened(options=("Tea", "Coffee")).did(cast("ann", 0)),
        lambda: receipt(recovered(), 6),
        False,
        "the first 6 records are not those",
    ),
    "a database without the room": (lambda: None, lambda: receipt(voted(), 5), False, f"room {CODE}, whose ballot "),
    "a ballot that a recovery is said to have kept": (
        lambda: recovered(kept=5),
        lambda: receipt(voted(), 5),
        True,
        "and the recovery says that 5 records were kept",
    ),
    "a checkpoint that a recovery is said to have kept": (
        lambda: recovered(kept=5),
        lambda: receipt(voted(), 5, size=5),
        False,
        "the first 5 records are not those",
    ),
}


@pytest.mark.parametrize("what", ACCUSED)
def test_what_the_logs_own_key_signed_accuses_it_of(what: str) -> None:
    log, found, may_be_older, said = ACCUSED[what]
    with pytest.raises(TamperedError, match=said):
        judged(log(), found(), may_be_older=may_be_older)


DOUBTED: dict[str, tuple[Callable[[], History | None], Callable[[], Receipt], bool, str]] = {
    "nobody signed it": (voted, lambda: unsigned(receipt(rewritten(), 5)), False, "Nobody has signed the receipt and"),
    "nobody signed it, and the log ends before": (
        opened,
        lambda: unsigned(receipt(voted(), 5)),
        False,
        "Nobody has signed the receipt and anybody can have made it up",
    ),
    "nobody signed it, and the chain is another": (
        voted,
        lambda: msgspec.structs.replace(unsigned(receipt(voted(), 5)), chain="00" * 32),
        False,
        "so it cannot show which",
    ),
    "another chain beside a checkpoint that holds": (
        voted,
        lambda: msgspec.structs.replace(receipt(voted(), 5), chain="00" * 32),
        False,
        "the receipt was changed",
    ),
    "another key": (voted, lambda: receipt(rewritten(), 5, signer=OTHER), False, "which is not the key of this log"),
    "another key, of a ballot after the end": (
        opened,
        lambda: receipt(voted(), 5, signer=OTHER),
        False,
        "Anybody can make a key: this accuses nobody",
    ),
    "another key, of a ballot that a recovery is said to have kept": (
        lambda: recovered(kept=5),
        lambda: receipt(voted(), 5, signer=OTHER),
        False,
        "Anybody can make a key",
    ),
    "another key, of a room that is not there": (lambda: None, lambda: receipt(voted(), 5, signer=OTHER), False, "key"),
    "a file that ends before the ballot": (
        opened,
        lambda: receipt(voted(), 5),
        True,
        "is older than the receipt, or was cut off: it ends at record 3, and the receipt's checkpoint has 6 records",
    ),
    "a file that ends behind the ballot": (
        lambda: opened().did(cast("ann", 0, id="a1")),
        lambda: receipt(voted(), 4),
        True,
        "is older than the receipt",
    ),
    "a file that is older than a recovery": (voted, lambda: receipt(recovered(), 6), True, "older than a recovery"),
    "a file of another room": (lambda: None, lambda: receipt(voted(), 5), True, "or it is another room's"),
    "a ballot that a recovery lost": (recovered, lambda: receipt(voted(), 5), False, "was recorded and is lost"),
    "a ballot that a recovery lost, at an index that there is not": (
        lambda: recovered(),
        lambda: receipt(voted().did(cast("joe", 0)), 7),
        True,
        "had 4 of 6 records for certain, and says so",
    ),
}


@pytest.mark.parametrize("what", DOUBTED)
def test_what_shows_nothing_is_said_and_accuses_nobody(what: str) -> None:
    log, found, may_be_older, said = DOUBTED[what]
    (doubt,) = judged(log(), found(), may_be_older=may_be_older).doubts
    assert said in doubt


def test_a_ballot_that_outlived_a_recovery_stands() -> None:
    found = judged(recovered(kept=3), receipt(voted(), 4))
    assert (found.found, found.agrees, found.doubts) == (True, False, [])


def test_another_key_that_says_the_same_is_no_reason_to_doubt() -> None:
    assert judged(voted(), receipt(voted(), 5, signer=OTHER)).doubts == []


def test_who_does_not_know_the_logs_key_is_told_that() -> None:
    (doubt,) = judged(rewritten(), receipt(voted(), 5), vkey="").doubts
    assert "(there is none beside it)" in doubt


# The command.


async def test_deleted_notes_do_not_silence_a_receipt(tmp_path: Path) -> None:
    ticket = tmp_path / "receipt.json"
    ticket.write_bytes(encode(receipt(voted(), 4)))
    file = await bundle_at(tmp_path / "bundle", rewritten())
    data = await stored_at(tmp_path / "data", rewritten())
    for path in (file, data):
        done = run_cli("verify", str(path), "--receipt", str(ticket))
        assert done.returncode == 1
        assert f"TAMPERED  room {CODE}: the first 6 records are not those under the receipt's checkpoint" in done.stderr
    (data / "checkpoints" / "livevote.vkey").unlink()
    done = run_cli("verify", str(data), "--receipt", str(ticket))
    assert done.returncode == 3
    assert done.stderr.startswith("NOT SHOWN  The receipt's checkpoint says something else than this log")


async def test_a_database_that_ends_before_the_receipt_is_accused_and_a_file_is_not(tmp_path: Path) -> None:
    ticket = tmp_path / "receipt.json"
    ticket.write_bytes(encode(receipt(voted(), 4)))
    before = opened().did(cast("ann", 0, id="a1"))
    data = await stored_at(tmp_path / "data", before, signed(before, 4))
    done = run_cli("verify", str(data), "--receipt", str(ticket))
    assert (done.returncode, done.stdout.splitlines()[2:]) == (1, [])
    assert "records are missing, or this is an older copy" in done.stderr
    file = await bundle_at(tmp_path / "bundle", before, signed(before, 4))
    done = run_cli("verify", str(file), "--receipt", str(ticket), "--key", SIGNER.vkey)
    assert done.returncode == 3
    assert f"INTACT  {CODE}" in done.stdout
    assert "is record 4 of room" in done.stdout
    assert done.stderr.startswith("NOT SHOWN  This file is older than the receipt")


async def test_a_receipt_that_somebody_made_up_leaves_the_log_intact(tmp_path: Path) -> None:
    file = await bundle_at(tmp_path / "bundle", voted(), signed(voted(), 6))
    ticket = tmp_path / "receipt.json"
    for made_up in (unsigned(receipt(rewritten(), 5)), receipt(rewritten(), 5, signer=OTHER)):
        ticket.write_bytes(encode(made_up))
        done = run_cli("verify", str(file), "--receipt", str(ticket))
        assert done.returncode == 3
        assert f"INTACT  {CODE}" in done.stdout
        assert "The ballot of the receipt" not in done.stdout
        assert done.stderr.startswith("NOT SHOWN  ")
    ticket.write_bytes(encode(msgspec.structs.replace(receipt(voted(), 5), answer='{"choices":[0]}')))
    done = run_cli("verify", str(file), "--receipt", str(ticket))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"livevote: Cannot read the receipt {ticket}: the answer of the receipt is not")


async def test_who_insists_on_a_key_wants_the_receipt_signed_by_it_too(tmp_path: Path) -> None:
    file = await bundle_at(tmp_path / "bundle", voted(), signed(voted(), 6))
    ticket = tmp_path / "receipt.json"
    ticket.write_bytes(encode(receipt(voted(), 5, signer=OTHER)))
    assert run_cli("verify", str(file), "--receipt", str(ticket)).returncode == 0
    done = run_cli("verify", str(file), "--receipt", str(ticket), "--key", SIGNER.vkey)
    assert done.returncode == 3
    assert done.stderr == f"NOT SHOWN  The receipt was signed by another key than {SIGNER.vkey}.\n"
