"""A page's socket: bytes in, frames out, and the close codes that tell the page what to do next."""

import asyncio
import logging
from typing import Any

from livevote.domain.commands import CastBallot, NamePlayer
from livevote.domain.records import Entry
from livevote.domain.room import Repeat
from livevote.failures import FailureError
from livevote.live.hub import Role
from livevote.live.limits import TokenBucket
from livevote.live.outcome import Outcome, answer, answer_name
from livevote.live.room import HeldCode, LiveRoom
from livevote.protocol import codec
from livevote.protocol.codes import CLOSE, REJECTED, UNKNOWN, Unsure
from livevote.protocol.codes import Wire as WireCode
from livevote.protocol.messages import Name, Rejected, Sync, ToClient, Unknown, Vote
from livevote.web.base import Access, ApiError, Guarded
from livevote.web.services import Services
from livevote.web.wire import Wire, WireHandler

_log = logging.getLogger("livevote")

_MAX_REFUSED = 50
_MAX_UNREAD_ANSWERS = 32


class Page:
    """One open page, as a voter's or as the host's: a ``Subscriber`` of the hub and the ``Listener`` of its wire.

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
        self._pseudonyms: dict[str | None, str] | None = None
        self._refused = 0
        self._unread_answers = 0
        self._repeats: set[asyncio.Task[None]] | None = None
        self._wire: Wire = services.wires.take(handler, self)

    def enter(self, room: LiveRoom, code: HeldCode | None) -> None:
        """Get the room's state now and every tick from now on. ``code`` is the one that the browser has entered."""
        self._room = room
        if self.role == "host":
            room.channel.join(self, "host")
        else:
            room.join(self, limit=self._services.config.sockets_per_session, code=code)

    def on_close(self) -> None:
        """Leave the room: the connection is gone."""
        room, self._room = self._room, None
        if room is not None and self.role == "host":
            room.channel.leave(self, "host")
        elif room is not None:
            room.leave(self)

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
        elif self.role == "host":
            self._answer(Rejected(command.id, WireCode.NOT_A_VOTER, REJECTED[WireCode.NOT_A_VOTER]))
        elif not allowed:
            self._answer(Unknown(command.id, Unsure.TOO_FAST, UNKNOWN[Unsure.TOO_FAST], bucket.wait_ms()))
        elif isinstance(command, Name):
            self._name(room, command)
        else:
            self._vote(room, command)

    def _name(self, room: LiveRoom, name: Name) -> None:
        player = room.key.player(self.session)
        named = NamePlayer(voter=player, id=name.id, name=name.name, salt=next(self._services.salts))
        self._services.writer.submit(room.code, named, lambda outcome: self._answer_name(room, name, outcome))

    def _answer_name(self, room: LiveRoom, name: Name, outcome: Outcome) -> None:
        self._answer(answer_name(name, outcome, rev=room.names_of(self.session) - 1))
        if isinstance(outcome, Entry):
            room.tell_tabs(self.session)

    def _vote(self, room: LiveRoom, vote: Vote) -> None:
        ballot = CastBallot(
            voter=self._pseudonym(room, vote.question),
            id=vote.id,
            question=vote.question,
            round=vote.round,
            answer=bytes(vote.answer),
            salt=next(self._services.salts),
            code=room.code_of(self.session),
            linked=room.state.linked,
        )
        self._services.writer.submit(room.code, ballot, lambda outcome: self._answer_vote(room, vote, outcome))

    def _pseudonym(self, room: LiveRoom, question: str) -> str:
        if self._pseudonyms is None:
            self._pseudonyms = {}
        scope = room.scope(question)
        known = self._pseudonyms.get(scope)
        if known is None:
            known = room.pseudonym(self.session, question)
            asked = room.state.questions.get(question)
            # Others would let a hostile page fill the memory. Codes can be entered later, and changed.
            if asked is not None and asked.level == "browser":
                self._pseudonyms[scope] = known
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
                async for entries in self._services.log.read(room.code, after=index - 1, upto=index):
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
        if self.get_query_argument("role", "") == "host":
            self.role = "host"
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
        room = self.services.registry.get(kwargs["code"].upper())
        session = sessions.voter(self)
        not_the_host = self.role == "host" and not (room is not None and sessions.is_host(self, room.code))
        page = Page(self, self.services, role=self.role, session=session or "")
        if room is None:
            page.leave_with("no_such_room")
        elif session is None:
            page.leave_with("no_session")
        elif not_the_host:
            page.leave_with("not_the_host")
        else:
            try:
                page.enter(room, sessions.code(self, room.code))
            except Exception:
                page.leave_with("server_fault")
                raise

    def get_compression_options(self) -> dict[str, Any] | None:
        return None  # compressed frames could not be shared, and cost 145 KiB for each connection
