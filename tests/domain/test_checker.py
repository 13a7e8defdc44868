"""A log on its way past its seals and checkpoints: what fits goes through, and the rest is named."""

from collections.abc import Iterable

import msgspec
import pytest

from livevote.domain.audit import TamperedError, leaf
from livevote.domain.checker import Checker, ContradictedError
from livevote.domain.commands import AcceptRecovery, CloseVoting, EraseAnswer, EraseRoom, SwitchReceipts
from livevote.domain.merkle import root
from livevote.domain.note import Checkpoint
from livevote.domain.records import Entry, Opening
from tests.history import CODE, SALT, History, ask, cast, linked, named, opened, quizzed, with_board

OLD = Checkpoint("livevote/7KQ2MD/0000000000000000", 3, bytes(32), bytes(32), 1)


def voted() -> History:
    """Six records: three ballots after the opening."""
    return opened().did(cast("ann", 0), cast("bob", 1), cast("eve", 2))


def at(history: History, size: int, **other: object) -> Checkpoint:
    """The checkpoint that was signed when the log had this size."""
    entries = history.entries[:size]
    whole = Checkpoint(
        history.room.origin, size, root([leaf(entry.body) for entry in entries]), entries[-1].chain, size
    )
    return msgspec.structs.replace(whole, **other)


def checked(entries: Iterable[Entry], *checkpoints: Checkpoint) -> Checker:
    checker = Checker(CODE, checkpoints)
    for entry in entries:
        checker.add(entry)
    checker.finish()
    return checker


def contradiction(history: History, *checkpoints: Checkpoint) -> ContradictedError:
    with pytest.raises(ContradictedError) as caught:
        checked(history.entries, *checkpoints)
    return caught.value


def test_a_log_that_fits_goes_through_with_its_root_and_chain() -> None:
    history = voted()
    checker = checked(history.entries, at(history, 1), at(history, 4), at(history, 4), at(history, 6))
    assert (checker.agreed, checker.origin, checker.chain) == (4, history.room.origin, history.entries[-1].chain)
    assert checker.tree.root() == at(history, 6).root


def test_a_log_without_records_or_checkpoints_goes_through() -> None:
    assert (checked([]).agreed, checked([]).origin) == (0, "")


@pytest.mark.parametrize("place", [0, 2, 5])
def test_a_gap_is_named(place: int) -> None:
    entries = voted().entries
    del entries[place]
    if place == 5:
        assert checked(entries).tree.size == 5
        return
    with pytest.raises(TamperedError, match=f"record {place + 2} follows record {place}"):
        checked(entries)


def test_a_broken_seal_is_named() -> None:
    history = voted()
    history.entries[2] = msgspec.structs.replace(history.entries[2], chain=bytes(32))
    with pytest.raises(TamperedError, match="the chain breaks at record 3"):
        checked(history.entries)


def test_a_salt_of_another_length_is_no_opening() -> None:
    history = voted()
    opening = history.entries[3].opening
    assert opening is not None
    longer = msgspec.structs.replace(opening, salt=opening.salt + opening.answer[:1], answer=opening.answer[1:])
    history.entries[3] = msgspec.structs.replace(history.entries[3], opening=longer)
    with pytest.raises(TamperedError, match="the answer of record 4 does not fit its commitment"):
        checked(history.entries)


def test_an_answer_may_be_missing_where_its_erasure_is_recorded() -> None:
    history = voted().did(EraseAnswer(5))
    assert checked(history.entries).tree.size == 7
    history.entries[3] = msgspec.structs.replace(history.entries[3], opening=None)
    with pytest.raises(TamperedError, match="the answer of record 4 is missing, and no erasure is recorded"):
        checked(history.entries)


def test_every_answer_may_be_missing_where_the_whole_room_was_erased() -> None:
    """Or only some of them: they go after the record, one after the other."""
    history = opened().did(cast("ann", 0), cast("bob", 1), CloseVoting("q1"), EraseRoom())
    empty = [msgspec.structs.replace(entry, opening=None) for entry in history.entries]
    for gone in range(len(empty) + 1):
        checked([*empty[:gone], *history.entries[gone:]])
    with pytest.raises(TamperedError, match="the answer of record 4 is missing"):
        checked(empty[:-1])


def test_a_post_has_its_text_or_an_erasure() -> None:
    history = with_board().did(ask("ann", "Why?"), ask("bob", "How?"), EraseAnswer(4))
    assert checked(history.entries).tree.size == 5
    kept, history.entries[2] = history.entries[2], msgspec.structs.replace(history.entries[2], opening=None)
    with pytest.raises(TamperedError, match="the answer of record 3 is missing, and no erasure is recorded"):
        checked(history.entries)
    history.entries[2:4] = [kept, msgspec.structs.replace(history.entries[3], opening=kept.opening)]
    with pytest.raises(TamperedError, match="the answer of record 4 does not fit its commitment"):
        checked(history.entries)


def test_an_erased_answer_that_is_still_there_is_named() -> None:
    history = voted()
    kept = history.entries[4]
    history.did(EraseAnswer(5))
    history.entries[4] = kept
    with pytest.raises(TamperedError, match="record 7 erased the answer of record 5, and it is still there"):
        checked(history.entries)


def test_what_a_name_and_a_quiz_hide_is_there_or_erased() -> None:
    history = linked().did(quizzed(1), named("ann", "Ann"), named("bob", "Bob"), EraseAnswer(4))
    assert checked(history.entries).tree.size == 6
    for index in (3, 5):
        entries = list(history.entries)
        entries[index - 1] = msgspec.structs.replace(entries[index - 1], opening=None)
        with pytest.raises(TamperedError, match=f"the answer of record {index} is missing, and no erasure"):
            checked(entries)
        other = Opening(SALT, b'{"name":"Eve"}')
        entries[index - 1] = msgspec.structs.replace(entries[index - 1], opening=other)
        with pytest.raises(TamperedError, match=f"the answer of record {index} does not fit its commitment"):
            checked(entries)


def test_records_that_are_missing_at_the_end_contradict_a_checkpoint() -> None:
    history = voted()
    later = at(history, 6)
    kept = at(history, 4)
    del history.entries[5]
    error = contradiction(history, kept, later, at(history, 5))
    assert "the log ends at record 5, and a checkpoint has 6: records are missing" in str(error)
    assert (error.origin, error.kept, error.lost) == (history.room.origin, 5, later)


def test_records_that_are_others_contradict_a_checkpoint() -> None:
    history = voted()
    wrong, more = at(history, 5, root=bytes(32)), at(history, 6, chain=bytes(32))
    error = contradiction(history, more, at(history, 3), wrong)
    assert "records 4 to 5 are not those that a checkpoint sealed" in str(error)
    assert (error.kept, error.lost) == (3, more)


def test_one_checkpoint_of_two_over_the_same_records_may_be_wrong() -> None:
    history = voted()
    error = contradiction(history, at(history, 6), at(history, 6, root=bytes(32)))
    assert "records 1 to 6 are not those" in str(error)
    assert (error.kept, error.lost.root) == (0, bytes(32))


def test_what_is_kept_ends_before_the_first_checkpoint_that_is_wrong() -> None:
    history = voted()
    error = contradiction(history, at(history, 2), at(history, 3, root=bytes(32)), at(history, 6))
    assert "records 3 to 3 are not those" in str(error)
    assert (error.kept, error.lost.size) == (2, 3)
    history.did(AcceptRecovery(error.origin, error.kept, error.lost.size, error.lost.root.hex()))
    old = error.origin
    known = [at(history, 2, origin=old), at(history, 3, origin=old, root=bytes(32)), at(history, 6, origin=old)]
    assert checked(history.entries, *known).agreed == 2


def test_a_checkpoint_of_another_log_contradicts() -> None:
    history = voted()
    error = contradiction(history, at(history, 3), OLD)
    assert f"a checkpoint belongs to another log, {OLD.origin}" in str(error)


def test_the_first_record_that_is_contradicted_is_named_whatever_its_log_is_called() -> None:
    history = voted()
    assert OLD.origin < history.room.origin
    error = contradiction(history, OLD, at(history, 2, root=bytes(32)))
    assert "records 1 to 2 are not those" in str(error)
    assert error.origin == history.room.origin


def test_an_accepted_recovery_explains_what_was_lost_and_nothing_else() -> None:
    history = voted()
    before = at(history, 5)
    lost = msgspec.structs.replace(at(history, 6), size=9)
    history.did(AcceptRecovery(lost.origin, 6, 9, lost.root.hex()), SwitchReceipts(on=False))
    after = at(history, 8)
    assert after.origin != before.origin
    assert checked(history.entries, before, lost, after).agreed == 2
    error = contradiction(history, before, lost, at(history, 6, origin=lost.origin, root=bytes(32)))
    assert error.origin == lost.origin
    assert "records 6 to 6 are not those" in str(error)
    assert "the log ends at record 8" in str(contradiction(history, lost, msgspec.structs.replace(after, size=9)))
    assert "belongs to another log" in str(contradiction(history, lost, OLD))


def test_checkpoints_count_for_their_own_incarnation() -> None:
    history = voted()
    first = history.room.origin
    history.did(AcceptRecovery(first, 6, 9, "00"))
    entries = history.entries
    # The right hashes under the name of an incarnation that did not hold these records.
    assert "records 1 to 3 are not those" in str(contradiction(history, at(history, 3)))
    assert checked(entries, at(history, 3, origin=first)).agreed == 1
