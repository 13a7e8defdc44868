"""``bundle.jsonl``: the room with its signed checkpoints, for ``livevote verify`` and ``livevote import``.

Apart from ``livevote.bundle``, which knows the form of the file: this finds what goes into it.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from livevote import bundle
from livevote.domain.note import NoteError, Verifier
from livevote.export.source import Source
from livevote.failures import CorruptError, SetupError
from livevote.log import VKEY, opened, read_notes


async def bundle_jsonl(source: Source) -> AsyncGenerator[bytes, None]:
    """The bundle of a room: its checkpoints up to the source's head, and every record.

    Raises ``SetupError`` where there is no key of the checkpoints, and ``CorruptError`` where they were changed.
    """
    # In a thread: three hours of voting are ten thousand signatures, and a second in which nobody is served.
    vkey, notes = await asyncio.get_running_loop().run_in_executor(None, _signed, source)
    async with (
        aclosing(source.slices()) as slices,
        aclosing(bundle.write(source.room, slices, vkey=vkey, notes=notes)) as lines,
    ):
        async for line in lines:
            yield line


def _signed(source: Source) -> tuple[str, list[str]]:
    path = source.checkpoints / VKEY
    try:
        verifier = Verifier.parse(path.read_text())
    except FileNotFoundError:
        raise SetupError(f"There is no {path}, which a bundle needs. Start the server once: it makes one.") from None
    except (NoteError, UnicodeError) as error:
        raise CorruptError(f"{path} was changed ({error}). Put it back from a copy.") from error
    file = source.checkpoints / f"{source.room}.notes"
    notes, _ = read_notes(file)
    # A running server signs on: what is newer than this moment belongs to the next bundle.
    kept = [
        note.decode()
        for note, checkpoint in zip(notes, opened(notes, verifier, file), strict=True)
        if checkpoint.size <= source.head.index
    ]
    return verifier.vkey, kept
