"""Plausible answers to questions of every kind, for the voters of a rehearsal, who do not exist.

Everybody's answers to a round follow one distribution, so that a result has favourites; each voter's own is drawn from
it. Both depend on the seed alone, not on who answers first.
"""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from livevote.domain.kinds.choice import ChoiceRules
from livevote.domain.kinds.cloud import CloudRules
from livevote.domain.kinds.estimate import EstimateRules
from livevote.domain.kinds.ranking import RankingRules
from livevote.domain.kinds.rating import RatingRules
from livevote.domain.kinds.text import TextRules
from livevote.domain.state import Question

Draw = Callable[[Question, Random, Random], dict[str, Any]]
"""An answer to a question, drawn by a voter's ``own`` chance from what the chance of ``all`` has made likely."""

_TEXTS = (
    "More time for questions",
    "Clear and to the point",
    "A bit fast in the middle",
    "More examples, please",
    "I would like to see the numbers",
    "Nothing to add",
    "Could we have the slides?",
    "Let us talk about it again next month",
    "The second part was the best",
    "Please speak louder",
    "Good idea, but who does it?",
    "I am not sure yet",
)
_TERMS = (
    "time",
    "trust",
    "team",
    "coffee",
    "focus",
    "ideas",
    "meetings",
    "quality",
    "learning",
    "courage",
    "money",
    "fun",
    "deadlines",
    "people",
    "change",
)
_LEAST_WEIGHT = 0.15
"""The least weight of an option: somebody chooses each."""


def plausible(question: Question, *, seed: str, voter: str) -> bytes | None:
    """The JSON of an answer of ``voter`` to the question's latest round; None for a kind that nobody here can answer.

    ``seed`` is the rehearsal's. The same arguments give the same answer.
    """
    draw = ANSWERS.get(question.kind.name)
    if draw is None:
        return None
    asked = f"{seed}/{question.id}/{len(question.rounds)}"
    return json.dumps(draw(question, Random(asked), Random(f"{asked}/{voter}"))).encode()


def _weights(number: int, all: Random) -> list[float]:
    """How likely each of so many things is, in no unit: some favourites, and nothing that nobody wants."""
    return [_LEAST_WEIGHT + all.expovariate(1) for _ in range(number)]


def _in_order(weights: list[float], own: Random) -> list[int]:
    """All places, drawn one after the other, the likely ones first (Efraimidis and Spirakis)."""
    return sorted(range(len(weights)), key=lambda place: own.random() ** (1 / weights[place]), reverse=True)


def _near(centre: float, spread: float, low: int, high: int, own: Random) -> int:
    """A whole number from ``low`` to ``high``, most likely about ``centre``."""
    return min(high, max(low, round(own.gauss(centre, spread))))


def _one(question: Question, all: Random, own: Random) -> dict[str, Any]:
    return {"choices": _in_order(_weights(len(question.options), all), own)[:1]}


def _some(question: Question, all: Random, own: Random) -> dict[str, Any]:
    rules = question.rules
    assert isinstance(rules, ChoiceRules)
    wanted = min(rules.max, max(rules.min, 1 + int(own.expovariate(1))))
    return {"choices": _in_order(_weights(len(question.options), all), own)[:wanted]}


def _approved(question: Question, all: Random, own: Random) -> dict[str, Any]:
    liked = [all.uniform(0.1, 0.75) for _ in question.options]
    return {"choices": [place for place, chance in enumerate(liked) if own.random() < chance]}


def _yes_or_no(question: Question, all: Random, own: Random) -> dict[str, Any]:  # noqa: ARG001 - there are no options
    yes = all.uniform(0.3, 0.75)
    return {"choices": own.choices((0, 1, 2), (yes, 0.9 - yes, 0.1))}


def _grade(question: Question, all: Random, own: Random) -> dict[str, Any]:
    rules = question.rules
    assert isinstance(rules, RatingRules)
    reach = rules.top - rules.low
    return {"value": _near(rules.low + reach * all.uniform(0.4, 0.85), reach / 5, rules.low, rules.top, own)}


def _guess(question: Question, all: Random, own: Random) -> dict[str, Any]:
    rules = question.rules
    assert isinstance(rules, EstimateRules)
    reach = rules.max - rules.min
    centre = rules.min + reach * all.uniform(0.3, 0.7) if rules.truth is None else float(rules.truth)
    return {"value": _near(centre, reach / 7, rules.min, rules.max, own)}


def _ranked(question: Question, all: Random, own: Random) -> dict[str, Any]:
    rules = question.rules
    assert isinstance(rules, RankingRules)
    options = len(question.options)
    return {"order": _in_order(_weights(options, all), own)[: own.randint(rules.top, options)]}


def _said(question: Question, all: Random, own: Random) -> dict[str, Any]:
    rules = question.rules
    assert isinstance(rules, TextRules)
    (text,) = own.choices(_TEXTS, _weights(len(_TEXTS), all))
    return {"text": text[: rules.max_chars].strip()}


def _terms(question: Question, all: Random, own: Random) -> dict[str, Any]:
    rules = question.rules
    assert isinstance(rules, CloudRules)
    places = _in_order(_weights(len(_TERMS), all), own)[: own.randint(1, rules.max_terms)]
    return {"terms": [_TERMS[place][: rules.max_chars] for place in places]}


ANSWERS: dict[str, Draw] = {
    "approval": _approved,
    "cloud": _terms,
    "estimate": _guess,
    "image": _one,
    "multiple": _some,
    "ranking": _ranked,
    "rating": _grade,
    "single": _one,
    "text": _said,
    "yesno": _yes_or_no,
}
