"""Logs as files, with the notes and the receipts that a server would have given for them."""

from pathlib import Path

from livevote import bundle
from livevote.domain import merkle
from livevote.domain.audit import leaf
from livevote.domain.note import Checkpoint, Signer
from livevote.domain.receipt import Proof, Receipt
from livevote.log import open_log
from livevote.log.memory import MemoryLog
from tests.history import AT, CODE, History

SIGNER = Signer(bytes(range(32)))
OTHER = Signer(bytes(32))


def checkpoint(history: History, size: int) -> Checkpoint:
    """What the first ``size`` records come to, all of them in the incarnation in which the history is now."""
    entries = history.entries[:size]
    root = merkle.root([leaf(entry.body) for entry in entries])
    return Checkpoint(history.room.origin, size, root, entries[-1].chain, AT)


def signed(history: History, size: int, *, signer: Signer = SIGNER) -> str:
    """The same as a note."""
    return signer.sign(checkpoint(history, size))


def receipt(history: History, index: int, *, size: int | None = None, signer: Signer = SIGNER) -> Receipt:
    """For the ballot at ``index``, proven by a checkpoint over ``size`` records, all there are without it."""
    entry, size = history.entries[index - 1], len(history.entries) if size is None else size
    assert entry.opening is not None
    tree, leaves = merkle.Tree(), [leaf(each.body) for each in history.entries]
    for each in leaves:
        tree.append(each)
    path = tree.inclusion(index - 1, size, dict(enumerate(leaves)))
    return Receipt(
        room=CODE,
        index=index,
        body=entry.body.decode(),
        salt=entry.opening.salt.hex(),
        answer=entry.opening.answer.decode(),
        chain=entry.chain.hex(),
        proof=Proof(signed(history, size, signer=signer), tuple(sibling.hex() for sibling in path), signer.vkey),
    )


async def stored_at(directory: Path, history: History, *notes: str) -> Path:
    """A data directory with this log and these notes."""
    log = await open_log(f"sqlite:{directory}/livevote.db")
    await log.adopt([history.entries])
    await log.aclose()
    (directory / "checkpoints").mkdir()
    (directory / "checkpoints" / "livevote.vkey").write_text(f"{SIGNER.vkey}\n")
    if notes:
        (directory / "checkpoints" / f"{CODE}.notes").write_text("".join(f"{note}\n" for note in notes))
    return directory


async def bundle_at(path: Path, history: History, *notes: str, vkey: str = SIGNER.vkey) -> Path:
    log = MemoryLog()
    await log.adopt([history.entries])
    parts = [part async for part in bundle.write(CODE, log.read(CODE), vkey=vkey, notes=notes)]
    path.write_bytes(b"".join(parts))  # noqa: ASYNC240 - a test has nobody to give way to
    return path
