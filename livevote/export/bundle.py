"""``bundle.jsonl``: the room with its signed checkpoints, for ``livevote verify`` and ``livevote import``.

Apart from ``livevote.bundle``, which knows the form of the file: this finds what goes into it.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from livevote import bundle
from livevote.domain.note import Checkpoint, NoteError, Verifier
from livevote.domain.records import RecoveryAccepted
from livevote.export.source import Source
from livevote.failures import CorruptError, SetupError
from livevote.log import VKEY, opened_in_slices, read_notes


async def bundle_jsonl(source: Source) -> AsyncGenerator[bytes, None]:
    """The bundle of a room: its checkpoints up to the source's head, and every record.

    Raises ``SetupError`` where there is no key of the checkpoints, and ``CorruptError`` where they were changed or
    where one has more records than the log.
    """
    verifier = _verifier(source.checkpoints / VKEY)
    file = source.checkpoints / f"{source.room}.notes"
    written, _ = await asyncio.get_running_loop().run_in_executor(None, read_notes, file)
    signed = list(zip(written, await opened_in_slices(written, verifier, file), strict=True))
    notes = await _of_this_moment(source, signed)
    async with (
        aclosing(source.slices()) as slices,
        aclosing(bundle.write(source.room, slices, vkey=verifier.vkey, notes=notes)) as lines,
    ):
        async for line in lines:
            yield line


def _verifier(path: Path) -> Verifier:
    try:
        return Verifier.parse(path.read_text())
    except FileNotFoundError:
        raise SetupError(f"There is no {path}, which a bundle needs. Start the server once: it makes one.") from None
    except (NoteError, UnicodeError) as error:
        raise CorruptError(f"{path} was changed ({error}). Put it back from a copy.") from error


async def _of_this_moment(source: Source, signed: list[tuple[bytes, Checkpoint]]) -> list[str]:
    """The notes that belong to the log up to the source's head.

    Those of an incarnation that an accepted recovery has ended belong to it, however many records they have. Others
    that have more are what a running server has signed since, unless the log has not grown so far.
    """
    end = source.head.index
    ended: dict[str, int] = {}
    if any(checkpoint.size > end for _, checkpoint in signed):
        ended = await _ended(source)
        grown = (await source.reader.head(source.room)).index  # after the notes were read, which come after records
        sizes = [checkpoint.size for _, checkpoint in signed if not _is_explained(checkpoint, ended)]
        if (promised := max(sizes, default=0)) > grown:
            raise CorruptError(
                f"The log of room {source.room} was cut off or is an older copy: it ends at record {grown}, and a "
                f"checkpoint has {promised}. Restore the newest backup; if there is none, 'livevote accept-recovery "
                f"{source.room}' goes on with what is left and records that. Then export again."
            )
    return [note.decode() for note, checkpoint in signed if checkpoint.size <= end or _is_explained(checkpoint, ended)]


async def _ended(source: Source) -> dict[str, int]:
    """The incarnations that recoveries have ended, with the size up to which their checkpoints still hold."""
    ended: dict[str, int] = {}
    async with aclosing(source.reader.read(source.room, upto=source.head.index)) as chunks:
        async for entries in chunks:
            for entry in entries:
                if isinstance(entry.record, RecoveryAccepted):
                    ended[entry.record.origin] = entry.record.kept
    return ended


def _is_explained(checkpoint: Checkpoint, ended: dict[str, int]) -> bool:
    return checkpoint.size > ended.get(checkpoint.origin, checkpoint.size)
