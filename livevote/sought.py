"""What a log has to say about one voter's receipt, and what the receipt has to say about the log.

Apart from ``verify``, which judges the log by itself. Anybody can write a file that looks like a receipt, with a key of
their own too: only what the log's own key signed can accuse the log.
"""

import msgspec

from livevote.domain.audit import TamperedError
from livevote.domain.checker import Checker
from livevote.domain.note import Checkpoint
from livevote.domain.receipt import Receipt
from livevote.domain.records import AnswerErased, BallotCast, Entry, RecoveryAccepted, RoomErased
from livevote.domain.state import Room


class Sought(msgspec.Struct):
    """What became of a receipt's ballot.

    ``question`` and ``round`` say what was asked and ``chosen`` is the answer in the log as people read it, None once
    it was erased: all set with ``found``. ``replaced_by`` is the index of the voter's next ballot
    in the round, ``erased_by`` that of the answer's erasure.
    """

    receipt: Receipt
    checkpoint: Checkpoint | None = None
    """Under which the receipt proves its ballot to stand: what ``receipt.check`` gave."""
    found: bool = False
    question: str = ""
    round: int = 0
    chosen: str | None = None
    replaced_by: int | None = None
    erased_by: int | None = None
    agrees: bool = False
    """Whether the log is, up to the size of the receipt's checkpoint, what that says."""
    doubts: list[str] = msgspec.field(default_factory=list)
    """Why the receipt is not shown to hold in this log, although the log is not shown to be wrong: whole sentences."""
    chain: str = ""
    """The log's chain value at the ballot, in hex."""
    continued: bool = False
    """Whether the log has the incarnation of the receipt's checkpoint."""

    def look(self, room: Room, entry: Entry) -> None:
        """See whether ``entry``, which ``room`` has just folded in, is the ballot, or what took its effect away."""
        if entry.room != self.receipt.room:
            return
        if entry.index == self.receipt.index:
            if entry.body != self.receipt.body.encode():
                return
            assert isinstance(entry.record, BallotCast), "a receipt's body is a ballot, and the log has the same"
            question = room.questions[entry.record.question]
            answer = question.rounds[-1].ballots[entry.record.voter].answer
            asked = question.rounds[-1].wording
            self.found, self.chain = True, entry.chain.hex()
            self.question, self.round = asked.text, entry.record.round
            self.chosen = None if answer is None else question.kind.words(answer, asked.options, asked.rules)
        elif isinstance(entry.record, BallotCast) and entry.record.supersedes == self.receipt.index:
            self.replaced_by = entry.index
        elif isinstance(entry.record, AnswerErased) and entry.record.index == self.receipt.index:
            self.erased_by = entry.index
        elif isinstance(entry.record, RoomErased) and self.found and self.erased_by is None:
            self.erased_by, self.chosen = entry.index, None

    def compare(self, checker: Checker) -> None:
        """Hold the log so far against the receipt's checkpoint."""
        signed = self.checkpoint
        if signed is None or checker.code != self.receipt.room:
            return
        if checker.origin == signed.origin:
            self.continued = True
        if checker.tree.size == signed.size:
            here = checker.origin, checker.tree.root(), checker.chain
            self.agrees = here == (signed.origin, signed.root, signed.chain)

    def judge(self, room: Room | None, *, vkey: str, may_be_older: bool) -> None:
        """Say what the receipt shows, now that ``room`` was read to its end; None where the log has no such room.

        ``vkey`` is the log's own key, empty where nobody knows it. A log that ``may_be_older`` than the receipt, as a
        file that was exported once, is not accused of ending before it. Raises ``TamperedError`` where the log's own
        key signed what contradicts the log and no accepted recovery explains it.
        """
        signed, proof = self.checkpoint, self.receipt.proof
        if signed is None or proof is None:
            self._judge_unsigned()
        elif self.agrees:
            if self.chain != self.receipt.chain:
                self.doubts.append(
                    "The receipt's chain value is not the one at its ballot, whose records are those that were signed: "
                    "the receipt was changed."
                )
        elif proof.vkey != vkey:
            self.doubts.append(
                f"The receipt's checkpoint says something else than this log, and {proof.vkey} signed it, which is not "
                f"the key of this log ({vkey or 'there is none beside it'}). Anybody can make a key: this accuses "
                "nobody. If you know it to be the server's, say so with --key."
            )
        elif (recovery := _explanation(room, signed)) is not None:
            self._judge_recovered(recovery)
        else:
            self._judge_contradicted(room, signed, may_be_older=may_be_older)

    def _judge_unsigned(self) -> None:
        place = f"Record {self.receipt.index} of room {self.receipt.room}"
        if not self.found:
            self.doubts.append(
                f"{place} is not the ballot of the receipt. Nobody has signed the receipt and anybody can have made it "
                "up: this accuses nobody."
            )
        elif self.chain != self.receipt.chain:
            self.doubts.append(
                f"{place} is the ballot of the receipt, and the chain value there is another: the receipt was changed, "
                "or records before the ballot were. Nobody has signed the receipt, so it cannot show which."
            )

    def _judge_recovered(self, recovery: RecoveryAccepted) -> None:
        if self.found:
            return
        if self.receipt.index <= recovery.kept:
            raise TamperedError(
                f"room {self.receipt.room}: record {self.receipt.index} is not the ballot of the receipt, whose "
                f"checkpoint this log's own key signed, and the recovery says that {recovery.kept} records were kept"
            )
        self.doubts.append(
            f"The ballot of the receipt was recorded and is lost: the log went on from a copy that had {recovery.kept} "
            f"of {recovery.lost} records for certain, and says so. The receipt proves the ballot; it does not count."
        )

    def _judge_contradicted(self, room: Room | None, signed: Checkpoint, *, may_be_older: bool) -> None:
        """The log's own key signed the receipt's checkpoint, and the log does not agree with it."""
        code, head = self.receipt.room, 0 if room is None else room.head
        goes_on = room is not None and signed.origin == room.origin and signed.size > head
        if goes_on and (self.found or self.receipt.index > head):
            if not may_be_older:
                raise TamperedError(
                    f"room {code}: the log ends at record {head}, and the receipt's checkpoint has {signed.size}: "
                    "records are missing, or this is an older copy"
                )
            self.doubts.append(
                f"This file is older than the receipt, or was cut off: it ends at record {head}, and the receipt's "
                f"checkpoint has {signed.size} records. Check the receipt with a newer file."
            )
        elif may_be_older and not self.continued:
            self.doubts.append(
                f"This file does not know the log of the receipt, {signed.origin}: it is older than a recovery of room "
                f"{code}, or it is another room's, or it was rewritten from the start. Check the receipt with a newer "
                "file of that room."
            )
        elif room is None:
            raise TamperedError(
                f"room {code}, whose ballot the receipt is for, is not in this log, and this log's own key signed it"
            )
        elif goes_on:
            raise TamperedError(
                f"room {code}: record {self.receipt.index} is not the ballot of the receipt, whose checkpoint this "
                "log's own key signed"
            )
        else:
            raise TamperedError(
                f"room {code}: the first {signed.size} records are not those under the receipt's checkpoint, which "
                "this log's own key signed"
            )


def _explanation(room: Room | None, signed: Checkpoint) -> RecoveryAccepted | None:
    """The accepted recovery that explains why the log has not what ``signed`` says; see ``checker.Checker.finish``."""
    ends = {} if room is None else {recovery.origin: recovery for recovery in room.recoveries}
    found = ends.get(signed.origin)
    return None if found is None or signed.size <= found.kept else found
