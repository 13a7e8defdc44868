"""Packed ballots: a mapping like a dict, for every key and every ballot that a log may hold."""

from collections.abc import MutableMapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from livevote.domain.kinds.choice import Choices
from livevote.domain.packed import ID_BYTES, Answers, Packed, PackedBallots, PackedSuperseded, buckets_for
from livevote.domain.state import Ballot

SALT = bytes(range(16))

ours = st.sampled_from("abc").map(lambda letter: letter * ID_BYTES)
names = st.one_of(ours, st.sampled_from(["", "ann", "a" * 21, "a" * 23, "é" * 11, "é" * 22]))
ballots = st.builds(
    Ballot,
    names,
    st.sampled_from([1, 2, 1 << 31, 1 << 32]),
    st.sampled_from([0, 65_535, 65_536]),
    st.sampled_from([-1, 0, 1_790_000_000_000, 1 << 64]),
    st.sampled_from([None, Choices((0,)), Choices((1, 2)), Choices(())]),
)
changes = st.tuples(st.booleans(), names, names, ballots)


def packed(*, buckets: int = 2) -> list[Packed[Any]]:
    """One of each kind, with the same answers, in so few buckets that keys share them."""
    answers = Answers()
    return [kind(answers, salt=SALT, buckets=buckets) for kind in (PackedBallots, PackedSuperseded)]


@given(st.lists(changes, max_size=30))
@example([(True, "a" * 22, "a" * 22, Ballot("b" * 22, 1, 0, 0, None))] * 2)
def test_it_is_a_dict(given_changes: list[tuple[bool, str, str, Ballot]]) -> None:
    for mapping in packed():
        model: MutableMapping[Any, Ballot] = {}
        for sets, voter, name, ballot in given_changes:
            key: Any = voter if isinstance(mapping, PackedBallots) else (voter, name)
            if sets:
                mapping[key] = model[key] = ballot
            else:
                assert mapping.pop(key, None) == model.pop(key, None)
            assert mapping.get(key) == model.get(key)
            assert len(mapping) == len(model)
        assert dict(mapping) == model
        assert sorted(mapping) == sorted(model)


def test_what_our_own_pages_send_is_packed_and_nothing_else() -> None:
    mapping, _ = packed()
    fits = Ballot("b" * 22, 7, 1, 1_790_000_000_000, Choices((1,)))
    mapping["a" * 22] = fits
    assert not mapping.others
    mapping["a" * 22] = other = Ballot("short", 8, 2, 1, None)
    assert mapping.others == {"a" * 22: other}
    mapping["a" * 22] = fits
    assert not mapping.others
    assert mapping["a" * 22] == fits


def test_a_key_is_not_found_across_the_border_of_two_others() -> None:
    mapping, _ = packed(buckets=1)
    first, second = "a" * 11 + "b" * 11, "c" * 11 + "d" * 11
    ballot = Ballot("i" * 22, 1, 0, 0, None)
    mapping[first] = mapping[second] = ballot
    across = "b" * 11 + "c" * 11
    assert across not in mapping
    mapping[across] = changed = Ballot("j" * 22, 2, 0, 0, None)
    assert (mapping[first], mapping[across], mapping[second]) == (ballot, changed, ballot)


def test_what_is_not_there_is_a_key_error() -> None:
    for mapping, key in zip(packed(), ("a" * 22, ("a" * 22, "b" * 22)), strict=True):
        with pytest.raises(KeyError):
            mapping[key]
        with pytest.raises(KeyError):
            del mapping[key]


def test_buckets_are_taken_over_whole() -> None:
    source, _ = packed(buckets=4)
    for number in range(40):
        source[f"{number:022}"] = Ballot(f"{number:022}", number, 0, number, Choices((number % 3,)))
    source["odd"] = Ballot("odd", 1, 0, 0, None)
    target = PackedBallots(Answers(source.answers.all), salt=SALT, buckets=4)
    sizes = [int.from_bytes(source.sizes()[at : at + 4], "little") for at in range(0, 16, 4)]
    for number, bucket in enumerate(source.buckets):
        assert bucket is not None
        assert len(bucket[0]) == sizes[number] * ID_BYTES
        target.fill(number, bytes(bucket[0]), bytes(bucket[1]))
    assert len(target) == sum(sizes) == 40
    assert dict(target) == {key: ballot for key, ballot in source.items() if key != "odd"}


def test_the_salt_says_which_bucket() -> None:
    places = set()
    for salt in (bytes(16), SALT):
        mapping = PackedBallots(Answers(), salt=salt, buckets=1 << 16)
        mapping["a" * 22] = Ballot("b" * 22, 1, 0, 0, None)
        places |= {number for number, bucket in enumerate(mapping.buckets) if bucket}
    assert len(places) == 2


def test_buckets_grow_with_what_is_expected() -> None:
    assert [buckets_for(size) for size in (0, 32 * 1024, 32 * 1025, 1_000_000)] == [1024, 1024, 2048, 32768]


def test_answers_are_numbered_once() -> None:
    answers = Answers()
    assert [answers.number(each) for each in (None, Choices((1,)), Choices((0,)), Choices((1,)))] == [0, 1, 2, 1]
    assert answers.all == [None, Choices((1,)), Choices((0,))]
    assert Answers(answers.all).number(Choices((0,))) == 2
