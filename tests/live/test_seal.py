"""How far a room is sealed: what a seal holds is what the log's hashes say, whole or going on from a checkpoint."""

from livevote.domain.audit import GENESIS, leaf
from livevote.domain.merkle import EMPTY_ROOT, Frontier, Tree, root
from livevote.domain.records import Entry
from livevote.live.seal import Seal
from tests.history import cast, opened

ENTRIES = opened().did(cast("ann", 0), cast("bob", 1), cast("eve", 2)).entries


def sealed(entries: list[Entry]) -> Seal:
    seal = Seal()
    seal.add(entries)
    return seal


def tree(entries: list[Entry]) -> Tree:
    grown = Tree()
    for entry in entries:
        grown.append(leaf(entry.body))
    return grown


def is_whole(seal: Seal) -> bool:
    return seal.tree is not None


def test_a_new_room_is_sealed_at_its_beginning() -> None:
    seal = Seal()
    assert (seal.size, seal.chain, seal.checkpoint, seal.note) == (0, GENESIS, None, b"")
    checkpoint, frontier = seal.sign_here(origin="o", at=1)
    assert (checkpoint.size, checkpoint.root, frontier.peaks) == (0, EMPTY_ROOT, [])


def test_what_there_is_to_sign_is_what_the_log_says() -> None:
    seal = sealed(ENTRIES)
    checkpoint, frontier = seal.sign_here(origin="livevote/x", at=7)
    assert (checkpoint.origin, checkpoint.at, checkpoint.size) == ("livevote/x", 7, len(ENTRIES))
    assert checkpoint.root == frontier.root() == root([leaf(entry.body) for entry in ENTRIES])
    assert checkpoint.chain == seal.chain == ENTRIES[-1].chain
    assert seal.tree is not None


def test_what_was_signed_stays_as_it_was_while_the_log_grows() -> None:
    seal = sealed(ENTRIES[:3])
    checkpoint, frontier = seal.sign_here(origin="o", at=1)
    seal.signed(checkpoint, b"note")
    seal.add(ENTRIES[3:])
    assert (seal.checkpoint, seal.note) == (checkpoint, b"note")
    assert (frontier.size, frontier.root()) == (3, checkpoint.root)
    assert seal.size == len(ENTRIES)


def test_a_seal_that_goes_on_takes_over_the_tree_of_the_same_log() -> None:
    seal = Seal(Frontier(size=3, peaks=tree(ENTRIES[:3]).peaks), ENTRIES[2].chain)
    assert not is_whole(seal)
    seal.add(ENTRIES[3:])
    assert not seal.complete(tree(ENTRIES[:5]))
    assert not seal.complete(tree([*ENTRIES[:5], ENTRIES[4]]))
    whole = tree(ENTRIES)
    assert not is_whole(seal)
    assert seal.complete(whole)
    assert seal.tree is whole
    assert seal.sign_here(origin="o", at=1)[0] == sealed(ENTRIES).sign_here(origin="o", at=1)[0]
