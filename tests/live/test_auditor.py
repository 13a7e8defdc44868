"""The auditor: no room is served whose log contradicts its seals or checkpoints, and large ones are checked
meanwhile."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path
from threading import Event

import msgspec
import pytest

from livevote.domain.audit import leaf
from livevote.domain.commands import AcceptRecovery
from livevote.domain.kinds.choice import Choices
from livevote.domain.merkle import root
from livevote.domain.note import Checkpoint, Signer
from livevote.domain.records import Draft, Entry
from livevote.failures import CorruptError, ShortageError
from livevote.live import keeper
from livevote.live.shadow import Shadow
from livevote.log import finish
from livevote.log.memory import MemoryLog
from tests.history import CODE, History, cast, dump, opened
from tests.live.notarised import SIGNER, Office, office, replaced


def voted() -> History:
    """Six records."""
    return opened().did(cast("ann", 0), cast("bob", 1), cast("eve", 2))


def is_whole(at: Office) -> bool:
    """Whether all of the log was checked."""
    return at.room.seal.tree is not None


async def signed_at(directory: Path, history: History, *sizes: int) -> MemoryLog:
    """The log of a process that signed it at these sizes and is gone."""
    short = History()
    at: Office | None = None
    for size in sizes:
        short.entries = history.entries[:size]
        if at is None:
            at = await office(directory, short)
            await at.auditor.begin(at_once=100)
        else:
            await at.grow(short)
        await at.notary.seal()
    assert at is not None
    if rest := history.drafts()[sizes[-1] :]:
        await at.log.append(rest, ticket=9)
    return at.log


async def test_a_log_that_was_never_signed_is_checked_and_will_be(tmp_path: Path) -> None:
    history = voted()
    at = await office(tmp_path, history)
    await at.auditor.begin(at_once=0)
    assert (at.room.seal.size, at.room.seal.chain, at.room.seal.checkpoint) == (6, history.entries[-1].chain, None)
    assert list(at.registry.unsealed) == [CODE]
    assert at.registry.grown.is_set()
    assert is_whole(at)
    await at.auditor.finish()


@pytest.mark.parametrize("at_once", [0, 100])
async def test_a_new_incarnation_that_nobody_has_signed_will_be_however_long_the_old_one_was(
    tmp_path: Path, at_once: int
) -> None:
    longer = voted()
    await signed_at(tmp_path, longer, 3, 6)
    history = History()
    for entry in longer.entries[:3]:
        history.put(Draft(CODE, entry.record, entry.opening))
    root_ = root([leaf(entry.body) for entry in longer.entries])
    history.did(AcceptRecovery(longer.room.origin, 3, 6, root_.hex()))
    at = await office(tmp_path, history)
    await at.auditor.begin(at_once=at_once)
    assert (at.room.seal.size, at.room.seal.checkpoint) == (4, None)
    assert list(at.registry.unsealed) == [CODE]
    await at.notary.seal()
    assert [(checkpoint.origin, checkpoint.size) for checkpoint in at.signed()] == [
        (longer.room.origin, 3),
        (longer.room.origin, 6),
        (history.room.origin, 4),
    ]


@pytest.mark.parametrize("at_once", [0, 100])
async def test_a_log_that_was_signed_to_its_end_needs_no_other_signature(tmp_path: Path, at_once: int) -> None:
    log = await signed_at(tmp_path, voted(), 3, 6)
    at = Office(tmp_path, log)
    await at.auditor.begin(at_once=at_once)
    assert not at.registry.unsealed
    assert not at.registry.grown.is_set()
    assert (at.room.seal.checkpoint, at.room.seal.note) == (at.signed()[-1], at.checkpoints.notes(CODE)[-1])
    assert is_whole(at) is (at_once > 0)
    await at.auditor.finish()
    assert is_whole(at)


async def test_a_large_log_goes_on_from_its_last_checkpoint_and_is_checked_meanwhile(tmp_path: Path) -> None:
    history = voted()
    at = Office(tmp_path, await signed_at(tmp_path, history, 3, 4))
    await at.auditor.begin(at_once=2)
    assert not is_whole(at)
    assert (at.room.seal.size, at.room.seal.chain) == (6, history.entries[-1].chain)
    assert list(at.registry.unsealed) == [CODE]
    await at.grow(history.did(cast("fay", 1)))
    await at.notary.seal()
    await at.auditor.finish()
    assert is_whole(at)
    assert at.room.seal.size == 7
    again = Office(tmp_path, at.log)
    await again.auditor.begin(at_once=100)
    assert [checkpoint.size for checkpoint in again.signed()] == [3, 4, 7]


async def test_a_log_may_grow_while_it_is_checked(tmp_path: Path) -> None:
    history = voted()
    log = GrowingLog(await signed_at(tmp_path, history, 4))
    at = Office(tmp_path, log)
    await at.auditor.begin(at_once=2)
    log.then = lambda: at.grow(history.did(cast("fay", 1)))
    await at.auditor.finish()
    assert (at.room.seal.size, is_whole(at)) == (7, True)


class GrowingLog(MemoryLog):
    """A log to which something happens once, behind the first chunk that is read after it was told."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__()
        self._rooms = log._rooms
        self._heads = log._heads
        self.then: Callable[[], Awaitable[None]] | None = None

    async def read(
        self, room: str, *, after: int = 0, upto: int | None = None
    ) -> AsyncGenerator[Sequence[Entry], None]:
        async for chunk in super().read(room, after=after, upto=upto):
            yield chunk
        if self.then is not None:
            then, self.then = self.then, None
            await then()


async def test_a_large_log_is_checked_first_where_nobody_noted_how_to_go_on(tmp_path: Path) -> None:
    at = Office(tmp_path, await signed_at(tmp_path, voted(), 3, 4))
    at.checkpoints.path(CODE).with_suffix(".peaks").unlink()
    await at.auditor.begin(at_once=5)
    assert is_whole(at)


async def test_a_large_log_is_checked_first_where_too_much_is_new(tmp_path: Path) -> None:
    at = Office(tmp_path, await signed_at(tmp_path, voted(), 3, 4))
    await at.auditor.begin(at_once=1)
    assert is_whole(at)


async def test_a_large_log_that_differs_at_its_last_checkpoint_is_refused_at_once(tmp_path: Path) -> None:
    log = await signed_at(tmp_path, voted(), 3, 4)
    replaced(log, rewritten(voted()).entries)
    with pytest.raises(CorruptError, match="records 1 to 3 are not those"):
        await Office(tmp_path, log).auditor.begin(at_once=5)


def rewritten(history: History, *, first: int = 2) -> History:
    """The same with other times from a record on, sealed as it should be."""
    other = History()
    for entry in history.entries:
        record = entry.record
        if entry.index >= first:
            record = msgspec.structs.replace(record, at=record.at + 1)
        other.entries.append(other.next(record, entry.opening))
    return other


@pytest.mark.parametrize("at_once", [2, 100])
async def test_a_rewritten_log_is_refused_with_the_way_out(tmp_path: Path, at_once: int) -> None:
    log = await signed_at(tmp_path, voted(), 3, 5)
    replaced(log, rewritten(voted(), first=5).entries)
    with pytest.raises(CorruptError, match="records 4 to 5 are not those") as caught:
        await Office(tmp_path, log).auditor.begin(at_once=at_once)
    assert f"'livevote accept-recovery {CODE}' goes on" in str(caught.value)


async def test_an_older_log_is_refused(tmp_path: Path) -> None:
    log = await signed_at(tmp_path, voted(), 3, 6)
    replaced(log, voted().entries[:5])
    for at_once in (1, 100):
        with pytest.raises(CorruptError, match="ends at record 5, and a checkpoint has 6"):
            await Office(tmp_path, log).auditor.begin(at_once=at_once)


async def test_a_room_that_is_gone_is_refused(tmp_path: Path) -> None:
    await signed_at(tmp_path, voted(), 3)
    with pytest.raises(CorruptError, match=f"Room {CODE} has checkpoints in .*, and it is not in the log"):
        await Office(tmp_path, MemoryLog()).auditor.begin(at_once=100)


def broken(entries: list[Entry], index: int) -> list[Entry]:
    """With an answer that does not fit its commitment."""
    found = list(entries)
    opening = found[index - 1].opening
    assert opening is not None
    found[index - 1] = msgspec.structs.replace(
        found[index - 1], opening=msgspec.structs.replace(opening, salt=bytes(16))
    )
    return found


@pytest.mark.parametrize("at_once", [2, 100])
async def test_a_new_record_that_was_changed_is_named_before_anybody_is_served(tmp_path: Path, at_once: int) -> None:
    log = await signed_at(tmp_path, voted(), 4)
    at = Office(tmp_path, log)
    replaced(log, broken(voted().entries, 6))
    with pytest.raises(CorruptError, match=r"the answer of record 6 does not fit .* Restore a backup"):
        await at.auditor.begin(at_once=at_once)


async def test_an_old_record_that_was_changed_is_named_while_others_are_served(tmp_path: Path) -> None:
    log = await signed_at(tmp_path, voted(), 5, 6)
    at = Office(tmp_path, log)
    replaced(log, broken(voted().entries, 4))
    await at.auditor.begin(at_once=2)
    with pytest.raises(CorruptError, match="the answer of record 4 does not fit"):
        await at.auditor.finish()


async def test_an_old_checkpoint_that_contradicts_is_named_while_others_are_served(tmp_path: Path) -> None:
    log = await signed_at(tmp_path, voted(), 6)
    at = Office(tmp_path, log)
    path = at.checkpoints.path(CODE)
    lie = Checkpoint(at.room.state.origin, 3, bytes(32), bytes(32), 1)
    path.write_bytes(SIGNER.sign(lie).encode() + b"\n" + path.read_bytes())
    await at.auditor.begin(at_once=2)
    with pytest.raises(CorruptError, match="records 1 to 3 are not those"):
        await at.auditor.finish()


async def test_a_log_that_changes_while_it_is_checked_is_refused(tmp_path: Path) -> None:
    log = await signed_at(tmp_path, voted(), 6)
    at = Office(tmp_path, log)
    await at.auditor.begin(at_once=2)
    at.room.seal._frontier.append(bytes(32))
    replaced(log, [*voted().entries, voted().next(voted().entries[1].record)])
    with pytest.raises(CorruptError, match="was changed while it was being checked"):
        await at.auditor.finish()


class Counted(Signer):
    """Counts the signatures that were checked, and calls ``then`` at the first."""

    def __init__(self, then: Callable[[], object]) -> None:
        super().__init__(bytes(range(32)))
        self.count = 0
        self._then = then

    def open(self, note: str) -> Checkpoint:
        self.count += 1
        if self.count == 1:
            self._then()
        return super().open(note)


async def test_a_stop_waits_for_a_few_of_many_signatures(tmp_path: Path) -> None:
    log = await signed_at(tmp_path, voted(), 6)
    at = Office(tmp_path, log)
    path = at.checkpoints.path(CODE)
    path.write_bytes(path.read_bytes() * 2000)
    await at.auditor.begin(at_once=2)
    loop = asyncio.get_running_loop()
    finishing = asyncio.create_task(at.auditor.finish())
    counted = at.checkpoints.signer = Counted(lambda: loop.call_soon_threadsafe(finishing.cancel))
    with pytest.raises(asyncio.CancelledError):
        await finishing
    await loop.shutdown_default_executor()  # as the process does at its end
    assert 0 < counted.count < 1000


class ShortLog(MemoryLog):
    """A log that has no descriptor left where ``plan`` has an "x": before a read and behind each of its records."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__()
        self._rooms = log._rooms
        self._heads = log._heads
        self.plan = ""
        self.read_from: list[int] = []

    def damage(self, stop: Event) -> str:
        self._fail()
        return super().damage(stop)

    def _fail(self) -> None:
        fails, self.plan = self.plan.startswith("x"), self.plan[1:]
        if fails:
            raise ShortageError("Cannot open the log.")

    async def read(
        self, room: str, *, after: int = 0, upto: int | None = None
    ) -> AsyncGenerator[Sequence[Entry], None]:
        self.read_from.append(after)
        self._fail()
        async for chunk in super().read(room, after=after, upto=upto):
            for entry in chunk:
                yield [entry]
                self._fail()


async def test_a_check_waits_for_descriptors_and_goes_on_where_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = ShortLog(await signed_at(tmp_path, voted(), 4))
    at = Office(tmp_path, log)
    await at.auditor.begin(at_once=2)
    log.plan = "xx." + "x" + ".x" + ".x"  # the storage, the first read, and two reads behind one record each
    log.read_from.clear()
    await at.auditor.finish()
    assert (log.plan, log.read_from) == ("", [0, 0, 1, 2])
    assert is_whole(at)
    assert [record.getMessage() for record in caplog.records] == [
        "the check of the log waits: Cannot open the log."
    ] * 2
    caplog.clear()


async def test_at_a_start_a_shortage_is_no_patience(tmp_path: Path) -> None:
    log = ShortLog(await signed_at(tmp_path, voted(), 4))
    at = Office(tmp_path, log)
    log.plan = "x"
    with pytest.raises(ShortageError):
        await at.auditor.begin(at_once=100)
    assert log.plan == ""


async def test_a_long_log_gives_way_to_others(tmp_path: Path) -> None:
    history = opened()
    for number in range(220):
        history.did(cast(f"v{number}", number % 3))
    at = await office(tmp_path, history)
    await at.auditor.begin(at_once=1000)
    assert at.room.seal.size == 223


def saved(at: Office, history: History, *, upto: int | None = None, wrong: bool = False) -> None:
    """Save a state of ``history``, as a process that is gone may have done. Where it is ``wrong``, a vote is moved."""
    shadow = Shadow()
    for entry in history.entries[:upto]:
        shadow.add(entry)
    if wrong:
        (asked,) = shadow.room.questions["q1"].rounds
        asked.tally.remove(Choices((0,)))
        asked.tally.add(Choices((2,)))
        asked.ballots["ann"] = msgspec.structs.replace(asked.ballots["ann"], answer=Choices((2,)))
    finish(at.states.save(CODE, at.room.key.state_key, shadow.freeze()))


async def checked(at: Office, at_once: int) -> None:
    await at.auditor.begin(at_once=at_once)
    await at.auditor.finish()


@pytest.fixture
def nothing_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "LARGE", 0)
    monkeypatch.setattr(keeper, "_WORTH", 1)


def kept(at: Office) -> object:
    """The state that a next start would go on from."""
    found = finish(at.states.load(CODE, at.room.key.state_key))
    return found and dump(found.room)


@pytest.mark.parametrize("at_once", [2, 100])
@pytest.mark.usefixtures("nothing_is_too_small")
async def test_a_saved_state_that_is_right_is_compared_and_replaced(tmp_path: Path, at_once: int) -> None:
    history = voted()
    log = await signed_at(tmp_path, history, 3, 6)
    saved(Office(tmp_path, log), history, upto=4)
    at = Office(tmp_path, log, saves=True)
    assert at.registry.resumed == {CODE: 4}
    await at.auditor.begin(at_once=at_once)
    await at.auditor.finish()
    assert is_whole(at)
    assert kept(at) == dump(history.state)


@pytest.mark.parametrize("at_once", [2, 100])
async def test_a_saved_state_with_a_wrong_result_ends_the_server_and_goes(tmp_path: Path, at_once: int) -> None:
    history = voted()
    log = await signed_at(tmp_path, history, 3, 6)
    saved(Office(tmp_path, log), history, upto=5, wrong=True)
    at = Office(tmp_path, log, saves=True)
    assert at.room.state.questions["q1"].rounds[0].tally.counts() == (0, 1, 2), "the start believes it"
    with pytest.raises(CorruptError, match=r"is not what its log says \(the results\): what was shown .* start again"):
        await checked(at, at_once)
    again = Office(tmp_path, log, saves=True)
    assert again.registry.resumed == {}
    assert dump(again.room.state) == dump(history.state)
    await again.auditor.begin(at_once=at_once)
    await again.auditor.finish()


async def test_a_saved_state_in_which_two_votes_were_swapped_is_found(tmp_path: Path) -> None:
    history = voted()
    log = await signed_at(tmp_path, history, 6)
    saved(Office(tmp_path, log), history)
    at = Office(tmp_path, log, saves=True)
    ballots = at.room.state.questions["q1"].rounds[0].ballots
    ballots["ann"], ballots["bob"] = (
        msgspec.structs.replace(ballots[one], answer=ballots[other].answer)
        for one, other in (("ann", "bob"), ("bob", "ann"))
    )
    await at.auditor.begin(at_once=2)
    with pytest.raises(CorruptError, match=r"not what its log says \(record 4\)"):
        await at.auditor.finish()


@pytest.mark.usefixtures("nothing_is_too_small")
async def test_a_room_may_grow_while_its_saved_state_is_compared(tmp_path: Path) -> None:
    history = voted()
    log = GrowingLog(await signed_at(tmp_path, history, 6))
    saved(Office(tmp_path, log), history)
    at = Office(tmp_path, log, saves=True)
    await at.auditor.begin(at_once=2)
    log.then = lambda: at.grow(history.did(cast("fay", 1), cast("ann", 1)))
    await at.auditor.finish()
    assert kept(at) == dump(history.state)


@pytest.mark.usefixtures("nothing_is_too_small")
async def test_a_large_log_without_a_saved_state_gets_one_from_its_check(tmp_path: Path) -> None:
    history = voted()
    at = Office(tmp_path, await signed_at(tmp_path, history, 6), saves=True)
    await at.auditor.begin(at_once=2)
    assert kept(at) is None
    await at.auditor.finish()
    assert kept(at) == dump(history.state)


@pytest.mark.usefixtures("nothing_is_too_small")
async def test_a_state_that_cannot_be_saved_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    at = Office(tmp_path, await signed_at(tmp_path, voted(), 6), saves=True)
    at.states.path(CODE).parent.write_text("in the way")
    await at.auditor.begin(at_once=2)
    await at.auditor.finish()
    assert is_whole(at)
    (record,) = caplog.records
    assert record.message.startswith(f"the state of room {CODE} was not saved: [Errno 17]")


@pytest.mark.usefixtures("nothing_is_too_small")
async def test_a_log_that_does_not_fold_any_more_is_refused(tmp_path: Path) -> None:
    history = voted()
    log = await signed_at(tmp_path, history, 6)
    saved(Office(tmp_path, log), history)
    at = Office(tmp_path, log, saves=True)
    await at.auditor.begin(at_once=2)
    at.checkpoints.path(CODE).unlink()
    at.auditor._notes[CODE] = []
    replaced(log, [*history.entries[:3], *rewritten_twice(history)])
    with pytest.raises(CorruptError, match=r"does not add up: room .* record 5 does not fit"):
        await at.auditor.finish()


def rewritten_twice(history: History) -> list[Entry]:
    """Two first ballots of one voter, sealed as they should be."""
    other = History()
    other.entries = list(history.entries[:3])
    for _ in range(2):
        other.entries.append(other.next(history.entries[3].record, history.entries[3].opening))
    return other.entries[3:]
