"""A page's socket: bytes in, frames out, and the close codes that tell the page what to do next."""

import asyncio
import logging
from typing import Any

from livevote.domain.commands import CastBallot
from livevote.domain.records import Entry
from livevote.domain.room import Repeat
from livevote.failures import FailureError
from livevote.live.hub import Role
from livevote.live.limits import TokenBucket
from livevote.live.outcome import Outcome, answer
from livevote.live.room import LiveRoom
from livevote.protocol import codec
from livevote.protocol.codes import CLOSE, REJECTED, UNKNOWN, Unsure
from livevote.protocol.codes import Wire as WireCode
from livevote.protocol.messages import Rejected, Sync, ToClient, Unknown, Vote
from livevote.web.base import Access, ApiError, Guarded
from livevote.web.services import Services
from livevote.web.wire import Wire, WireHandler

_log = logging.getLogger("livevote")

_ROLES: dict[str, Role] = {"host": "host", "wall": "wall"}
_MAX_REFUSED = 50
_MAX_UNREAD_ANSWERS = 32


class Page:
    """One open page, a voter's, a wall's or the host's: a ``Subscriber`` of the hub and the ``Listener`` of its wire.

    It is all that stays of a page in memory while nothing happens, so what only some pages need is made on demand.
    """

    __slots__ = (
        "_bucket",
        "_pseudonyms",
        "_refused",
        "_repeats",
        "_room",
        "_services",
        "_unread_answers",
        "_wire",
        "alive",
        "role",
        "session",
    )

    def __init__(self, handler: WireHandler, services: Services, *, role: Role, session: str) -> None:
        self.role = role
        self.session = session
        self.alive = True
        self._services = services
        self._room: LiveRoom | None = None
        self._bucket: TokenBucket | None = None
        self._pseudonyms: dict[str, str] | None = None
        self._refused = 0
        self._unread_answers = 0
        self._repeats: set[asyncio.Task[None]] | None = None
        self._wire: Wire = services.wires.take(handler, self)

    def enter(self, room: LiveRoom, *, cohost: str = "") -> None:
        """Get the room's state now and every tick from now on. ``cohost`` is the id of whose page this is, if any."""
        self._room = room
        if self.role == "host":
            room.join_host(self, cohost=cohost)
        elif self.role == "wall":
            room.channel.join(self, "wall")
        else:
            room.join(self, limit=self._services.config.sockets_per_session)

    def on_pong(self, payload: bytes) -> None:
        """Tell the room how long its ping took."""
        if self._room is not None:
            self._room.vitals.pong(self, payload)

    def on_goodbye(self) -> None:
        """Leave the room for good: nobody waits for this page to come back."""
        self._leave(clean=True)

    def on_close(self) -> None:
        """Leave the room: the connection is gone."""
        self._leave(clean=False)

    def _leave(self, *, clean: bool) -> None:
        room, self._room = self._room, None
        if room is not None and self.role == "host":
            room.leave_host(self)
        elif room is not None and self.role == "wall":
            room.channel.leave(self, "wall")
        elif room is not None:
            room.leave(self, clean=clean)

    def on_text(self, text: str) -> None:
        """Do what a message asks for."""
        room = self._room
        if room is None:
            return  # the close frame is on its way
        try:
            self._obey(room, text)
        except Exception:
            _log.exception("a message failed")
            self.leave_with("server_fault")

    def _obey(self, room: LiveRoom, text: str) -> None:
        bucket = self._bucket
        if bucket is None:
            services = self._services
            config = services.config
            bucket = TokenBucket(burst=config.vote_burst, rate=config.vote_rate, clock=services.clock)
            self._bucket = bucket
        allowed = bucket.take()
        self._refused = 0 if allowed else self._refused + 1
        if self._refused > _MAX_REFUSED:
            self.leave_with("too_fast")
            return
        try:
            command = codec.decode(text)
        except codec.ProtocolError as error:
            self._answer(Rejected(error.id, WireCode.BAD_MESSAGE, REJECTED[WireCode.BAD_MESSAGE]))
            return
        if isinstance(command, Sync):
            if allowed:
                room.channel.sync(self, self.role)
        elif self.role != "voter":
            self._answer(Rejected(command.id, WireCode.NOT_A_VOTER, REJECTED[WireCode.NOT_A_VOTER]))
        elif not allowed:
            self._answer(Unknown(command.id, Unsure.TOO_FAST, UNKNOWN[Unsure.TOO_FAST], bucket.wait_ms()))
        else:
            self._vote(room, command)

    def _vote(self, room: LiveRoom, vote: Vote) -> None:
        ballot = CastBallot(
            voter=self._pseudonym(room, vote.question),
            id=vote.id,
            question=vote.question,
            round=vote.round,
            answer=bytes(vote.answer),
            salt=next(self._services.salts),
        )
        writer = self._services.writer_of(room)
        writer.submit(room.code, ballot, lambda outcome: self._answer_vote(room, vote, outcome))

    def _pseudonym(self, room: LiveRoom, question: str) -> str:
        if self._pseudonyms is None:
            self._pseudonyms = {}
        known = self._pseudonyms.get(question)
        if known is None:
            known = room.key.pseudonym(self.session, question)
            if question in room.state.questions:  # or a hostile page could fill the memory
                self._pseudonyms[question] = known
        return known

    def _answer_vote(self, room: LiveRoom, vote: Vote, outcome: Outcome) -> None:
        if isinstance(outcome, Repeat) and room.state.receipts:
            task = asyncio.create_task(self._answer_again(room, vote, outcome), name="repeat")
            if self._repeats is None:
                self._repeats = set()
            self._repeats.add(task)
            task.add_done_callback(self._repeats.discard)
            return
        self._answer(answer(vote, outcome, receipts=room.state.receipts))
        if isinstance(outcome, Entry):
            room.tell_other_tabs(self, vote.question, vote.round)

    async def _answer_again(self, room: LiveRoom, vote: Vote, repeat: Repeat) -> None:
        """Answer a retry as the first time (I6). Its receipt is not in memory: the log has it."""
        found: Entry | Repeat | Unsure = repeat
        index = repeat.ballot.index
        try:
            async with self._services.rereads:
                async for entries in self._services.log_of(room).read(room.code, after=index - 1, upto=index):
                    (found,) = entries
        except FailureError:
            # Not an answer without its receipt: the same id gets the same answer, now or later.
            found = Unsure.RETRY_LATER
        self._answer(answer(vote, found, receipts=True))

    def _answer(self, message: ToClient) -> None:
        """Answer the sender. A client that keeps asking and never reads is dropped, or its answers would pile up."""
        self._unread_answers = self._unread_answers + 1 if self._wire.writing else 0
        if self._unread_answers > _MAX_UNREAD_ANSWERS:
            self._wire.abort()
        else:
            self._wire.send(codec.frame(message))

    def send(self, frame: bytes) -> None:
        """Hand over one frame; a closed socket drops it."""
        self._wire.send(frame)

    @property
    def writing(self) -> bool:
        """Whether an earlier frame has not gone out completely."""
        return self._wire.writing

    def leave_with(self, name: str) -> None:
        """Close with a code of the table; its text is in every page already."""
        self._wire.close(CLOSE[name].code, name)


class PageSocket(WireHandler, Guarded):
    """The handshake of a page's socket: who may open one, and into which room it leads."""

    access = Access.VOTER

    def initialize(self, services: Services) -> None:
        super().initialize(services)
        self.role: Role = "voter"

    def prepare(self) -> None:
        self.check_host()
        self.role = _ROLES.get(self.get_query_argument("role", ""), "voter")
        if self.request.headers.get("Origin") not in self._own_origins():
            raise ApiError(403, "foreign_origin", "Sockets are opened by this server's own pages.")

    def _own_origins(self) -> tuple[str, ...]:
        configured = self.services.config.url
        return (f"{self.request.protocol}://{self.request.host}", *([configured] if configured else []))

    def check_origin(self, origin: str) -> bool:
        return origin in self._own_origins()

    def open(self, *args: str, **kwargs: str) -> None:  # noqa: ARG002
        self.set_nodelay(True)
        sessions = self.services.sessions
        room = self.services.room(kwargs["code"].upper())
        session = sessions.voter(self)
        cohost = self.cookie_host(room) if self.role == "host" and room is not None else ""
        page = Page(self, self.services, role=self.role, session=session or "")
        if room is None:
            page.leave_with("no_such_room")
        # A wall in somebody's slides gets no cookie from its browser, and has nothing to say.
        elif session is None and self.role != "wall":
            page.leave_with("no_session")
        elif cohost is None:
            page.leave_with("not_the_host")
        else:
            try:
                page.enter(room, cohost=cohost)
            except Exception:
                page.leave_with("server_fault")
                raise

    def get_compression_options(self) -> dict[str, Any] | None:
        return None  # compressed frames could not be shared, and cost 145 KiB for each connection
