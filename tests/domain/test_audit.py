"""Known answers: values that were worked out apart from the code, so that other people's tools agree with it."""

from hashlib import sha256

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.audit import GENESIS, commitment, leaf, leaf_of, link, origin
from livevote.domain.records import Opening
from tests.history import created


def test_the_leaf_of_nothing_is_the_one_of_rfc_6962() -> None:
    assert leaf(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


def test_the_leaf_of_an_entry_is_made_once() -> None:
    (entry,) = created().entries
    assert leaf_of(entry) == leaf(entry.body)
    assert leaf_of(msgspec.structs.replace(entry, leaf=b"at hand")) == b"at hand"


def test_the_chain_begins_with_zeros() -> None:
    assert bytes.fromhex("00" * 32) == GENESIS


def test_links_have_known_values() -> None:
    first = link(GENESIS, b'{"a":1}')
    second = link(first, b'{"b":2}')
    assert [first.hex(), second.hex()] == [
        "37c086d32b1f152e01511484813cc939e3a7870f95bc573da2677f64001f764b",
        "c97b358ae70e116829bbcf415c5d153ba1737332080ff3cf6650e077bf6f8443",
    ]


@given(st.binary(min_size=32, max_size=32), st.binary())
def test_a_link_is_the_hash_of_the_chain_and_the_leaf(chain: bytes, body: bytes) -> None:
    assert link(chain, body) == sha256(chain + sha256(b"\x00" + body).digest()).digest()


@given(st.lists(st.binary(), min_size=2, max_size=5), st.data())
def test_a_chain_shows_every_change_and_every_other_order(bodies: list[bytes], data: st.DataObject) -> None:
    changed = data.draw(st.permutations(bodies) | st.lists(st.binary(), max_size=6))
    assert (_chain(changed) == _chain(bodies)) is (changed == bodies)


def test_the_name_of_a_log_is_its_room_and_the_beginning_of_its_first_leaf() -> None:
    assert origin("7KQ2MD", b'{"a":1}') == "livevote/7KQ2MD/c7261463ebd776f4"
    assert leaf(b'{"a":1}').hex().startswith("c7261463ebd776f4")


def test_a_commitment_has_a_known_value() -> None:
    opening = Opening(bytes.fromhex("000102030405060708090a0b0c0d0e0f"), b'{"choices":[1]}')
    assert commitment(opening) == "aaa80cd1e6c428e4b0865806752db70ecee4a375db980db90ddfecc34085cbbf"


@given(st.binary(min_size=16, max_size=16), st.binary())
def test_a_commitment_is_the_hash_of_salt_and_answer(salt: bytes, answer: bytes) -> None:
    assert commitment(Opening(salt, answer)) == sha256(salt + answer).hexdigest()


def _chain(bodies: list[bytes]) -> bytes:
    chain = GENESIS
    for body in bodies:
        chain = link(chain, body)
    return chain
