"""``livevote room``: rooms from files, beside a server and without one, and the deletion of what was voted."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from livevote.cli import cli, planning, remote
from livevote.config import Config
from livevote.failures import BadFileError, DataDirectoryError, NoSuchRoomError
from tests.plan.cases import ROOM, SHEET
from tests.process import process, run_cli

pytestmark = pytest.mark.long

WRONG = "title: T\nquestions:\n  - question: Q?\n    options: [a]\n  - question: Q?\n    colour: red\n"


def room(*arguments: object, code: int = 0) -> str:
    """What ``livevote room`` says with this exit code: its output, or its errors."""
    done = run_cli("room", *map(str, arguments))
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if code else done.stdout


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in (("room.yaml", ROOM), ("sheet.csv", SHEET), ("wrong.yaml", WRONG)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_room_is_made_saved_and_deleted_without_a_server(files: Path) -> None:
    data = files / "data"
    made = room("new", files / "room.yaml", "--data", data)
    code = made[:6]
    assert made.splitlines()[0] == f"{code}  2 questions  Spring meeting"
    assert f"'python -m livevote.cli host-link {code} --data {data}' prints the link" in made
    assert run_cli("rooms", "--data", str(data)).stdout.split() == [code, "6", "Spring", "meeting"]
    saved = room("save", code.lower(), "--data", data)
    assert saved.startswith("title: Spring meeting\nlanguage: de\n")
    room("save", code, files / "again.yaml", "--data", data)
    assert (files / "again.yaml").read_text(encoding="utf-8") == saved
    room("save", code, files / "again.csv", "--data", data)
    assert (files / "again.csv").read_text(encoding="utf-8").startswith("\ufeffkind,question,option 1")
    assert room("check", files / "again.yaml").endswith("2 questions, no mistakes\n")
    assert room("check", files / "again.csv").endswith("2 questions, no mistakes\n")
    assert "This is not the code" in room("delete", code, "--yes", "OTHER2", "--data", data, code=2)
    assert "recorded as record 7" in room("delete", code, "--yes", code.lower(), "--data", data)
    assert "INTACT" in run_cli("verify", str(data)).stdout


def test_a_question_is_open_at_once_where_that_is_wanted(files: Path) -> None:
    room("new", files / "sheet.csv", "--title", "Sheet", "--open", "--data", files / "data")
    assert run_cli("rooms", "--data", str(files / "data")).stdout.split()[1:] == ["4", "Sheet"]
    with process(files / "data") as server:
        code = room("new", files / "sheet.csv", "--title", "Sheet", "--open", "--data", files / "data")[:6]
        records = [line.split() for line in run_cli("rooms", "--data", str(files / "data")).stdout.splitlines()]
        assert [line[1:] for line in records if line[0] == code] == [["4", "Sheet"]]
        server.terminate()


def test_every_mistake_is_printed_with_its_line_and_nothing_is_made(files: Path) -> None:
    for command in (["new", files / "wrong.yaml", "--data", files / "data"], ["check", files / "wrong.yaml"]):
        lines = room(*command, code=64).splitlines()
        assert f"{files}/wrong.yaml, line 3: The question cannot be asked like this" in lines[0]
        assert f"{files}/wrong.yaml, line 6: 'colour' is not known here" in lines[1]
        assert lines[2] == f"livevote: {files}/wrong.yaml has 2 mistake(s). Nothing was made."
    assert not (files / "data").exists()
    assert "a sheet is given one" in room("new", files / "sheet.csv", "--data", files / "data", code=64)


def test_what_is_suspicious_is_a_warning(files: Path) -> None:
    (files / "twice.yaml").write_text(
        "title: T\nquestions:\n  - {question: Q, options: [a, b]}\n  - {question: Q, options: [a, b]}\n"
    )
    done = run_cli("room", "check", str(files / "twice.yaml"))
    assert (done.returncode, done.stderr) == (
        0,
        f"{files}/twice.yaml, line 4: the same question is on line 3 (a warning)\n",
    )


def test_files_that_cannot_be_read(files: Path) -> None:
    (files / "latin.csv").write_bytes(b"question,option,option\nCaf\xe9?,a,b\n")
    (files / "long.yaml").write_text("#" * (1024 * 1024 + 1))
    assert "line 2: a character cannot be read: save the file as UTF-8" in room("check", files / "latin.csv", code=64)
    assert "longer than a megabyte" in room("check", files / "long.yaml", code=64)
    assert "No such file" in room("check", files / "none.yaml", code=73)


def test_rooms_that_are_not_there(files: Path) -> None:
    room("new", files / "room.yaml", "--data", files / "data")
    assert "There is no room" in room("save", "NOROOM", "--data", files / "data", code=66)
    assert "There is no room" in room("delete", "NOROOM", "--yes", "NOROOM", "--data", files / "data", code=66)
    code = run_cli("rooms", "--data", str(files / "data")).stdout[:6]
    assert "Cannot write" in room("save", code, files / "no" / "where.yaml", "--data", files / "data", code=73)


def test_beside_a_server_the_server_does_it(files: Path) -> None:
    data = files / "data"
    with process(data, "--no-sample") as server:
        code = room("new", files / "room.yaml", "--title", "Asked", "--data", data)[:6]
        assert room("save", code, "--data", data).startswith("title: Asked\n")
        said = room("delete", code, "--yes", code, "--data", data)
        assert "Recorded as record 7" in said
        assert "None are left in its files" in said
        assert "until it ends" in said
        assert "There is no room" in room("delete", "NOROOM", "--yes", "NOROOM", "--data", data, code=66)
        (files / "large.yaml").write_text(ROOM + "#" * 70_000)
        assert "up to 64 KiB" in room("new", files / "large.yaml", "--data", data, code=64)
        assert server.terminate() == (0, "")
    assert "ERASED" in run_cli("verify", str(data)).stdout


def test_what_a_running_server_could_not_delete_yet_is_said_with_what_to_do(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "_DELETED_WITHIN_S", 1.0)
    data = files / "data"
    with process(data, "--no-sample") as server:
        code = room("new", files / "room.yaml", "--data", data)[:6]
        delete = ["room", "delete", code, "--yes", code, "--data", str(data)]
        with closing(sqlite3.connect(f"file:{data}/livevote.db?mode=ro", uri=True, isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM records").fetchall()
            held = CliRunner().invoke(cli, delete)
            other.execute("ROLLBACK")
        assert (held.exit_code, f"{data}/livevote.db-wal still has some" in held.output) == (0, True), held.output
        assert "End that program" in held.output
        freed = CliRunner().invoke(cli, delete)
        assert "None are left in its files" in freed.output, freed.output
        monkeypatch.setattr(planning, "_DELETED_WITHIN_S", 0.0)
        monkeypatch.setattr(remote, "post", lambda *_, **__: {"as_of": 7, "done": False, "traces": False})
        assert "its next start goes on" in CliRunner().invoke(cli, delete).output
        assert server.terminate()[0] == 0


def test_a_deletion_is_confirmed_by_typing_the_code(files: Path) -> None:
    data = files / "data"
    code = room("new", files / "room.yaml", "--data", data)[:6]
    no = CliRunner().invoke(cli, ["room", "delete", code, "--data", str(data)], input="\n")
    assert (no.exit_code, "nothing was deleted" in no.output) == (2, True)
    yes = CliRunner().invoke(cli, ["room", "delete", code, "--data", str(data)], input=f"{code.lower()}\n")
    assert (yes.exit_code, "Deleted, and recorded as record 7" in yes.output) == (0, True)


def test_a_server_that_cannot_be_asked(files: Path) -> None:
    with pytest.raises(DataDirectoryError, match="cannot be asked"):
        remote.post("http://127.0.0.1:9", "/api/rooms", key="", body={})
    with process(files / "data", "--no-sample") as server:
        config = Config(data=files / "data")
        assert remote.server_of(config) == server.base
        config.address.write_text("")
        with pytest.raises(DataDirectoryError, match="does not serve"):
            remote.server_of(config)
        config.address.unlink()
        with pytest.raises(DataDirectoryError, match="does not serve"):
            remote.server_of(config)
        with pytest.raises(DataDirectoryError, match="This needs the operator key"):
            remote.post(server.base, "/api/rooms/from-file", key="wrong", body={})
    assert remote.server_of(config) is None


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (b"<html>", DataDirectoryError, "cannot be read"),
        (b'{"error":{"code":"no_such_room","message":"None."}}', NoSuchRoomError, "None."),
        (
            b'{"error":{"code":"bad_file","message":"x"},"problems":[{"line":3,"text":"a"},{"line":4,"text":"b"}]}',
            BadFileError,
            "line 3: a; line 4: b",
        ),
    ],
)
def test_what_a_server_refuses_is_said(body: bytes, error: type[Exception], words: str) -> None:
    found = remote._refused(body)
    assert type(found) is error
    assert words in str(found)
