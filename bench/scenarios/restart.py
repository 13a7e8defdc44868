"""``restart``: how long after a stop the room is back, with a log of many ballots.

The log is made by the project's own rules and adapter, so it is one that a server could have written. Measured from the
start of the process: until ``/healthz`` says 200, and until a voter who joins then sees the right tally.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterator

from bench.expected import BenchError, check_tally, counts_of
from bench.http import api, exchange, page, upgrade
from bench.meter import Meter
from bench.server import Place, Server, Usage, running
from bench.sizes import Sizes
from bench.stats import percentile
from bench.table import Row
from bench.wire import State, from_server
from livevote.clock import SystemClock
from livevote.config import Config
from livevote.domain.commands import AddQuestion, CastBallot, Command, CreateRoom, OpenVoting, RevealResults
from livevote.domain.note import Signer
from livevote.domain.records import Draft
from livevote.domain.room import apply, decide
from livevote.domain.state import Room
from livevote.keys import Keyring, random_id
from livevote.live.seal import Seal
from livevote.log import Batch, Checkpoints, Log, open_log

NAME = "restart"
OPTIONS = 4
CODE = "7KQ2MD"
BATCH = 2000
STARTS = 3
"""The first start finds the log in the page cache of the process that wrote it, so all of them are warm."""

READY_S = 120
POLL_S = 0.005


async def run(place: Place, sizes: Sizes) -> list[Row]:
    """The figures of this scenario."""
    config = Config(data=place.directory / NAME)
    begun_at = time.perf_counter()
    expected = await _write(config, sizes.ballots)
    wrote_s = time.perf_counter() - begun_at
    size_bytes = config.database.stat().st_size
    healthy_s, right_s, rss_bytes = [], [], []
    starts = []
    for _ in range(STARTS):
        meter = Meter(Usage(cpu_s=0, rss_bytes=0))
        async with running(place, NAME) as server:
            await _until_healthy(server)
            healthy_s.append(time.perf_counter() - server.spawned_at)
            await _see_tally(server, expected)
            right_s.append(time.perf_counter() - server.spawned_at)
            rss_bytes.append(server.usage().rss_bytes)
            starts.append(meter.stop(server.usage()))
    noisiest = max(starts, key=lambda start: start.others_s)
    return [
        Row(NAME, "ballots in the log", sizes.ballots),
        Row(NAME, "log on disk", size_bytes / (1 << 20), "MiB"),
        Row(NAME, "ballots written by the bench", sizes.ballots / wrote_s, "per s"),
        Row(NAME, f"start to healthy, median of {STARTS}", percentile(healthy_s, 50), "s", 5),
        Row(NAME, f"start to right tally, median of {STARTS}", percentile(right_s, 50), "s"),
        Row(
            NAME, f"server CPU of a start, median of {STARTS}", percentile([each.server_s for each in starts], 50), "s"
        ),
        Row(NAME, "server memory after start", max(rss_bytes) / (1 << 20), "MiB"),
        *noisiest.rows(NAME),
    ]


async def _write(config: Config, ballots: int) -> tuple[int, ...]:
    """Make the log and the room's key; the counts that the tally has to show."""
    keyring = Keyring(config.keys, create=True)
    keyring.make_room(CODE)
    seal = Seal()
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
            for entry in (await _append(log, followed, [_decided(room, command)])).entries:
                room = apply(room, entry)
                seal.add(entry)
        assert room is not None
        cast = _ballots(room, ballots)
        while batch := [draft for _, draft in zip(range(BATCH), cast, strict=False)]:
            for entry in (await _append(log, followed, batch)).entries:
                seal.add(entry)
    finally:
        await log.aclose()
    # As a server leaves it that was stopped: the next start goes on from here.
    checkpoints = Checkpoints(config.checkpoints, Signer(keyring.checkpoint_seed(create=True)))
    checkpoint, frontier = seal.sign_here(origin=room.origin, at=SystemClock().now_ms())
    checkpoints.append(CODE, checkpoints.signer.sign(checkpoint).encode(), frontier)
    return counts_of((number % OPTIONS for number in range(ballots)), OPTIONS)


def _ballots(room: Room, ballots: int) -> Iterator[Draft]:
    """One ballot of each of so many voters. They are not folded: nothing in one decides about another voter's."""
    for number in range(ballots):
        answer = b'{"choices":[%d]}' % (number % OPTIONS)
        yield _decided(room, CastBallot(random_id(), random_id(), "q1", 1, answer, secrets.token_bytes(16)))


def _decided(room: Room | None, command: Command) -> Draft:
    decision = decide(room, command, at=SystemClock().now_ms())
    if not isinstance(decision, Draft):
        raise BenchError(f"{NAME}: the bench's own log cannot be made: {decision}.")
    return decision


async def _append(log: Log, followed: AsyncIterator[Batch], drafts: list[Draft]) -> Batch:
    # What was appended is taken back at once: a log keeps batches in memory until its follower has them.
    await log.append(drafts, ticket=0)
    return await anext(followed)


async def _until_healthy(server: Server) -> None:
    ends_at = time.perf_counter() + READY_S
    while time.perf_counter() < ends_at:
        try:
            async with asyncio.timeout(READY_S):
                reply, connection = await exchange(server.port, api(server.port, "GET", "/healthz"))
        except (OSError, ValueError):
            await asyncio.sleep(POLL_S)
            continue
        connection.close()
        if reply.status == 200:
            return
        await asyncio.sleep(POLL_S)
    raise BenchError(f"{NAME}: the server was not healthy within {READY_S} s.")


async def _see_tally(server: Server, expected: tuple[int, ...]) -> None:
    """Join as a voter and compare the first result on the screen."""
    try:
        async with asyncio.timeout(READY_S):
            reply, connection = await exchange(server.port, page(server.port, CODE))
            connection.close()
            reply, connection = await exchange(server.port, upgrade(server.port, CODE, reply.cookies()))
            connection.close()
        state = from_server.decode(reply.body)
    except (OSError, ValueError) as error:
        raise BenchError(f"{NAME}: a voter could not join after the start: {error or 'time-out'}.") from error
    if not isinstance(state, State) or state.tally is None:
        raise BenchError(f"{NAME}: the first frame after the start shows no result.")
    check_tally(NAME, expected=expected, counts=state.tally.counts, voters=state.tally.voters)
