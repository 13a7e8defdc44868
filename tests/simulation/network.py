"""Connections between pages and the server: in order, late, sometimes deaf in one direction or cut at any moment."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from livevote.live.hub import Role
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.server import Server, Socket


class End(Protocol):
    """What the client has of a connection."""

    def received(self, frame: bytes) -> None:
        """A frame came in."""

    def closed(self, name: str) -> None:
        """The connection is gone: closed by the server with the code of this name, or cut where it is empty."""


class Network:
    """How connections behave, and all that there are."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.healed = False
        self.open: list[Connection] = []
        self._made = 0
        self._worst_s = world.random.choice((0.002, 0.05, 0.4))

    def delay_s(self) -> float:
        """How long a message takes."""
        return self.world.random.random() * (0.01 if self.healed else self._worst_s)

    def connect(self, server: "Server", end: End, session: str, code: str, role: Role) -> "Connection":
        """A connection that begins to open."""
        self._made += 1
        connection = Connection(self, server, end, session, code, role, self._made)
        self.open.append(connection)
        return connection


class Connection:
    """One page's connection. ``congested`` while the server's socket has not sent all that it was given."""

    def __init__(
        self, network: Network, server: "Server", end: End, session: str, code: str, role: Role, number: int
    ) -> None:
        world = network.world
        self.session = session
        self.number = number
        self._network = network
        self._world = world
        self._server = server
        self._end = end
        self._code = code
        self._role: Role = role
        self._socket: Socket | None = None
        self._closing = ""
        self._cut = False
        self._to_server: deque[str] = deque()
        self._at_server: deque[Callable[[], None]] = deque()
        self._to_page: deque[bytes | None] = deque()
        self._due_s = [0.0, 0.0]
        self._unsent = 0
        # Phones in pockets read slowly, and in a full hall some connections are dead and nobody is told.
        self._slow = not network.healed and world.chance(0.25)
        self.deaf = ""
        """Which direction swallows everything: ``up`` to the server, ``down`` to the page, ``both`` or none."""
        world.after(network.delay_s(), self._arrive)

    @property
    def congested(self) -> bool:
        return self._unsent > 0

    @property
    def socket(self) -> "Socket | None":
        return self._socket

    def _arrive(self) -> None:
        if self._cut:
            return
        self._socket = self._server.accept(self, self._code, self._role)
        if self._socket is None:
            self.cut()
        else:
            self._let_server(self._socket.open)

    def _let_server(self, call: Callable[[], None]) -> None:
        """Let the server's process handle what comes over this connection, one after the other."""
        self._at_server.append(call)
        self._server.process.call_soon(lambda: self._at_server.popleft()())

    def _in_order(self, direction: int, delay_s: float) -> float:
        """Seconds until a message arrives that must not overtake the one before it."""
        self._due_s[direction] = max(self._due_s[direction], self._world.now_s + delay_s)
        return self._due_s[direction] - self._world.now_s

    def to_server(self, text: str) -> None:
        """The page sends."""
        if not self._cut and self.deaf not in ("up", "both"):
            self._to_server.append(text)
            self._world.after(self._in_order(0, self._network.delay_s()), self._reach_server)

    def _reach_server(self) -> None:
        text = self._to_server.popleft()
        socket = self._socket
        if socket is not None and not self._cut:
            self._world.note("server", "receives", self.number, text)
            self._let_server(lambda: socket.receive(text))

    def to_page(self, frame: bytes) -> None:
        """The server sends."""
        if self._cut or self._closing:
            return
        delay_s = self._network.delay_s()
        if self._slow and not self._network.healed and self._world.chance(0.3):
            self._unsent += 1
            drained_s = self._in_order(1, self._world.random.random() * 1.5)
            self._world.after(drained_s, self._drain)
            delay_s += drained_s
        self._to_page.append(frame)
        self._world.after(self._in_order(1, delay_s), self._reach_page)

    def _drain(self) -> None:
        self._unsent -= 1

    def close_by_server(self, name: str) -> None:
        """The server closes with a code; what it sent before still arrives."""
        if not self._cut and not self._closing:
            self._closing = name
            self._to_page.append(None)
            self._world.after(self._in_order(1, self._network.delay_s()), self._reach_page)

    def _reach_page(self) -> None:
        frame = self._to_page.popleft()
        if self._cut:
            return
        if frame is None:
            self.cut(self._closing)
        elif self.deaf not in ("down", "both"):
            self._world.note("page", "receives", self.number, frame)
            self._end.received(frame)
            if frame[0] == 0x89 and self.deaf != "up" and self._socket is not None:
                self._socket.pong(frame[2:])

    def cut(self, name: str = "") -> None:
        """Both ends find the connection gone. What was on its way is lost."""
        if self._cut:
            return
        self._cut = True
        self._network.open.remove(self)
        socket = self._socket
        if socket is not None:
            self._let_server(lambda: self._server.gone(socket))
        self._world.after(0.0, self._end.closed, name)
