"""The Merkle tree of RFC 6962 over a room's records: roots and inclusion proofs.

Apart from ``audit``, which hashes single records, because a tree is about many. Names and cases follow RFC 6962,
section 2.1, and RFC 9162, section 2.1.3; a hash is 32 bytes everywhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves."""


_HASH_BYTES = 32


class ProofError(ValueError):
    """A proof that does not show what it claims."""


def node(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the perfect subtrees of a growing tree: enough to append and to give the root, in log(n) space."""

    __slots__ = ("peaks", "size")

    def __init__(self, *, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)
        """One root for each one-bit of ``size``, the largest subtree's first."""
        if len(self.peaks) != size.bit_count() or any(len(peak) != _HASH_BYTES for peak in self.peaks):
            raise ProofError(f"a tree of {size} leaves has {size.bit_count()} peaks of {_HASH_BYTES} bytes each")

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        carry, size = leaf, self.size
        while size & 1:
            carry = node(self.peaks.pop(), carry)
            size >>= 1
        self.peaks.append(carry)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node(peak, root)
        return root


_BLOCK_BITS = 8
BLOCK = 1 << _BLOCK_BITS
"""Leaves below the smallest node that a ``Tree`` keeps: so it holds a quarter of a byte for each leaf, and not 64."""


class Tree(Frontier):
    """A growing tree that can prove where its leaves are, given some hundreds of them again.

    Of the nodes over complete subtrees, which never change, it keeps those over ``BLOCK`` leaves and more.
    """

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        super().__init__()
        self._levels: list[list[bytes]] = []
        """``_levels[n][k]`` is the root over ``BLOCK * 2**n`` leaves, the first of which is the k-th multiple."""

    def append(self, leaf: bytes) -> None:
        # Written out, because every record of every check comes by here.
        carry, size, height, peaks = leaf, self.size, 0, self.peaks
        while size & 1:
            carry = sha256(b"\x01" + peaks.pop() + carry).digest()
            size >>= 1
            height += 1
            if height >= _BLOCK_BITS:
                self._keep(height - _BLOCK_BITS, carry)
        peaks.append(carry)
        self.size += 1

    def _keep(self, level: int, root: bytes) -> None:
        if level == len(self._levels):
            self._levels.append([])
        self._levels[level].append(root)

    def needed(self, position: int, size: int) -> tuple[range, range]:
        """The positions of the leaves that ``inclusion`` has to be given: at most ``BLOCK`` twice.

        Raises ``IndexError`` where there is no such leaf or the tree never had ``size`` leaves.
        """
        if not 0 <= position < size <= self.size:
            raise IndexError(f"there is no leaf {position} among {size} of {self.size}")
        start, tail = position - position % BLOCK, size - size % BLOCK
        return range(start, min(start + BLOCK, size)), range(tail, size)

    def inclusion(self, position: int, size: int, leaves: Mapping[int, bytes]) -> list[bytes]:
        """The audit path of the leaf at ``position`` (from 0) in the tree as it was with ``size`` leaves.

        ``leaves`` holds the hashes at the positions that are ``needed``. Lowest sibling first.
        """
        path: list[bytes] = []
        low, high = 0, size
        while high - low > 1:
            middle = low + _split(high - low)
            if position < middle:
                path.append(self._root_of(middle, high, leaves))
                high = middle
            else:
                path.append(self._root_of(low, middle, leaves))
                low = middle
        return path[::-1]

    def _root_of(self, low: int, high: int, leaves: Mapping[int, bytes]) -> bytes:
        size = high - low
        if size < BLOCK:
            return root([leaves[place] for place in range(low, high)])
        if size & (size - 1) == 0:
            return self._levels[size.bit_length() - 1 - _BLOCK_BITS][low // size]
        middle = low + _split(size)
        return node(self._root_of(low, middle, leaves), self._root_of(middle, high, leaves))


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over ``leaves``, which are leaf hashes."""
    if not leaves:
        return EMPTY_ROOT
    nodes = list(leaves)
    # Pair by pair and level by level: a node without a neighbour moves up as it is, which is RFC 6962's split. Every
    # proof hashes two blocks, and this takes half as long as a ``Frontier``.
    while len(nodes) > 1:
        paired = [sha256(b"\x01" + left + right).digest() for left, right in zip(nodes[::2], nodes[1::2], strict=False)]
        nodes = paired + nodes[-1:] if len(nodes) & 1 else paired
    return nodes[0]


def _split(size: int) -> int:
    """The largest power of two below ``size``, which is 2 or more."""
    return 1 << (size - 1).bit_length() - 1


def check_inclusion(*, leaf: bytes, position: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Raise ``ProofError`` unless ``path`` leads from the leaf at ``position`` to the root of ``size`` leaves."""
    if not 0 <= position < size:
        raise ProofError(f"there is no leaf {position} in a tree of {size}")
    fn, sn, found = position, size - 1, leaf
    for sibling in path:
        if sn == 0:
            raise ProofError("the path is too long")
        if fn & 1 or fn == sn:
            found = node(sibling, found)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            found = node(found, sibling)
        fn >>= 1
        sn >>= 1
    if sn:
        raise ProofError("the path is too short")
    if found != root:
        raise ProofError("the path leads to another root")
