"""One coverage-guided run against one of the parsers: ``python -m tests.crash.fuzz TARGET CORPUS SECONDS ARTIFACTS``.

A process of its own, because libFuzzer takes over the process that it runs in. The corpus is written with real
messages first. It ends with 0 unless an input raised something else than a refusal or took too long.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

if __name__ == "__main__":
    # Here alone: there is no wheel for some platforms, where the targets can be called all the same.
    import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]

    with atheris.instrument_imports(include=["livevote"]):
        import livevote.bundle
        import livevote.log
        import livevote.protocol.codec
        import livevote.verify  # noqa: F401

import msgspec

from livevote.bundle import Bundle, End, Header, NoBundleError, Note, _line, _record
from livevote.domain import checker, receipt
from livevote.domain.audit import TamperedError, leaf
from livevote.domain.note import NoteError, Verifier
from livevote.domain.receipt import Proof, Receipt, ReceiptError
from livevote.domain.records import Entry, encode
from livevote.failures import CorruptError
from livevote.log import opened, read_notes
from livevote.log.checkpoints import split
from livevote.protocol.codec import ProtocolError, decode, decode_command
from livevote.verify import verify_bundle
from tests.crash.bundles import SIGNER, Made
from tests.history import CODE, cast, created
from tests.history import opened as room_with_a_question

LIMIT_S = 0.005
"""For one input, whatever it is, in time on the processor."""
LONGEST_BYTES = 8192

_scratch = Path(tempfile.gettempdir())


def read_message(data: bytes) -> None:
    with suppress(ProtocolError):
        decode(data.decode(errors="replace"))


def read_command(data: bytes) -> None:
    with suppress(ProtocolError):
        decode_command(data)


def read_bundle(data: bytes) -> None:
    path = _scratch / "bundle"
    path.write_bytes(data)
    with suppress(NoBundleError, TamperedError), closing(Bundle(path)) as bundle:
        verify_bundle(bundle)


def read_note(data: bytes) -> None:
    text = data.decode(errors="replace")
    with suppress(NoteError):
        SIGNER.open(text)
    with suppress(NoteError):
        Verifier.parse(text).open(text)


def read_checkpoints(data: bytes) -> None:
    path = _scratch / "notes"
    path.write_bytes(data)
    notes, rest = split(data)
    assert b"".join(note + b"\n" for note in notes) + rest == data
    with suppress(CorruptError):
        found, end = read_notes(path)
        assert end <= len(data)
        opened(found, SIGNER, path)


def read_receipt(data: bytes) -> None:
    with suppress(ReceiptError):
        receipt.check(receipt.parse(data))


def read_note_carelessly(data: bytes) -> None:
    """A mutant: a parser that a strange line leads to an error of its own."""
    lines = data.decode(errors="replace").split("\n")
    if lines[0].startswith("livevote/") and len(lines) > 6:
        {"": 0, "\u2014": 1}[lines[5][:1]]


TARGETS: dict[str, Callable[[bytes], None]] = {
    "messages": read_message,
    "commands": read_command,
    "bundles": read_bundle,
    "sealed_bundles": read_bundle,
    "notes": read_note,
    "signed_notes": read_note,
    "checkpoints": read_checkpoints,
    "receipts": read_receipt,
}
"""Each of these never raises. In those that are ``sealed`` or ``signed`` every hash and signature is taken for right:
so the fuzzer gets behind them, as whoever has the key does."""
MUTANT = "careless"


def _believe(entry: Entry, _chain: bytes) -> tuple[bytes, bytes]:
    return leaf(entry.body), entry.chain


def trust(target: str, *, put: Callable[[object, str, object], None]) -> None:
    """Take hashes and signatures for right, where the target is one of those; ``put`` is like ``setattr``."""
    if target == "sealed_bundles":
        put(checker, "check", _believe)
    if target in ("sealed_bundles", "signed_notes"):
        put(Verifier, "_check", lambda *_: None)


def seeds(target: str) -> list[bytes]:
    """Real messages of the target's kind."""
    return _SEEDS[target.removeprefix("sealed_").removeprefix("signed_")]


def _room() -> Made:
    made = Made(history=room_with_a_question())
    for entry in made.entries:
        made.tree.append(leaf(entry.body))
    made.do(cast("ann", 0))
    made.sign()
    made.do(cast("ann", 1))
    made.do(cast("bob", 2))
    made.sign()
    return made


def _bundle(made: Made) -> bytes:
    lines = [Header(CODE, SIGNER.vkey), *map(Note, made.notes), *map(_record, made.entries)]
    return b"".join(map(_line, [*lines, End(len(made.notes), len(made.entries))]))


def _receipt(made: Made) -> bytes:
    entry = made.entries[-1]
    assert entry.opening is not None
    leaves = {place: leaf(each.body) for place, each in enumerate(made.entries)}
    path = made.tree.inclusion(entry.index - 1, len(made.entries), leaves)
    return encode(
        Receipt(
            room=CODE,
            index=entry.index,
            body=entry.body.decode(),
            salt=entry.opening.salt.hex(),
            answer=entry.opening.answer.decode(),
            chain=entry.chain.hex(),
            proof=Proof(made.notes[-1], tuple(sibling.hex() for sibling in path), SIGNER.vkey),
        )
    )


def _make_seeds() -> dict[str, list[bytes]]:
    made, few = _room(), Made(history=created())
    few.tree.append(leaf(few.entries[0].body))
    notes = [note.encode() for note in made.notes]
    whole = _receipt(made)
    return {
        "messages": [
            b'{"type":"vote","id":"b1","question":"q1","round":1,"answer":{"choices":[0]}}',
            b'{"type":"sync"}',
            b'{"type":"ask","id":"p1","text":"Why?"}',
            b'{"type":"upvote","id":"u1","post":3,"on":true}',
            b'{"type":"react","kind":"clap"}',
        ],
        "commands": [
            b'{"type":"add_question","kind":"single","text":"Which?","options":["A","B"],"rules":{},"changeable":true}',
            b'{"type":"open","question":"q1"}',
            b'{"type":"switch_receipts","on":true}',
            b'{"type":"publish_replay","public":false}',
            b'{"type":"switch_board","on":true,"approval":false,"per_voter":5}',
            b'{"type":"judge_posts","posts":[3,4],"shown":true}',
        ],
        "bundles": [_bundle(made), _bundle(few)],
        "notes": [*notes, SIGNER.vkey.encode()],
        "checkpoints": [notes[0] + b"\n", b"".join(note + b"\n" for note in notes), notes[0][:150]],
        "receipts": [whole, encode(msgspec.structs.replace(receipt.parse(whole), proof=None))],
        MUTANT: [notes[0]],
    }


_SEEDS = _make_seeds()


def timed(target: Callable[[bytes], None], data: bytes) -> None:
    """Call the target. Raises ``TimeoutError`` where it is slow every time."""
    for _ in range(3):
        begun_s = time.thread_time()
        target(data)
        if time.thread_time() - begun_s <= LIMIT_S:
            return
    raise TimeoutError(f"{len(data)} bytes took more than {LIMIT_S} s")


def main(name: str, corpus: str, seconds: str, artifacts: str) -> None:
    global _scratch
    _scratch = Path(artifacts)
    for number, seed in enumerate(seeds(name)):
        (Path(corpus) / str(number)).write_bytes(seed)
    trust(name, put=setattr)
    target = atheris.instrument_func(read_note_carelessly) if name == MUTANT else TARGETS[name]
    for seed in seeds(name):
        target(seed)  # whatever is made at the first call is made now
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST_BYTES}", "-seed=1", f"-artifact_prefix={artifacts}/"]
    atheris.Setup(["fuzz", *options, corpus], lambda data: timed(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
