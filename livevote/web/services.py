"""What handlers are given: everything they may use, made by ``server`` and passed by argument."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from livevote.clock import Clock
from livevote.config import Config
from livevote.keys import Keyring
from livevote.live.code_tries import CodeTries
from livevote.live.codebook import CodeBook
from livevote.live.leaves import Leaves
from livevote.live.limits import Places, TokenBucket
from livevote.live.notary import Notary
from livevote.live.outcome import Scribe
from livevote.live.registry import Registry
from livevote.live.rehearsal import Rehearsals
from livevote.live.room import LiveRoom
from livevote.live.writer import Writer
from livevote.log import Log, Reader
from livevote.pictures import Pictures
from livevote.web.addresses import KnownHosts
from livevote.web.assets import Assets
from livevote.web.replays import Replays
from livevote.web.session import Sessions
from livevote.web.wire import Wires


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of a running server that requests reach."""

    config: Config
    clock: Clock
    keyring: Keyring
    log: Log
    registry: Registry
    rehearsals: Rehearsals
    writer: Writer
    notary: Notary
    sessions: Sessions
    replays: Replays
    assets: Assets
    hosts: KnownHosts
    wires: Wires
    salts: Iterator[bytes]
    """Random ones, one for each ballot."""
    pictures: Pictures
    picture_bucket: TokenBucket
    uploads: Places
    """How many pictures may be on their way in at once: each is in memory."""
    room_bucket: TokenBucket
    proof_bucket: TokenBucket
    rereads: asyncio.Semaphore
    """How many retried ballots and blocks of leaves may be looked up in the log at once."""
    leaves: Leaves
    codes: CodeBook
    code_tries: CodeTries
    thinking: asyncio.Lock
    """Held by whoever has a thread at work on a file or on codes: two of them would take the processor from votes."""
    exporting: asyncio.Semaphore
    """How many exports may be made at once."""
    base_url: Callable[[], str]
    """The address for links, known once the server listens."""

    def room(self, code: str) -> LiveRoom | None:
        """The room, or the rehearsal, with this code in upper case."""
        found = self.registry.get(code)
        return self.rehearsals.get(code) if found is None else found

    def writer_of(self, room: LiveRoom) -> Scribe:
        """Who writes this room's commands into its log."""
        return self.writer if room.apart is None else room.apart.writer

    def log_of(self, room: LiveRoom) -> Reader:
        """The log that this room's records are in."""
        return self.log if room.apart is None else room.apart.log

    @property
    def operator_key(self) -> str:
        return self.keyring.operator_key
