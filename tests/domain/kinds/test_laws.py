"""The laws of the kind seam, held by every kind there is, over answers of all shapes that it takes."""

import json
from collections.abc import Iterable
from decimal import Decimal
from io import BytesIO
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.commands import AskAgain, CloseVoting, EraseAnswer, JudgeTerms
from livevote.domain.freeze import differences, follow, freeze, thaw
from livevote.domain.kinds import KINDS
from livevote.domain.kinds.base import Answer, Rules, Tally
from livevote.domain.records import encode
from livevote.domain.refusals import Refusal
from livevote.domain.state import Room
from livevote.log import finish
from tests.domain.kinds.cases import why
from tests.history import AT, SALT, cast, dump, opened, stored

SOME = ("Tea", "Coffee", "Water", "Nothing")
HASHES = tuple(f"{number:064x}" for number in range(4))

words = st.sampled_from(["tea", "Tea", "TEA", "Stra\u00dfe", "STRASSE", "e\u0301t\u00e9", "the", "x", "y y", " z "])


class Sample(NamedTuple):
    """A question of a kind, and what voters send."""

    rules: dict[str, Any]
    answers: st.SearchStrategy[dict[str, Any]]
    options: tuple[str, ...] = ()


def choices(least: int, most: int, of: int = 4) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"choices": st.lists(st.integers(0, of - 1), min_size=least, max_size=most, unique=True)}
    )


def numbers(low: int, high: int) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"value": st.integers(low, high)})


SAMPLES: dict[str, list[Sample]] = {
    "approval": [Sample({}, choices(0, 4), SOME)],
    "cloud": [
        Sample({}, st.fixed_dictionaries({"terms": st.lists(words, min_size=1, max_size=3)})),
        Sample(
            {"approval": True, "language": "en", "max_terms": 5},
            st.fixed_dictionaries({"terms": st.lists(words, min_size=1, max_size=5)}),
        ),
    ],
    "estimate": [
        Sample({"min": -7, "max": 7, "truth": 3}, numbers(-7, 7)),
        Sample({"min": 0, "max": 1000, "decimals": 2, "unit": "kg"}, numbers(0, 1000)),
    ],
    "image": [Sample({"pictures": HASHES}, choices(1, 1), SOME)],
    "multiple": [Sample({"min": 1, "max": 3}, choices(1, 3), SOME)],
    "ranking": [
        Sample({}, st.fixed_dictionaries({"order": st.permutations(range(4))}), SOME),
        Sample(
            {"top": 1},
            st.fixed_dictionaries({"order": st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True)}),
            SOME,
        ),
    ],
    "rating": [Sample({}, numbers(1, 5)), Sample({"style": "nps"}, numbers(0, 10))],
    "single": [Sample({}, choices(1, 1), SOME)],
    "text": [
        Sample({"approval": False}, st.fixed_dictionaries({"text": words})),
        Sample({"max_chars": 9}, st.fixed_dictionaries({"text": words})),
    ],
    "yesno": [
        Sample({"majority": majority, "eligible": 8, "quorum_percent": 50}, choices(1, 1, 3))
        for majority in ("simple", "absolute", "two_thirds")
    ],
}

every_sample = pytest.mark.parametrize(
    ("name", "sample"),
    [(name, sample) for name, samples in SAMPLES.items() for sample in samples],
    ids=[f"{name}-{number}" for name, samples in SAMPLES.items() for number in range(len(samples))],
)


def defined(name: str, sample: Sample) -> Rules:
    stored_rules = KINDS[name].define(sample.options, msgspec.json.encode(sample.rules))
    assert isinstance(stored_rules, bytes), stored_rules
    return KINDS[name].rules(stored_rules)


def parsed(name: str, sample: Sample, sent: Iterable[dict[str, Any]]) -> list[Answer]:
    rules = defined(name, sample)
    found = [KINDS[name].parse(msgspec.json.encode(each), len(sample.options), rules) for each in sent]
    assert not [each for each in found if isinstance(each, Refusal)], found
    return [each for each in found if not isinstance(each, Refusal)]


def tallied(name: str, sample: Sample, answers: Iterable[Answer]) -> Tally:
    tally = KINDS[name].empty(len(sample.options), defined(name, sample))
    for each in answers:
        tally.add(each)
    return tally


def shown(tally: Tally) -> object:
    """All that a tally shows."""
    return tally.counts(), tally.figures(), tally.terms(), dict(tally.judged)


def leaves(value: Any) -> Iterable[Any]:
    """All values in a JSON value that are no list and no object."""
    if isinstance(value, list | dict):
        for part in value if isinstance(value, list) else value.values():
            yield from leaves(part)
    else:
        yield value


def test_there_is_a_sample_of_every_kind() -> None:
    assert sorted(SAMPLES) == sorted(KINDS)


@every_sample
def test_define_takes_what_it_wrote(name: str, sample: Sample) -> None:
    kind, rules = KINDS[name], defined(name, sample)
    assert kind.define(sample.options, encode(rules)) == encode(rules)
    assert kind.rules(encode(rules)) == rules
    assert kind.rules(encode(kind.public_rules(rules))) == kind.public_rules(rules)


@every_sample
def test_a_kind_without_options_takes_none(name: str, sample: Sample) -> None:
    if not sample.options:
        detail = f"a question of the kind '{name}' takes no options"
        assert why(KINDS[name], ("Yes", "No"), msgspec.json.encode(sample.rules)) == detail


@every_sample
@pytest.mark.parametrize("sent", [b"[]", b"null", b"\xff", b"{", b'{"more":1}', b"[" * 100_000])
def test_rules_that_are_none_are_refused(name: str, sample: Sample, sent: bytes) -> None:
    assert why(KINDS[name], sample.options, sent)


@every_sample
@given(sent=st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode))
def test_define_and_parse_do_not_raise(name: str, sample: Sample, sent: bytes) -> None:
    kind = KINDS[name]
    assert isinstance(kind.define(sample.options, sent), bytes | Refusal)
    assert isinstance(kind.parse(sent, len(sample.options), defined(name, sample)), Answer | Refusal)


@every_sample
@pytest.mark.parametrize("sent", [b"", b"null", b"{}", b"\xff", b"[" * 100_000, b'{"x":' + b"[" * 100_000])
def test_what_is_no_answer_is_refused(name: str, sample: Sample, sent: bytes) -> None:
    assert isinstance(KINDS[name].parse(sent, len(sample.options), defined(name, sample)), Refusal)


@every_sample
@given(data=st.data())
def test_parse_takes_what_it_read(name: str, sample: Sample, data: st.DataObject) -> None:
    (answer,) = parsed(name, sample, [data.draw(sample.answers)])
    rules = defined(name, sample)
    again = KINDS[name].parse(encode(answer), len(sample.options), rules)
    assert again == answer
    assert isinstance(again, Answer)
    assert encode(again) == encode(answer)
    assert KINDS[name].words(answer, sample.options, rules) or encode(answer) == b'{"choices":[]}'


@every_sample
@given(data=st.data())
def test_remove_undoes_add(name: str, sample: Sample, data: st.DataObject) -> None:
    before = parsed(name, sample, data.draw(st.lists(sample.answers, max_size=8)))
    (more,) = parsed(name, sample, [data.draw(sample.answers)])
    tally = tallied(name, sample, before)
    was = shown(tally)
    tally.add(more)
    assert shown(tally) == shown(tallied(name, sample, [*before, more]))
    tally.remove(more)
    assert shown(tally) == was
    for each in before:
        tally.remove(each)
    assert shown(tally) == shown(tallied(name, sample, []))


@every_sample
@given(data=st.data(), random=st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_matter(name: str, sample: Sample, data: st.DataObject, random: Random) -> None:
    answers = parsed(name, sample, data.draw(st.lists(sample.answers, max_size=12)))
    first = shown(tallied(name, sample, answers))
    random.shuffle(answers)
    assert shown(tallied(name, sample, answers)) == first


@every_sample
@given(data=st.data())
def test_results_keep_their_laws(name: str, sample: Sample, data: st.DataObject) -> None:
    """I5, and what a result may be made of."""
    kind, rules = KINDS[name], defined(name, sample)
    answers = parsed(name, sample, data.draw(st.lists(sample.answers, max_size=12)))
    tally = tallied(name, sample, answers)
    counts, figures = tally.counts(), tally.figures()
    assert kind.conserved(counts, len(answers), rules)
    assert len(counts) == len(kind.bins(sample.options, rules)) == len(set(kind.bins(sample.options, rules)))
    assert kind.points or all(0 <= count <= len(answers) for count in counts)
    assert all(value is None or type(value) in (int, str, bool) for value in leaves(figures))
    assert json.loads(msgspec.json.encode(figures)) == figures
    for told in (
        kind.told(figures, sample.options, rules),
        kind.told(kind.solved(figures, rules), sample.options, rules),
    ):
        assert all(text and type(value) in (int, str, Decimal) for text, value in told)
    assert bool(tally.terms()) <= kind.written
    assert tally.first_terms("hidden", 1) == ()


@every_sample
@given(data=st.data())
def test_a_tally_goes_on_from_its_counts_if_they_say_enough(name: str, sample: Sample, data: st.DataObject) -> None:
    before = parsed(name, sample, data.draw(st.lists(sample.answers, max_size=8)))
    (more,) = parsed(name, sample, [data.draw(sample.answers)])
    tally = tallied(name, sample, before)
    again = KINDS[name].tally(tally.counts(), defined(name, sample))
    assert (again is None) is (name in ("cloud", "estimate", "ranking", "text"))
    if again is not None:
        assert shown(again) == shown(tally)
        again.add(more)
        assert shown(again) == shown(tallied(name, sample, [*before, more]))
        for each in before:
            again.remove(each)
        assert shown(again) == shown(tallied(name, sample, [more]))


def shadowed(entries: Iterable[Any], room: Room | None = None) -> Room:
    for entry in entries:
        room = follow(room, entry, salt=SALT, like=None)
    assert room is not None
    return room


@every_sample
@given(data=st.data())
def test_i4_a_state_that_was_frozen_shows_the_same(name: str, sample: Sample, data: st.DataObject) -> None:
    history = opened(kind=name, options=sample.options, rules=msgspec.json.encode(sample.rules))
    sent = data.draw(
        st.lists(st.tuples(st.sampled_from(["ann", "bob", "c" * 22, "d" * 22]), sample.answers), max_size=9)
    )
    for number, (voter, each) in enumerate(sent):
        history.did(cast(voter, id=f"{number:022}", raw=msgspec.json.encode(each)))
    keys = [term.key for term in history.round().tally.terms()]
    if keys:
        history.did(JudgeTerms("q1", 1, tuple(keys[::2]), False), JudgeTerms("q1", 1, (keys[-1],), True))
    if sent:
        history.do(EraseAnswer(data.draw(st.integers(4, 3 + len(sent)))))
    history.did(CloseVoting("q1"), AskAgain("q1"))
    log = stored(history.entries)
    assert dump(shadowed(log)) == dump(history.state)
    at = data.draw(st.integers(1, len(log)))
    frozen = finish(thaw(BytesIO(b"".join(freeze(shadowed(log[:at]), log[at - 1].chain))).read))
    assert dump(frozen.room) == dump(shadowed(log[:at]))
    assert dump(shadowed(log[at:], frozen.room)) == dump(history.state)
    assert "".join(differences(shadowed(log), frozen.room)) == ""
    assert KINDS[name].conserved(
        history.question().rounds[0].tally.counts(), history.question().rounds[0].voters, history.question().rules
    )
    assert history.room.created_at == AT
