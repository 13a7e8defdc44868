"""The secrets: made once, mode 0600, and pseudonyms that cannot be linked (I13, I14)."""

import stat
from pathlib import Path

import pytest

from livevote.failures import DataDirectoryError, SetupError
from livevote.keys import Keyring, missing, random_id


def test_secrets_are_made_once_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    first, again = Keyring(tmp_path / "keys", create=True), Keyring(tmp_path / "keys", create=True)
    token = first.make_room("ROOM22").host_token
    assert (first.cookie_secret, first.operator_key) == (again.cookie_secret, again.operator_key)
    assert again.room("ROOM22").host_token == token == first.make_room("ROOM22").host_token
    files = [path for path in (tmp_path / "keys").rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"cookie.key", "operator.key", "ROOM22.key"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_i14_a_pseudonym_is_another_one_for_every_room_question_and_session(tmp_path: Path) -> None:
    keys = Keyring(tmp_path, create=True)
    one, two = keys.make_room("ROOM22"), keys.make_room("ROOM33")
    names = {room.pseudonym(session, question) for room in (one, two) for session in "ab" for question in ("q1", "q2")}
    names |= {room.name_on_board(session) for room in (one, two) for session in "ab"}
    names |= {room.pseudonym(session, "board") for room in (one, two) for session in "ab"}
    assert len(names) == 16, "also where a question is called like the board"
    assert one.pseudonym("a", "q1") == keys.room("ROOM22").pseudonym("a", "q1")
    assert all(len(name) == 22 for name in names)


def test_a_cohosts_token_is_another_one_for_every_room_and_id(tmp_path: Path) -> None:
    keys = Keyring(tmp_path, create=True)
    one, two = keys.make_room("ROOM22"), keys.make_room("ROOM33")
    tokens = {room.cohost_token(id) for room in (one, two) for id in ("c1", "c2", "c12")}
    assert len(tokens | {one.host_token, two.host_token, one.pseudonym("c1", "q1")}) == 9
    assert keys.room("ROOM22").cohost_token("c1") == one.cohost_token("c1")
    assert all(len(token) == 22 for token in tokens)


def test_i14_a_player_is_another_one_for_every_room_and_session_and_no_questions_voter(tmp_path: Path) -> None:
    keys = Keyring(tmp_path, create=True)
    one, two = keys.make_room("ROOM22"), keys.make_room("ROOM33")
    players = {room.player(session) for room in (one, two) for session in "ab"}
    voters = {room.pseudonym(session, name) for room in (one, two) for session in "ab" for name in ("*", "", "player")}
    assert (len(players), len(players | voters)) == (4, 16)
    assert one.player("a") == keys.room("ROOM22").player("a")


def test_random_ids_are_128_bits_of_text() -> None:
    assert len({random_id() for _ in range(1000)}) == 1000
    assert len(random_id()) == 22


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    Keyring(tmp_path, create=True)
    (tmp_path / "operator.key").write_bytes(b"short")
    with pytest.raises(SetupError, match=r"operator\.key"):
        Keyring(tmp_path, create=True)


def test_keys_that_cannot_be_written_or_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirectoryError, match="keys"):
        Keyring(tmp_path / "file" / "keys", create=True)
    (tmp_path / "keys" / "cookie.key").mkdir(parents=True)
    with pytest.raises(DataDirectoryError, match=r"cookie\.key"):
        Keyring(tmp_path / "keys", create=True)


def test_what_is_missing_for_a_log_is_listed(tmp_path: Path) -> None:
    keys = Keyring(tmp_path, create=True)
    keys.make_room("ROOM22")
    keys.checkpoint_seed(create=True)
    assert missing(tmp_path, ["ROOM22"]) == []
    (tmp_path / "cookie.key").unlink()
    assert missing(tmp_path, ["ROOM22", "ROOM33"]) == [Path("cookie.key"), Path("rooms/ROOM33.key")]
