"""The fast way to the rows of ``ballots.csv`` gives the bytes of the plain one, whatever stands in the log."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.records import BallotCast, Entry, Opening, QuestionDefined, QuestionEdited, Record
from livevote.export import ballots
from livevote.export.cells import csv_rows
from livevote.export.source import Replaced
from tests.export.cases import HOSTILE
from tests.history import AT, CODE, SALT

_RULES = msgspec.Raw(b'{"max":2,"min":1}')
_TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.from_regex(r"[A-Za-z0-9_-]{22}", fullmatch=True),
)
_INSTANTS = st.one_of(
    st.integers(AT, AT + 5000),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, -1, 999, 1000, 2**32 * 1000 - 1, 2**32 * 1000, 2**33 * 1000 + 448]),
)
_ANSWERS = st.one_of(
    st.builds(lambda choices: {"choices": choices}, st.lists(st.integers(0, 3), max_size=3)), _TEXTS
).map(msgspec.json.encode)
_CASTS = st.builds(
    BallotCast,
    at=_INSTANTS,
    id=_TEXTS,
    voter=_TEXTS,
    question=st.sampled_from(["q1", "q2"]),
    round=st.integers(),
    rev=st.integers(),
    supersedes=st.none(),
    commitment=_TEXTS,
)


def _question(id_: str) -> st.SearchStrategy[QuestionDefined]:
    return st.builds(
        QuestionDefined,
        at=_INSTANTS,
        id=st.just(id_),
        kind=st.sampled_from(["single", "multiple"]),
        text=_TEXTS,
        options=st.tuples(_TEXTS, _TEXTS, _TEXTS),
        rules=st.just(_RULES),
        changeable=st.booleans(),
    )


_RECORDS = st.lists(
    st.one_of(
        st.tuples(_CASTS, st.none() | st.builds(Opening, st.just(SALT), _ANSWERS)),
        st.tuples(_question("q1"), st.none()),
        st.tuples(_question("q2").map(lambda it: QuestionEdited(**msgspec.structs.asdict(it), version=2)), st.none()),
    ),
    max_size=12,
)


@given(first=_question("q1"), second=_question("q2"), rest=_RECORDS, replaced=st.sets(st.integers(1, 14)))
def test_rows_made_from_what_they_share_are_the_same(
    first: QuestionDefined,
    second: QuestionDefined,
    rest: list[tuple[Record, Opening | None]],
    replaced: set[int],
) -> None:
    records: list[tuple[Record, Opening | None]] = [(first, None), (second, None), *rest]
    entries = [Entry(CODE, index, record, b"", b"", opening) for index, (record, opening) in enumerate(records, 1)]
    found = Replaced(len(entries) + 14)
    found.add(replaced)
    plain = ballots.Ballots(found)
    rows = [row for entry in entries if (row := plain.row(entry)) is not None]
    assert ballots.Lines(found).of(entries) == csv_rows(rows)


def test_who_answers_in_too_many_ways_takes_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ballots, "_MOST_ANSWERS", 2)
    question = QuestionDefined(AT, "q1", "multiple", "?", ("A", "B", "C"), _RULES, changeable=True)
    casts = [
        Entry(
            CODE,
            number + 2,
            BallotCast(AT, f"b{number}", f"v{number}", "q1", 1, 0, None, ""),
            b"",
            b"",
            Opening(SALT, b'{"choices":[%d]}' % (number % 3)),
        )
        for number in range(9)
    ]
    lines = ballots.Lines(Replaced(20))
    rows = lines.of([Entry(CODE, 1, question, b"", b""), *casts]).decode().splitlines()
    assert [row[-1] for row in rows] == ["A", "B", "C"] * 3
    assert len(lines._asked["q1"]._answers) <= 2
