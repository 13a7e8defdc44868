"""The composition root: builds the parts, starts them from the inside out, and stops them in the opposite order."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any

from tornado.httpserver import HTTPServer

from livevote.clock import Clock, SystemClock
from livevote.config import Config
from livevote.domain.note import Signer
from livevote.failures import CorruptError, DataDirectoryError, FailureError, WriteError
from livevote.keys import Keyring
from livevote.live.auditor import Auditor
from livevote.live.code_tries import CodeTries
from livevote.live.codebook import CodeBook
from livevote.live.eraser import Eraser
from livevote.live.gallery import Gallery
from livevote.live.keeper import LARGE, Keeper
from livevote.live.leaves import Leaves
from livevote.live.limits import Places, TokenBucket
from livevote.live.notary import Notary
from livevote.live.registry import Registry
from livevote.live.rehearsal import Rehearsals
from livevote.live.salts import salts
from livevote.live.sample import make_sample
from livevote.live.sweep import sweep
from livevote.live.timers import Timers
from livevote.live.watch import watch
from livevote.live.writer import Writer
from livevote.log import Checkpoints, LogFailedError, States, open_log
from livevote.pictures import Pictures
from livevote.web.addresses import KnownHosts, base_urls
from livevote.web.app import make_app
from livevote.web.assets import Assets
from livevote.web.binding import bind, tls_of
from livevote.web.door import Door
from livevote.web.handshake import Handshakes
from livevote.web.listener import Listener, over_tls
from livevote.web.page_answer import PageAnswers
from livevote.web.replays import Replays
from livevote.web.services import Services
from livevote.web.session import Sessions
from livevote.web.wire import Wires

_log = logging.getLogger("livevote")

_Work = Callable[[], Coroutine[Any, Any, None]]

_IDLE_S = 15
# A batch of a thousand votes makes some thousands of objects and no garbage. Python would look for some after every 700
# of them, which took 5 % of the processor at full load.
_OBJECTS_BEFORE_COLLECTION = 5000
_LAST_RESULTS_S = 1.5
_CLOSE_PAGES_S = 2.0
_LAST_STATES_S = 1.0
_CHECK_AT_ONCE_RECORDS = LARGE  # about a third of a second, and nobody has saved the state of a log that is smaller
_ROOM_BURST = 30  # rooms that may be created at once, and how many a second after that
_ROOMS_PER_S = 0.5
_PROOF_BURST = 2000  # a room that looks for its ballots at once
_PROOFS_PER_S = 100
_PICTURE_BURST = 60  # those of several questions
_PICTURES_PER_S = 0.5
_UPLOADS = 8  # 80 MB
_ANEW_S = 5.0
_EXPORTS = 2
_LEAF_BLOCKS = 512  # 4 MiB: the leaves of 131,072 records
_REREADS = 8  # each takes a thread and a descriptor for about a millisecond


class Server:
    """A server that listens. Made by ``running``."""

    def __init__(
        self,
        services: Services,
        writing: "asyncio.Task[None]",
        auditing: "asyncio.Task[None]",
        sealing: "asyncio.Task[None]",
    ) -> None:
        self.services = services
        self.writing = writing
        self.auditing = auditing
        self.sealing = sealing
        self.urls: list[str] = []
        self.port = 0

    @property
    def registry(self) -> Registry:
        return self.services.registry

    def join_url(self, code: str) -> str:
        """Where voters enter the room."""
        return f"{self.urls[0]}/{code}"

    def host_url(self, code: str) -> str:
        """Where the room is hosted. Holds its token."""
        room = self.registry.get(code)
        assert room is not None
        return f"{self.urls[0]}/host/{code}#{room.key.host_token}"

    def new_room_url(self) -> str:
        """Where rooms are created. Holds the operator key."""
        key = "" if self.services.config.open_hosting else f"#{self.services.operator_key}"
        return f"{self.urls[0]}/host{key}"


@contextlib.asynccontextmanager
async def running(config: Config, *, clock: Clock | None = None) -> AsyncIterator[Server]:
    """A server from before its first to after its last connection.

    Raises a ``FailureError`` where it cannot start. On leaving it stops listening, answers what is queued, flushes,
    closes the sockets with a code that tells pages to come back, and closes the log.
    """
    clock = clock or SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        assets = Assets()
        ssl_options = tls_of(config)
        # The lock comes first: who starts twice by mistake shall hear that, and not that the port is taken.
        log = await open_log(f"sqlite:{config.database}")
        stack.push_async_callback(log.aclose)
        bound = bind(config)
        stack.callback(bound.close)
        with contextlib.closing(log.scan()) as entries:
            empty = next(entries, None) is None
        keyring = Keyring(config.keys, create=empty)
        server: Server | None = None

        def base_url() -> str:
            assert server is not None
            return server.urls[0]

        def unanswered_ms() -> int:
            return 0 if server is None else server.services.writer.oldest_unanswered_ms

        checkpoints = Checkpoints(
            config.checkpoints,
            Signer(keyring.checkpoint_seed(create=not any(config.checkpoints.glob("*.notes")))),
        )
        registry = Registry(keyring=keyring, clock=clock, base_url=base_url, unanswered_ms=unanswered_ms)
        states = States(config.states)
        registry.load(log, states)
        keeper = Keeper(log=log, registry=registry, states=states)
        auditor = Auditor(log=log, registry=registry, checkpoints=checkpoints, keeper=keeper)
        # A small log is checked before anybody is served, a large one while they are.
        await auditor.begin(at_once=_CHECK_AT_ONCE_RECORDS)
        if config.sample and not len(registry):
            registry.apply(await make_sample(log, keyring, clock))
        auditing = asyncio.create_task(auditor.finish(), name="auditor")
        stack.push_async_callback(_cancel, auditing)
        keeping = asyncio.create_task(_keep(keeper, auditing), name="keeper")
        stack.push_async_callback(_last_states, keeper, auditing, keeping)
        notary = Notary(registry=registry, checkpoints=checkpoints, clock=clock)
        sealing = asyncio.create_task(notary.run(), name="notary")
        stack.push_async_callback(_last_seal, notary, sealing)
        writer = Writer(log=log, registry=registry, clock=clock, queue_limit=config.queue_limit)
        writing = asyncio.create_task(writer.run(), name="writer")
        stack.push_async_callback(_finish, writer, writing)
        _attend(stack, "timers", Timers(registry=registry, writer=writer, clock=clock).run)
        rehearsals = Rehearsals(registry=registry, clock=clock, base_url=base_url, queue_limit=config.queue_limit)
        pictures = Pictures(config.pictures, space_bytes=config.picture_space * 1_000_000)
        gallery = Gallery(pictures=pictures, rooms=lambda: (*registry.all(), *rehearsals.rooms()), clock=clock)
        _attend(stack, "gallery", gallery.run)
        eraser = Eraser(log=log, registry=registry, writer=writer, keeper=keeper, gallery=gallery)
        _attend(stack, "eraser", eraser.run)
        rereads = asyncio.Semaphore(_REREADS)
        services = Services(
            config=config,
            clock=clock,
            keyring=keyring,
            log=log,
            registry=registry,
            rehearsals=rehearsals,
            writer=writer,
            notary=notary,
            sessions=Sessions(keyring, secure=config.secure),
            replays=Replays(log=log),
            assets=assets,
            hosts=KnownHosts(config),
            wires=Wires(stock=config.stock_wire),
            salts=salts(),
            pictures=pictures,
            picture_bucket=TokenBucket(burst=_PICTURE_BURST, rate=_PICTURES_PER_S, clock=clock),
            uploads=Places(_UPLOADS),
            room_bucket=TokenBucket(burst=_ROOM_BURST, rate=_ROOMS_PER_S, clock=clock),
            rereads=rereads,
            leaves=Leaves(log=log, blocks=_LEAF_BLOCKS, reads=rereads),
            codes=CodeBook(keyring=keyring, writer=writer),
            code_tries=CodeTries(clock),
            thinking=asyncio.Lock(),
            exporting=asyncio.Semaphore(_EXPORTS),
            proof_bucket=TokenBucket(burst=_PROOF_BURST, rate=_PROOFS_PER_S, clock=clock),
            base_url=base_url,
        )
        server = Server(services, writing, auditing, sealing)
        application = make_app(services)
        http = HTTPServer(
            application,
            ssl_options=ssl_options,
            xheaders=False,
            idle_connection_timeout=_IDLE_S,
            body_timeout=_IDLE_S,
            max_header_size=16 * 1024,
            max_body_size=64 * 1024,
            chunk_size=4096,
        )
        server.port = bound.getsockname()[1]
        server.urls = base_urls(config, server.port)
        stack.callback(services.wires.abort)
        stack.push_async_callback(_close_pages, registry, rehearsals, http)
        _attend(stack, "sweeper", partial(sweep, registry))
        _attend(stack, "watch", partial(watch, registry))
        door = Door(http, pages=PageAnswers(services), handshakes=Handshakes(application, services), idle_s=_IDLE_S)
        listener = Listener(bound, door.let_in if ssl_options is None else over_tls(http, ssl_options))
        stack.push_async_callback(_stop_listening, listener, door, http, writer, writing)
        _note_address(config, server.urls[0])
        stack.callback(config.address.unlink, missing_ok=True)
        yield server


async def _stop_listening(
    listener: Listener, door: Door, http: HTTPServer, writer: Writer, writing: "asyncio.Task[None]"
) -> None:
    listener.close()
    door.close()
    http.stop()
    await _finish(writer, writing)


async def _finish(writer: Writer, writing: "asyncio.Task[None]") -> None:
    writer.stop()
    with contextlib.suppress(Exception):  # whoever waits for the task itself hears of its failure
        await writing


async def _close_pages(registry: Registry, rehearsals: Rehearsals, http: HTTPServer) -> None:
    """Tell every page to come back, within a time that leaves some of the five seconds to the rest of the stop.

    Those of rehearsals hear that it is over: nobody will know of them.
    """
    rooms = [room.channel for room in registry.all()]
    over = [room.channel for room in rehearsals.rooms()]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LAST_RESULTS_S):
            await asyncio.gather(rehearsals.aclose(), *(room.aclose() for room in rooms))
    for room in rooms:
        for page in room.subscribers():
            page.leave_with("restarting")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_PAGES_S):
            while any(room.subscribers() for room in (*rooms, *over)):  # noqa: ASYNC110 - cheaper than an event on every leave
                await asyncio.sleep(0.02)
            await http.close_all_connections()


async def _last_seal(notary: Notary, sealing: "asyncio.Task[None]") -> None:
    """Sign what the log has become at the end, unless signing is what failed."""
    if not sealing.done():
        await _cancel(sealing)
        with contextlib.suppress(OSError):  # the next start signs it
            await notary.seal()


async def _keep(keeper: Keeper, auditing: "asyncio.Task[None]") -> None:
    """Save states once all logs were checked. The audit saves those that it has checked by itself."""
    await asyncio.wait((auditing,))
    if auditing.exception() is None:
        await _again_and_again("keeper", keeper.run)


async def _last_states(keeper: Keeper, auditing: "asyncio.Task[None]", keeping: "asyncio.Task[None]") -> None:
    """Save what has come since, so that the next start has nothing to fold, as far as there is time for it."""
    await _cancel(keeping)
    if auditing.done() and not auditing.cancelled() and auditing.exception() is None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_STATES_S):
                await keeper.save(growth=0)


def _attend(stack: contextlib.AsyncExitStack, name: str, work: _Work) -> None:
    """Have ``work`` done beside the votes until the stack is left."""
    stack.push_async_callback(_cancel, asyncio.create_task(_again_and_again(name, work), name=name))


async def _again_and_again(name: str, work: _Work) -> None:
    """Begin ``work`` anew where it fails, and say so: nobody would miss it before its work is missing.

    What must not go on without it is watched by ``serve``.
    """
    while True:
        try:
            return await work()
        except Exception:
            _log.exception("the %s failed and begins anew", name)
        await asyncio.sleep(_ANEW_S)


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, CorruptError):  # who waits for the task hears of its failure
        await task


def _note_address(config: Config, url: str) -> None:
    try:
        config.address.write_text(f"{url}\n")
    except OSError as error:
        raise DataDirectoryError(
            f"Cannot write {config.address}: {error.strerror}. Check its owner and mode."
        ) from error


def _raise_descriptor_limit() -> None:
    """Allow as many sockets as the system lets us: the usual soft limit of 1,024 is a full lecture hall."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _only_failures(task: "asyncio.Task[None]") -> None:
    """Return when ``task`` has failed, and never otherwise."""
    await asyncio.wait((task,))
    if task.exception() is None:
        await asyncio.Event().wait()


async def serve(config: Config, *, announce: Callable[[Server], None]) -> None:
    """Run until SIGTERM or SIGINT. Raises ``WriteError`` when the log breaks, after everything else was stopped."""
    os.umask(0o077)  # what is in the log before it is revealed is nobody else's business
    _raise_descriptor_limit()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION, *gc.get_threshold()[1:])
    # Tornado's own notes name the addresses of clients.
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with running(config) as server:
        announce(server)
        stop = asyncio.create_task(stopping.wait())
        # An audit that ends well ends nothing else.
        sound = asyncio.create_task(_only_failures(server.auditing))
        await asyncio.wait((stop, server.writing, server.sealing, sound), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        sound.cancel()
    if server.auditing.done() and not server.auditing.cancelled():
        server.auditing.result()
    error = server.writing.exception()
    if error is None and not server.sealing.cancelled():
        error = server.sealing.exception()
    if isinstance(error, LogFailedError):
        raise WriteError(
            f"A write to {config.database} failed: {error}. Nothing was acknowledged after it. "
            "Check the disk, then start again."
        ) from error
    if isinstance(error, OSError):
        raise WriteError(
            f"A checkpoint could not be written to {config.checkpoints} ({error.strerror}). Every vote that was "
            "acknowledged is in the log. Check the disk, then start again."
        ) from error
    if error is not None:
        raise FailureError(f"The writer stopped: {error!r}. Start again, and report this.") from error
