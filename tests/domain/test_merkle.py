"""The Merkle tree: the test vectors of Certificate Transparency, and proofs that show nothing but what is so."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain import merkle
from livevote.domain.audit import leaf
from livevote.domain.merkle import ProofError

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


@given(st.data())
def test_every_leaf_can_be_shown_to_be_in_the_tree_and_no_other(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 100))
    leaves, position = many(size), data.draw(st.integers(0, size - 1))
    root, path = merkle.root(leaves), merkle.inclusion(leaves, position)
    merkle.check_inclusion(leaf=leaves[position], position=position, size=size, path=path, root=root)
    other = data.draw(st.integers(0, size).filter(lambda at: at != position))
    wrongs: list[dict[str, Any]] = [
        {"leaf": leaf(b"another")},
        {"position": other},
        {"root": leaf(b"another")},
        {"path": [*path, leaf(b"another")]},
        *([{"path": path[:-1]}, {"path": [leaf(b"another"), *path[1:]]}] if path else []),
    ]
    right: dict[str, Any] = {"leaf": leaves[position], "position": position, "size": size, "path": path, "root": root}
    for wrong in wrongs:
        with pytest.raises(ProofError):
            merkle.check_inclusion(**{**right, **wrong})


@given(st.data())
def test_an_older_tree_can_be_shown_to_be_a_prefix_and_no_other(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 100))
    older = data.draw(st.integers(1, size))
    leaves = many(size)
    proof = merkle.consistency(leaves, older)
    right: dict[str, Any] = {
        "older": older,
        "older_root": merkle.root(leaves[:older]),
        "size": size,
        "root": merkle.root(leaves),
        "proof": proof,
    }
    merkle.check_consistency(**right)
    wrongs: list[dict[str, Any]] = [
        {"older_root": leaf(b"another")},
        {"root": leaf(b"another")},
        {"older": size + 1},
        {"older": 0},
        {"proof": [*proof, leaf(b"another")]},
        *([{"proof": tampered} for tampered in ([], proof[:-1], [leaf(b"another"), *proof[1:]])] if proof else []),
    ]
    for wrong in wrongs:
        with pytest.raises(ProofError):
            merkle.check_consistency(**{**right, **wrong})


@pytest.mark.parametrize("position", [-1, 3])
def test_there_is_no_proof_for_a_leaf_that_is_not_there(position: int) -> None:
    with pytest.raises(IndexError):
        merkle.inclusion(LEAVES[:3], position)


@pytest.mark.parametrize("older", [0, 4])
def test_there_is_no_proof_for_a_tree_that_never_was(older: int) -> None:
    with pytest.raises(IndexError):
        merkle.consistency(LEAVES[:3], older)
