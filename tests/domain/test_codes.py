"""One-time codes in the rules: lists come before they are needed, a code is used once, and it bounds the ballots."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.codes import MAX_COUNT, MAX_LISTS, root_of
from livevote.domain.commands import AddQuestion, AskAgain, CloseVoting, Command, IssueCodes, OpenVoting, UseCode
from livevote.domain.records import CodesIssued, CodeUsed, Draft, VotingOpened
from livevote.domain.refusals import Code, Refusal
from livevote.domain.room import BrokenLogError, Repeat, fits
from tests.history import AT, CODE, OPTIONS, ballot, by_code, cast, created

ROOT, OTHER = "0a" * 32, "0b" * 32


def refused(decision: object) -> Code:
    assert isinstance(decision, Refusal)
    return decision.code


def test_a_list_is_numbered_in_the_order_in_which_it_was_issued() -> None:
    history = created().did(IssueCodes(1, ROOT), IssueCodes(MAX_COUNT, OTHER))
    at = AT + 1
    assert history.room.code_lists == [CodesIssued(at, 1, 1, ROOT), CodesIssued(at + 1, 2, MAX_COUNT, OTHER)]


def test_a_root_is_the_merkle_tree_hash_over_the_hashes() -> None:
    one, two, three = (bytes([number]) * 32 for number in range(3))
    leaves = [sha256(b"\x00" + each).digest() for each in (one, two, three)]
    pair = sha256(b"\x01" + leaves[0] + leaves[1]).digest()
    assert root_of([one, two, three]) == sha256(b"\x01" + pair + leaves[2]).digest()


@pytest.mark.parametrize("count", [0, -1, MAX_COUNT + 1])
def test_a_list_is_neither_empty_nor_endless(count: int) -> None:
    history = created()
    assert refused(history.do(IssueCodes(count, ROOT))) is Code.BAD_CODES
    assert not fits(history.room, CodesIssued(AT, 1, count, ROOT))


def test_a_list_is_issued_once_and_a_room_has_not_many() -> None:
    history = created().did(IssueCodes(3, ROOT))
    assert refused(history.do(IssueCodes(3, ROOT))) is Code.BAD_CODES
    assert not fits(history.room, CodesIssued(AT, 2, 3, ROOT))
    for number in range(1, MAX_LISTS):
        history.did(IssueCodes(3, f"{number:064x}"))
    assert refused(history.do(IssueCodes(3, OTHER))) is Code.BAD_CODES
    assert not fits(history.room, CodesIssued(AT, MAX_LISTS + 1, 3, OTHER))


@pytest.mark.parametrize(("list_", "root"), [(0, ROOT), (2, ROOT), (1, ROOT[2:]), (1, ROOT.upper()), (1, ROOT + "0a")])
def test_a_list_out_of_its_order_or_without_a_root_does_not_fit(list_: int, root: str) -> None:
    assert not fits(created().room, CodesIssued(AT, list_, 3, root))
    assert fits(created().room, CodesIssued(AT, 1, 3, ROOT))


def test_no_code_is_issued_while_voting_by_code_is_open() -> None:
    history = by_code()
    assert refused(history.do(IssueCodes(3, OTHER))) is Code.CODES_IN_USE
    assert not fits(history.room, CodesIssued(AT, 2, 3, OTHER))
    history.did(CloseVoting("q1"), IssueCodes(3, OTHER), AddQuestion("single", "By browser?", OPTIONS))
    history.did(OpenVoting("q2"), IssueCodes(3, "0c" * 32))


def test_voting_by_code_opens_only_in_a_room_with_codes() -> None:
    history = created().did(AddQuestion("single", "Who?", OPTIONS, level="code"))
    assert refused(history.do(OpenVoting("q1"))) is Code.CODES_MISSING
    assert not fits(history.room, VotingOpened(AT, "q1", 1))
    history.did(IssueCodes(3, ROOT), OpenVoting("q1"), CloseVoting("q1"), AskAgain("q1"))


def test_a_code_is_used_once_whoever_comes_second() -> None:
    history = by_code(used=1)
    assert history.room.used_codes == {(1, 0): "browser0"}
    assert refused(history.do(UseCode(1, 0, "browser0"))) is Code.CODE_USED
    assert refused(history.do(UseCode(1, 0, "other"))) is Code.CODE_USED
    assert not fits(history.room, CodeUsed(AT, 1, 0, "other"))
    history.did(CloseVoting("q1"), UseCode(1, 1, "browser0"))


@pytest.mark.parametrize(("list_", "place"), [(0, 0), (2, 0), (-1, 0), (1, 5), (1, -1)])
def test_a_code_that_was_never_issued_is_none(list_: int, place: int) -> None:
    history = by_code()
    assert refused(history.do(UseCode(list_, place, "ann"))) is Code.UNKNOWN_CODE
    assert not fits(history.room, CodeUsed(AT, list_, place, "ann"))
    assert fits(history.room, CodeUsed(AT, 1, 4, "ann"))


def test_a_ballot_by_code_needs_a_code_that_was_entered() -> None:
    history = by_code(used=1)
    for code in (None, (1, 1), (2, 0)):
        assert refused(history.do(cast("ann", 0, code=code))) is Code.NO_CODE
    history.did(cast("ann", 0, id="one", code=(1, 0)), cast("ann", 1, id="two", code=(1, 0)))
    assert isinstance(history.do(cast("ann", 0, id="one", code=(1, 0))), Repeat)
    assert history.round().tally.counts() == (0, 1, 0)
    assert refused(history.do(cast("ann", 0, id="one"))) is Code.NO_CODE


def test_a_question_for_browsers_asks_for_no_code() -> None:
    history = created().did(AddQuestion("single", "Who?", OPTIONS), OpenVoting("q1"))
    history.did(cast("ann", 0), cast("bob", 0, code=(1, 7)))


def test_there_are_never_more_voters_than_codes_that_were_entered() -> None:
    history = by_code(used=2).did(cast("ann", 0, code=(1, 0)), cast("bob", 0, code=(1, 1)))
    assert refused(history.do(cast("eve", 0, code=(1, 0)))) is Code.NO_CODE
    with pytest.raises(BrokenLogError, match="record 9 does not fit"):
        history.put(ballot("eve", 0))
    history.did(cast("bob", 1, code=(1, 1)), UseCode(1, 4, "browser4"), cast("eve", 2, code=(1, 4)))
    assert history.round().tally.counts() == (1, 1, 1)
    history.did(CloseVoting("q1"), AskAgain("q1"), *(cast(who, 0, round=2, code=(1, 0)) for who in ("x", "y", "z")))
    with pytest.raises(BrokenLogError):
        history.put(ballot("eve", 0, round=2))


commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(IssueCodes, st.integers(0, 3), st.sampled_from([ROOT, OTHER, "0c" * 32])),
    st.builds(UseCode, st.integers(0, 3), st.integers(-1, 3), st.sampled_from("ab")),
    st.builds(
        lambda voter, choice, code, question, round: cast(
            voter, choice, id=f"{voter}{choice}", question=question, round=round, code=code
        ),
        st.sampled_from("abcde"),
        st.integers(0, 2),
        st.none() | st.tuples(st.integers(1, 2), st.integers(0, 2)),
        st.sampled_from(["q1", "q1", "q2"]),
        st.integers(1, 2),
    ),
    st.sampled_from([action(question) for action in (OpenVoting, CloseVoting, AskAgain) for question in ("q1", "q2")]),
)


@given(st.lists(commands, max_size=60))
def test_i19_what_is_decided_fits_and_codes_bound_the_voters(given_commands: list[Command]) -> None:
    history = created()
    history.did(*(AddQuestion("single", level, OPTIONS, level=level) for level in ("code", "browser")))
    used: set[tuple[int, int]] = set()
    issued = 0
    for command in given_commands:
        decision = history.do(command)  # folds what was decided, or raises
        if not isinstance(decision, Draft):
            continue
        record = decision.record
        if isinstance(record, CodeUsed):
            assert (record.list, record.place) not in used
            used.add((record.list, record.place))
        elif isinstance(record, CodesIssued):
            assert history.question().phase != "open"
            issued += record.count
        for asked in history.question().rounds:
            assert issued
            assert asked.voters <= len(used) <= issued
    assert history.entries[0].room == CODE
