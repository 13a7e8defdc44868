"""A room as YAML: its title, its settings and a list of questions."""

from collections.abc import Iterator
from typing import Any

from livevote.plan import nodes
from livevote.plan.fields import Draft
from livevote.plan.plan import UNREADABLE, Plan, Planned, Problem, Reading

_TRUTHS = ("receipts", "replay_public")
_KEYS = ("title", "language", *_TRUTHS, "questions")


def read(text: str) -> Reading:
    """The plan of a room file, or of a list of questions alone. Its errors name lines; it never raises."""
    try:
        root = nodes.tree(text)
    except nodes.FileError as error:
        return Reading(UNREADABLE, (error.problem,))
    if root is None:
        return Reading(UNREADABLE, (Problem(1, "the file is empty"),))
    errors: list[Problem] = []
    found = nodes.items(root)
    if found is not None:
        questions = tuple(_questions(found, errors))
        return Reading(Plan(title="", questions=questions), tuple(errors))
    pairs = nodes.pairs(root)
    if pairs is None:
        return Reading(UNREADABLE, (Problem(1, "a room file begins with 'title: ...'"),))
    given: dict[str, Any] = {}
    lines: dict[str, int] = {}
    questions = ()
    for name, line, value in pairs:
        if name not in _KEYS:
            errors.append(Problem(line, f"'{name}' is not known here: a room has {', '.join(_KEYS)}"))
        elif name in lines:
            errors.append(Problem(line, f"'{name}' is here twice, first on line {lines[name]}"))
        elif name == "questions":
            questions = tuple(_all_questions(value, errors))
        elif name in _TRUTHS:
            truth = nodes.value_of(value)
            if isinstance(truth, bool):
                given[name] = truth
            else:
                errors.append(Problem(line, f"'{name}' is yes or no"))
        else:
            words = nodes.text_of(value)
            if words is None:
                errors.append(Problem(line, f"'{name}' is a text"))
            else:
                given[name] = words
        lines.setdefault(name, line)
    plan = Plan(**{"title": "", **given}, questions=questions, lines=lines)
    return Reading(plan, tuple(sorted(errors)))


def _all_questions(value: nodes.Node, errors: list[Problem]) -> Iterator[Planned]:
    found = nodes.items(value)
    if found is None:
        errors.append(Problem(nodes.line(value), "'questions' is a list: each begins with '- question: ...'"))
        return
    yield from _questions(found, errors)


def _questions(found: list[nodes.Node], errors: list[Problem]) -> Iterator[Planned]:
    for each in found:
        pairs = nodes.pairs(each)
        if pairs is None:
            errors.append(Problem(nodes.line(each), "a question begins with '- question: ...'"))
            continue
        draft, lines = Draft(nodes.line(each)), dict[str, int]()
        for name, line, value in pairs:
            if name in lines:
                problem: Problem | None = Problem(line, f"'{name}' is here twice, first on line {lines[name]}")
            else:
                problem = draft.take(name, line, value)
            lines.setdefault(name, line)
            if problem is not None:
                errors.append(problem)
        if (planned := draft.finish()) is not None:
            yield planned
