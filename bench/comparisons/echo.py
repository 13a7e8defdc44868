"""Rows 1 and 2: durable votes beside echoes that store nothing.

The same clients, on the same number of sockets, send the same votes: each the next one as soon as its last one is
answered. livevote answers when the vote is on disk, a peer at once and with the same bytes. Results are hidden, so
nobody is sent anything else; each lap is a round of its own, in which nobody changes a ballot too often. Each ratio
is given twice: by what was answered in a second, and by the CPU time that the server's process took for an answer; with
a server that waits for its disk, the first is the smaller one. Beside them stands how many votes share an fsync, and
what the disk takes for one when nobody else uses it.
"""

from functools import partial

from bench.contest import LIVEVOTE, begin_again, check_votes, contest, turns
from bench.disk import BLOCK_BYTES, fdatasync_ms
from bench.peers import SOCKET_IO, SOCKETIFY, TORNADO, WEBSOCKETS, WS, Peer
from bench.process import Place
from bench.reach import Finding, Laps, Target, not_measured, number_of, ratios
from bench.server import Server
from bench.sizes import Sizes
from bench.stats import percentile

RATES: dict[Peer, Target] = {
    TORNADO: Target(1, "durable votes/s ÷ echoes/s of stock Tornado", 3, 5),
    WS: Target(2, "durable votes/s ÷ echoes/s of node ws", 0.8, 1.2),
    WEBSOCKETS: Target(2, "durable votes/s ÷ echoes/s of websockets with uvloop"),
    SOCKETIFY: Target(2, "durable votes/s ÷ echoes/s of socketify"),
    SOCKET_IO: Target(2, "durable votes/s ÷ echoes/s of Socket.IO"),
}
COSTS: dict[Peer, Target] = {
    TORNADO: Target(1, "CPU of an echo of stock Tornado ÷ CPU of a durable vote", 3, 5),
    WS: Target(2, "CPU of an echo of node ws ÷ CPU of a durable vote", 0.8, 1.2),
}
BATCH = Target(1, "durable votes for each fsync")
SYNC = Target(1, "p99 of a bare fdatasync", unit="ms", lower=True)
TARGETS = (*RATES.values(), *COSTS.values(), BATCH, SYNC)
WARM_UP_S = 0.5
SYNCS = 300


async def run(place: Place, sizes: Sizes) -> list[Finding]:
    """What this comparison found."""
    async with contest(place, list(RATES), sockets=sizes.race_sockets, revealed=False) as contenders:
        for contender in contenders.values():
            contender.race(WARM_UP_S)()
        for contender in turns(contenders, sizes.pairs):
            if contender.name == LIVEVOTE:
                await begin_again(contender)
            contender.lap(partial(contender.race, sizes.lap_s))
        await check_votes(contenders[LIVEVOTE])
        server = contenders[LIVEVOTE].process
        assert isinstance(server, Server)
        written = await server.written()
    laps = {name: contender.laps for name, contender in contenders.items()}
    findings = []
    for peer in RATES:
        targets = [table[peer] for table in (RATES, COSTS) if peer in table]
        if peer.name not in laps:
            findings += not_measured(targets, peer.missing())
            continue
        findings += [
            _finding(target, laps[LIVEVOTE], laps[peer.name], rate=target in RATES.values()) for target in targets
        ]
    synced_ms = fdatasync_ms(place.directory, SYNCS)
    beside = f"p50 {percentile(synced_ms, 50):.2f} ms, in {SYNCS} appends of {BLOCK_BYTES:,} bytes"
    return [
        *findings,
        Finding(BATCH, [written.records / written.batches], f"the largest batch has {written.largest_batch:,} records"),
        Finding(SYNC, [percentile(synced_ms, 99)], beside),
    ]


def _finding(target: Target, ours: Laps, theirs: Laps, *, rate: bool) -> Finding:
    busiest = max(*ours.generator_percent, *theirs.generator_percent)
    if rate:
        beside = f"{_rate(ours)}, {_rate(theirs)}"
        return Finding(target, ratios(ours.rates(), theirs.rates()), beside, busiest)
    beside = f"{number_of(ours.cpu_us())} µs, {number_of(theirs.cpu_us())} µs"
    return Finding(target, ratios(theirs.cpu_us(), ours.cpu_us()), beside, busiest)


def _rate(laps: Laps) -> str:
    return f"{number_of(laps.rates())}/s with {number_of(laps.server_percent())} % of a core"
