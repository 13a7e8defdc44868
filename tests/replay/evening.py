"""A large evening in a data directory, written at once: more ballots than a test could cast."""

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from livevote.config import Config
from livevote.domain.audit import commitment
from livevote.domain.records import (
    BallotCast,
    Draft,
    Opening,
    QuestionDefined,
    Record,
    ReplayPublished,
    ResultsRevealed,
    RoomCreated,
    VotingClosed,
    VotingOpened,
)
from livevote.keys import Keyring
from livevote.log import open_log
from tests.history import AT, CODE, SALT, answer

OPTIONS = ("Harbour hall", "Town garden", "Old brewery", "Online", "Nowhere")
_BATCH = 4000


def drafts(*, ballots: int, questions: int, seed: int = 1) -> list[Draft]:
    """So many questions, each with its share of the ballots, of which one in five changes an earlier one."""
    rng = random.Random(seed)
    at = AT
    made: list[Draft] = []

    def put(record: Record, opening: Opening | None = None) -> int:
        made.append(Draft(CODE, record, opening))
        return len(made)

    put(RoomCreated(at, CODE, "A large evening"))
    for number in range(1, questions + 1):
        name = f"q{number}"
        rules = msgspec.Raw(b'{"max":1,"min":1}')
        put(QuestionDefined(at, name, "single", f"Question {number}", OPTIONS, rules, True))
        at += 600_000
        put(VotingOpened(at, name, 1))
        cast: list[tuple[int, int]] = []
        for _ in range(ballots // questions):
            at += rng.randrange(12)
            voter = rng.randrange(len(cast)) if cast and rng.random() < 0.2 else len(cast)
            before = cast[voter] if voter < len(cast) else None
            opening = Opening(SALT, answer(rng.randrange(len(OPTIONS))))
            rev = 0 if before is None else before[1] + 1
            supersedes = None if before is None else before[0]
            ballot = BallotCast(at, f"b{len(made)}", f"{name}-{voter}", name, 1, rev, supersedes, commitment(opening))
            cast[voter : voter + 1] = [(put(ballot, opening), rev)]
        put(VotingClosed(at, name, 1))
        put(ResultsRevealed(at + 2000, name, 1))
    put(ReplayPublished(at + 3000, True))
    return made


def write_evening(data: Path, *, ballots: int, questions: int) -> str:
    """Write it, with the keys that a server needs, and publish its replay; the room's code."""

    async def write() -> None:
        config = Config(data=data)
        Keyring(config.keys, create=True).make_room(CODE)
        log = await open_log(f"sqlite:{config.database}")
        records = drafts(ballots=ballots, questions=questions)
        for start in range(0, len(records), _BATCH):
            await log.append(records[start : start + _BATCH], ticket=start)
        await log.aclose()

    # A thread of its own: in that of a test with a browser, Playwright's event loop is running.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, write()).result()
    return CODE
