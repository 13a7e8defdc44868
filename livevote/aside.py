"""Checks the seals of a long log in a second process, while the first one folds it.

Apart from ``domain.checker``, which does the checking and knows nothing of processes. Both halves are bound to a
processor, and hashing takes the larger one; a short log is checked before a second process has begun. The records go
through a pipe, so that both halves see one reading of a file that a server may be writing to.
"""

import marshal
import os
import signal
from collections.abc import Iterable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

import msgspec

from livevote.domain.audit import TamperedError
from livevote.domain.checker import Checker
from livevote.domain.note import Checkpoint
from livevote.domain.records import Entry, Opening, decode
from livevote.failures import FailureError

LONG = 50_000
"""Records from which on the second process is worth its start."""
_BATCH = 1000  # records in one message


class Sealed(msgspec.Struct, frozen=True):
    """What the seals of an intact log come to; see ``verify.Verdict``."""

    root: bytes
    chain: bytes
    agreed: int

    @classmethod
    def of(cls, checker: Checker) -> "Sealed":
        """Where ``checker`` stands."""
        return cls(checker.tree.root(), checker.chain, checker.agreed)


class Seals:
    """A ``Checker`` that moves to a process of its own once the log turns out to be long.

    From then on, what ``add`` finds wrong comes up at a later call. So it wants to be used in a ``with`` block: an
    error of the caller's that leaves the block gives way to one of an earlier record, or of the same one, so that the
    first bad record is named.
    """

    def __init__(self, code: str, checkpoints: Iterable[Checkpoint] = (), *, alone: bool = False) -> None:
        self.checker = Checker(code, checkpoints)
        """All of it, where ``alone`` keeps it here; else as far as it came before it moved."""
        self._moves_at = 0 if alone or len(os.sched_getaffinity(0)) == 1 else LONG
        self._second: _Second | None = None

    def add(self, entry: Entry) -> None:
        """Check the next entry, or have it checked. Raises ``TamperedError`` where one is not what was sealed."""
        if self._second is not None:
            self._second.add(entry)
            return
        self.checker.add(entry)
        if entry.index == self._moves_at:
            self._second = _Second(self.checker)

    def finish(self) -> Sealed:
        """The log is over. Raises what ``Checker.finish`` raises, as a ``TamperedError``."""
        if self._second is not None:
            return self._second.finish()
        self.checker.finish()
        return Sealed.of(self.checker)

    def __enter__(self) -> "Seals":
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self._second is not None:
            try:
                if isinstance(error, Exception):
                    self._second.settle()
            finally:
                self._second.end()


class _Second:
    """The second process, as the first one sees it."""

    def __init__(self, checker: Checker) -> None:
        # Not a fork: the caller may have threads.
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(target=_work, args=(theirs, checker), daemon=True)
        self._process.start()
        theirs.close()
        self._batch: list[tuple[object, ...]] = []
        self._index = 0
        self._answered = False

    def add(self, entry: Entry) -> None:
        opening = entry.opening
        salt, answer = (None, None) if opening is None else (opening.salt, opening.answer)
        self._index = entry.index
        self._batch.append((entry.room, entry.index, entry.body, entry.chain, salt, answer))
        if len(self._batch) == _BATCH:
            # All records sent before are folded by now, and nothing was wrong with them: an answer names the first.
            if self._pipe.poll():
                self._answer()
            self._send()

    def finish(self) -> Sealed:
        self._send(b"")
        found = self._answer()
        assert found is not None, "only an error within the log is ever held back"
        return found

    def settle(self) -> None:
        """Raise what was wrong with the records so far, if anything was."""
        if not self._answered:
            self._send(b"")
            self._answer(upto=self._index)

    def end(self) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join()

    def _send(self, last: bytes | None = None) -> None:
        batch, self._batch = self._batch, []
        try:
            if batch:
                self._pipe.send_bytes(marshal.dumps(batch))
            if last is not None:
                self._pipe.send_bytes(last)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has found something, and has said so

    def _answer(self, upto: int | None = None) -> Sealed | None:
        self._answered = True
        try:
            found: Sealed | tuple[int, str] = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            raise FailureError(
                f"The process that checks the seals ended with code {self._process.exitcode}. If memory was short, "
                "free some; then try again."
            ) from None
        if isinstance(found, Sealed):
            return found
        index, text = found
        if upto is None or index <= upto:
            raise TamperedError(text)
        return None


def _work(pipe: Connection, checker: Checker) -> None:
    """The second process: checks what comes, and answers once: with the first error, or with what it all comes to."""
    # Ctrl-C is for both, and the first one ends the second.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    index = checker.tree.size
    try:
        while batch := pipe.recv_bytes():
            for room, index, body, chain, salt, answer in marshal.loads(batch):
                opening = None if salt is None else Opening(salt, answer)
                checker.add(Entry(room, index, decode(body), body, chain, opening))
        # What is wrong with the end comes after all records.
        index += 1
        checker.finish()
    except TamperedError as error:
        pipe.send((index, str(error)))
    except EOFError:
        pass  # nobody wants to know any more
    else:
        pipe.send(Sealed.of(checker))
