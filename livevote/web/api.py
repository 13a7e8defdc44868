"""The HTTP API: everything that a host can do, one handler a path. ``openapi`` describes it from these classes."""

import asyncio
import io
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar, TypeVar, cast

import msgspec
import segno
from tornado.iostream import StreamClosedError

from livevote.domain.cohosts import cohosts
from livevote.domain.commands import (
    AddCohost,
    AddQuestion,
    AnyHostCommand,
    AsCohost,
    Command,
    CreateRoom,
    EditQuestion,
    RevokeCohost,
)
from livevote.domain.records import Entry, QuestionDefined
from livevote.domain.refusals import Code, Refusal
from livevote.domain.room import decide
from livevote.keys import random_code
from livevote.live.outcome import Outcome
from livevote.live.room import LiveRoom
from livevote.protocol import codec
from livevote.protocol.codes import UNKNOWN, Unsure, explain
from livevote.protocol.messages import HostBoardMessage, HostState
from livevote.web.addresses import LOOPBACK
from livevote.web.base import Access, ApiError, Handler

T = TypeVar("T")

ERASING = "The answers of this room are being deleted. Try again in a minute."
_TAKEN_WITHIN_S = 60.0
_QR_CODES = 256
"""So many pictures are kept: to make one takes as long as fifty votes, and anybody may ask for it at any rate."""


class NewRoom(msgspec.Struct, frozen=True):
    """What a room is made from."""

    title: str


class RoomMade(msgspec.Struct, frozen=True):
    """A new room and its links. The token is shown here only; ``livevote host-link`` prints the link again."""

    code: str
    join_url: str
    host_url: str
    host_token: str


class CommandDone(msgspec.Struct, frozen=True):
    """The command is on disk at log index ``as_of``; ``question`` is the one it concerned."""

    as_of: int
    question: str


class Health(msgspec.Struct, frozen=True):
    """``ok``, or ``failed`` once a write has failed and nothing is recorded any more."""

    status: str


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What was written since the start. A batch is one fsync; ``waiting`` are commands that no batch has taken yet."""

    batches: int
    records: int
    records_per_batch: float
    largest_batch: int
    newest_batch: int
    waiting: int


class ErrorInfo(msgspec.Struct, frozen=True):
    """What went wrong, for programs and for people."""

    code: str
    message: str


class Failed(msgspec.Struct, frozen=True):
    """The body of every answer with a status of 400 and more."""

    error: ErrorInfo


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """What stands behind the ``?`` under a name: its JSON schema, and whether it has to."""

    schema: Mapping[str, Any]
    required: bool = False


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of a path as the API's description shows it.

    ``body`` and ``returns`` are types or media types, ``returns`` also several. ``names`` are what ``{name}`` may be.
    ``none`` says what a 204 without a body stands for, where there may be nothing to return.
    """

    summary: str
    status: int = 200
    body: Any = None
    returns: Any = None
    none: str = ""
    names: tuple[str, ...] = ()
    query: Mapping[str, Parameter] = {}


class ApiHandler(Handler):
    """A handler that describes itself: ``operations`` by lower-case method."""

    operations: ClassVar[Mapping[str, Operation]]

    def settled(self, outcome: Outcome) -> Entry:
        """The entry that a command became. Raises 409 for a refusal and 503 where nothing was decided."""
        if isinstance(outcome, Entry):
            return outcome
        if isinstance(outcome, Refusal):
            status = 404 if outcome.code in (Code.UNKNOWN_QUESTION, Code.UNKNOWN_POST) else 409
            raise ApiError(status, outcome.code, explain(outcome))
        assert isinstance(outcome, Unsure), "only a ballot can be a repeat"
        raise ApiError(503, outcome, UNKNOWN[outcome].replace("The vote will be sent again.", "Try again."))

    def whole_room(self) -> LiveRoom:
        """The room that the path names, for whoever reads its log. Raises 503 while its answers are being deleted."""
        room = self.room()
        if room.code in self.services.registry.erasing:
            raise ApiError(503, "erasing", ERASING)
        return room

    async def in_a_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do what would hold up the loop, one such work of all hosts at a time."""
        async with self.services.thinking:
            return await asyncio.get_running_loop().run_in_executor(None, work, *arguments)

    async def pass_on(self) -> None:
        """Send what was written so far, and wait until the client has taken it.

        Raises ``StreamClosedError`` where it is gone, or takes nothing for a minute: others wait for its place.
        """
        try:
            # Shielded, because Tornado's future would tell of its cancellation in a traceback.
            await asyncio.wait_for(asyncio.shield(self.flush()), _TAKEN_WITHIN_S)
        except TimeoutError:
            self.detach().close()
            raise StreamClosedError from None

    def free_code(self) -> str:
        """A code for a room that is about to be made. Raises 429 where that happens too often."""
        services = self.services
        if not services.room_bucket.take():
            raise ApiError(429, Unsure.TOO_FAST, "Too many rooms at once. Try again in a minute.")
        code = random_code()
        if services.room(code) is not None:
            raise ApiError(503, Unsure.BUSY, "Try again.")  # one chance in a billion for each room there is
        return code

    async def make_room(self, command: CreateRoom) -> RoomMade:
        """Make the room's key and begin its log."""
        services, code = self.services, command.code
        key = await asyncio.get_running_loop().run_in_executor(None, services.keyring.make_room, code)
        self.settled(await services.writer.ask(code, command))
        base = services.base_url()
        return RoomMade(code, f"{base}/{code}", f"{base}/host/{code}#{key.host_token}", key.host_token)

    def join_url(self) -> str:
        """Where voters enter the room that the path names."""
        # The address in the visitor's own address bar is the one that worked, so it is the one to pass on; but nobody
        # else can use this machine's name for itself.
        own = f"{self.request.protocol}://{self.request.host}"
        base = self.services.base_url() if self.services.config.url or self.request.host_name in LOOPBACK else own
        return f"{base}/{self.room().code}"


class Rooms(ApiHandler):
    access = Access.OPERATOR
    operations = {"post": Operation(summary="Create a room", status=201, body=NewRoom, returns=RoomMade)}

    async def post(self) -> None:
        title = self.read(NewRoom).title
        code = self.free_code()
        # Asked before the key is made, so that a refused room leaves nothing behind.
        refusal = decide(None, CreateRoom(code, title), at=self.services.clock.now_ms())
        if isinstance(refusal, Refusal):
            self.settled(refusal)
        self.answer(await self.make_room(CreateRoom(code, title)), status=201)


class RoomState(ApiHandler):
    access = Access.HOST
    rehearses = True
    operations = {"get": Operation(summary="The room as its host sees it", returns=HostState)}

    async def get(self, code: str) -> None:  # noqa: ARG002 - the path names the room
        self.send_json(self.room().host_state())


def as_sent(cohost: str | None, command: Command) -> Command:
    """A command as the log has to decide it, given the id of the co-host who sent it, if one did."""
    return AsCohost(cohost, cast(AnyHostCommand, command)) if cohost else command


class BoardPosts(ApiHandler):
    access = Access.HOST
    rehearses = True
    operations = {"get": Operation(summary="The board as the room's host sees it", returns=HostBoardMessage)}

    async def get(self, code: str) -> None:  # noqa: ARG002
        self.send_json(self.room().host_board())


class Commands(ApiHandler):
    access = Access.HOST
    rehearses = True
    operations = {"post": Operation(summary="One command of the host", body=AnyHostCommand, returns=CommandDone)}

    async def post(self, code: str) -> None:  # noqa: ARG002
        try:
            command = codec.decode_command(self.request.body)
        except codec.ProtocolError as error:
            raise ApiError(400, "bad_message", f"The body is not a command: {error.reason}.") from None
        cohost = self.host()
        if cohost and isinstance(command, AddCohost | RevokeCohost):
            raise ApiError(403, "own_link_only", "Only the host's own link adds and revokes co-hosts.")
        if isinstance(command, AddQuestion | EditQuestion):
            command = msgspec.structs.replace(command, salt=next(self.services.salts))
        room = self.room()
        entry = self.settled(await self.services.writer_of(room).ask(room.code, as_sent(cohost, command)))
        record = entry.record
        question = record.id if isinstance(record, QuestionDefined) else getattr(record, "question", "")
        self.answer(CommandDone(entry.index, question))


@lru_cache(_QR_CODES)
def _qr(url: str) -> bytes:
    picture = io.BytesIO()
    segno.make(url, micro=False).save(
        picture, kind="svg", border=4, light="#fff", svgclass=None, lineclass=None, omitsize=True
    )
    return picture.getvalue()


class JoinQr(ApiHandler):
    access = Access.ANYBODY
    rehearses = True
    operations = {"get": Operation(summary="The join address as a QR code", returns="image/svg+xml")}

    async def get(self, code: str) -> None:  # noqa: ARG002
        self.set_header("Content-Type", "image/svg+xml")
        self.finish(_qr(self.join_url()))


class HostSession(ApiHandler):
    access = Access.HOST_TOKEN
    rehearses = True
    operations = {"post": Operation(summary="Exchange the host token, or a co-host's, for a cookie", status=204)}

    async def post(self, code: str) -> None:  # noqa: ARG002
        room = self.room()
        cohost = self.token_host() or ""
        self.services.sessions.sign_in_host(self, room.code, rehearsal=room.rehearsal, cohost=cohost)
        self.set_status(204)


class CohostLink(msgspec.Struct, frozen=True):
    """A co-host and the link by which they host the room: whoever has it is that co-host until they are revoked."""

    id: str
    name: str
    url: str


class CohostList(msgspec.Struct, frozen=True):
    """All co-hosts of a room that are not revoked."""

    cohosts: tuple[CohostLink, ...]


class Cohosts(ApiHandler):
    access = Access.OWN_HOST
    rehearses = True
    operations = {"get": Operation(summary="The co-hosts and their links", returns=CohostList)}

    async def get(self, code: str) -> None:  # noqa: ARG002
        room = self.room()
        base = f"{self.services.base_url()}/host/{room.code}"
        links = (
            CohostLink(id, name, f"{base}#c.{id}.{room.key.cohost_token(id)}")
            for id, name in cohosts(room.state).items()
        )
        self.answer(CohostList(tuple(links)))


class OperatorSession(ApiHandler):
    access = Access.OPERATOR_KEY
    operations = {"post": Operation(summary="Exchange the operator key for a cookie", status=204)}

    async def post(self) -> None:
        self.services.sessions.sign_in_operator(self)
        self.set_status(204)


class Metrics(ApiHandler):
    access = Access.OPERATOR
    operations = {"get": Operation(summary="How the log grows", returns=Figures)}

    async def get(self) -> None:
        writer = self.services.writer
        written = writer.written
        self.answer(
            Figures(
                batches=written.batches,
                records=written.records,
                records_per_batch=round(written.records / max(1, written.batches), 2),
                largest_batch=written.largest,
                newest_batch=written.newest,
                waiting=writer.waiting,
            )
        )


class HealthCheck(ApiHandler):
    access = Access.ANYBODY
    operations = {"get": Operation(summary="Whether votes are recorded", returns=Health)}

    async def head(self) -> None:
        await self.get()  # what many monitors ask

    async def get(self) -> None:
        failed = self.services.writer.failed
        self.answer(Health("failed" if failed else "ok"), status=503 if failed else 200)
