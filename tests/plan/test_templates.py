"""The rooms that come with livevote make rooms, without a word of warning."""

import pytest

from livevote.domain.kinds import KINDS
from livevote.plan import Template, read_room, templates
from tests.plan.cases import errors, made

NAMES = ("lecture", "meeting", "quiz", "retrospective", "workshop")


def test_there_are_five() -> None:
    assert tuple(template.name for template in templates()) == NAMES


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.name)
def test_each_is_a_room(template: Template) -> None:
    reading = read_room(f"{template.name}.yaml", template.text)
    assert errors(reading) == []
    assert reading.warnings == ()
    state = made(reading).room
    assert (state.title, len(state.questions)) == (template.title, template.questions)
    assert template.questions >= 3
    assert template.about.endswith(".")


def test_together_they_show_what_there_is_to_ask() -> None:
    readings = [read_room(f"{template.name}.yaml", template.text) for template in templates()]
    kinds = {planned.command.kind for reading in readings for planned in reading.plan.questions}
    assert kinds == set(KINDS) - {"image"}, "pictures are not in a file"


def test_what_earns_points_adds_them_up() -> None:
    for template in templates():
        state = made(read_room(f"{template.name}.yaml", template.text)).room
        assert state.linked is any(question.quiz is not None for question in state.questions.values()), template.name
