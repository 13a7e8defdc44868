"""Rows 3 and 4: what a frame of a fan-out costs beside the least that Python can do, and beside other libraries.

One client votes, and all clients get the new result. A peer is asked by one of its clients to send the same number of
bytes to all of them. Each lap does that several times, one after the other, and waits each time until everybody has
it. A frame costs the CPU time that the server's process took in the lap, divided by the frames that were delivered:
for livevote the vote, its fsync and whatever the server does besides are in it. The floor is a loop of ``send()``.
"""

from collections.abc import Callable
from functools import partial

from bench.contest import LIVEVOTE, Contender, check_votes, contest, turns
from bench.peers import BARE, SOCKET_IO, SOCKETIFY, TORNADO, WEBSOCKETS, WS, Peer
from bench.process import Place
from bench.reach import Finding, Target, not_measured, number_of, ratios
from bench.sizes import Sizes

FLOOR = Target(3, "CPU of a fan-out's frame ÷ CPU of a bare send() in Python", 1.4, 1.15, lower=True)
OTHERS: dict[Peer, Target] = {
    WS: Target(4, "CPU of a frame of node ws ÷ CPU of a frame", 1, 1.5),
    WEBSOCKETS: Target(4, "CPU of a frame of websockets.broadcast ÷ CPU of a frame", 1.5, 2),
    TORNADO: Target(4, "CPU of a frame of stock write_message ÷ CPU of a frame", 4, 6),
    SOCKETIFY: Target(4, "CPU of a frame of socketify's publish ÷ CPU of a frame"),
    SOCKET_IO: Target(4, "CPU of a frame of Socket.IO's emit ÷ CPU of a frame"),
}
TARGETS = (FLOOR, *OTHERS.values())


async def run(place: Place, sizes: Sizes) -> list[Finding]:
    """What this comparison found."""
    async with contest(place, [BARE, *OTHERS], sockets=sizes.fan_sockets, revealed=True) as contenders:
        # Everybody sends as many bytes as livevote has to.
        payload = contenders[LIVEVOTE].vote_and_show()
        for contender in contenders.values():
            _fan_outs(contender, payload, 1)
        for contender in turns(contenders, sizes.pairs):
            contender.lap(partial(_fan_outs, contender, payload, sizes.fan_outs))
        await check_votes(contenders[LIVEVOTE])
    laps = {name: contender.laps for name, contender in contenders.items()}
    ours = laps[LIVEVOTE]
    findings = []
    for peer, target in ((BARE, FLOOR), *OTHERS.items()):
        if peer.name not in laps:
            findings += not_measured([target], peer.missing())
            continue
        theirs = laps[peer.name].cpu_us()
        beside = f"{number_of(ours.cpu_us())} µs, {number_of(theirs)} µs"
        findings.append(
            Finding(
                target,
                ratios(ours.cpu_us(), theirs) if target.lower else ratios(theirs, ours.cpu_us()),
                beside + f"; {sizes.fan_sockets:,} sockets, {len(payload)} bytes" * (target is FLOOR),
                max(*ours.generator_percent, *laps[peer.name].generator_percent),
            )
        )
    return findings


def _fan_outs(contender: Contender, payload: bytes, times: int) -> Callable[[], int]:
    for _ in range(times):
        if contender.wrapped is None:
            contender.vote_and_show()
        else:
            contender.lines.fan_out(contender.everybody(payload), kind=contender.kind)
    frames = times * len(contender.lines.open)
    return lambda: frames
