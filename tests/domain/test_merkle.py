"""The Merkle tree: the test vectors of Certificate Transparency, and proofs that show nothing but what is so."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree  # type: ignore[import-untyped]

from livevote.domain import merkle
from livevote.domain.audit import leaf
from livevote.domain.merkle import BLOCK, Frontier, ProofError, Tree

INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
LEAVES = [leaf(bytes.fromhex(text)) for text in INPUTS]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_an_empty_tree_has_the_root_of_nothing() -> None:
    assert merkle.root([]) == merkle.EMPTY_ROOT == sha256(b"").digest()
    assert merkle.Frontier().root() == merkle.EMPTY_ROOT


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_a_frontier_gives_every_root_on_the_way() -> None:
    frontier = merkle.Frontier()
    for size, each in enumerate(LEAVES, 1):
        frontier.append(each)
        assert (frontier.size, frontier.root().hex()) == (size, ROOTS[size - 1])


def recursive(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 section 2.1 writes it down."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\x01" + recursive(leaves[:half]) + recursive(leaves[half:])).digest()


def many(size: int) -> list[bytes]:
    return [leaf(b"%d" % number) for number in range(size)]


@given(st.integers(1, 200))
def test_the_root_is_that_of_the_definition(size: int) -> None:
    assert merkle.root(many(size)) == recursive(many(size))


def oracle(entries: list[bytes]) -> InmemoryTree:
    """The same tree by other people."""
    tree = InmemoryTree(algorithm="sha256")
    for entry in entries:
        tree.append_entry(entry)
    return tree


def inclusion(leaves: list[bytes], position: int) -> list[bytes]:
    """PATH as RFC 6962 section 2.1.1 writes it down."""
    if len(leaves) == 1:
        return []
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    if position < half:
        return [*inclusion(leaves[:half], position), recursive(leaves[half:])]
    return [*inclusion(leaves[half:], position - half), recursive(leaves[:half])]


def grown(size: int) -> Tree:
    tree = Tree()
    for each in many(size):
        tree.append(each)
    return tree


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 255, 256, 257, 512, 600, 1024, 1300])
def test_roots_and_paths_are_those_of_another_library(size: int) -> None:
    tree, other, leaves = grown(size), oracle([b"%d" % number for number in range(size)]), many(size)
    assert tree.root() == merkle.root(leaves) == other.get_root(size)
    for position in {0, size // 3, size // 2, size - 1}:
        proof = other.prove_inclusion(position + 1, size).serialize()
        path = tree.inclusion(position, size, dict(enumerate(leaves)))
        # Theirs begins with the leaf itself.
        assert [leaves[position].hex(), *(sibling.hex() for sibling in path)] == proof["path"]


@settings(max_examples=50)
@given(st.data())
def test_a_tree_proves_every_leaf_at_every_size_from_the_leaves_that_it_asks_for(data: st.DataObject) -> None:
    tree = grown(data.draw(st.integers(1, 1200)))
    size = data.draw(st.integers(1, tree.size))
    position = data.draw(st.integers(0, size - 1))
    leaves = many(size)
    around, tail = tree.needed(position, size)
    assert len(around) <= BLOCK >= len(tail)
    path = tree.inclusion(position, size, {place: leaves[place] for place in (*around, *tail)})
    assert path == inclusion(leaves, position)
    right: dict[str, Any] = {"leaf": leaves[position], "position": position, "size": size, "path": path}
    merkle.check_inclusion(**right, root=merkle.root(leaves))


@pytest.mark.parametrize(("position", "size"), [(-1, 3), (3, 3), (0, 0), (0, 5), (4, 4)])
def test_there_is_no_proof_for_a_leaf_that_is_not_there(position: int, size: int) -> None:
    with pytest.raises(IndexError, match=f"^there is no leaf {position} among {size} of 4$"):
        grown(4).needed(position, size)


def test_a_tree_keeps_few_nodes() -> None:
    tree = grown(BLOCK * 8)
    assert sum(map(len, tree._levels)) == 8 + 4 + 2 + 1


@given(st.integers(0, 600), st.integers(0, 20))
def test_a_tree_goes_on_from_its_peaks(size: int, more: int) -> None:
    whole = grown(size)
    assert len(whole.peaks) == size.bit_count()
    continued = Frontier(size=size, peaks=whole.peaks)
    for each in many(size + more)[size:]:
        continued.append(each)
    assert (continued.size, continued.root()) == (size + more, merkle.root(many(size + more)))
    assert whole.root() == merkle.root(many(size)), "the peaks are its own"


@pytest.mark.parametrize(("size", "peaks"), [(0, 1), (1, 0), (1, 2), (3, 1), (4, 2)])
def test_a_tree_has_as_many_peaks_as_its_size_has_bits(size: int, peaks: int) -> None:
    with pytest.raises(ProofError, match=f"a tree of {size} leaves has"):
        Frontier(size=size, peaks=LEAVES[:peaks])


@given(st.data())
def test_a_path_shows_one_leaf_and_no_other(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 100))
    leaves, position = many(size), data.draw(st.integers(0, size - 1))
    root, path = merkle.root(leaves), inclusion(leaves, position)
    right: dict[str, Any] = {"leaf": leaves[position], "position": position, "size": size, "path": path, "root": root}
    merkle.check_inclusion(**right)
    other = data.draw(st.integers(-1, size).filter(lambda at: at != position))
    wrongs: list[dict[str, Any]] = [
        {"leaf": leaf(b"another")},
        {"position": other},
        {"root": leaf(b"another")},
        {"path": [*path, leaf(b"another")]},
        *([{"path": path[:-1]}, {"path": [leaf(b"another"), *path[1:]]}] if path else []),
    ]
    for wrong in wrongs:
        with pytest.raises(ProofError):
            merkle.check_inclusion(**{**right, **wrong})


def test_what_is_wrong_with_a_path_is_said() -> None:
    leaves = many(7)
    root, path = merkle.root(leaves), inclusion(leaves, 4)
    right: dict[str, Any] = {"leaf": leaves[4], "position": 4, "size": 7, "path": path, "root": root}
    wrongs: list[tuple[dict[str, Any], str]] = [
        ({"position": 7}, "there is no leaf 7 in a tree of 7"),
        ({"position": -1}, "there is no leaf -1 in a tree of 7"),
        ({"path": [*path, leaf(b"another")]}, "the path is too long"),
        ({"path": path[:-1]}, "the path is too short"),
        ({"root": leaf(b"another")}, "the path leads to another root"),
    ]
    for wrong, why in wrongs:
        with pytest.raises(ProofError, match=f"^{why}$"):
            merkle.check_inclusion(**{**right, **wrong})


# The audit paths of RFC 6962, section 2.1.3, in its tree of seven leaves d0 to d6.
RFC_PATHS = {0: "bhl", 3: "cgl", 4: "fjk", 6: "ik"}


@pytest.mark.parametrize("position", RFC_PATHS)
def test_paths_are_those_of_the_rfc(position: int) -> None:
    a, b, c, d, e, f, j = many(7)
    g, h, i = merkle.node(a, b), merkle.node(c, d), merkle.node(e, f)
    nodes = {"b": b, "c": c, "f": f, "g": g, "h": h, "i": i, "j": j, "k": merkle.node(g, h), "l": merkle.node(i, j)}
    found = grown(7).inclusion(position, 7, dict(enumerate(many(7))))
    assert found == [nodes[name] for name in RFC_PATHS[position]]
