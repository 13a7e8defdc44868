"""Files of both forms: what they say, and every mistake with its line."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.commands import AddQuestion
from livevote.plan import Problem, decoded, fields, is_sheet, nodes, read_questions, read_room
from tests.history import created
from tests.plan.cases import ROOM, SHEET, content, errors, made, room

SINGLE = "title: T\nquestions:\n  - question: Q?\n    options: [a, b]\n"


def test_a_room_file_makes_its_room() -> None:
    assert content(made(read_room("room.yaml", ROOM))) == content(room())


def test_a_sheet_makes_its_questions_in_a_room_that_is_named() -> None:
    history = made(read_room("sheet.csv", SHEET, title="Spring meeting"))
    first, second = history.room.questions.values()
    assert (first.kind.name, first.text, first.options) == ("single", "Tea or coffee?", ("Tea", "Coffee"))
    assert (second.text, second.options) == ("Which, if any?", ("Roof", "=1+1", "Party"))
    assert (second.stored_rules, second.changeable) == (b'{"max":2,"min":0}', False)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + SHEET,
        SHEET.replace("\n", "\r\n"),
        "kind;question;Option_1;OPTION 2;option;rules;changeable\nsingle;Tea or coffee?;Tea;Coffee;\n\n;;;\n"
        'multiple;Which, if any?;Roof;"\'=1+1";Party;{min: 0, max: 2};no;;\n',
        "Question\tKind\toption\toption\toption\tRules\tChangeable\nTea or coffee?\t\tTea\tCoffee\n"
        "Which, if any?\tmultiple\tRoof\t'=1+1\tParty\t{min: 0, max: 2}\tno\n",
    ],
)
def test_a_sheet_may_be_saved_by_any_spreadsheet(text: str) -> None:
    wanted = made(read_room("sheet.csv", SHEET, title="Spring meeting"))
    assert content(made(read_room("sheet.csv", text, title="Spring meeting"))) == content(wanted)


def test_a_list_of_questions_is_a_file_for_a_room_that_is_there() -> None:
    reading = read_questions("more.yaml", "- question: Q?\n  options: [a, b]\n- question: R?\n  options: [c, d]\n")
    assert [planned.command.text for planned in reading.plan.questions] == ["Q?", "R?"]
    assert errors(reading, room=created()) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [(1, "the file is empty")]),
        ("# only this\n", [(1, "the file is empty")]),
        ("title: [a]\n", [(1, "'title' is a text"), (1, "the room has no title")]),
        ("just words\n", [(1, "a room file begins with 'title: ...'")]),
        ("- question: Q?\n  options: [a, b]\n", [(1, "the room has no title")]),
        ("questions: []\n", [(1, "the room has no title")]),
        ("title: T\nquestions: 5\n", [(2, "'questions' is a list")]),
        ("title: T\nquestions:\n  - Tea?\n", [(3, "a question begins with '- question: ...'")]),
        ("title: T\ntitle: U\n", [(2, "'title' is here twice, first on line 1")]),
        ("title: T\nquestion: Q\n", [(2, "'question' is not known here: a room has title")]),
        ("title: T\nreceipts: 5\n", [(2, "'receipts' is yes or no")]),
        ("title: T\nlinked: perhaps\n", [(2, "'linked' is yes or no")]),
        ("title: T\nboard: 5\n", [(2, "'board' is yes, no or what is special about it: Expected object, got int")]),
        ("title: T\nboard:\n  per_voter: 21\n", [(3, "Expected int <= 20")]),
        ("title: T\nboard: {size: 3}\n", [(2, "unknown field size")]),
        ("title: T\nembedding: '*'\n", [(2, "'embedding' is a list")]),
        ("title: T\nembedding: [[a]]\n", [(2, "'embedding' is a list")]),
        ("title: T\nembedding: [slides]\n", [(2, "site 1 is no address")]),
        ("title: T\nlanguage: tlh\n", [(2, "The pages do not speak this language: they speak en")]),
        (SINGLE.replace("T", "x" * 201).replace("b]", "a]"), [(1, "title"), (3, "two options are the same")]),
        ("title: 'T\n", [(2, "this is no YAML: while scanning a quoted scalar")]),
        ("title: T\n\tquestions: []\n", [(2, "this is no YAML")]),
        ("title: a\x07b\n", [(1, "a character here must not be in a text")]),
        ("title: T\n\n# c\nlanguage: e\x00n\n", [(4, "a character here must not be in a text")]),
        ("title: T\n\nlanguage: \ufffd\n", [(3, "save the file as UTF-8")]),
        ("title: &a T\nlanguage: *a\n", [(1, "is used again with *")]),
        ("title: !!python/name:os.system T\n", [(1, "the tag tag:yaml.org,2002:python/name")]),
        ("title: !mine T\n", [(1, "the tag !mine is not known here")]),
        ("a: " + "[" * 5000, [(1, "it is nested too deeply")]),
        ("a: b\nc: " + "[" * 21 + "]" * 21, [(2, "it is nested too deeply")]),
        ("a:\n" + "- " * 21 + "b", [(2, "it is nested too deeply")]),
        ("title: T\na: " + "[" * 19 + "b" + "]" * 19, [(2, "'a' is not known here")]),
        ("title: T\na:\n" + "- " * 19 + "b", [(2, "'a' is not known here")]),
        (SINGLE + "    answers: [1]\n", [(5, "'answers' is not known here: a question has kind, question, options")]),
        (SINGLE + "    question: R?\n", [(5, "'question' is here twice, first on line 3")]),
        (SINGLE.replace("[a, b]", "Tea"), [(4, "'options' is a list")]),
        (SINGLE.replace("[a, b]", "\n      - a\n      - b: c"), [(6, "an option is a text")]),
        (SINGLE.replace("[a, b]", "\n      - a\n      - ''"), [(6, "option 2 is empty")]),
        (SINGLE.replace("[a, b]", "[a]"), [(3, "a question needs 2 to 50 options, this one has 1")]),
        (SINGLE.replace("Q?", "[Q]"), [(3, "'question' cannot be this")]),
        (SINGLE + "    changeable: maybe\n", [(5, "'changeable' cannot be this: Expected bool, got str")]),
        (SINGLE + "    kind: guess\n", [(3, "There is no such kind of question")]),
        (SINGLE + "    kind: multiple\n    rules: {max: 9}\n", [(6, "rules need 0 <= min <= max <= 2")]),
        (SINGLE + "    kind: multiple\n    rules:\n      max: 0o17\n", [(6, "these rules cannot be read")]),
        (SINGLE + "  - question: ' '\n    options: [a, b]\n", [(5, "a question's text has 1 to 500 characters")]),
    ],
)  # fmt: skip
def test_every_mistake_of_a_room_file_names_its_line(text: str, found: list[tuple[int, str]]) -> None:
    told = errors(read_room("room.yaml", text))
    assert [line for line, _ in told] == [line for line, _ in found]
    for (_, words), (_, wanted) in zip(told, found, strict=True):
        assert wanted in words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [(1, "the sheet is empty")]),
        ("\n;;\n", [(1, "the sheet is empty")]),
        ("Tea or coffee?,Tea,Coffee\n", [(1, "the first row names the columns")]),
        ("question,option,colour\nQ?,a,b\n", [(1, "the column 'colour' is not known")]),
        ("question,question,option\nQ?,a,b\n", [(1, "the column 'question' is here twice")]),
        ('question,option,option\n"Q\n?",a,b\nR?,a\n', [(4, "a question needs 2 to 50 options, this one has 1")]),
        ("question,option,option\n\nQ?,a,b,c\n", [(3, "more cells than the 3 columns")]),
        ("question,option,option,option\nQ?,a,,c\n", [(2, "option 2 is empty")]),
        ("question,option,option,changeable\nQ?,a,b,maybe\n", [(2, "'changeable' cannot be this")]),
        ("question,option,option,rules\nQ?,a,b,{min\n", [(2, "column 'rules': this is no YAML")]),
        ('question,option,option\nQ?,a,"b\n', [(2, "this is no CSV")]),
        ('question,option,option\nQ?,a,b\nR?,"a"x,b\n', [(3, "this is no CSV")]),
        ("question,option\n\ufffd?,b\n", [(2, "save the file as UTF-8")]),
    ],
)
def test_every_mistake_of_a_sheet_names_its_line(text: str, found: list[tuple[int, str]]) -> None:
    told = errors(read_room("sheet.CSV", text, title="T"))
    assert [line for line, _ in told] == [line for line, _ in found]
    for (_, words), (_, wanted) in zip(told, found, strict=True):
        assert wanted in words


def test_a_comment_in_a_cell_is_nothing() -> None:
    reading = read_room("sheet.csv", "question,option,option,rules\nQ?,a,b,# none\n", title="T")
    assert errors(reading) == []


def test_a_sheet_without_a_title_is_told_what_it_needs() -> None:
    ((line, words),) = errors(read_room("sheet.csv", SHEET))
    assert (line, "a sheet is given one" in words) == (1, True)


@pytest.mark.parametrize(
    ("reading", "found"),
    [
        (read_room("r.yaml", "title: T\n"), [(1, "there are no questions")]),
        (read_room("r.yaml", "title: T\n\nquestions: []\n"), [(3, "there are no questions")]),
        (read_room("r.yaml", SINGLE + "  - question: q?\n    options: [a, b]\n"), [(5, "same question is on line 3")]),
        (
            read_room("r.yaml", SINGLE.replace("Q?", "Q\u200b?").replace("[a, b]", "\n    - a\u202e\n    - b")),
            [(3, "invisible characters are left out here"), (5, "invisible characters are left out here")],
        ),
        (read_questions("r.yaml", SINGLE), [(1, "the room keeps its own 'title'")]),
        (read_questions("r.yaml", "title: [a]\n"), []),
        (read_room("r.yaml", SINGLE), []),
    ],
)  # fmt: skip
def test_what_is_most_likely_a_mistake_is_a_warning(reading: object, found: list[tuple[int, str]]) -> None:
    told = [(each.line, each.text) for each in reading.warnings]  # type: ignore[attr-defined]
    assert [line for line, _ in told] == [line for line, _ in found]
    for (_, words), (_, wanted) in zip(told, found, strict=True):
        assert wanted in words


def test_bytes_are_utf8_or_the_line_is_named() -> None:
    assert decoded("\ufeffCaf\u00e9".encode()) == "Caf\u00e9"
    assert decoded(b"title: T\nlanguage: \xe9\n") == Problem(
        2, "a character cannot be read: save the file as UTF-8 (in a spreadsheet: 'CSV UTF-8')"
    )


def test_the_name_tells_the_form() -> None:
    assert [is_sheet(name) for name in ("a.csv", "A.CSV", "a.yaml", "a.yml", "a", "a.tsv")] == [
        *(True, True, False, False, False, True)
    ]


def test_every_field_of_the_command_can_be_in_a_file() -> None:
    assert set(fields.FIELDS) == {"question", *AddQuestion.__struct_fields__} - {"text", "salt"}


def test_a_field_that_the_command_learns_later_is_read_by_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(AddQuestion, tag="later", frozen=True):
        seconds: int | None = None
        pace: str = "slow"

    later = {fields.NAMES.get(each.name, each.name): each for each in msgspec.structs.fields(Later)}
    monkeypatch.setattr(fields, "FIELDS", later)
    monkeypatch.setattr(fields, "AddQuestion", Later)
    reading = read_room("r.yaml", SINGLE + "    seconds: 30\n    pace: 2\n")
    (planned,) = reading.plan.questions
    assert planned.command == Later("single", "Q?", ("a", "b"), seconds=30, pace="2")
    assert read_room("r.yaml", SINGLE + "    seconds: soon\n").errors[0].line == 5


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200) | st.text(" \n\t-:[]{}'\"#&*!|>,;aq", max_size=60))
def test_no_text_makes_a_reader_fall(text: str) -> None:
    for name in ("r.yaml", "s.csv"):
        for before in ("", "title: T\nquestions:\n  - question: ", "question,option,rules\n"):
            errors(read_room(name, before + text, title="T"))


def test_values_are_what_they_look_like() -> None:
    text = "{a: [1, -2, 1.5, yes, Off, ~, 010, 1:30, .inf, 2026-11-23, '5', !!bool maybe], b: {c: d}}"
    root = nodes.tree(text)
    assert root is not None
    assert nodes.value_of(root) == {
        "a": [1, -2, 1.5, True, False, None, *("010", "1:30", ".inf", "2026-11-23", "5", "maybe")],
        "b": {"c": "d"},
    }


def test_rules_that_are_left_empty_are_none() -> None:
    (planned,) = read_room("r.yaml", SINGLE + "    rules:\n").plan.questions
    assert bytes(planned.command.rules) == b"{}"
