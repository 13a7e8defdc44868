"""The answers of voters who do not exist: valid for every kind and all rules, plausible, and the same for one seed."""

import json
from typing import Any

import msgspec
import pytest

from livevote.domain.kinds import KINDS
from livevote.domain.refusals import Refusal
from livevote.domain.state import Question
from livevote.live.answers import ANSWERS, plausible
from tests.domain.kinds.test_laws import SAMPLES, Sample, every_sample
from tests.history import opened

FARTHEST = 2**53 - 1
MANY = tuple(f"option {number}" for number in range(50))


def asked(name: str, options: tuple[str, ...], rules: dict[str, Any]) -> Question:
    return opened(kind=name, options=options, rules=msgspec.json.encode(rules)).question()


def answers(question: Question, voters: int = 200, seed: str = "1") -> list[bytes]:
    """What so many voters answer, each of it valid."""
    found = [plausible(question, seed=seed, voter=str(voter)) for voter in range(voters)]
    for each in found:
        assert each is not None
        read = question.kind.parse(each, len(question.options), question.rules)
        assert not isinstance(read, Refusal), (each, read)
    return [each for each in found if each is not None]


def test_every_kind_there_is_has_answers() -> None:
    assert set(ANSWERS) == set(KINDS) == set(SAMPLES)


@every_sample
def test_answers_are_valid_and_differ(name: str, sample: Sample) -> None:
    question = asked(name, sample.options, sample.rules)
    assert len(set(answers(question))) > 1


@pytest.mark.parametrize(
    ("name", "options", "rules"),
    [
        ("single", MANY, {}),
        ("multiple", MANY, {"min": 50}),
        ("multiple", MANY, {"min": 0, "max": 1}),
        ("approval", MANY[:2], {}),
        ("ranking", MANY[:12], {}),
        ("ranking", MANY[:2], {"top": 1}),
        ("rating", (), {"top": 3}),
        ("estimate", (), {"min": -FARTHEST, "max": FARTHEST}),
        ("estimate", (), {"min": 0, "max": 1}),
        ("estimate", (), {"min": 0, "max": 1000, "truth": 1000}),
        ("text", (), {"max_chars": 1}),
        ("cloud", (), {"max_chars": 1, "max_terms": 5}),
    ],
)
def test_answers_are_valid_at_the_edges_of_the_rules(
    name: str, options: tuple[str, ...], rules: dict[str, Any]
) -> None:
    answers(asked(name, options, rules), voters=500)


@every_sample
def test_one_seed_gives_one_result_in_whatever_order_voters_answer(name: str, sample: Sample) -> None:
    question = asked(name, sample.options, sample.rules)
    there = {str(voter): plausible(question, seed="1", voter=str(voter)) for voter in range(30)}
    back = {str(voter): plausible(question, seed="1", voter=str(voter)) for voter in reversed(range(30))}
    assert there == back
    assert answers(question, 30, "1") != answers(question, 30, "2")


def test_a_result_has_a_favourite_and_nobody_is_left_out() -> None:
    for seed in map(str, range(20)):
        chosen = [json.loads(each)["choices"][0] for each in answers(asked("single", MANY[:4], {}), 300, seed)]
        counts = sorted(chosen.count(option) for option in range(4))
        assert counts[0] > 0
        assert counts[3] > counts[0] + 5, "as alike as dice"


def test_estimates_lie_about_the_truth() -> None:
    values = [
        json.loads(each)["value"] for each in answers(asked("estimate", (), {"min": 0, "max": 1000, "truth": 300}))
    ]
    assert 250 < sum(values) / len(values) < 350
    assert len(set(values)) > 100


def test_the_rounds_of_a_question_differ() -> None:
    question = asked("single", MANY[:6], {})
    first = answers(question)
    question.rounds.append(question.rounds[0])
    assert answers(question) != first


def test_nobody_answers_what_is_not_known_here(monkeypatch: pytest.MonkeyPatch) -> None:
    question = asked("single", MANY[:2], {})
    monkeypatch.delitem(ANSWERS, "single")
    assert plausible(question, seed="1", voter="1") is None
