"""The files of signed checkpoints: what a power cut leaves is taken away, and every other change is named."""

import errno
import os
import re
import stat
from pathlib import Path

import pytest

from livevote.domain.merkle import Frontier, Tree
from livevote.domain.note import Checkpoint, Signer
from livevote.failures import CorruptError, DataDirectoryError
from livevote.log import VKEY, Checkpoints, opened, opened_in_slices, read_notes, rooms_with_notes
from livevote.log.checkpoints import split

SIGNER = Signer(bytes(range(32)))
OTHER = Signer(bytes(32))
ROOM = "7KQ2MD"


def checkpoint(size: int) -> Checkpoint:
    return Checkpoint(f"livevote/{ROOM}/0123456789abcdef", size, tree(size).root(), bytes(32), size)


def tree(size: int) -> Frontier:
    grown = Tree()
    for number in range(size):
        grown.append(number.to_bytes(32, "big"))
    return grown


def note(size: int) -> bytes:
    return SIGNER.sign(checkpoint(size)).encode()


NOTES = [note(size) for size in (1, 2, 3)]
FILE = b"".join(each + b"\n" for each in NOTES)
LAST = len(FILE) - len(NOTES[-1]) - 1
"""Where the last note begins."""


def opened_at(directory: Path, *, data: bytes = FILE) -> Checkpoints:
    found = Checkpoints(directory, SIGNER)
    found.path(ROOM).write_bytes(data)
    return found


def test_notes_come_back_in_order_and_again_after_a_restart(tmp_path: Path) -> None:
    directory = tmp_path / "checkpoints"
    found = Checkpoints(directory, SIGNER)
    assert (found.notes(ROOM), found.rooms()) == ([], [])
    for size, each in enumerate(NOTES, 1):
        found.append(ROOM, each, tree(size))
    again = Checkpoints(directory, SIGNER)
    assert again.signer is SIGNER
    assert again.notes(ROOM) == found.notes(ROOM) == NOTES
    assert again.rooms() == rooms_with_notes(directory) == [ROOM]
    assert again.path(ROOM).read_bytes() == FILE
    assert opened(again.notes(ROOM), SIGNER, again.path(ROOM)) == [checkpoint(size) for size in (1, 2, 3)]


def test_the_files_are_for_the_owner_and_the_key_stands_beside_them(tmp_path: Path) -> None:
    found = Checkpoints(tmp_path / "checkpoints", SIGNER)
    found.append(ROOM, NOTES[0], tree(1))
    assert stat.S_IMODE((tmp_path / "checkpoints").stat().st_mode) == 0o700
    assert stat.S_IMODE(found.path(ROOM).stat().st_mode) == 0o600
    assert (tmp_path / "checkpoints" / VKEY).read_text() == f"{SIGNER.vkey}\n"


def test_a_note_is_written_whole_however_little_the_system_takes_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    found = Checkpoints(tmp_path, SIGNER)
    found.append(ROOM, NOTES[0], tree(1))
    assert found.path(ROOM).read_bytes() == NOTES[0] + b"\n"


@pytest.mark.parametrize("zeros", [0, 1, 500])
def test_a_note_that_was_cut_short_anywhere_is_taken_away(tmp_path: Path, zeros: int) -> None:
    # Whole is a note with its last line feed but one; the one behind it only separates.
    for end in range(LAST, len(FILE) - 2):
        found = opened_at(tmp_path, data=FILE[:end] + bytes(zeros))
        assert found.notes(ROOM) == NOTES[:2], end
        assert found.path(ROOM).read_bytes() == FILE[:LAST], end
        found.append(ROOM, NOTES[2], tree(3))
        assert found.path(ROOM).read_bytes() == FILE


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("zeros", [0, 1, 500])
def test_a_note_without_its_line_feeds_is_whole(tmp_path: Path, missing: int, zeros: int) -> None:
    found = opened_at(tmp_path, data=FILE[:-missing] + bytes(zeros))
    assert read_notes(found.path(ROOM)) == (NOTES, len(FILE) - missing)
    assert found.notes(ROOM) == NOTES
    assert found.path(ROOM).read_bytes() == FILE


def test_where_no_file_is_there_are_no_notes(tmp_path: Path) -> None:
    assert read_notes(tmp_path / f"{ROOM}.notes") == ([], 0)


def test_zeros_alone_are_nothing(tmp_path: Path) -> None:
    found = opened_at(tmp_path, data=bytes(4096))
    assert found.notes(ROOM) == []
    assert found.path(ROOM).read_bytes() == b""


def test_reading_changes_nothing(tmp_path: Path) -> None:
    found = opened_at(tmp_path, data=FILE[:-50])
    assert read_notes(found.path(ROOM)) == (NOTES[:2], LAST)
    assert found.path(ROOM).read_bytes() == FILE[:-50]


def test_no_bit_of_a_whole_file_changes_in_silence(tmp_path: Path) -> None:
    path = tmp_path / f"{ROOM}.notes"
    for at in range(len(FILE)):
        # Every bit of the last one, which might pass for one that was cut short.
        for bit in range(8) if at >= LAST else [at % 8]:
            path.write_bytes(FILE[:at] + bytes([FILE[at] ^ 1 << bit]) + FILE[at + 1 :])
            with pytest.raises(CorruptError, match=rf"The checkpoints in .*{ROOM}\.notes were changed"):
                opened(read_notes(path)[0], SIGNER, path)


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (b"nonsense", 1),
        (b"X", 1),
        (FILE + b"nonsense\n", 4),
        (FILE + b"\n", 4),
        (FILE[:LAST] + FILE[LAST + 1 :], 3),
        (NOTES[0] + b"\n\0\n" + NOTES[1] + b"\n", 2),
        (FILE[:LAST] + b"livevote/\xc3\xa4", 3),
        (FILE[:LAST] + b"livevote/1\n2\n3\n4\n5\n6\n7", 3),
        (FILE[:LAST] + b"livevote/1\n2\n\n\xe2\x80\x94 livevote", 3),
        (FILE[:LAST] + b"livevote/1\n2\n3\n4\n5\n\n\xe2\x80\x94 livevote AAAA\n", 3),
        (FILE[:-1] + b"x", 3),
        (FILE[:-2] + b"X", 3),
    ],
)
def test_what_is_neither_a_note_nor_the_beginning_of_one_is_named(tmp_path: Path, data: bytes, number: int) -> None:
    found = opened_at(tmp_path, data=data)
    with pytest.raises(CorruptError, match=f"note {number}\\b"):
        opened(found.notes(ROOM), SIGNER, found.path(ROOM))


def test_a_note_of_another_key_is_named(tmp_path: Path) -> None:
    foreign = OTHER.sign(checkpoint(2)).encode()
    found = opened_at(tmp_path, data=NOTES[0] + b"\n" + foreign + b"\n")
    with pytest.raises(CorruptError, match=r"note 2: the note is not signed by the key"):
        opened(found.notes(ROOM), SIGNER, found.path(ROOM))
    with pytest.raises(CorruptError, match="note 1: 'utf-8' codec"):
        opened([b"\xff"], SIGNER, found.path(ROOM))


def test_notes_are_split_at_their_empty_lines() -> None:
    assert split(b"") == ([], b"")
    assert split(FILE) == (NOTES, b"")
    assert split(FILE[:-1]) == (NOTES[:2], FILE[LAST:-1])


def test_the_tree_goes_on_from_the_last_note(tmp_path: Path) -> None:
    found = Checkpoints(tmp_path, SIGNER)
    for size in (1, 3):
        found.append(ROOM, note(size), tree(size))
    frontier = found.frontier(ROOM, checkpoint(3))
    assert frontier is not None
    assert (frontier.size, frontier.peaks) == (3, tree(3).peaks)
    assert found.frontier(ROOM, checkpoint(1)) is None


@pytest.mark.parametrize("text", ["", "x", "3", "3\nxy\nxy", "2\n" + "00" * 32, "\udcff"])
def test_peaks_that_do_not_fit_are_not_used(tmp_path: Path, text: str) -> None:
    found = Checkpoints(tmp_path, SIGNER)
    assert found.frontier(ROOM, checkpoint(2)) is None
    (tmp_path / f"{ROOM}.peaks").write_bytes(text.encode(errors="surrogateescape"))
    assert found.frontier(ROOM, checkpoint(2)) is None


def test_a_public_key_is_made_again_while_nothing_was_signed(tmp_path: Path) -> None:
    Checkpoints(tmp_path, OTHER)
    found = Checkpoints(tmp_path, SIGNER)
    assert (tmp_path / VKEY).read_text() == f"{SIGNER.vkey}\n"
    found.append(ROOM, NOTES[0], tree(1))
    (tmp_path / VKEY).unlink()
    Checkpoints(tmp_path, SIGNER)
    assert (tmp_path / VKEY).read_text() == f"{SIGNER.vkey}\n"


def test_a_public_key_that_is_not_the_servers_is_named(tmp_path: Path) -> None:
    opened_at(tmp_path)
    (tmp_path / VKEY).write_text(f"{OTHER.vkey}\n")
    with pytest.raises(CorruptError, match=r"livevote\.vkey does not hold the public key .*\. Put back the keys"):
        Checkpoints(tmp_path, SIGNER)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataDirectoryError, match="Cannot write"):
        Checkpoints(tmp_path / "file" / "checkpoints", SIGNER)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / f"{ROOM}.notes").mkdir()
    with pytest.raises(DataDirectoryError, match="Cannot read"):
        read_notes(tmp_path / f"{ROOM}.notes")


def named(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def test_every_note_is_synced_and_the_directory_with_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    found = Checkpoints(tmp_path, SIGNER)
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(named(number)))
    for size, each in enumerate(NOTES[:2], 1):
        found.append(ROOM, each, tree(size))
    assert synced == [str(found.path(ROOM)), str(tmp_path), str(found.path(ROOM))]


def test_a_note_that_does_not_fit_on_the_disk_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Checkpoints(tmp_path, SIGNER)
    files.append(ROOM, NOTES[0], tree(3))
    write = os.write
    space = [40]

    def short(descriptor: int, data: bytes) -> int:
        if not space[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = write(descriptor, data[: space[0]])
        space[0] -= done
        return done

    def neither(descriptor: int, length: int) -> None:  # noqa: ARG001
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OSError, match="No space"):
        files.append(ROOM, NOTES[1], tree(5))
    assert files.path(ROOM).read_bytes() == NOTES[0] + b"\n"
    space[0] = 40
    # What cannot be taken back now is taken away when the notes are read again.
    monkeypatch.setattr(os, "ftruncate", neither)
    with pytest.raises(OSError, match="No space"):
        files.append(ROOM, NOTES[1], tree(5))
    monkeypatch.undo()
    assert files.notes(ROOM) == [NOTES[0]]
    files.append(ROOM, NOTES[1], tree(5))
    assert files.notes(ROOM) == [NOTES[0], NOTES[1]]


def test_peaks_that_cannot_be_written_are_done_without(tmp_path: Path) -> None:
    files = Checkpoints(tmp_path, SIGNER)
    (tmp_path / f"{ROOM}.peaks.new").mkdir()
    files.append(ROOM, NOTES[0], tree(3))
    assert files.notes(ROOM) == [NOTES[0]]
    assert files.frontier(ROOM, SIGNER.open(NOTES[0].decode())) is None


@pytest.mark.parametrize("number", [1, 499, 500, 501, 1000, 1001])
async def test_notes_that_are_checked_in_slices_are_all_checked_and_named_by_their_number(
    tmp_path: Path, number: int
) -> None:
    notes = [NOTES[0]] * 1001
    assert await opened_in_slices(notes, SIGNER, tmp_path) == [checkpoint(1)] * 1001
    notes[number - 1] = OTHER.sign(checkpoint(1)).encode()
    with pytest.raises(CorruptError, match=rf"in {re.escape(str(tmp_path))} were changed \(note {number}: "):
        await opened_in_slices(notes, SIGNER, tmp_path)


async def test_no_notes_are_no_checkpoints(tmp_path: Path) -> None:
    assert await opened_in_slices([], SIGNER, tmp_path) == []
