"""A log of many ballots, made by the project's own rules and adapter, so it is one that a server could have written."""

import secrets
from collections.abc import AsyncIterator, Iterator

from bench.expected import BenchError, counts_of
from livevote.clock import SystemClock
from livevote.config import Config
from livevote.domain.commands import AddQuestion, CastBallot, Command, CreateRoom, OpenVoting, RevealResults
from livevote.domain.note import Signer
from livevote.domain.records import Draft
from livevote.domain.room import apply, decide
from livevote.domain.state import Room
from livevote.keys import Keyring, random_id
from livevote.live.keeper import LARGE
from livevote.live.seal import Seal
from livevote.live.shadow import Shadow
from livevote.log import Batch, Checkpoints, Log, States, finish, open_log

OPTIONS = 4
CODE = "7KQ2MD"
NAME = "large"
BATCH = 2000


async def ensure(config: Config, ballots: int) -> tuple[int, ...]:
    """``write``, unless the log is there already."""
    if config.database.exists():
        return counts_of((number % OPTIONS for number in range(ballots)), OPTIONS)
    return await write(config, ballots)


async def write(config: Config, ballots: int) -> tuple[int, ...]:
    """Make the log and the room's key; the counts that the tally has to show."""
    keyring = Keyring(config.keys, create=True)
    keyring.make_room(CODE)
    seal, shadow = Seal(), Shadow()
    log = await open_log(f"sqlite:{config.database}")
    try:
        followed = log.follow()
        room: Room | None = None
        commands: tuple[Command, ...] = (
            CreateRoom(CODE, "Restart"),
            AddQuestion(kind="single", text="Which?", options=tuple(f"Option {n + 1}" for n in range(OPTIONS))),
            OpenVoting("q1"),
            RevealResults("q1"),
        )
        for command in commands:
            entries = (await _append(log, followed, [_decided(room, command)])).entries
            for entry in entries:
                room = apply(room, entry)
                shadow.add(entry)
            seal.add(entries)
        assert room is not None
        cast = _ballots(room, ballots)
        while batch := [draft for _, draft in zip(range(BATCH), cast, strict=False)]:
            entries = (await _append(log, followed, batch)).entries
            seal.add(entries)
            for entry in entries:
                shadow.add(entry)
    finally:
        await log.aclose()
    # As a server leaves it that was stopped: the next start goes on from here.
    checkpoints = Checkpoints(config.checkpoints, Signer(keyring.checkpoint_seed(create=True)))
    checkpoint, frontier = seal.sign_here(origin=room.origin, at=SystemClock().now_ms())
    checkpoints.append(CODE, checkpoints.signer.sign(checkpoint).encode(), frontier)
    if shadow.head > LARGE:
        finish(States(config.states).save(CODE, keyring.room(CODE).state_key, shadow.freeze()))
    return counts_of((number % OPTIONS for number in range(ballots)), OPTIONS)


def _ballots(room: Room, ballots: int) -> Iterator[Draft]:
    """One ballot of each of so many voters. They are not folded: nothing in one decides about another voter's."""
    for number in range(ballots):
        answer = b'{"choices":[%d]}' % (number % OPTIONS)
        yield _decided(room, CastBallot(random_id(), random_id(), "q1", 1, answer, secrets.token_bytes(16)))


def _decided(room: Room | None, command: Command) -> Draft:
    decision = decide(room, command, at=SystemClock().now_ms())
    if not isinstance(decision, Draft):
        raise BenchError(f"the bench's own log cannot be made: {decision}.")
    return decision


async def _append(log: Log, followed: AsyncIterator[Batch], drafts: list[Draft]) -> Batch:
    # What was appended is taken back at once: a log keeps batches in memory until its follower has them.
    await log.append(drafts, ticket=0)
    return await anext(followed)
