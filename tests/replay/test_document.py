"""What a replay holds for whom, and that it says at every moment what the fold of the log says (I4, I12)."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livevote.domain.commands import (
    AcceptRecovery,
    AddQuestion,
    AskAgain,
    CloseVoting,
    Command,
    EditQuestion,
    EraseAnswer,
    EraseRoom,
    HideResults,
    JudgeTerms,
    OpenVoting,
    PublishReplay,
    RevealResults,
    SetTimer,
    SwitchReceipts,
)
from livevote.domain.kinds.written import key
from livevote.domain.records import Draft, Entry, VotingOpened
from livevote.domain.room import BrokenLogError
from livevote.domain.state import Room
from livevote.domain.tally import fold
from livevote.live.outcome import Outcome
from livevote.log.memory import MemoryLog
from livevote.replay.document import PAUSE_MS, Audience, Fold, Mark, Replay, read
from livevote.replay.playhead import Moment, Playhead
from tests.client import Message, Page, Venue, eventually, venue
from tests.history import AT, CODE, History, cast, created, drafted, opened


def document(entries: list[Entry], audience: Audience = "host") -> Replay:
    """The document of a log, as it is after a journey over the wire."""
    folded = Fold()
    for entry in entries:
        folded.add(entry)
    return msgspec.json.decode(msgspec.json.encode(folded.document(audience)), type=Replay)


def expected(room: Room | None) -> tuple[object, ...]:
    """What a fold shows: question, round, open, revealed, counts and voters of what was opened last."""
    if room is None or room.current is None:
        return (None, 0, False, False, (), 0)
    asked = room.current.rounds[-1]
    is_open = asked.closed_at is None
    return (room.current.id, asked.number, is_open, asked.revealed, asked.tally.counts(), asked.voters)


def shown(moment: Moment) -> tuple[object, ...]:
    name = None if moment.question is None else moment.question.id
    return (name, moment.round, moment.open, moment.revealed, moment.counts, moment.voters)


choices = st.lists(st.integers(0, 2), min_size=1, max_size=2, unique=True)
commands = st.one_of(
    st.tuples(st.just("vote"), st.integers(0, 4), choices),
    st.tuples(st.just("vote"), st.integers(0, 4), choices),
    st.tuples(st.sampled_from(["open", "close", "reveal", "hide", "again"]), st.sampled_from(["q1", "q2"])),
    st.tuples(st.just("timer"), st.sampled_from(["q1", "q2"]), st.sampled_from([None, 5, 60])),
    st.tuples(st.just("erase"), st.integers(4, 40)),
    st.sampled_from([("recover",), ("publish",), ("receipts",)]),
)


def do(history: History, what: Any) -> None:
    """Try one command of a drawn evening; what is refused leaves nothing."""
    of_question: dict[str, Callable[[str], Command]] = {
        "open": OpenVoting,
        "close": CloseVoting,
        "reveal": RevealResults,
        "hide": HideResults,
        "again": AskAgain,
    }
    command: Command
    match what:
        case ("vote", voter, chosen):
            current = history.room.current
            if current is None:
                return
            command = cast(
                f"v{voter}",
                *chosen[: 1 if current.kind.name == "single" else 2],
                id=f"b{len(history.entries)}",
                question=current.id,
                round=len(current.rounds),
            )
        case ("timer", question, seconds):
            command = SetTimer(question, seconds)
        case ("erase", index):
            command = EraseAnswer(index)
        case ("recover",):
            command = AcceptRecovery("before", 1, 2, "00")
        case ("publish",):
            command = PublishReplay(not history.room.replay_public)
        case ("receipts",):
            command = SwitchReceipts(not history.room.receipts)
        case (name, question):
            command = of_question[name](question)
    history.do(command)


@settings(max_examples=150)
@given(evening=st.lists(commands, max_size=40))
def test_at_every_index_a_replay_says_what_the_fold_of_the_log_says(evening: list[Any]) -> None:
    history = drafted().did(AddQuestion("multiple", "Which?", ("a", "b", "c")), OpenVoting("q1"))
    for what in evening:
        do(history, what)
    replay = document(history.entries)
    forwards, anywhere = Playhead(replay), Playhead(replay)
    everybody = document(history.entries, "everybody")
    for as_of in range(1, len(history.entries) + 1):
        prefix = expected(fold(history.entries[:as_of]))
        assert shown(forwards.to_index(as_of)) == prefix
        assert shown(anywhere.to_index(len(history.entries) - as_of)) == expected(
            fold(history.entries[: len(history.entries) - as_of])
        )
    for asked in everybody.rounds:
        over = history.question(everybody.questions[asked.question].id).rounds[asked.round - 1]
        assert over.closed_at is not None
        assert over.revealed


@settings(max_examples=50)
@given(evening=st.lists(commands, max_size=40))
def test_a_replay_that_is_read_while_an_answer_is_erased_takes_it_out_there(evening: list[Any]) -> None:
    history = drafted().did(AddQuestion("multiple", "Which?", ("a", "b", "c")), OpenVoting("q1"))
    as_appended = list(history.entries)
    live = [expected(None)] * 3 + [expected(history.room)]
    for what in evening:
        do(history, what)
        if len(history.entries) > len(as_appended):
            as_appended.append(history.entries[-1])
            live.append(expected(history.room))
    playhead = Playhead(document(as_appended))
    assert [shown(playhead.to_index(as_of)) for as_of in range(len(as_appended) + 1)][3:] == live[2:]


def test_marks_name_everything_that_is_not_a_ballot() -> None:
    history = opened().did(
        cast("ada", 0),
        RevealResults("q1"),
        HideResults("q1"),
        CloseVoting("q1"),
        EraseAnswer(4),
        AskAgain("q1"),
        AcceptRecovery("before", 1, 2, "00"),
        PublishReplay(True),
    )
    assert document(history.entries).marks == (
        Mark(3, AT + 2, "opened", 0),
        Mark(5, AT + 4, "revealed", 0),
        Mark(6, AT + 5, "hidden", 0),
        Mark(7, AT + 6, "closed", 0),
        Mark(8, AT + 7, "erased", 0, ballot=4),
        Mark(9, AT + 8, "asked_again", 1),
        Mark(10, AT + 9, "recovered", None),
    )


def test_marks_say_when_a_round_was_planned_to_end() -> None:
    history = drafted().did(OpenVoting("q1", seconds=60), SetTimer("q1", 30), SetTimer("q1", None))
    history.did(CloseVoting("q1"), RevealResults("q1"), AskAgain("q1", seconds=5))
    marks = (
        Mark(3, AT + 2, "opened", 0, closes_at=AT + 60_002),
        Mark(4, AT + 3, "timer_set", 0, closes_at=AT + 30_003),
        Mark(5, AT + 4, "timer_set", 0),
        Mark(6, AT + 5, "closed", 0),
        Mark(7, AT + 6, "revealed", 0),
        Mark(8, AT + 7, "asked_again", 1, closes_at=AT + 5_007),
    )
    assert document(history.entries).marks == marks
    assert document(history.entries, "everybody").marks == marks[:-1]


def test_a_planned_end_that_no_clock_shows_is_as_far_as_a_replay_goes() -> None:
    history = drafted()
    history.put(Draft(CODE, VotingOpened(AT, "q1", 1, 10**30)))
    assert document(history.entries).marks[0].closes_at == 2**63 - 1


def evening(*hidden: int) -> History:
    """Four rounds of which everybody may see the first and the last; in the others these options were chosen."""
    history = opened().did(cast("ada", 1), RevealResults("q1"), CloseVoting("q1"))
    history.did(AskAgain("q1"), cast("ada", hidden[0], round=2), RevealResults("q1"), HideResults("q1"))
    history.did(cast("bob", hidden[0], round=2), CloseVoting("q1"), EraseAnswer(11))
    history.did(AddQuestion("single", "Never shown?", ("x", "y", "z")), OpenVoting("q2"))
    history.did(cast("ada", hidden[1], question="q2"), CloseVoting("q2"))
    history.did(AddQuestion("single", "Shown?", ("x", "y", "z")), OpenVoting("q3"))
    history.did(cast("ada", 2, question="q3"), CloseVoting("q3"), RevealResults("q3"))
    history.did(AddQuestion("single", "Open?", ("x", "y", "z")), OpenVoting("q4"), RevealResults("q4"))
    history.did(cast("ada", hidden[2], question="q4"), AddQuestion("single", "Draft?", ("x", "y")))
    return history


def test_what_everybody_gets_does_not_depend_on_hidden_answers() -> None:
    documents = {
        msgspec.json.encode(document(evening(*hidden).entries, "everybody"))
        for hidden in ((0, 1, 2), (1, 0, 0), (2, 2, 1), (2, 0, 2))
    }
    assert len(documents) == 1
    assert len({msgspec.json.encode(document(evening(*hidden).entries)) for hidden in ((0, 1, 2), (1, 0, 0))}) == 2


def test_everybody_sees_rounds_that_are_over_and_revealed_and_no_trace_of_others() -> None:
    history = evening(0, 1, 2)
    replay = document(history.entries, "everybody")
    assert [(replay.questions[asked.question].text, asked.round) for asked in replay.rounds] == [
        ("What to drink?", 1),
        ("Shown?", 1),
    ]
    assert [(mark.what, mark.round) for mark in replay.marks] == [
        ("opened", 0), ("revealed", 0), ("closed", 0), ("opened", 1), ("closed", 1), ("revealed", 1),
    ]  # fmt: skip
    assert replay.as_of == replay.marks[-1].as_of
    for text in ("Never", "Open?", "Draft?"):
        assert text.encode() not in msgspec.json.encode(replay)
    playhead = Playhead(replay)
    assert shown(playhead.to_index(len(history.entries))) == ("q3", 1, False, True, (0, 0, 1), 1)
    # While hidden rounds went on, the one before stands.
    assert shown(playhead.to_index(12)) == ("q1", 1, False, True, (0, 1, 0), 1)


def test_an_evening_without_a_question_has_nothing_in_it() -> None:
    audiences: tuple[Audience, ...] = ("host", "everybody")
    for audience in audiences:
        replay = document(created().entries, audience)
        assert (replay.rounds, replay.marks, replay.steps.as_of) == ((), (), ())
        assert Playhead(replay).length_ms == 0
        assert Playhead(replay).to_position(10) == Moment(as_of=0, at=0)
        assert Playhead(replay).to_instant(AT) == Moment(as_of=0, at=AT)


def test_positions_shorten_pauses_and_ignore_a_clock_that_went_back() -> None:
    history = opened().did(*(cast(name, 0) for name in ("ada", "bob", "eve")), CloseVoting("q1"))
    instants = dict(zip((3, 4, 5, 6, 7), (0, 1000, 3_600_000, 3_500_000, 3_500_500), strict=True))
    entries = [
        msgspec.structs.replace(
            entry, record=msgspec.structs.replace(entry.record, at=AT + instants.get(entry.index, 0))
        )
        for entry in history.entries
    ]
    playhead = Playhead(document(entries))
    assert playhead.length_ms == 1000 + PAUSE_MS + 0 + 500
    assert [playhead.to_position(at).voters for at in (0, 999, 1000, 5999, 6000, 6499)] == [0, 0, 1, 1, 3, 3]
    assert playhead.to_position(6500).open is False
    assert [playhead.position_of(mark) for mark in playhead.replay.marks] == [0, 6500]
    assert playhead.to_instant(AT - 1).question is None
    assert playhead.to_instant(AT + 1000).voters == 1
    assert playhead.to_instant(AT + 9_000_000).open is False


def test_a_log_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(BrokenLogError):
        document(opened().entries[1:])


async def test_reading_gives_way_to_others_and_stops_where_it_should() -> None:
    log = MemoryLog()
    history = opened().did(*(cast(f"v{number}", number % 3) for number in range(500)))
    await log.append(history.drafts(), ticket=1)
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    replay = (await read(log, history.room.code, upto=203)).document("host")
    counting.cancel()
    assert replay.as_of == 203
    assert Playhead(replay).to_index(203).voters == 200
    assert turns >= 2


async def record(page: Page, frames: list[Message]) -> None:
    while (message := await page.receive()) is not None:
        frames.append(message)


def has_heard(frames: list[Message], head: int) -> bool:
    return any(frame.get("as_of", 0) >= head for frame in frames)


async def live(at: Venue, observers: list[tuple[Page, list[Message]]]) -> None:
    """An evening of five voters and two questions, while the observers write down every frame."""
    writing = [asyncio.create_task(record(page, frames)) for page, frames in observers]
    voters = [await at.open() for _ in range(5)]

    async def shown_to_all() -> None:
        head = (await at.server.services.log.head(at.code)).index
        for _, frames in observers:
            await eventually(partial(has_heard, frames, head))

    await at.ask("A", "B", "C", reveal=True)
    for turn in range(6):
        await asyncio.gather(
            *(voter.vote(f"a{turn}-{number}", (turn * number) % 3) for number, voter in enumerate(voters))
        )
        await shown_to_all()
    for command in ("hide", "close", "reveal", "ask_again"):
        await at.command(command)
        await shown_to_all()
    await asyncio.gather(*(voter.vote(f"b{number}", number % 2, round_=2) for number, voter in enumerate(voters)))
    for command in ("reveal", "close"):
        await at.command(command)
        await shown_to_all()
    await at.ask("A", "B", kind="multiple", reveal=True)
    for number, voter in enumerate(voters):
        await voter.vote(f"c{number}", *([0, 1] if number % 2 else [1]), question="q2")
        await shown_to_all()
    await at.command("close", "q2")
    await shown_to_all()
    for page, _ in observers:
        page.close()
    await asyncio.gather(*writing)


def seen(frame: Message) -> tuple[object, ...] | None:
    """What a frame showed, as ``shown`` says it; None where it showed no counts."""
    if frame["type"] == "tally":
        return (frame["question"], frame["round"], tuple(frame["counts"]), frame["voters"])
    if frame["role"] == "voter":
        return seen(frame["tally"]) if frame["tally"] else None
    current = next((each for each in frame["questions"] if each["id"] == frame["current"]), None)
    return current and (current["id"], current["round"], tuple(current["counts"]), current["voters"])


async def test_the_replay_shows_the_numbers_that_sockets_received_live(tmp_path: Path) -> None:
    async with venue(tmp_path, vote_burst=100) as at:
        observers: list[tuple[Page, list[Message]]] = [(await at.open(), []), (await at.open_host(), [])]
        await live(at, observers)
        response = await at.fetch(f"/api/rooms/{at.code}/replay", headers={"Authorization": f"Bearer {at.host_token}"})
        playhead = Playhead(msgspec.json.decode(response.body, type=Replay))
    frames = [frame for _, heard in observers for frame in heard if frame["type"] in ("tally", "state")]
    with_counts = [frame for frame in frames if seen(frame)]
    assert len({frame["as_of"] for frame in with_counts}) >= 6 + 4 + 2 + 5
    for frame in with_counts:
        name, round_, _, _, counts, voters = shown(playhead.to_index(frame["as_of"]))
        assert seen(frame) == (name, round_, counts, voters), frame
    assert any(frame["type"] == "tally" for frame in with_counts)


async def test_an_answer_that_was_erased_is_in_no_moment(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        voters = [await at.open() for _ in range(2)]
        indexes = [(await voter.vote(f"v{place}", place))["index"] for place, voter in enumerate(voters)]
        outcome: Outcome = await at.server.services.writer.ask(at.code, EraseAnswer(indexes[0]))
        assert isinstance(outcome, Entry)
        log = at.server.services.log
        replay = (await read(log, at.code, upto=outcome.index)).document("host")
        entries = [entry async for chunk in log.read(at.code) for entry in chunk]
    playhead = Playhead(replay)
    assert [playhead.to_index(as_of).counts for as_of in indexes] == [(0, 0, 0), (0, 1, 0)]
    for as_of in range(1, len(entries) + 1):
        assert shown(playhead.to_index(as_of)) == expected(fold(entries[:as_of]))
    assert replay.marks[-1] == Mark(outcome.index, outcome.record.at, "erased", 0, ballot=indexes[0])


def test_a_round_says_what_it_came_to_beside_its_counts() -> None:
    history = opened(kind="rating", options=())
    history.did(cast("ada", raw=b'{"value":5}'), cast("bob", raw=b'{"value":2}'), CloseVoting("q1"))
    replay = document(history.entries)
    assert replay.questions[0].options == ("1", "2", "3", "4", "5")
    assert (replay.rounds[0].figures, replay.rounds[0].told) == ({"mean": [7, 2]}, (("mean", "3.50"),))
    assert Playhead(replay).to_index(5).ended is None
    ended = Playhead(replay).to_index(6)
    assert (ended.counts, ended.ended) == ((0, 1, 0, 0, 1), replay.rounds[0])


def test_a_round_is_replayed_by_the_rules_that_it_was_asked_with() -> None:
    history = opened(kind="rating", options=()).did(cast("ada", raw=b'{"value":5}'), CloseVoting("q1"))
    history.did(EditQuestion("q1", rules=msgspec.Raw(b'{"style":"nps"}'), meaning=True), AskAgain("q1"))
    history.did(cast("ada", raw=b'{"value":10}', round=2), CloseVoting("q1"))
    replay = document(history.entries)
    assert [len(each.options) for each in replay.questions] == [5, 11]
    assert [(each.counts, [name for name, _ in each.told]) for each in replay.rounds] == [
        *((5, ["mean"]), (11, ["mean", "Net Promoter Score"])),
    ]


def test_i12_everybody_gets_no_text_that_is_not_shown() -> None:
    history = opened(kind="text", options=())
    history.did(cast("ada", raw=b'{"text":"Tea"}'), cast("bob", raw=b'{"text":"Rubbish"}'), CloseVoting("q1"))
    history.did(RevealResults("q1"), JudgeTerms("q1", 1, (key("tea"),), True))
    for audience in ("host", "everybody"):
        replay = document(history.entries, audience)
        assert replay.rounds[0].counts == 0
        assert replay.rounds[0].figures == {"texts": [["Tea", 1]], "more": 0}
        assert Playhead(replay).to_index(5).voters == 2
        assert b"Rubbish" not in msgspec.json.encode(replay)


def test_a_question_that_was_changed_in_between_is_there_once_for_each_of_its_meanings() -> None:
    history = opened().did(cast("ann", 0), EditQuestion("q1", text="Drink?"), CloseVoting("q1"), AskAgain("q1"))
    history.did(cast("ann", 1, round=2), CloseVoting("q1"))
    history.did(EditQuestion("q1", text="Eat?", options=("Bread", "Cheese", "Figs", "Soup"), meaning=True))
    history.did(AskAgain("q1"), cast("ann", 3, round=3))
    replay = document(history.entries)
    assert [(each.id, each.text, len(each.options)) for each in replay.questions] == [
        ("q1", "Drink?", 3),
        ("q1", "Eat?", 4),
    ]
    assert [(each.question, each.round, each.counts) for each in replay.rounds] == [(0, 1, 3), (0, 2, 3), (1, 3, 4)]
    playhead = Playhead(replay)
    assert [playhead.to_index(index).counts for index in (4, 8, len(history.entries))] == [
        *((1, 0, 0), (0, 1, 0), (0, 0, 0, 1))
    ]


@pytest.mark.parametrize("gone", [0, 4, 5])
def test_after_the_deletion_of_all_answers_nothing_is_counted(gone: int) -> None:
    """Also while some of the openings are still in the log."""
    history = opened().did(cast("ann", 0), cast("bob", 1), CloseVoting("q1"), EraseRoom())
    entries = [
        *(msgspec.structs.replace(each, opening=None) for each in history.entries[:gone]),
        *history.entries[gone:],
    ]
    replay = document(entries)
    assert replay.marks[-1] == Mark(7, AT + 6, "deleted", None)
    moment = Playhead(replay).to_index(7)
    assert (moment.counts, moment.voters) == ((0, 0, 0), 0)
    assert document(entries, "everybody").rounds == ()
