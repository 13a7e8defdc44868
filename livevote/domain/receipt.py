"""A voter's receipt: what shows, without the server and years later, that a ballot is in the log as it was cast.

Apart from ``audit`` because it joins three things that stand apart there: a ballot's opening, a tree and a signature.
"""

import msgspec

from livevote.domain.audit import SALT_BYTES, commitment, leaf
from livevote.domain.merkle import ProofError, check_inclusion
from livevote.domain.note import Checkpoint, NoteError, Verifier
from livevote.domain.records import BallotCast, Opening, decode, encode


class ReceiptError(ValueError):
    """A receipt that contradicts itself, or a text that is none."""


class Proof(msgspec.Struct, frozen=True):
    """That a leaf stands under a signed checkpoint: its note, and the audit path in hex, lowest sibling first."""

    note: str
    path: tuple[str, ...]
    vkey: str


class Receipt(msgspec.Struct, frozen=True, tag_field="@type", tag="livevote_receipt/1"):
    """A voter's file. ``body`` and ``answer`` are the exact JSON texts, ``salt`` and ``chain`` are hex.

    ``proof`` is None where the page had not fetched one yet: then nobody has signed for this ballot.
    """

    room: str
    index: int
    body: str
    salt: str
    answer: str
    chain: str
    proof: Proof | None = None


def parse(text: bytes) -> Receipt:
    """Read a receipt's file. Raises ``ReceiptError``."""
    try:
        return msgspec.json.decode(text, type=Receipt)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ReceiptError(f"this is no receipt: {error}") from None


def check(receipt: Receipt) -> Checkpoint | None:
    """The checkpoint under which the receipt proves its ballot to stand; None if it has no proof.

    Whose the key is that signed it, ``proof.vkey``, is for the caller to judge. Raises ``ReceiptError`` where a part of
    the receipt does not fit the others.
    """
    try:
        ballot = decode(receipt.body.encode())
        opening = Opening(bytes.fromhex(receipt.salt), receipt.answer.encode())
    except (msgspec.DecodeError, ValueError) as error:
        raise ReceiptError(f"the receipt cannot be read: {error}") from None
    if not isinstance(ballot, BallotCast) or encode(ballot) != receipt.body.encode():
        raise ReceiptError("the receipt is for another record than a ballot")
    if len(opening.salt) != SALT_BYTES or commitment(opening) != ballot.commitment:
        raise ReceiptError("the answer of the receipt is not the one that its ballot commits to")
    if receipt.proof is None:
        return None
    try:
        verifier = Verifier.parse(receipt.proof.vkey)
        if verifier.vkey != receipt.proof.vkey:
            raise ReceiptError("the receipt's key has white space around it")
        checkpoint = verifier.open(receipt.proof.note)
        check_inclusion(
            leaf=leaf(receipt.body.encode()),
            position=receipt.index - 1,
            size=checkpoint.size,
            path=[bytes.fromhex(sibling) for sibling in receipt.proof.path],
            root=checkpoint.root,
        )
    except (NoteError, ProofError, ValueError) as error:
        raise ReceiptError(f"the proof of the receipt does not hold: {error}") from None
    if not checkpoint.origin.startswith(f"livevote/{receipt.room}/"):
        raise ReceiptError("the receipt's checkpoint is one of another room")
    return checkpoint
