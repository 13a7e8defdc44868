"""T5: bits that rot, rows that somebody changed and older copies: no start is silent about them (I7).

Whatever happens to the files, a server that starts has the log that it had, or as much of it as every checkpoint that
is still there covers; and ``verify`` says the same, and names the first bad record where it can be known.
"""

import asyncio
import os
import random
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from livevote import bundle, server
from livevote.domain import checker
from livevote.domain.audit import TamperedError, leaf, link
from livevote.domain.checker import Checker
from livevote.domain.commands import EraseAnswer
from livevote.domain.records import AnswerErased, Entry
from livevote.domain.tally import fold, snapshot
from livevote.failures import FailureError
from livevote.log import open_reader
from livevote.server import running
from livevote.verify import verify_bundle, verify_database
from tests.client import config, venue
from tests.crash.bundles import joined, read, records, rewritten
from tests.evidence import Record, size
from tests.process import run_cli

pytestmark = pytest.mark.crash

TIMES = size(56, 300, 5000)
"""At least twice for each of ``DAMAGES``: once to a small log and once to a large one."""
SEED = int(os.environ.get("LIVEVOTE_CRASH_SEED", "1"))

State = tuple[str, str, object]
"""A room's code, its chain value in hex, and the counts of every round."""


class Was(NamedTuple):
    """A room as it was before anything happened: its entries with every answer that there ever was, its chain values,
    and its notes with their sizes."""

    entries: list[Entry]
    chains: list[str]
    notes: list[tuple[int, bytes]]


@dataclass
class Event:
    """The files of two rooms, saved several times, and what was in them at the end."""

    early: Path
    """While the server ran, with some of the votes."""
    running: Path
    """While the server ran, with all of them: most are in the write-ahead log."""
    stopped: Path
    """After the server had stopped."""
    bundle: Path
    rooms: dict[str, Was] = field(default_factory=dict)


async def hold(directory: Path) -> Event:
    early, live, stopped, bundle_ = (directory / name for name in ("early", "running", "stopped", "bundle"))
    event = Event(early, live, stopped, bundle_)
    async with venue(event.stopped) as at:
        codes = [at.code, await at.create_room("Other")]
        for at.code in codes:
            await at.ask("Tea", "Coffee", reveal=True)
            pages = [await at.open() for _ in range(8)]
            for number, page in enumerate(pages):
                await page.vote(f"a{number}", number % 2)
        await at.server.services.notary.seal()
        shutil.copytree(event.stopped, event.early)
        for at.code in codes:
            pages = [await at.open() for _ in range(10)]
            for number, page in enumerate(pages):
                await page.vote(f"b{number}", number % 2)
            await at.server.services.writer.ask(at.code, EraseAnswer(7))
            await at.server.services.notary.seal()
            # Some votes that no checkpoint holds yet.
            await pages[0].vote("c0", 0)
        at.server.sealing.cancel()
        for at.code in codes:
            await pages[-1].vote("c1", 1)
        shutil.copytree(event.stopped, event.running)
    reader = await open_reader(f"sqlite:{event.stopped}/livevote.db")
    before = await open_reader(f"sqlite:{event.early}/livevote.db")
    for code in codes:
        entries = [entry async for chunk in reader.read(code) for entry in chunk]
        async for chunk in before.read(code):
            entries[: len(chunk)] = chunk
        # Text, empty line, signature, empty line.
        parts = (event.stopped / "checkpoints" / f"{code}.notes").read_text().split("\n\n")
        notes = [
            (int(text.split("\n")[1]), f"{text}\n\n{signature}\n".encode())
            for text, signature in zip(parts[::2], parts[1::2], strict=False)
        ]
        assert len(notes) >= 4
        event.rooms[code] = Was(entries, [entry.chain.hex() for entry in entries], notes)
    vkey = (event.stopped / "checkpoints" / "livevote.vkey").read_text().strip()
    signed = [note.decode() for _, note in event.rooms[codes[0]].notes]
    event.bundle.write_bytes(
        b"".join([part async for part in bundle.write(codes[0], reader.read(codes[0]), vkey=vkey, notes=signed)])
    )
    return event


@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> Event:
    return asyncio.run(hold(tmp_path_factory.mktemp("event")))


# What may happen to a data directory. Each returns the first bad record, where that is known.
Damage = Callable[[random.Random, Event, Path], "int | None"]


def flip(rng: random.Random, path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def a_room(rng: random.Random, event: Event) -> tuple[str, Was]:
    return rng.choice(list(event.rooms.items()))


def notes_of(data: Path, code: str) -> Path:
    return data / "checkpoints" / f"{code}.notes"


def flip_the_database(rng: random.Random, event: Event, data: Path) -> None:
    shutil.copytree(event.stopped, data)
    flip(rng, data / "livevote.db")


def flip_beside_the_wal(rng: random.Random, event: Event, data: Path) -> None:
    shutil.copytree(event.running, data)
    flip(rng, data / "livevote.db")


def flip_the_wal(rng: random.Random, event: Event, data: Path) -> None:
    shutil.copytree(event.running, data)
    flip(rng, data / "livevote.db-wal")


def flip_the_checkpoints(rng: random.Random, event: Event, data: Path) -> None:
    shutil.copytree(event.stopped, data)
    flip(rng, notes_of(data, a_room(rng, event)[0]))


def flip_the_key(rng: random.Random, event: Event, data: Path) -> None:
    shutil.copytree(event.stopped, data)
    flip(rng, data / "checkpoints" / "livevote.vkey")


def flip_the_peaks(rng: random.Random, event: Event, data: Path) -> None:
    shutil.copytree(event.stopped, data)
    flip(rng, data / "checkpoints" / f"{a_room(rng, event)[0]}.peaks")


def cut(rng: random.Random, path: Path) -> None:
    os.truncate(path, rng.randrange(path.stat().st_size))


def cut_the_wal(rng: random.Random, event: Event, data: Path) -> None:
    shutil.copytree(event.running, data)
    cut(rng, data / "livevote.db-wal")


def lose_the_wal(_rng: random.Random, event: Event, data: Path) -> None:
    shutil.copytree(event.running, data)
    (data / "livevote.db-wal").unlink()


def cut_the_database(rng: random.Random, event: Event, data: Path) -> None:
    shutil.copytree(event.stopped, data)
    cut(rng, data / "livevote.db")


def empty_the_database(rng: random.Random, event: Event, data: Path) -> None:
    shutil.copytree(event.stopped, data)
    if rng.random() < 0.5:
        os.truncate(data / "livevote.db", 0)
    else:
        (data / "livevote.db").unlink()


def cut_the_checkpoints(rng: random.Random, event: Event, data: Path) -> None:
    shutil.copytree(event.stopped, data)
    cut(rng, notes_of(data, a_room(rng, event)[0]))


def lose_the_checkpoints(rng: random.Random, event: Event, data: Path) -> None:
    shutil.copytree(event.stopped, data)
    notes_of(data, a_room(rng, event)[0]).unlink()


def put_back_the_database(_rng: random.Random, event: Event, data: Path) -> None:
    shutil.copytree(event.stopped, data)
    (data / "livevote.db").unlink()
    for path in event.early.glob("livevote.db*"):
        shutil.copy(path, data)


def put_back_the_database_and_cut(rng: random.Random, event: Event, data: Path) -> None:
    put_back_the_database(rng, event, data)
    for code in event.rooms:
        if rng.random() < 0.8:
            cut(rng, notes_of(data, code))


def swap_the_checkpoints(_rng: random.Random, event: Event, data: Path) -> None:
    shutil.copytree(event.stopped, data)
    one, other = (notes_of(data, code) for code in event.rooms)
    aside = one.with_suffix(".aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def sql(event: Event, data: Path, *statements: tuple[str, tuple[object, ...]]) -> None:
    shutil.copytree(event.stopped, data)
    with closing(sqlite3.connect(data / "livevote.db", isolation_level=None)) as database:
        database.execute("DROP TRIGGER records_are_never_changed")
        database.execute("DROP TRIGGER records_are_never_deleted")
        for statement, values in statements:
            database.execute(statement, values)


def change_a_row(rng: random.Random, event: Event, data: Path) -> int:
    code, was = a_room(rng, event)
    index = rng.randrange(1, len(was.entries) + 1)
    change = rng.choice(("body = replace(body, '\"at\":1', '\"at\":2')", "chain = zeroblob(32)"))
    sql(event, data, (f"UPDATE records SET {change} WHERE room = ? AND idx = ?", (code, index)))
    return index


def change_an_answer(rng: random.Random, event: Event, data: Path) -> int:
    code, was = a_room(rng, event)
    gone = {entry.record.index for entry in was.entries if isinstance(entry.record, AnswerErased)}
    index = rng.choice([entry.index for entry in was.entries if entry.opening is not None and entry.index not in gone])
    change = rng.choice(
        (
            """answer = CASE answer WHEN '{"choices":[0]}' THEN '{"choices":[1]}' ELSE '{"choices":[0]}' END""",
            "salt = zeroblob(16)",
            "salt = NULL, answer = NULL",
        )
    )
    sql(event, data, (f"UPDATE records SET {change} WHERE room = ? AND idx = ?", (code, index)))
    return index


def swap_two_rows(rng: random.Random, event: Event, data: Path) -> int:
    code, was = a_room(rng, event)
    one, other = sorted(rng.sample(range(1, len(was.entries) + 1), 2))
    move = "UPDATE records SET idx = ? WHERE room = ? AND idx = ?"
    sql(event, data, (move, (1000, code, one)), (move, (one, code, other)), (move, (other, code, 1000)))
    return one


def delete_a_row(rng: random.Random, event: Event, data: Path) -> int | None:
    code, was = a_room(rng, event)
    index = rng.randrange(1, len(was.entries) + 1)
    sql(event, data, ("DELETE FROM records WHERE room = ? AND idx = ?", (code, index)))
    return index if index < len(was.entries) else None


def delete_the_end(rng: random.Random, event: Event, data: Path) -> None:
    code, was = a_room(rng, event)
    sql(event, data, ("DELETE FROM records WHERE room = ? AND idx > ?", (code, rng.randrange(len(was.entries)))))


def delete_a_room(rng: random.Random, event: Event, data: Path) -> None:
    sql(event, data, ("DELETE FROM records WHERE room = ?", (a_room(rng, event)[0],)))


def swap_two_rooms(_rng: random.Random, event: Event, data: Path) -> None:
    one, other = event.rooms
    move = "UPDATE records SET room = ? WHERE room = ?"
    sql(event, data, (move, ("ASIDE2", one)), (move, (one, other)), (move, (other, "ASIDE2")))


def rewrite_history(rng: random.Random, event: Event, data: Path) -> None:
    """Every hash in the database fits again: only the checkpoints can tell."""
    code, was = a_room(rng, event)
    first = rng.randrange(2, was.notes[-1][0] + 1)
    chain = was.entries[first - 2].chain
    statements: list[tuple[str, tuple[object, ...]]] = []
    for entry in was.entries[first - 1 :]:
        body = entry.body.replace(b'"at":1', b'"at":2')
        chain = link(chain, body)
        update = "UPDATE records SET body = ?, chain = ? WHERE room = ? AND idx = ?"
        statements.append((update, (body.decode(), chain, code, entry.index)))
    sql(event, data, *statements)


DAMAGES: tuple[Damage, ...] = (
    flip_the_database,
    flip_the_database,
    flip_the_database,
    flip_beside_the_wal,
    flip_the_wal,
    flip_the_wal,
    flip_the_checkpoints,
    flip_the_checkpoints,
    flip_the_key,
    flip_the_peaks,
    cut_the_wal,
    lose_the_wal,
    cut_the_database,
    empty_the_database,
    cut_the_checkpoints,
    lose_the_checkpoints,
    put_back_the_database,
    put_back_the_database_and_cut,
    swap_the_checkpoints,
    change_a_row,
    change_an_answer,
    change_an_answer,
    swap_two_rows,
    delete_a_row,
    delete_the_end,
    delete_a_room,
    swap_two_rooms,
    rewrite_history,
)
ALWAYS_REFUSED = (
    flip_the_checkpoints,
    flip_the_key,
    empty_the_database,
    put_back_the_database,
    swap_the_checkpoints,
    change_a_row,
    change_an_answer,
    swap_two_rows,
    delete_a_room,
    swap_two_rooms,
    rewrite_history,
)


class SilentError(AssertionError):
    """A damage that nobody was told of."""


def covered(data: Path, event: Event) -> dict[str, int]:
    """How many records of each room the notes cover that are still there."""
    found = {}
    for code, was in event.rooms.items():
        path = notes_of(data, code)
        text = path.read_bytes() if path.exists() else b""
        found[code] = max((size_ for size_, note in was.notes if note in text), default=0)
    return found


def require_the_same(what: str, rooms: Iterable[State], event: Event, kept: dict[str, int]) -> None:
    """Raise ``SilentError`` unless these rooms, with chain value and results, are those of the event as far as notes
    cover them."""
    found = {code: (chain, results) for code, chain, results in rooms}
    for code, was in event.rooms.items():
        if code not in found:
            if kept[code]:
                raise SilentError(f"{what}: room {code} is gone")
            continue
        chain, results = found.pop(code)
        if chain not in was.chains:
            raise SilentError(f"{what}: room {code} has another log")
        records_left = was.chains.index(chain) + 1
        if records_left < kept[code]:
            raise SilentError(f"{what}: room {code} has lost records that a checkpoint covers")
        if results != expected(was.entries[:records_left]):
            raise SilentError(f"{what}: room {code} has other results")
    if found:
        raise SilentError(f"{what}: there are rooms {set(found)} that never were")


def first_bad(database: Path, event: Event) -> int | None:
    """The first record that is not what it was, if every row can be read and is where it was."""
    was = {(code, entry.index): entry for code, room in event.rooms.items() for entry in room.entries}
    gone = {(key[0], entry.record.index) for key, entry in was.items() if isinstance(entry.record, AnswerErased)}
    try:
        with closing(sqlite3.connect(database)) as connection:
            rows = connection.execute(
                "SELECT room, idx, CAST(body AS BLOB), chain, salt, CAST(answer AS BLOB) FROM records ORDER BY 1, 2"
            ).fetchall()
    except sqlite3.DatabaseError:
        return None
    if [row[:2] for row in rows] != sorted(was):
        return None
    for *key, body, chain, salt, answer in rows:
        entry = was[key[0], key[1]]
        opening = None if tuple(key) in gone or entry.opening is None else (entry.opening.salt, entry.opening.answer)
        if (body, chain, (salt, answer)) != (entry.body, entry.chain, opening or (None, None)):
            return entry.index
    return None


def expected(entries: list[Entry]) -> object:
    """The results of a log that ends here: an answer that is erased later is still in them."""
    gone = {entry.record.index for entry in entries if isinstance(entry.record, AnswerErased)}
    state = fold(msgspec.structs.replace(entry, opening=None) if entry.index in gone else entry for entry in entries)
    assert state is not None
    return [
        snapshot(state, question, asked).counts for question in state.questions.values() for asked in question.rounds
    ]


async def start(data: Path) -> list[State]:
    """What a server has after its start and its audit: each room's code, chain value and results."""
    async with running(config(data)) as started:
        await started.auditing
        return [
            (
                room.code,
                room.seal.chain.hex(),
                [
                    snapshot(room.state, question, asked).counts
                    for question in room.state.questions.values()
                    for asked in question.rounds
                ],
            )
            for room in started.registry.all()
        ]


def verified(database: Path) -> tuple[int, str, list[State]]:
    """The exit code of ``livevote verify``, what it says of a fault, and the rooms that it found."""
    try:
        reader = asyncio.run(open_reader(f"sqlite:{database}"))
        verdicts = list(verify_database(reader, database.parent / "checkpoints"))
    except TamperedError as error:
        return 1, str(error), []
    except FailureError as error:
        return 2, str(error), []
    return 0, "", [(each.room.code, each.chain.hex(), [round_.counts for round_ in each.results]) for each in verdicts]


def check(damage: Damage, rng: random.Random, event: Event, data: Path) -> str:
    """Do the damage and see who notices; ``refused`` or ``same``. Raises ``SilentError``."""
    bad = damage(rng, event, data)
    kept = covered(data, event)
    what = damage.__name__
    code, said, rooms = verified(data / "livevote.db")
    if damage is flip_the_database:
        bad = first_bad(data / "livevote.db", event)
    if code == 0:
        require_the_same(f"verify after {what}", rooms, event, kept)
    if bad is not None and (
        code != 1 or not {bad, bad + 1} & {int(index) for index in re.findall(r"[Rr]ecord (\d+)", said)}
    ):
        raise SilentError(f"verify after {what} does not name record {bad}: {said}")
    try:
        require_the_same(f"a start after {what}", asyncio.run(start(data)), event, kept)
    except FailureError as error:
        if error.exit_code not in (65, 73, 78):
            raise SilentError(f"a start after {what} ends with {error.exit_code}") from error
        return f"refused with {error.exit_code}"
    if damage in ALWAYS_REFUSED:
        raise SilentError(f"a start after {what} says nothing")
    if code == 1 and damage is not flip_the_peaks:
        raise SilentError(f"verify refuses what a start serves after {what}: {said}")
    return "same"


def test_no_start_is_silent(event: Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = Record("T5", "damaged, changed and older files", directory=tmp_path, seed=SEED)
    rng = random.Random(SEED)
    outcomes: Counter[str] = Counter()
    assert 2 * len(DAMAGES) <= TIMES
    for number in range(TIMES):
        # Half of them as a large log, which is checked while it is served.
        monkeypatch.setattr(server, "_CHECK_AT_ONCE_RECORDS", number // len(DAMAGES) % 2 * 50_000)
        outcomes[check(DAMAGES[number % len(DAMAGES)], rng, event, tmp_path / "data")] += 1
        shutil.rmtree(tmp_path / "data")
    assert outcomes["refused with 65"] > TIMES // 2
    assert outcomes["same"] > 0
    record.write(damages=TIMES, refused=TIMES - outcomes["same"], without_effect=outcomes["same"], silent=0)


@pytest.mark.parametrize("damage", [lose_the_checkpoints, cut_the_checkpoints])
def test_less_checkpoints_are_nothing_that_a_machine_can_tell(damage: Damage, event: Event, tmp_path: Path) -> None:
    """The log is the same; what is gone is the evidence for later. Copies of it belong elsewhere."""
    assert check(damage, random.Random(SEED), event, tmp_path / "data") == "same"


def test_an_older_copy_of_everything_is_nothing_that_a_machine_can_tell(event: Event, tmp_path: Path) -> None:
    shutil.copytree(event.early, tmp_path / "data")
    found = asyncio.run(start(tmp_path / "data"))
    assert {code: event.rooms[code].chains.index(chain) + 1 for code, chain, _ in found} == dict.fromkeys(
        event.rooms, 12
    )
    # Who has a newer checkpoint elsewhere can: with its file put back, the same start is refused.
    for code in event.rooms:
        shutil.copy(notes_of(event.stopped, code), notes_of(tmp_path / "data", code))
    with pytest.raises(FailureError, match="records are missing"):
        asyncio.run(start(tmp_path / "data"))


def _compare_nothing(self: Checker) -> None:
    self._open.clear()


def _believe_the_answer(entry: Entry, chain: bytes) -> tuple[bytes, bytes]:
    if link(chain, entry.body) != entry.chain:
        raise TamperedError(f"the chain breaks at record {entry.index}")
    return leaf(entry.body), entry.chain


def ten_times(damage: Damage, event: Event, directory: Path) -> None:
    for number in range(10):
        check(damage, random.Random(number), event, directory / str(number))


@pytest.mark.parametrize(
    ("where", "name", "mutant", "damages"),
    [
        (Checker, "finish", _compare_nothing, (put_back_the_database, rewrite_history)),
        (checker, "check", _believe_the_answer, (change_an_answer,)),
        (checker, "check", lambda entry, _: (leaf(entry.body), entry.chain), (change_a_row,)),
    ],
    ids=["checkpoints", "commitments", "the chain"],
)
def test_the_rig_sees_a_start_that_does_not_look_at(
    where: object,
    name: str,
    mutant: Callable[..., object],
    damages: tuple[Damage, ...],
    event: Event,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(where, name, mutant)
    for damage in damages:
        with pytest.raises(SilentError):
            ten_times(damage, event, tmp_path / damage.__name__)


def test_a_bundle_that_rots_or_was_edited_is_never_intact(event: Event, tmp_path: Path) -> None:
    path, rng = tmp_path / "bundle", random.Random(SEED)
    good = event.bundle.read_bytes()
    lines = read(good)
    for number in range(TIMES):
        bad = None
        if number % 2:
            place = rng.choice(records(lines))
            bad = lines[place]["index"]
            path.write_bytes(joined(rewritten(lines, place, at=1)))
        else:
            path.write_bytes(good)
            flip(rng, path)
        with pytest.raises((TamperedError, bundle.NoBundleError)) as found, closing(bundle.Bundle(path)) as opened:
            verify_bundle(opened)
        if bad is not None:
            assert f"record {bad}" in str(found.value)


@pytest.mark.parametrize("damage", [put_back_the_database, change_an_answer, flip_the_checkpoints])
def test_the_commands_say_so_in_one_sentence(damage: Damage, event: Event, tmp_path: Path) -> None:
    data = tmp_path / "data"
    damage(random.Random(SEED), event, data)
    done = run_cli("verify", str(data))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("TAMPERED  ")
    done = run_cli("run", "--host", "127.0.0.1", "--port", "0", "--data", str(data))
    assert done.returncode == 65
    assert len(done.stderr.splitlines()) == 1
