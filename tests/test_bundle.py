"""A room as one file: it holds the log byte for byte, and no line of it can be otherwise than it was written."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from livevote import bundle
from livevote.bundle import Bundle, NoBundleError
from livevote.domain.audit import TamperedError, leaf
from livevote.domain.commands import EraseAnswer
from livevote.domain.merkle import root
from livevote.domain.note import Checkpoint, Signer
from livevote.domain.records import Entry
from livevote.log.memory import MemoryLog
from livevote.verify import verify_bundle
from tests.history import CODE, cast, opened, stored

SIGNER = Signer(bytes(range(32)))
HISTORY = opened().did(cast("ann", 0), cast("bob", 1), EraseAnswer(4))
ENTRIES = HISTORY.entries


def note(size: int) -> str:
    entries = ENTRIES[:size]
    root_ = root([leaf(entry.body) for entry in entries])
    return SIGNER.sign(Checkpoint(HISTORY.room.origin, size, root_, entries[-1].chain, 1))


NOTES = [note(3), note(6)]


async def exported(*, notes: list[str] = NOTES) -> bytes:
    log = MemoryLog()
    await log.append(HISTORY.drafts(), ticket=1)
    return b"".join([chunk async for chunk in bundle.write(CODE, log.read(CODE), vkey=SIGNER.vkey, notes=notes)])


def read(path: Path, **kwargs: Any) -> tuple[Bundle, list[Entry]]:
    with closing(Bundle(path, **kwargs)) as found:
        return found, list(found.entries())


async def test_what_is_written_is_read_back_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    path.write_bytes(await exported())
    found, entries = read(path, trusted=SIGNER)
    assert entries == stored(ENTRIES)
    assert (found.room, found.verifier.vkey, found.notes) == (CODE, SIGNER.vkey, NOTES)
    assert [checkpoint.size for checkpoint in found.checkpoints] == [3, 6]
    log = MemoryLog()
    await log.adopt([entries])
    again = b"".join([chunk async for chunk in bundle.write(CODE, log.read(CODE), vkey=SIGNER.vkey, notes=found.notes)])
    assert again == path.read_bytes()


async def test_the_lines_are_those_that_are_documented() -> None:
    lines = [json.loads(line) for line in (await exported()).splitlines()]
    assert lines[0] == {"@type": "livevote_bundle/1", "room": CODE, "vkey": SIGNER.vkey}
    assert lines[1:3] == [{"@type": "note", "note": each} for each in NOTES]
    assert lines[-1] == {"@type": "end", "notes": 2, "records": 6}
    bob, ann = lines[7], lines[6]
    entry = ENTRIES[4]
    assert entry.opening is not None
    assert bob == {
        "@type": "record",
        "answer": '{"choices":[1]}',
        "body": entry.body.decode(),
        "chain": entry.chain.hex(),
        "index": 5,
        "salt": entry.opening.salt.hex(),
    }
    assert (ann["index"], ann["salt"], ann["answer"]) == (4, None, None)


def broken(path: Path, **kwargs: Any) -> str:
    with pytest.raises(TamperedError) as caught:
        read(path, **kwargs)
    return str(caught.value)


Change = Callable[[list[bytes]], list[bytes]]


def at(place: int, old: bytes, new: bytes) -> Change:
    def change(lines: list[bytes]) -> list[bytes]:
        assert old in lines[place]
        return [*lines[:place], lines[place].replace(old, new, 1), *lines[place + 1 :]]

    return change


CHANGES: dict[str, tuple[Change, str]] = {
    "a second header": (lambda lines: [lines[0], *lines], "line 2: a second header"),
    "a header among the records": (lambda lines: [*lines[:5], lines[0], *lines[5:]], "line 6 is not the end"),
    "a note among the records": (lambda lines: [*lines[:5], lines[1], *lines[5:]], "line 6 is not the end"),
    "no end": (lambda lines: lines[:-1], "the bundle was cut off before line 10"),
    "an end too early": (lambda lines: [*lines[:5], lines[-1]], "line 6 is not the end"),
    "a line after the end": (lambda lines: [*lines, lines[3]], "goes on after its end"),
    "a byte after the end": (lambda lines: [*lines, b"\n"], "goes on after its end"),
    "an end that is cut": (lambda lines: [*lines[:-1], lines[-1][:-1]], "line 10 is no line"),
    "other counts": (at(-1, b'"records":6', b'"records":7'), "line 10 is not the end"),
    "a field more": (at(-1, b'"records":6', b'"records":6,"zzz":1'), "line 10 is no line"),
    "a space": (at(4, b'"index":2', b'"index": 2'), "line 5 is no line"),
    "an empty line": (lambda lines: [*lines[:4], b"\n", *lines[4:]], "line 5 is no line"),
    "an endless line": (lambda lines: [*lines[:4], b"[" * (1 << 21) + b"\n", *lines[4:]], "line 5 is no line"),
    "no UTF-8": (at(4, b"drink", b"dr\xffnk"), "line 5 is no line"),
    "another kind of line": (at(4, b'"record"', b'"records"'), "line 5 is no line"),
    "a header that is none": (at(0, b'"room"', b'"rome"'), "line 1 is no line"),
    "no header": (at(0, b'"livevote_bundle/1"', b'"livevote_bundle/1","@type":"end"'), "line 1 is no line"),
    "another key": (at(0, b"livevote+", b"livevotes+"), "line 1: the verifier key's id does not fit its key"),
    "white space around the key": (at(0, b"livevote+", b" livevote+"), "line 1: the key has white space"),
    "a note that is none": (at(1, b"livevote/", b"livevotf/"), "line 2: the signature is not that"),
    "half an opening": (at(7, b'"salt":"000102030405060708090a0b0c0d0e0f"', b'"salt":null'), "record 5 is no record"),
    "a salt in capitals": (at(7, b"0a0b", b"0A0B"), "record 5 is no record"),
    "a salt that is no hex": (at(7, b"0a0b", b"xxxx"), "record 5 is no record"),
    "a body that is none": (at(4, b"question_defined", b"question_dropped"), "record 2 is no record"),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_a_bundle_is_refused_with(what: str, tmp_path: Path) -> None:
    change, said = CHANGES[what]
    path = tmp_path / "bundle"
    path.write_bytes(b"".join(change((await exported()).splitlines(keepends=True))))
    assert said in broken(path)


async def test_who_insists_on_a_key_gets_no_other(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    path.write_bytes(await exported())
    assert "signed by another key" in broken(path, trusted=Signer(bytes(32)))


async def test_what_is_no_bundle_is_another_matter(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    for data in (b"", b"{}", b'{"@type":"livevote_receipt/1"}', b"\xff" * 100):
        path.write_bytes(data)
        with pytest.raises(NoBundleError, match="is no bundle of livevote"):
            Bundle(path)
    with pytest.raises(NoBundleError, match=r"Cannot read .*: Is a directory"):
        Bundle(tmp_path)


async def test_an_end_says_how_far_reading_is(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    told: list[int] = []
    path.write_bytes(await exported())
    with closing(Bundle(path)) as found:
        verdict = verify_bundle(found, progress=told.append)
    assert sum(told) == path.stat().st_size
    assert (verdict.records, verdict.agreed, verdict.vkey) == (6, 2, SIGNER.vkey)
    assert verdict.newest == found.checkpoints[1]
