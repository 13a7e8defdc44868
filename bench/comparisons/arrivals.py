"""Row 6: how fast people come in beside node's ``ws``, and a hall that comes at once.

An arrival is what a phone does: the page on a connection of its own, with a new session, and then the socket, up to
its first message. The peer serves the same bytes of the same page, gives every visitor a random cookie (which it
never checks), and greets with as many bytes. Whoever has arrived stays until the lap is over.
"""

from contextlib import AsyncExitStack
from functools import partial

from bench.contest import LIVEVOTE, OPTIONS
from bench.http import call, exchange, page, upgrade
from bench.lines import Lines
from bench.meter import Meter
from bench.peers import WS
from bench.process import Place, Process, started
from bench.reach import Finding, Laps, Target, not_measured, number_of, ratios
from bench.server import Server, running
from bench.sizes import Sizes

NAME = "arrivals"
RATIO = Target(6, "joins/s, page and socket ÷ joins/s of node ws with the same page", 0.5, 0.9)
CPU = Target(6, "CPU of a join of node ws ÷ CPU of a join", 0.5, 0.9)
AT_ONCE = Target(6, "2,000 join at once: until the last one is in, nobody refused", 5, unit="s", lower=True)
TARGETS = (RATIO, CPU, AT_ONCE)


async def run(place: Place, sizes: Sizes) -> list[Finding]:
    """What this comparison found."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(place, NAME))
        room = await server.create_room("Joins")
        await room.ask(OPTIONS, revealed=True)
        doors = {LIVEVOTE: _Door(server, room.code)}
        if not WS.missing():
            command = WS.command(*await _same_page(place, server, room.code))
            peer = await stack.enter_async_context(started(command, place=place, name=WS.name))
            doors[WS.name] = _Door(peer, room.code)
        for door in doors.values():
            door.lap(sizes.joins // 10, sizes.join_concurrency)
            door.laps = Laps()
        hall = _Door(server, room.code)
        for number in range(sizes.pairs):
            for door in list(doors.values())[:: -1 if number % 2 else 1]:
                door.lap(sizes.joins, sizes.join_concurrency)
            hall.lap(sizes.joins, sizes.joins)
    ours = doors[LIVEVOTE].laps
    findings = not_measured((RATIO, CPU), WS.missing())
    if WS.name in doors:
        theirs = doors[WS.name].laps
        busiest = max(*ours.generator_percent, *theirs.generator_percent)
        rates = f"{number_of(ours.rates())}/s, {number_of(theirs.rates())}/s, {sizes.join_concurrency} at a time"
        cpu = f"{number_of(ours.cpu_us())} µs, {number_of(theirs.cpu_us())} µs"
        findings = [
            Finding(RATIO, ratios(ours.rates(), theirs.rates()), rates, busiest),
            Finding(CPU, ratios(theirs.cpu_us(), ours.cpu_us()), cpu, busiest),
        ]
    return [*findings, Finding(AT_ONCE, hall.laps.wall_s, f"{sizes.joins:,} at once", max(hall.laps.generator_percent))]


class _Door:
    """A server that people come to."""

    def __init__(self, process: Process, code: str) -> None:
        self.laps = Laps()
        self._process = process
        self._page = page(process.port, code)
        self._upgrade = partial(upgrade, process.port, code)

    def lap(self, joins: int, at_once: int) -> None:
        """Let so many come, ``at_once`` of them at a time, and leave when the last one is in."""
        lines = Lines(self._process.port)
        try:
            meter = Meter(self._process.usage())
            lines.arrive(joins, at_once=at_once, page=self._page, upgrade_with=self._upgrade, greeted=True)
            self.laps.add(meter.stop(self._process.usage()), joins)
        finally:
            lines.close()


async def _same_page(place: Place, server: Server, code: str) -> list[str]:
    """livevote's page, its encoding, and the first message, as the arguments of the peer."""
    reply = await call(server.port, page(server.port, code))
    greeted, connection = await exchange(server.port, upgrade(server.port, code, reply.cookies()))
    connection.close()
    page_file, greeting_file = place.directory / "page.bytes", place.directory / "greeting.bytes"
    page_file.write_bytes(reply.body)
    greeting_file.write_bytes(greeted.body)
    return [str(page_file), reply.header("content-encoding"), str(greeting_file)]
