"""Checks a room's log against its own seals and its checkpoints, record by record, in one pass.

Apart from ``audit``, whose functions say what a seal is: this holds what has to be remembered between two records. A
start, the check beside a running server, ``verify`` and the acceptance of a recovery all use it.
"""

from collections import defaultdict
from collections.abc import Iterable

from livevote.domain.audit import GENESIS, TamperedError, check, origin
from livevote.domain.merkle import Tree
from livevote.domain.note import Checkpoint
from livevote.domain.records import (
    COMMITTED,
    ERASURES,
    AnswerErased,
    BallotCast,
    Entry,
    NameErased,
    PostErased,
    RecoveryAccepted,
    RoomCreated,
    RoomErased,
    committed,
)


class ContradictedError(TamperedError):
    """The log is sealed in itself, and a signed checkpoint says something else.

    ``kept`` is the size of the last checkpoint of the incarnation ``origin`` before the first that is wrong (0 for
    none), ``lost`` the wrong one that promised most.
    """

    def __init__(self, text: str, *, origin: str, kept: int, lost: Checkpoint) -> None:
        super().__init__(text)
        self.origin = origin
        self.kept = kept
        self.lost = lost


class Checker:
    """One room's log on its way through the checks. ``checkpoints`` are all there are for it, of all incarnations."""

    def __init__(self, code: str, checkpoints: Iterable[Checkpoint] = ()) -> None:
        self.code = code
        self.chain = GENESIS
        self.tree = Tree()
        self.origin = ""
        self.agreed = 0
        """How many checkpoints the log was found to agree with."""
        self._open: dict[tuple[str, int], list[Checkpoint]] = defaultdict(list)
        for checkpoint in checkpoints:
            self._open[checkpoint.origin, checkpoint.size].append(checkpoint)
        self._sizes = frozenset(size for _, size in self._open)
        self._kept: dict[str, list[int]] = defaultdict(list)
        self._recoveries: list[RecoveryAccepted] = []
        self._missing: dict[int, None] = {}

    def add(self, entry: Entry) -> None:
        """Check the next entry. Raises ``TamperedError`` where it is not what was sealed."""
        index = entry.index
        if index != self.tree.size + 1:
            raise TamperedError(f"room {self.code}: record {index} follows record {self.tree.size}")
        sealed, self.chain = check(entry, self.chain)
        self.tree.append(sealed)
        record = entry.record
        # Nearly all records are ballots, and millions of them come by.
        if type(record) is BallotCast or committed(record) is not None:
            if entry.opening is None:
                if not isinstance(record, COMMITTED):
                    raise self._lacking(index)  # which nothing erases
                self._missing[index] = None
        elif isinstance(record, ERASURES):
            self._erase(index, record)
        elif isinstance(record, RoomErased):
            # Openings go one by one after this record, so a log may be met that still has some of them.
            self._missing.clear()
        elif isinstance(record, RoomCreated | RecoveryAccepted):
            if isinstance(record, RecoveryAccepted):
                self._recoveries.append(record)
            self.origin = origin(self.code, entry.body)
        if index in self._sizes:
            self._compare()

    def _erase(self, index: int, record: AnswerErased | PostErased | NameErased) -> None:
        if record.index not in self._missing:
            raise TamperedError(
                f"room {self.code}: record {index} erased the answer of record {record.index}, and it is still there"
            )
        del self._missing[record.index]

    def _compare(self) -> None:
        here = self._open.get((self.origin, self.tree.size))
        if here is None:
            return
        found = self.tree.root(), self.chain
        wrong = [checkpoint for checkpoint in here if (checkpoint.root, checkpoint.chain) != found]
        self.agreed += len(here) - len(wrong)
        if wrong:
            self._open[self.origin, self.tree.size] = wrong
        else:
            del self._open[self.origin, self.tree.size]
            self._kept[self.origin].append(self.tree.size)

    def finish(self) -> None:
        """The log is over.

        Raises ``TamperedError`` where an answer is missing without a word, and ``ContradictedError`` where a checkpoint
        says something else that no accepted recovery explains.
        """
        if self._missing:
            raise self._lacking(next(iter(self._missing)))
        ends = {recovery.origin: recovery.kept for recovery in self._recoveries}
        for (name, size), wrong in sorted(self._open.items(), key=lambda item: item[0][1]):
            if name not in ends or size <= ends[name]:
                raise self._contradiction(name, wrong[0])

    def _lacking(self, index: int) -> TamperedError:
        return TamperedError(f"room {self.code}: the answer of record {index} is missing, and no erasure is recorded")

    def _contradiction(self, name: str, first: Checkpoint) -> ContradictedError:
        # Not one behind the first that is wrong: a recovery that keeps that one would not explain the wrong one.
        kept = max((size for size in self._kept[name] if size < first.size), default=0)
        lost = max(
            (checkpoint for key, wrong in self._open.items() if key[0] == name for checkpoint in wrong),
            key=lambda checkpoint: checkpoint.size,
        )
        if first.size > self.tree.size:
            said = f"the log ends at record {self.tree.size}, and a checkpoint has {lost.size}: records are missing"
        elif name != self.origin and name not in {recovery.origin for recovery in self._recoveries}:
            said = f"a checkpoint belongs to another log, {name}"
        else:
            said = f"records {kept + 1} to {first.size} are not those that a checkpoint sealed"
        return ContradictedError(f"room {self.code}: {said}", origin=name, kept=kept, lost=lost)
