"""The one table that a run prints."""

import pytest

from bench.table import Row, markdown, markdown_facts, markdown_warnings, number, plain, plain_facts, values

FACTS = [("CPU", "Some Model"), ("file system", "ext4")]
ROWS = [
    Row("burst", "answer p95", 123.4, "ms", 250),
    Row("burst", "answer p99", 1234.5, "ms", 250),
    Row("joins", "refused", 0),
]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (12345, "12,345"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (123.4, "123"),
        (12345.6, "12,346"),
        ("as is", "as is"),
    ],
)
def test_numbers_have_about_three_digits(value: float | str, text: str) -> None:
    assert number(value) == text


def test_plain_text_is_aligned() -> None:
    assert plain(ROWS).splitlines() == [
        "scenario  figure      value  unit  target",
        "--------  ----------  -----  ----  --------------",
        "burst     answer p95    123  ms    < 250",
        "burst     answer p99  1,234  ms    < 250 (missed)",
        "joins     refused         0",
    ]
    assert plain_facts(FACTS).splitlines() == ["CPU          Some Model", "file system  ext4"]


def test_markdown_has_the_same_rows() -> None:
    lines = markdown([*ROWS, Row("a|b", "c", 1)]).splitlines()
    assert lines[:2] == ["| scenario | figure | value | unit | target |", "|---|---|---:|---|---|"]
    assert lines[3] == "| burst | answer p99 | 1,234 | ms | < 250 (missed) |"
    assert lines[5] == "| a\\|b | c | 1 |  |  |"
    assert markdown_facts(FACTS).splitlines() == ["- CPU: Some Model", "- file system: ext4"]
    assert markdown_warnings(["too busy"]) == "- **Warning:** too busy"


def test_plain_values_are_not_rounded() -> None:
    found = values(ROWS)
    assert found[1] == {
        "scenario": "burst",
        "figure": "answer p99",
        "value": 1234.5,
        "unit": "ms",
        "target": 250,
        "missed": True,
    }
    assert found[2]["target"] is None


def test_a_target_is_missed_from_its_limit_on() -> None:
    assert Row("a", "b", 250.0, "ms", 250).missed
    assert not Row("a", "b", 249.9, "ms", 250).missed
    assert not Row("a", "b", 249.9).missed
