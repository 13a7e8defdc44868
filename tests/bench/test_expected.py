"""The checks that make a bench that loses votes a failing bench."""

import pytest

from bench.expected import BenchError, check_indexes, check_tally, counts_of


def test_choices_are_counted_by_option() -> None:
    assert counts_of([0, 2, 2, 0, 2], 4) == (2, 0, 3, 0)


def test_the_recorded_tally_passes() -> None:
    check_tally("here", expected=(2, 0, 3), counts=(2, 0, 3), voters=5)


@pytest.mark.parametrize(
    ("counts", "voters", "sentence"),
    [
        ((2, 0, 2), 4, "here: 5 voters have a recorded vote, but the tally knows 4."),
        ((2, 0, 2), 5, "here: the counts add up to 4, but 5 voted."),
        ((2, 1, 2), 5, r"here: the tally is \[2, 1, 2\], but \[2, 0, 3\] was recorded."),
    ],
)
def test_a_tally_that_differs_fails_with_a_sentence(counts: tuple[int, ...], voters: int, sentence: str) -> None:
    with pytest.raises(BenchError, match=sentence):
        check_tally("here", expected=(2, 0, 3), counts=counts, voters=voters)


def test_as_many_records_as_answers_pass() -> None:
    check_indexes("here", [6, 4, 5], before=3, head=6)


def test_an_index_given_twice_fails() -> None:
    with pytest.raises(BenchError, match="same log index"):
        check_indexes("here", [4, 4], before=3, head=5)


def test_a_record_without_an_answer_fails() -> None:
    with pytest.raises(BenchError, match="grew by 3 records, but 2 votes"):
        check_indexes("here", [4, 5], before=3, head=6)
