"""A page's socket: bytes in, frames out, and the close codes that tell the page what to do next."""

import asyncio
import secrets
from typing import Any

from tornado.websocket import WebSocketHandler

from livevote.domain.commands import CastBallot
from livevote.domain.records import Entry
from livevote.domain.room import Repeat
from livevote.failures import FailureError
from livevote.live.hub import Role
from livevote.live.limits import TokenBucket
from livevote.live.outcome import Outcome, answer
from livevote.live.room import LiveRoom
from livevote.protocol import codec
from livevote.protocol.codes import CLOSE, REJECTED, UNKNOWN, Unsure, Wire
from livevote.protocol.messages import Rejected, Sync, ToClient, Unknown, Vote
from livevote.web import wire
from livevote.web.base import Access, ApiError, Guarded
from livevote.web.services import Services

_MAX_REFUSED = 50
_MAX_UNREAD_ANSWERS = 32


class PageSocket(WebSocketHandler, Guarded):
    """One open page, as a voter's or as the host's. The hub sees it as a ``Subscriber``."""

    access = Access.VOTER

    def initialize(self, services: Services) -> None:
        super().initialize(services)
        self.session = ""
        self.role: Role = "voter"
        self.alive = True
        self._room: LiveRoom | None = None
        self._pseudonyms: dict[str, str] = {}
        self._refused = 0
        self._unread_answers = 0
        self._repeats: set[asyncio.Task[None]] = set()
        config = services.config
        self._bucket = TokenBucket(burst=config.vote_burst, rate=config.vote_rate, clock=services.clock)

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
        room = self.services.registry.get(kwargs["code"].upper())
        session = self.services.sessions.voter(self)
        if room is None:
            self.leave_with("no_such_room")
        elif session is None:
            self.leave_with("no_session")
        elif self.role == "host":
            if not self.services.sessions.is_host(self, room.code):
                self.leave_with("not_the_host")
            else:
                self._room = room
                room.channel.join(self, "host")
        else:
            self.session = session
            self._room = room
            room.join(self, limit=self.services.config.sockets_per_session)

    def on_close(self) -> None:
        room, self._room = self._room, None
        if room is not None and self.role == "host":
            room.channel.leave(self, "host")
        elif room is not None:
            room.leave(self)

    def on_pong(self, data: bytes) -> None:  # noqa: ARG002
        self.alive = True

    def on_message(self, message: str | bytes) -> None:
        self.alive = True
        room = self._room
        if room is None:
            return  # the close frame is on its way
        if isinstance(message, bytes):
            self.leave_with("binary_refused")
            return
        if len(message) > codec.MAX_MESSAGE_BYTES or len(message.encode()) > codec.MAX_MESSAGE_BYTES:
            self.leave_with("too_big")
            return
        allowed = self._bucket.take()
        self._refused = 0 if allowed else self._refused + 1
        if self._refused > _MAX_REFUSED:
            self.leave_with("too_fast")
            return
        try:
            command = codec.decode(message)
        except codec.ProtocolError as error:
            self._answer(Rejected(error.id, Wire.BAD_MESSAGE, REJECTED[Wire.BAD_MESSAGE]))
            return
        if isinstance(command, Sync):
            if allowed:
                room.channel.sync(self, self.role)
        elif self.role == "host":
            self._answer(Rejected(command.id, Wire.NOT_A_VOTER, REJECTED[Wire.NOT_A_VOTER]))
        elif not allowed:
            self._answer(Unknown(command.id, Unsure.TOO_FAST, UNKNOWN[Unsure.TOO_FAST], self._bucket.wait_ms()))
        else:
            self._vote(room, command)

    def _vote(self, room: LiveRoom, vote: Vote) -> None:
        ballot = CastBallot(
            voter=self._pseudonym(room, vote.question),
            id=vote.id,
            question=vote.question,
            round=vote.round,
            answer=bytes(vote.answer),
            salt=secrets.token_bytes(16),
        )
        self.services.writer.submit(room.code, ballot, lambda outcome: self._answer_vote(room, vote, outcome))

    def _pseudonym(self, room: LiveRoom, question: str) -> str:
        known = self._pseudonyms.get(question)
        if known is None:
            known = room.key.pseudonym(self.session, question)
            if question in room.state.questions:  # or a hostile page could fill the memory
                self._pseudonyms[question] = known
        return known

    def _answer_vote(self, room: LiveRoom, vote: Vote, outcome: Outcome) -> None:
        if isinstance(outcome, Repeat) and room.state.receipts:
            task = asyncio.create_task(self._answer_again(room, vote, outcome), name="repeat")
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
            async with self.services.rereads:
                async for entries in self.services.log.read(room.code, after=index - 1, upto=index):
                    (found,) = entries
        except FailureError:
            # Not an answer without its receipt: the same id gets the same answer, now or later.
            found = Unsure.RETRY_LATER
        self._answer(answer(vote, found, receipts=True))

    def _answer(self, message: ToClient) -> None:
        """Answer the sender. A client that keeps asking and never reads is dropped, or its answers would pile up."""
        self._unread_answers = self._unread_answers + 1 if self.writing else 0
        if self._unread_answers > _MAX_UNREAD_ANSWERS:
            wire.abort(self)
        else:
            self.send(codec.frame(message))

    def send(self, frame: bytes) -> None:
        wire.write_frame(self, frame)

    @property
    def writing(self) -> bool:
        return wire.writing(self)

    def leave_with(self, name: str) -> None:
        """Close with a code of the table; its text is in every page already."""
        self.close(CLOSE[name].code, name)

    def get_compression_options(self) -> dict[str, Any] | None:
        return None  # compressed frames could not be shared, and cost 145 KiB for each connection
