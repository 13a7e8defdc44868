"""A room as YAML: its title, its settings and a list of questions."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from livevote.domain.commands import SwitchBoard
from livevote.plan import nodes
from livevote.plan.fields import Draft
from livevote.plan.plan import UNREADABLE, Plan, Planned, Problem, Reading

_TRUTHS = ("receipts", "replay_public", "linked", "reactions")
_KEYS = ("title", "language", *_TRUTHS, "board", "embedding", "questions")


class _Board(msgspec.Struct, forbid_unknown_fields=True):
    """How a board differs from what it is by default."""

    approval: bool = True
    per_voter: Annotated[int, msgspec.Meta(ge=1, le=20)] = 5


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
        elif isinstance(setting := _setting(name, line, value), Problem):
            errors.append(setting)
        else:
            given[name] = setting
        lines.setdefault(name, line)
    plan = Plan(**{"title": "", **given}, questions=questions, lines=lines)
    return Reading(plan, tuple(sorted(errors)))


def _setting(name: str, line: int, node: nodes.Node) -> Any:
    """What the file says of a setting; a ``Problem`` where it cannot be that."""
    if name in _TRUTHS:
        truth = nodes.value_of(node)
        return truth if isinstance(truth, bool) else Problem(line, f"'{name}' is yes or no")
    if name == "board":
        return _board(node)
    if name == "embedding":
        listed = nodes.items(node)
        sites = None if listed is None else tuple(nodes.text_of(site) for site in listed)
        if sites is None or None in sites:
            return Problem(line, "'embedding' is a list, such as [https://slides.example.org]")
        return sites
    words = nodes.text_of(node)
    return Problem(line, f"'{name}' is a text") if words is None else words


def _board(node: nodes.Node) -> SwitchBoard | Problem | None:
    wanted = nodes.value_of(node)
    if wanted is False:
        return None
    try:
        board = msgspec.convert({} if wanted is True else wanted, _Board)
    except msgspec.ValidationError as error:
        return Problem(nodes.line(node), f"'board' is yes, no or what is special about it: {error}".replace("`", ""))
    return SwitchBoard(on=True, approval=board.approval, per_voter=board.per_voter)


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
