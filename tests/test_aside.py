"""The seals of a long log, checked in a second process: the same verdicts and the same words as in one process."""

import os
from collections.abc import Iterator
from multiprocessing.context import SpawnProcess

import msgspec
import pytest

from livevote import aside
from livevote.aside import Seals
from livevote.domain.audit import TamperedError
from livevote.domain.commands import EraseAnswer
from livevote.domain.note import Checkpoint
from livevote.domain.records import Draft, Entry, RoomCreated
from livevote.failures import BadRecordError, FailureError
from livevote.log.base import Heads
from livevote.verify import verify
from tests.domain.test_checker import OLD, at
from tests.history import CODE, History, cast, opened


@pytest.fixture(autouse=True)
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every log is long, and every machine has two processors."""
    monkeypatch.setattr(aside, "LONG", 3)
    monkeypatch.setattr(aside, "_BATCH", 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})


def voted() -> History:
    """Twelve records: nine ballots after the opening."""
    return opened().did(*(cast(f"v{number}", number % 3) for number in range(9)))


def said(entries: Iterator[Entry] | list[Entry], *checkpoints: Checkpoint) -> str:
    with pytest.raises(TamperedError) as caught:
        verify(CODE, entries, checkpoints=checkpoints)
    return str(caught.value)


def resealed(history: History, place: int) -> list[Entry]:
    """The log with a record that no rule allows at ``place``, and the chain made to fit."""
    drafts = [Draft(entry.room, entry.record, entry.opening) for entry in history.entries]
    drafts[place] = Draft(CODE, RoomCreated(at=1, code=CODE, title="Twice"))
    return list(Heads().link(drafts))


def test_an_intact_log_has_the_same_verdict_as_in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    history = voted().did(EraseAnswer(5))
    # Erased as the log erases: the commitment stays, the opening goes.
    history.entries[4] = msgspec.structs.replace(history.entries[4], opening=None)
    checkpoints = at(history, 2), at(history, 9), at(history, 13)
    two = verify(CODE, history.entries, checkpoints=checkpoints)
    monkeypatch.setattr(aside, "LONG", 100)
    one = verify(CODE, history.entries, checkpoints=checkpoints)
    assert (two.root, two.chain, two.agreed, two.results) == (one.root, one.chain, one.agreed, one.results)
    assert (two.agreed, two.records, two.ballots) == (3, 13, 9)


@pytest.mark.parametrize("place", [1, 2, 3, 6, 7, 11])
def test_a_broken_seal_is_named_wherever_it_is(place: int) -> None:
    entries = voted().entries
    entries[place] = msgspec.structs.replace(entries[place], chain=bytes(32))
    assert said(entries) == f"room {CODE}: the chain breaks at record {place + 1}"


@pytest.mark.parametrize("place", [1, 2, 3, 6, 7, 11])
def test_a_record_that_breaks_the_rules_is_named_wherever_it_is(place: int) -> None:
    assert f"record {place + 1} does not fit" in said(resealed(voted(), place))


@pytest.mark.parametrize(("broken", "forbidden"), [(5, 8), (6, 6), (4, 11), (9, 10)])
def test_the_first_of_two_is_named_whoever_finds_it(broken: int, forbidden: int) -> None:
    entries = resealed(voted(), forbidden)
    entries[broken] = msgspec.structs.replace(entries[broken], chain=bytes(32))
    assert f"the chain breaks at record {broken + 1}" in said(entries)


def test_what_the_fold_finds_first_is_not_covered_by_a_later_seal() -> None:
    entries = resealed(voted(), 5)
    entries[6] = msgspec.structs.replace(entries[6], chain=bytes(32))
    assert "record 6 does not fit" in said(entries)
    # Nor by what comes to light at the end.
    assert "record 6 does not fit" in said(resealed(voted(), 5), OLD)


@pytest.mark.parametrize("broken", [1, 4, 5])
def test_a_record_that_cannot_be_read_gives_way_to_an_earlier_one(broken: int) -> None:
    def until_unreadable(entries: list[Entry]) -> Iterator[Entry]:
        yield from entries[:7]
        raise BadRecordError("Record 8 is none of livevote's")

    entries = voted().entries
    assert said(until_unreadable(entries)) == "Record 8 is none of livevote's"
    entries[broken] = msgspec.structs.replace(entries[broken], chain=bytes(32))
    assert f"the chain breaks at record {broken + 1}" in said(until_unreadable(entries))


def test_what_is_wrong_with_the_end_is_named() -> None:
    history = voted()
    assert "a checkpoint belongs to another log" in said(history.entries, OLD)
    assert "records are missing" in said(history.entries[:11], at(history, 12))
    history.entries[7] = msgspec.structs.replace(history.entries[7], opening=None)
    assert "the answer of record 8 is missing" in said(history.entries)


def added(seals: Seals, entries: list[Entry]) -> SpawnProcess:
    """The second process, which has begun on ``entries``."""
    for entry in entries:
        seals.add(entry)
    assert seals._second is not None
    return seals._second._process


def go_on_after_a_kill(seals: Seals, entries: list[Entry]) -> None:
    with seals:
        added(seals, entries[:6]).kill()
        added(seals, entries[6:])
        seals.finish()


def test_a_second_process_that_is_ended_from_outside_is_said() -> None:
    with pytest.raises(FailureError, match="ended with code -9"):
        go_on_after_a_kill(Seals(CODE), voted().entries)


def test_a_caller_that_goes_away_ends_the_second_process() -> None:
    processes = []

    def go_away(seals: Seals) -> None:
        with seals:
            processes.append(added(seals, voted().entries[:5]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go_away(Seals(CODE))
    assert [process.is_alive() for process in processes] == [False]


def test_one_processor_checks_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    with Seals(CODE) as seals:
        for entry in voted().entries:
            seals.add(entry)
        assert seals._second is None
        assert seals.finish().chain == voted().entries[-1].chain
