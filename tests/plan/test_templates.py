"""The rooms that come with livevote make rooms, without a word of warning."""

import pytest

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
