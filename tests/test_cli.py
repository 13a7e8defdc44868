"""The command line as somebody types it: what it prints, and the exit code and sentence of every failure."""

import importlib
import json
import os
import pkgutil
import pty
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from tornado.httpclient import AsyncHTTPClient

from livevote import cli
from livevote.cli import reading, serving
from livevote.cli.settings import COMMANDS
from livevote.config import SETTINGS, Config
from livevote.export import FORMATS, Source
from livevote.failures import FAILURES, CorruptError
from livevote.keys import Keyring
from livevote.server import running
from tests.client import config, venue
from tests.process import CHECKOUT, process, run_cli

pytestmark = pytest.mark.long


def test_run_prints_the_addresses_and_a_code_and_keeps_secrets_out_of_files(tmp_path: Path) -> None:
    with process(tmp_path) as server:
        printed = server.read_until("Votes are kept.")
        code = printed.partition("code ")[2][:6]
        assert f"http://127.0.0.1:{server.port}/{code}" in printed
        assert "\u2588" in printed, "the QR code"
        keys = Keyring(tmp_path / "keys", create=False)
        for secret in (keys.operator_key, keys.room(code).host_token):
            assert secret not in printed
        link = run_cli("host-link", code, "--data", str(tmp_path)).stdout.strip()
        assert link == f"{server.base}/host/{code}#{keys.room(code).host_token}"
        assert run_cli("host-link", "--data", str(tmp_path)).stdout.strip() == f"{server.base}/host#{keys.operator_key}"
        listed = run_cli("rooms", "--data", str(tmp_path)).stdout
        assert listed.split() == [code, "6", "Welcome"]
        exported = run_cli("export", code.lower(), "--data", str(tmp_path))
        assert exported.stdout.startswith("\ufeffindex,time,question,")
        assert server.terminate() == (0, "")
    assert run_cli("export", code, "--data", str(tmp_path)).stdout == exported.stdout
    assert "host/" in run_cli("host-link", code, "--data", str(tmp_path)).stdout
    # A power cut leaves the note of the address behind, and may leave it empty.
    (tmp_path / "livevote.url").write_text("")
    assert run_cli("host-link", code, "--data", str(tmp_path)).stdout.startswith("http")


def test_each_command_is_in_the_module_that_is_imported_for_it() -> None:
    for each in pkgutil.iter_modules(cli.__path__, "livevote.cli."):
        if not each.name.endswith("__main__"):
            importlib.import_module(each.name)
    found = {name: str(command.callback.__module__) for name, command in cli.cli.commands.items()}
    assert found == {name: f"livevote.cli.{module}" for name, module in COMMANDS.items()}


def test_a_log_is_checked_without_the_parts_of_a_server() -> None:
    program = "import sys; from livevote.cli import cli; cli(['verify', '--help'], standalone_mode=False); "
    program += "assert 'livevote.cli.checking' in sys.modules; assert not {'tornado', 'rich'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=CHECKOUT, stdout=subprocess.DEVNULL)


async def test_on_a_terminal_the_host_links_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    async with venue(tmp_path) as at:
        serving._announce(at.server)
        printed = capsys.readouterr().out
        assert at.server.host_url(at.code) in printed
        assert at.server.new_room_url() in printed
        assert at.server.services.operator_key in printed
    async with running(config(tmp_path / "empty", open_hosting=True)) as server:
        serving._announce(server)
        printed = capsys.readouterr().out
        assert f"{server.urls[0]}/host\n" in printed
        assert server.services.operator_key not in printed


def test_ctrl_c_on_a_terminal_is_answered(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "livevote.cli", "run", "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(
        [*command, "--data", str(tmp_path)], stdin=theirs, stdout=theirs, stderr=theirs, cwd=CHECKOUT
    ) as server:
        os.close(theirs)
        with os.fdopen(ours, "rb", buffering=0) as screen:
            shown = b""
            try:
                while b"Stop with Ctrl-C." not in shown:
                    shown += screen.read(4096)
                server.send_signal(signal.SIGINT)
                # At its end the terminal is gone, and a read fails.
                with suppress(OSError):
                    while True:
                        shown += screen.read(4096)
                server.wait(30)
            finally:
                server.kill()
    assert server.returncode == 0
    assert shown.endswith(b"Stopped. Every counted vote is on the disk.\r\n")


def fails(*arguments: str) -> tuple[int, str]:
    """Exit code and the one sentence of a command that cannot work."""
    done = run_cli(*arguments)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("livevote: ")
    assert len(done.stderr.splitlines()) == 1
    return done.returncode, done.stderr


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, text = fails("run", "--host", "127.0.0.1", "--port", port, "--data", str(tmp_path))
    assert code == 69
    assert port in text
    assert "--port" in text


def test_a_data_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, text = fails("run", "--port", "0", "--data", str(tmp_path / "file" / "data"))
    assert code == 73
    assert "--data" in text


def test_a_data_directory_of_another_user(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Root may enter every directory, so the answer of the system is replaced."""

    async def refused(_: str) -> None:
        raise PermissionError(13, "Permission denied", "/srv/vote/livevote.db")

    monkeypatch.setattr(reading, "open_reader", refused)
    monkeypatch.setattr(sys, "argv", ["livevote", "rooms", "--data", "/srv/vote"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 73
    assert capsys.readouterr().err == (
        "livevote: Cannot use /srv/vote/livevote.db: run this as the user whom the server runs as.\n"
    )


def test_a_second_process_on_the_same_directory(tmp_path: Path) -> None:
    with process(tmp_path, "--no-sample"):
        code, text = fails("run", "--host", "127.0.0.1", "--port", "0", "--data", str(tmp_path))
    assert code == 75
    assert "Another livevote" in text


def test_a_database_from_a_newer_version(tmp_path: Path) -> None:
    with process(tmp_path, "--no-sample") as server:
        server.terminate()
    with sqlite3.connect(tmp_path / "livevote.db") as database:
        database.execute("INSERT INTO migrations VALUES ('9999_future.sql', 'x', 'x')")
    database.close()
    code, text = fails("run", "--port", "0", "--data", str(tmp_path))
    assert code == 78
    assert "newer version" in text


@pytest.mark.parametrize("damage", ["garbage", "middle"])
def test_a_corrupted_file(tmp_path: Path, damage: str) -> None:
    with process(tmp_path) as server:
        server.terminate()
    path = tmp_path / "livevote.db"
    raw = bytearray(path.read_bytes())
    if damage == "garbage":
        raw[:] = os.urandom(len(raw))
    else:
        raw[5000:] = os.urandom(len(raw) - 5000)
    path.write_bytes(raw)
    code, text = fails("run", "--port", "0", "--data", str(tmp_path))
    assert code == 65
    assert "Restore a backup" in text


@pytest.mark.parametrize("key", ["cookie.key", "operator.key", "rooms/*.key"])
def test_a_lost_key(tmp_path: Path, key: str) -> None:
    with process(tmp_path) as server:
        server.terminate()
    next((tmp_path / "keys").glob(key)).unlink()
    code, text = fails("run", "--port", "0", "--data", str(tmp_path))
    assert code == 78
    assert "put it back" in text


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE records SET answer = '{\"choices\":[2]}' WHERE idx = 7",
        "UPDATE records SET body = replace(body, 'talk', 'walk') WHERE idx = 2",
        "UPDATE records SET chain = zeroblob(32) WHERE idx = 3",
    ],
)
async def test_a_log_that_somebody_has_changed(tmp_path: Path, change: str) -> None:
    async with venue(tmp_path, sample=True) as at:
        await (await at.open()).vote("v1", 1)
    with sqlite3.connect(tmp_path / "livevote.db") as database:
        database.execute("DROP TRIGGER records_are_never_changed")
        database.execute(change)
    database.close()
    code, text = fails("run", "--port", "0", "--data", str(tmp_path))
    assert code == 65
    assert "The log was changed" in text
    assert f"record {7 if 'answer' in change else 2 if 'body' in change else 3}" in text


@pytest.mark.parametrize("command", [["export", "NOROOM"], ["host-link", "NOROOM"]])
def test_a_room_that_is_not_there(tmp_path: Path, command: list[str]) -> None:
    assert fails(*command, "--data", str(tmp_path))[0] == 66
    with process(tmp_path) as server:
        server.terminate()
    code, text = fails(*command, "--data", str(tmp_path))
    assert code == 66
    assert f"'python -m livevote.cli rooms --data {tmp_path}' lists them" in text


@pytest.mark.parametrize(
    ("started", "typed"),
    [
        (".venv/bin/livevote", ".venv/bin/livevote"),
        ("/opt/livevote/cli/__main__.py", "python -m livevote.cli"),
        ("/usr/bin/pytest", "livevote"),
    ],
)
def test_a_sentence_that_names_a_command_names_it_as_it_was_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, started: str, typed: str
) -> None:
    monkeypatch.setattr(sys, "argv", [started, "room", "save", "NOROOM"])
    (tmp_path / "my data").mkdir()
    monkeypatch.setenv("LIVEVOTE_DATA", str(tmp_path / "my data"))
    with process(tmp_path / "my data") as server:
        server.terminate()
    with pytest.raises(SystemExit):
        cli.main()
    assert f"'{typed} rooms --data '{tmp_path}/my data'' lists them" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", [started, "doktor"])
    with pytest.raises(SystemExit):
        cli.main()
    assert f"Try '{typed} --help' for help." in capsys.readouterr().err


def test_a_command_about_the_data_directory_of_every_start_names_none() -> None:
    assert str(Config().no_such_room("7KQ2MD")) == "There is no room 7KQ2MD in data. 'livevote rooms' lists them."


def test_a_wrong_command_line_is_clicks_own_error() -> None:
    result = CliRunner().invoke(cli.cli, ["run", "--tls-cert", "x.pem"])
    assert result.exit_code == 2
    assert "--tls-key" in result.output


def test_every_setting_has_an_option_and_a_variable() -> None:
    help_ = CliRunner().invoke(cli.cli, ["run", "--help"], terminal_width=200).output
    for setting in SETTINGS:
        assert setting.flag in help_
        assert setting.text.split(";")[0][:40] in " ".join(help_.split())


def test_variables_set_what_options_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Config] = []

    async def serve(config: Config, *, announce: object) -> None:  # noqa: ARG001
        seen.append(config)

    monkeypatch.setattr(serving, "serve", serve)
    environment = {"LIVEVOTE_PORT": "1234", "LIVEVOTE_SAMPLE": "0", "LIVEVOTE_DATA": "/tmp/elsewhere"}
    result = CliRunner().invoke(cli.cli, ["run", "--vote-rate", "7.5", "--open-hosting"], env=environment)
    assert result.exit_code == 0, result.output
    assert (seen[0].port, seen[0].sample, seen[0].data) == (1234, False, Path("/tmp/elsewhere"))
    assert (seen[0].vote_rate, seen[0].open_hosting, seen[0].host) == (7.5, True, "")


def test_the_operations_page_lists_every_setting_and_exit_code() -> None:
    page = (CHECKOUT / "docs" / "operations.md").read_text()
    for setting in SETTINGS:
        default = {"": "", None: "", True: "on", False: "off"}.get(setting.default, setting.default)
        shown = f"`{default}`" if default != "" else ""
        assert f"| `{setting.flag}` | `{setting.variable}` | {shown} | {setting.text} |" in page
    for failure in FAILURES:
        assert f"| {failure.exit_code} | {failure.meaning} |" in page


def test_main_returns_from_help() -> None:
    done = run_cli("--version")
    assert done.returncode == 0
    assert "livevote" in done.stdout or "version" in done.stdout


async def test_a_public_address_is_what_people_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with venue(tmp_path, url="https://vote.example.org") as at:
        serving._announce(at.server)
        printed = capsys.readouterr().out
    assert f"https://vote.example.org/{at.code}\n" in printed
    assert "127.0.0.1" not in printed, "a Secure cookie would be lost there"


def test_an_export_is_whole_or_not_there(tmp_path: Path) -> None:
    with process(tmp_path / "data") as server:
        code = server.read_until("Votes are kept.").partition("code ")[2][:6]
        arguments = ("export", code, "--data", str(tmp_path / "data"), "--output")
        assert run_cli(*arguments, str(tmp_path / "ballots.csv")).returncode == 0
        assert (tmp_path / "ballots.csv").read_bytes().startswith(b"\xef\xbb\xbfindex,")
        printed = run_cli("export", code, "--data", str(tmp_path / "data"), "--format", "results.json").stdout
        assert json.loads(printed)["room"]["code"] == code
        status, text = fails(*arguments, str(tmp_path / "nowhere" / "ballots.csv"))
        assert status == 73
        assert "--output" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ballots.csv", "data"]


async def test_an_export_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    async def half(_: Source) -> AsyncGenerator[bytes, None]:
        yield b"half a file"
        raise CorruptError("The log does not add up.")

    output = tmp_path / "ballots.csv"
    output.write_bytes(b"of yesterday")
    output.with_name(".ballots.csv.unfinished").write_bytes(b"of a killed export")
    broken = replace(FORMATS["ballots.csv"], write=half)
    async with venue(tmp_path / "data") as at:
        with pytest.raises(CorruptError):
            await reading._export(at.server.services.config, at.code, broken, output)
    assert output.read_bytes() == b"of yesterday"
    assert not output.with_name(".ballots.csv.unfinished").exists()


async def test_an_exported_file_is_its_owners_alone(tmp_path: Path) -> None:
    output = tmp_path / "ballots.csv"
    output.write_bytes(b"of yesterday")
    output.chmod(0o644)
    modes = set()

    async def watched(_: Source) -> AsyncGenerator[bytes, None]:
        modes.add(stat.S_IMODE(output.with_name(".ballots.csv.unfinished").stat().st_mode))
        yield b"whole"

    format_ = replace(FORMATS["ballots.csv"], write=watched)
    before = os.umask(0)
    try:
        async with venue(tmp_path / "data") as at:
            await reading._export(at.server.services.config, at.code, format_, output)
    finally:
        os.umask(before)
    assert (output.read_bytes(), stat.S_IMODE(output.stat().st_mode), modes) == (b"whole", 0o600, {0o600})


async def test_on_a_terminal_an_export_to_a_file_shows_its_progress(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue(tmp_path / "data") as at:
        await at.ask()
        for is_terminal in (False, True):
            monkeypatch.setattr(sys.stderr, "isatty", lambda shown=is_terminal: shown, raising=False)
            await reading._export(at.server.services.config, at.code, FORMATS["results.csv"], tmp_path / "results.csv")
            printed = capsys.readouterr()
            assert printed.out == ""
            assert ("results.csv" in printed.err and "100%" in printed.err) == is_terminal


def test_every_format_is_an_option() -> None:
    help_ = " ".join(CliRunner().invoke(cli.cli, ["export", "--help"], terminal_width=400).output.split())
    for format_ in FORMATS.values():
        assert f"{format_.name}: {format_.text}" in help_
    assert CliRunner().invoke(cli.cli, ["export", "ABCDEF", "--format", "results.pdf"]).exit_code == 2


async def test_sigterm_ends_it_within_five_seconds_although_a_page_never_reads(tmp_path: Path) -> None:
    with process(tmp_path, "--vote-burst", "1000") as server:
        code = server.read_until("Votes are kept.").partition("code ")[2][:6]
        cookie = (await AsyncHTTPClient().fetch(f"{server.base}/{code}")).headers["Set-Cookie"].split(";")[0]
        opening = (
            f"GET /ws/{code} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nCookie: {cookie}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OUFCQ0RFRg==\r\n\r\n"
        )
        with socket.socket() as stuck:
            stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            stuck.connect(("127.0.0.1", server.port))
            stuck.sendall(opening.encode())
            sync = b'{"type":"sync"}'
            for _ in range(900):
                stuck.sendall(bytes((0x81, 0x80 | len(sync), 0, 0, 0, 0)) + sync)
            begun_s = time.monotonic()
            status = server.terminate()
            took_s = time.monotonic() - begun_s
    assert status == (0, "")
    assert took_s < 5, "the promise of a stop, not a measure of speed"
