"""Receipts: a whole one holds, and each of its parts is needed for that."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.audit import leaf
from livevote.domain.merkle import Tree
from livevote.domain.note import Checkpoint, Signer
from livevote.domain.receipt import Proof, Receipt, ReceiptError, check, differs, parse
from livevote.domain.records import encode
from tests.history import CODE, SALT, cast, opened

SIGNER = Signer(bytes(range(32)))
OTHER = Signer(bytes(32))
HISTORY = opened().did(cast("ann", 0), cast("bob", 1), cast("eve", 2))
BALLOT = HISTORY.entries[4]


def checkpoint(size: int = 6, *, room: str = CODE) -> Checkpoint:
    tree = grown(size)
    return Checkpoint(f"livevote/{room}/0123456789abcdef", size, tree.root(), HISTORY.entries[size - 1].chain, 1)


def grown(size: int) -> Tree:
    tree = Tree()
    for entry in HISTORY.entries[:size]:
        tree.append(leaf(entry.body))
    return tree


def proof(size: int = 6, *, room: str = CODE, signer: Signer = SIGNER) -> Proof:
    leaves = {place: leaf(entry.body) for place, entry in enumerate(HISTORY.entries)}
    path = grown(size).inclusion(BALLOT.index - 1, size, leaves)
    note = signer.sign(checkpoint(size, room=room))
    return Proof(note, tuple(sibling.hex() for sibling in path), signer.vkey)


def receipt(**other: Any) -> Receipt:
    assert BALLOT.opening is not None
    whole = Receipt(
        room=CODE,
        index=BALLOT.index,
        body=BALLOT.body.decode(),
        salt=BALLOT.opening.salt.hex(),
        answer=BALLOT.opening.answer.decode(),
        chain=BALLOT.chain.hex(),
        proof=proof(),
    )
    return msgspec.structs.replace(whole, **other)


@pytest.mark.parametrize("size", [5, 6])
def test_a_whole_receipt_holds_under_its_checkpoint(size: int) -> None:
    assert check(receipt(proof=proof(size)), trusted=SIGNER) == checkpoint(size)


def test_a_receipt_without_a_proof_holds_in_itself() -> None:
    assert check(receipt(proof=None)) is None


def test_a_receipt_comes_back_from_its_file() -> None:
    assert parse(encode(receipt())) == receipt()
    assert parse(json.dumps(json.loads(encode(receipt())), indent=2).encode()) == receipt()


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"@type":"livevote_receipt/2"}'])
def test_what_is_no_receipt_is_refused(text: bytes) -> None:
    with pytest.raises(ReceiptError, match="this is no receipt"):
        parse(text)


OTHER_ANSWER = "the answer of the receipt is not the one that its ballot commits to"
NOT_READ = "the receipt cannot be read: "
NO_BALLOT = "the receipt is for another record than a ballot"
NO_PROOF = "the proof of the receipt does not hold: "
OTHER_ROOM = "the receipt's checkpoint is one of another room"
NO_LEAF = NO_PROOF + "there is no leaf "

WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "an answer that was not committed to": (OTHER_ANSWER, {"answer": '{"choices":[0]}'}),
    "a salt that was not committed to": (OTHER_ANSWER, {"salt": bytes(16).hex()}),
    "a border between salt and answer elsewhere": (
        OTHER_ANSWER,
        {"salt": (SALT + b"{").hex(), "answer": '"choices":[1]}'},
    ),
    "a salt that is no hex": (NOT_READ + "non-hexadecimal", {"salt": "xy"}),
    "a body that is no record": (NOT_READ + "Object missing", {"body": "{}"}),
    "a body that cannot be written": (NOT_READ + "'utf-8' codec", {"body": "\ud800"}),
    "a body that is no ballot": (NO_BALLOT, {"body": HISTORY.entries[0].body.decode()}),
    "a body with more in it": (NO_BALLOT, {"body": BALLOT.body.decode()[:-1] + ',"zzz":1}'}),
    "another ballot": (OTHER_ANSWER, {"body": HISTORY.entries[3].body.decode()}),
    "another index": (NO_PROOF + "the path is too short", {"index": 4}),
    "index 0": (NO_LEAF + "-1 in", {"index": 0}),
    "an index beyond the tree": (NO_LEAF + "6 in", {"index": 7}),
    "an endless index": (NO_LEAF, {"index": 1 << 80}),
    "another room": (OTHER_ROOM, {"room": "OTHER2"}),
    "a checkpoint of another room": (OTHER_ROOM, {"proof": proof(room="OTHER2")}),
    "a checkpoint before the ballot": (
        NO_LEAF + "4 in a tree of 4",
        {"proof": msgspec.structs.replace(proof(), note=SIGNER.sign(checkpoint(4)))},
    ),
    "a note that nobody signed": (
        NO_PROOF + "this is no signed note",
        {"proof": msgspec.structs.replace(proof(), note="")},
    ),
    "a note by another key": (
        NO_PROOF + "the note is not signed by the key " + SIGNER.vkey,
        {"proof": msgspec.structs.replace(proof(), note=proof(signer=OTHER).note)},
    ),
    "a key that is none": (NO_PROOF + "this is no Ed25519", {"proof": msgspec.structs.replace(proof(), vkey="x")}),
    "a path that is too short": (
        NO_PROOF + "the path is too short",
        {"proof": msgspec.structs.replace(proof(), path=proof().path[1:])},
    ),
    "a path that is no hex": (
        NO_PROOF + "non-hexadecimal",
        {"proof": msgspec.structs.replace(proof(), path=("xy",))},
    ),
    "another path": (
        NO_PROOF + "the path leads to another root",
        {"proof": msgspec.structs.replace(proof(), path=(bytes(32).hex(), *proof().path[1:]))},
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_receipt_does_not_hold_with(what: str) -> None:
    why, other = WRONG[what]
    with pytest.raises(ReceiptError, match=f"^{re.escape(why)}"):
        check(receipt(**other))


def test_who_insists_on_a_key_gets_no_other() -> None:
    other = receipt(proof=proof(signer=OTHER))
    assert check(other) == checkpoint()
    with pytest.raises(ReceiptError, match="signed by another key"):
        check(other, trusted=SIGNER)


def test_the_log_has_what_the_receipt_says_or_differs() -> None:
    assert not differs(receipt(), BALLOT)
    assert differs(receipt(chain=bytes(32).hex()), BALLOT)
    assert differs(receipt(), HISTORY.entries[5])


@given(st.data())
def test_a_receipt_that_was_changed_is_refused_or_says_the_same(data: st.DataObject) -> None:
    raw = encode(receipt())
    at, bit = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(0, 7))
    changed = raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]
    try:
        found = parse(changed)
        assert check(found) in (checkpoint(), None)
    except ReceiptError:
        return
    # The chain value is between the holder and the log, and a proof can be left out.
    same = msgspec.structs.replace(found, chain=receipt().chain, proof=receipt().proof)
    assert (same.index, same.body, same.answer, bytes.fromhex(same.salt)) == (
        5,
        BALLOT.body.decode(),
        receipt().answer,
        SALT,
    )
