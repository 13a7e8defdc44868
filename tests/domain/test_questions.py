"""A question as a definition for another room: nothing of it is lost, and nothing of its rounds comes along."""

import msgspec
import pytest

from livevote.domain.commands import AddQuestion, OpenVoting
from livevote.domain.questions import definition
from livevote.domain.records import QuestionDefined
from livevote.domain.state import Question
from tests.domain.kinds.test_laws import Sample, every_sample
from tests.history import AT, cast, created, opened


@every_sample
@pytest.mark.parametrize("changeable", [True, False])
def test_the_definition_of_a_question_is_the_one_it_was_made_from(name: str, sample: Sample, changeable: bool) -> None:
    rules = msgspec.Raw(msgspec.json.encode(sample.rules))
    history = created().did(AddQuestion(name, "Which?", sample.options, rules, changeable), OpenVoting("q1"))
    record = history.entries[1].record
    assert isinstance(record, QuestionDefined)
    assert definition(history.question(), record.at) == record
    assert definition(history.question(), AT + 99) == msgspec.structs.replace(record, at=AT + 99)


def test_a_defined_question_has_no_rounds() -> None:
    asked = opened().did(cast("ann", 1)).question()
    assert (len(asked.rounds), Question(definition(asked, AT)).rounds) == (1, [])


def test_whoever_adds_a_field_to_a_definition_has_to_copy_it() -> None:
    assert QuestionDefined.__struct_fields__ == ("at", "id", "kind", "text", "options", "rules", "changeable")
