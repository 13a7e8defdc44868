"""One run: a room or two, their voters and hosts, a server that dies again and again, and then peace and judgement."""

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

from livevote.domain.commands import AnyHostCommand, CreateRoom
from livevote.keys import RoomKey
from livevote.live import hub
from livevote.live.hub import Role
from livevote.live.outcome import Outcome
from tests.simulation.anchor import newest
from tests.simulation.clients import Browser, Host, Page
from tests.simulation.disk import Disk
from tests.simulation.log import unpack
from tests.simulation.network import Connection, End, Network
from tests.simulation.server import Keys, Server
from tests.simulation.witness import Fold, Message, Witness
from tests.simulation.world import BrokenPromiseError, Step, World

TROUBLE_S = 10.0
"""How long things go wrong."""
PATIENCE_S = 60.0
"""How long it may take after that until every vote has an end."""
SETTLE_S = 3.0
"""After how long without a vote every page shows the newest: a slow page drains in half of it."""
CODES = ("ROOM22", "ROOM33")


class Venue:
    """All parts of one run."""

    def __init__(self, seed: int) -> None:
        self.world = world = World(seed)
        self.witness = Witness(world)
        self.network = Network(world)
        self.disk = Disk(world)
        self.healed = False
        self._heads: list[int] = []
        self._quiet_since_s = 0.0
        self.deaths = 0
        self.nervous = world.chance(0.45)
        """Whether pages ask for the state as soon as they see a result."""
        self._keys = Keys(world)
        self._jumped_ms = 0
        self._true_database: bytes | None = None
        self._start()
        world.after(0.1, self._look_after)
        codes = CODES[: 1 + world.chance(0.2)]
        self.hosts = [Host(self, code) for code in codes]
        self.browsers = [
            Browser(self, f"s{number}{code[-1]}", code)
            for code in codes
            for number in range(world.random.choice((1, 2, 3, 3, 5, 8)))
        ]
        for _ in range(world.random.randint(1, 6)):
            world.after(world.random.uniform(0.5, TROUBLE_S), self._trouble)
        world.after(TROUBLE_S, self._heal)

    def connect(self, end: End, session: str, code: str, role: Role) -> Connection:
        """A page opens its socket, as far as the server is there."""
        return self.network.connect(self.server, end, session, code, role)

    def command(self, code: str, command: CreateRoom | AnyHostCommand, reply: Callable[[Outcome], None]) -> None:
        """A host's request reaches the server, if there is one."""
        self.server.command(code, command, reply)

    def lost(self) -> bool:
        """Whether a request is lost on its way."""
        return not self.healed and self.world.chance(0.1)

    def _trouble(self) -> None:
        random = self.world.random
        happens = random.choices(
            (self._kill_at_a_sync, self._kill_after_a_sync, self._die, self._stop, self._fill, self._break, self._jump),
            (6, 6, 3, 2, 3, 3, 1),
        )[0]
        self.world.note("trouble:", happens.__name__)
        happens()

    def _kill_at_a_sync(self) -> None:
        """Death while a batch is on its way to the disk."""
        self.disk.when_syncing = lambda: self.world.after(self.world.random.random() * 0.03, self._die)

    def _kill_after_a_sync(self) -> None:
        """Death a few steps after a batch became safe."""
        self.disk.when_synced = lambda: self._die_in(self.world.random.randrange(12))

    def _die_in(self, steps: int) -> None:
        if steps:
            self.world.soon(Step(self.world.now_s, self._die_in, (steps - 1,)))
        else:
            self._die()

    def _die(self, power_cut: float = 0.5) -> None:
        """SIGKILL, or, with this probability, the power of the machine goes."""
        if self.server.ended or self.healed:
            return
        self._bury()
        if self._true_database is None:
            if self.world.chance(power_cut):
                self.world.note("power is lost")
                self.disk.lose_power()
            if self.world.chance(0.25):
                self._roll_back()
        pause_s = self.world.random.choice((0.01, 0.3, 1.5))
        self.world.after(pause_s, self._start)
        if self.world.chance(0.4):
            self.world.after(pause_s + self.world.random.random() * 0.3, self._die, 1.0)

    def _bury(self) -> None:
        self.deaths += 1
        self.world.note("server is dead")
        self.server.kill()
        for connection in list(self.network.open):
            connection.cut()

    def _roll_back(self) -> None:
        """Somebody puts back a copy of the database that is older than the newest anchor, and not the anchors."""
        file = self.disk.database
        frames = file.frames()
        sizes = [{entry.room: entry.index for entry in unpack(frames[:kept])} for kept in range(1, len(frames))]
        older = [
            kept
            for kept, size in enumerate(sizes, 1)
            if any(size.get(room, 0) < anchor.size for room, anchor in newest(self.disk).items())
        ]
        if older:
            self._true_database = bytes(file.written)
            file.replace(file.start_of(self.world.random.choice(older)))
            self.world.note("database is rolled back")

    def _stop(self) -> None:
        self.server.stop()

    def _fill(self) -> None:
        self.disk.full = True
        self.world.after(self.world.random.uniform(0.2, 2.0), self._empty)

    def _empty(self) -> None:
        self.disk.full = False

    def _break(self) -> None:
        self.disk.breaking = self.world.random.choice(("write", "sync"))

    def _jump(self) -> None:
        self._jumped_ms += self.world.random.choice((-86_400_000, -1500, 1500, 86_400_000))
        self.server.clock.jumped_ms = self._jumped_ms

    def _heal(self) -> None:
        self.world.note("peace")
        self.healed = self.network.healed = True
        self.disk.full, self.disk.breaking = False, ""
        self.disk.when_syncing = self.disk.when_synced = None
        for connection in list(self.network.open):
            if connection.deaf:
                connection.cut()

    def _start(self) -> None:
        self.server = Server(self.world, self.disk, self._keys, self.witness)
        self.server.clock.jumped_ms = self._jumped_ms

    def _look_after(self) -> None:
        """Start a server again that ended by itself, and put the true database back if it says so."""
        if self.server.ended and self.server.process.alive:
            if self.server.refused and self._true_database is None:
                self.world.fail(f"I7: the server refuses a sound log: {self.server.refused}")
            if self.server.refused and self._true_database is not None:
                self.disk.database.replace(self._true_database)
                self._true_database = None
            self._bury()
            self.world.after(0.2, self._start)
        elif self.server.listens:
            self._true_database = None  # nobody noticed, so nobody will put it back
        self.world.after(0.25, self._look_after)

    def run(self) -> None:
        """All of it. Raises ``BrokenPromiseError``."""
        world = self.world
        world.run_until(lambda: self.healed)
        world.run_until(self._at_rest)
        world.run_until(self._settled)
        self.server.kill()
        self.disk.lose_power()
        entries = unpack(self.disk.database.frames())
        for code in CODES:
            in_room = [entry for entry in entries if entry.room == code]
            fold = self.witness.judge(code, in_room, self._keys.room(code))
            for page in self._pages(code):
                _up_to_date(page, fold, self._keys.room(code))

    def _at_rest(self) -> bool:
        if self.world.now_s > TROUBLE_S + PATIENCE_S:
            self.world.fail("I9: after a minute of peace there are votes without an end")
        return (
            self.server.listens
            and all(host.created for host in self.hosts)
            and not any(browser.waits for browser in self.browsers)
        )

    def _settled(self) -> bool:
        """Whether nothing was recorded for a while: a timer may ring at any time, and pages hear of it a tick later."""
        heads = [room.state.head for room in self.server.registry.all()]
        if heads != self._heads:
            self._heads, self._quiet_since_s = heads, self.world.now_s
        return self.world.now_s > self._quiet_since_s + SETTLE_S

    def _pages(self, code: str) -> Iterator[Page]:
        clients: list[Browser | Host] = [*self.browsers, *self.hosts]
        for client in clients:
            yield from (page for page in client.pages if page.code == code)


def _up_to_date(page: Page, fold: Fold, key: RoomKey) -> None:
    """What was sent to a page adds up to what a new page would be sent."""
    if page.shown is None:
        return
    expected = fold.host_state() if page.shown["role"] == "host" else fold.voter_state()
    if _lasting(page.shown) != _lasting(expected):
        raise BrokenPromiseError(f"a page shows {page.shown} for good, and {expected} is right")
    if fold.current and page.shown["role"] == "voter" and page.caught_up:
        voter = key.pseudonym(page.session, fold.current)
        index = fold.questions[fold.current]["rounds"][-1]["ballots"].get(voter, {}).get("index")
        if index != (page.ballot and page.ballot["index"]):
            raise BrokenPromiseError(f"a page of {page.session} shows the ballot {page.ballot}, and {index} counts")


def _lasting(shown: Message) -> Message:
    changing = ("at", "as_of", "online", "join_url", "health")
    kept = {name: value for name, value in shown.items() if name not in changing}
    if kept.get("tally"):
        kept["tally"] = kept["tally"] | {"as_of": 0}
    return kept


class _Listener(logging.Handler):
    """livevote logs an error where it goes on in spite of a fault: here, that is a finding."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        fault = record.exc_info[1] if record.exc_info else None
        self._world.fail(f"{record.getMessage()}: {fault!r}")


@contextmanager
def _listening(world: World) -> Iterator[None]:
    log, listener = logging.getLogger("livevote"), _Listener(world)
    before = log.propagate, hub._LOOK_AT_CLOCK_EVERY
    log.addHandler(listener)
    # A handful of pages shall be sent to in slices, as thousands are.
    log.propagate, hub._LOOK_AT_CLOCK_EVERY = False, 1
    try:
        # Each start freezes what it folded, for good; a soak has 60,000 of them.
        with mock.patch.object(gc, "freeze"):
            yield
    finally:
        log.removeHandler(listener)
        log.propagate, hub._LOOK_AT_CLOCK_EVERY = before


def play(venue: Venue) -> None:
    """Run a venue to its end. Raises ``BrokenPromiseError``."""
    try:
        with _listening(venue.world):
            venue.run()
    finally:
        venue.server.kill()


def replay(seed: int) -> str:
    """How somebody sees a run again."""
    return (
        f"See it again: LIVEVOTE_SIM_SEED={seed} make crash PYTEST_ARGS=tests/simulation; "
        f"all that happened in it: .venv/bin/python -m tests.simulation {seed}"
    )


def run(seed: int) -> Venue:
    """Do what ``seed`` says. Raises ``BrokenPromiseError`` that says how to see it again."""
    venue = Venue(seed)
    try:
        play(venue)
    except BrokenPromiseError as error:
        raise BrokenPromiseError(f"{error}\n{replay(seed)}") from None
    return venue
