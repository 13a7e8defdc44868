"""A page's socket: bytes in, frames out, and the close codes that tell the page what to do next."""

import asyncio
import logging
from typing import Any

from livevote.domain.commands import AskPost, CastBallot, NamePlayer, UpvotePost
from livevote.domain.records import Entry
from livevote.domain.room import Repeat
from livevote.failures import FailureError
from livevote.live.hub import Role
from livevote.live.limits import TokenBucket
from livevote.live.outcome import Outcome, answer, answer_name, answer_post
from livevote.live.room import HeldCode, LiveRoom
from livevote.protocol import codec
from livevote.protocol.codes import CLOSE, REJECTED, UNKNOWN, Unsure
from livevote.protocol.codes import Wire as WireCode
from livevote.protocol.messages import (
    Ask,
    Check,
    FromClient,
    Name,
    React,
    Rejected,
    Sync,
    ToClient,
    Unknown,
    Upvote,
    Vote,
)
from livevote.web.base import Access, ApiError, Guarded
from livevote.web.services import Services
from livevote.web.wire import Wire, WireHandler

_log = logging.getLogger("livevote")

_ROLES: dict[str, Role] = {"host": "host", "wall": "wall"}
_MAX_REFUSED = 50
_MAX_UNREAD_ANSWERS = 32
_REACTIONS_AT_ONCE = 5
_REACTIONS_PER_S = 1.0


class Page:
    """One open page, a voter's, a wall's or the host's: a ``Subscriber`` of the hub and the ``Listener`` of its wire.

    It is all that stays of a page in memory while nothing happens, so what only some pages need is made on demand.
    """

    __slots__ = (
        "_bucket",
        "_pseudonyms",
        "_reactions",
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
        self._reactions: TokenBucket | None = None
        self._pseudonyms: dict[str | None, str] | None = None
        self._refused = 0
        self._unread_answers = 0
        self._repeats: set[asyncio.Task[None]] | None = None
        self._wire: Wire = services.wires.take(handler, self)

    def enter(self, room: LiveRoom, *, cohost: str = "", code: HeldCode | None = None) -> None:
        """Get the room's state now and every tick from now on.

        ``cohost`` is the id of whose page this is, if any, and ``code`` the one that the browser has entered.
        """
        self._room = room
        if self.role == "host":
            room.join_host(self, cohost=cohost)
        elif self.role == "wall":
            room.channel.join(self, "wall")
        else:
            room.join(self, limit=self._services.config.sockets_per_session, code=code)

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
        try:
            command: FromClient | None = codec.decode(text)
        except codec.ProtocolError as error:
            command, id = None, error.id
        bucket = self._bucket_for(command)
        allowed = bucket.take()
        self._refused = 0 if allowed else self._refused + 1
        if self._refused > _MAX_REFUSED:
            self.leave_with("too_fast")
        elif command is None:
            self._answer(Rejected(id, WireCode.BAD_MESSAGE, REJECTED[WireCode.BAD_MESSAGE]))
        elif isinstance(command, Sync):
            if allowed:
                room.channel.sync(self, self.role)
        elif self.role != "voter":
            id = None if isinstance(command, Check | React) else command.id
            self._answer(Rejected(id, WireCode.NOT_A_VOTER, REJECTED[WireCode.NOT_A_VOTER]))
        elif isinstance(command, Check):
            if allowed:
                room.vitals.check(self.session, command)
        elif isinstance(command, React):
            if allowed:
                room.react(command.kind)
        elif not allowed:
            self._answer(Unknown(command.id, Unsure.TOO_FAST, UNKNOWN[Unsure.TOO_FAST], bucket.wait_ms()))
        elif isinstance(command, Name):
            self._name(room, command)
        elif isinstance(command, Vote):
            self._vote(room, command)
        else:
            self._post(room, command)

    def _bucket_for(self, command: FromClient | None) -> TokenBucket:
        """What limits such messages: whoever claps a lot can vote all the same."""
        services = self._services
        if isinstance(command, React):
            if self._reactions is None:
                self._reactions = TokenBucket(burst=_REACTIONS_AT_ONCE, rate=_REACTIONS_PER_S, clock=services.clock)
            return self._reactions
        if self._bucket is None:
            config = services.config
            self._bucket = TokenBucket(burst=config.vote_burst, rate=config.vote_rate, clock=services.clock)
        return self._bucket

    def _name(self, room: LiveRoom, name: Name) -> None:
        player = room.key.player(self.session)
        named = NamePlayer(voter=player, id=name.id, name=name.name, salt=next(self._services.salts))
        self._services.writer_of(room).submit(room.code, named, lambda outcome: self._answer_name(room, name, outcome))

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
        writer = self._services.writer_of(room)
        writer.submit(room.code, ballot, lambda outcome: self._answer_vote(room, vote, outcome))

    def _post(self, room: LiveRoom, message: Ask | Upvote) -> None:
        voter = room.key.name_on_board(self.session)
        command = (
            AskPost(voter, message.id, message.text, next(self._services.salts))
            if isinstance(message, Ask)
            else UpvotePost(voter, message.id, message.post, message.on)
        )
        self._services.writer_of(room).submit(
            room.code, command, lambda outcome: self._answer_post(room, message, outcome)
        )

    def _answer_post(self, room: LiveRoom, message: Ask | Upvote, outcome: Outcome) -> None:
        self._answer(answer_post(message, outcome))
        if isinstance(outcome, Entry):
            # The page knows its own upvote, and of its own post only what it sent.
            room.show_posts(self.session, but=self if isinstance(message, Upvote) else None)

    def _pseudonym(self, room: LiveRoom, question: str) -> str:
        asked = room.state.questions.get(question)
        # Only what a browser is called stays what it is: codes can be entered later, and changed, and a draft may have
        # become a question for codes since. Questions that there are not would let a hostile page fill the memory.
        if asked is None or asked.level != "browser":
            return room.pseudonym(self.session, question)
        if self._pseudonyms is None:
            self._pseudonyms = {}
        scope = room.scope(question)
        known = self._pseudonyms.get(scope)
        if known is None:
            known = self._pseudonyms[scope] = room.pseudonym(self.session, question)
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
        if room is None or (self.role != "host" and room.state.erased_at is not None):
            page.leave_with("no_such_room")
        # A wall in somebody's slides gets no cookie from its browser, and has nothing to say.
        elif session is None and self.role != "wall":
            page.leave_with("no_session")
        elif cohost is None:
            page.leave_with("not_the_host")
        else:
            try:
                page.enter(room, cohost=cohost, code=sessions.code(self, room.code))
            except Exception:
                page.leave_with("server_fault")
                raise

    def get_compression_options(self) -> dict[str, Any] | None:
        return None  # compressed frames could not be shared, and cost 145 KiB for each connection
