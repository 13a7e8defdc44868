"""How far a running room's log is sealed: its Merkle tree and chain value up to the newest record, and the newest note.

Apart from the room's state, which is about votes: this is what checkpoints and proofs are made from.
"""

from collections.abc import Sequence

from livevote.domain.audit import GENESIS, leaf_of
from livevote.domain.merkle import Frontier, Tree
from livevote.domain.note import Checkpoint
from livevote.domain.records import Entry


class Seal:
    """One room's. A large log goes on from its last checkpoint, and has no ``tree`` before all of it was checked."""

    __slots__ = ("_frontier", "chain", "checkpoint", "note")

    def __init__(self, frontier: Frontier | None = None, chain: bytes = GENESIS) -> None:
        self._frontier = Tree() if frontier is None else frontier
        self.chain = chain
        self.checkpoint: Checkpoint | None = None
        """The newest that is on disk."""
        self.note = b""
        """The same as a signed note."""

    @property
    def size(self) -> int:
        """Records that are sealed."""
        return self._frontier.size

    @property
    def root(self) -> bytes:
        """The Merkle root over all of them."""
        return self._frontier.root()

    @property
    def tree(self) -> Tree | None:
        """The whole tree; None while the log is still being checked."""
        return self._frontier if isinstance(self._frontier, Tree) else None

    def add(self, entries: Sequence[Entry]) -> None:
        """Seal the next records."""
        append = self._frontier.append
        for entry in entries:
            append(leaf_of(entry))
            self.chain = entry.chain

    def complete(self, tree: Tree) -> bool:
        """Take over the tree of a log that was checked. False where it has not grown as far as this one yet."""
        if (tree.size, tree.root()) != (self._frontier.size, self._frontier.root()):
            return False
        self._frontier = tree
        return True

    def sign_here(self, *, origin: str, at: int) -> tuple[Checkpoint, Frontier]:
        """What there is to sign at this moment, and the tree's peaks to go on from."""
        here = Frontier(size=self._frontier.size, peaks=self._frontier.peaks)
        return Checkpoint(origin, here.size, here.root(), self.chain, at), here

    def signed(self, checkpoint: Checkpoint, note: bytes) -> None:
        """``checkpoint`` is on disk."""
        self.checkpoint = checkpoint
        self.note = note
