"""Signs what the logs have become and writes it outside the database: at most once a second, and at what matters.

Apart from the writer, because a vote never waits for a signature: a checkpoint says afterwards what was durable.
"""

import asyncio
import contextlib
import errno

from livevote.clock import Clock
from livevote.live.registry import Registry
from livevote.log import Checkpoints

INTERVAL_S = 1.0

_PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class Notary:
    """Writes the checkpoints of all rooms of a registry."""

    def __init__(self, *, registry: Registry, checkpoints: Checkpoints, clock: Clock) -> None:
        self._registry = registry
        self._checkpoints = checkpoints
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    @property
    def vkey(self) -> str:
        """The public key of the signatures, as ``name+id+key``."""
        return self._checkpoints.signer.vkey

    async def run(self) -> None:
        """Seal rooms as they grow, each at most once a second, a host's command at once. Runs until cancelled.

        Raises ``OSError`` when a checkpoint cannot be written for a reason that does not pass, as a full disk does.
        """
        registry = self._registry
        while True:
            await registry.grown.wait()
            registry.grown.clear()
            registry.urgent.clear()
            await self.seal()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_S):
                    await registry.urgent.wait()

    async def seal(self) -> None:
        """Sign and make durable what every room has become, as far as the disk has space. Raises ``OSError``."""
        async with self._one_at_a_time:
            for room in list(self._registry.unsealed.values()):
                del self._registry.unsealed[room.code]
                checkpoint, frontier = room.seal.sign_here(origin=room.state.origin, at=self._clock.now_ms())
                note = self._checkpoints.signer.sign(checkpoint).encode()
                writing = asyncio.get_running_loop().run_in_executor(
                    None, self._checkpoints.append, room.code, note, frontier
                )
                try:
                    await asyncio.shield(writing)
                except asyncio.CancelledError:
                    # Nobody else may write to the file before the thread has finished with it.
                    with contextlib.suppress(OSError):
                        await writing
                    self._registry.unsealed[room.code] = room
                    raise
                except OSError as error:
                    # Also where it is raised to somebody who only wanted a seal: ``run`` shall meet it as well.
                    self._registry.unsealed[room.code] = room
                    self._registry.grown.set()
                    if error.errno not in _PASSING:
                        raise
                    # A full disk refuses votes as well, which says it to everybody; descriptors and memory come back.
                else:
                    room.seal.signed(checkpoint, note)
