"""The command line: parses, calls, prints. Every failure is one sentence on stderr and a documented exit code."""

import asyncio
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import segno
from rich.console import Console

from livevote import __version__, export
from livevote.clock import SystemClock
from livevote.config import SETTINGS, Config, Setting
from livevote.domain.audit import TamperedError
from livevote.domain.room import BrokenLogError
from livevote.failures import CorruptError, DataDirectoryError, FailureError, NoSuchRoomError
from livevote.keys import Keyring
from livevote.log import open_reader
from livevote.replay import terminal
from livevote.replay.document import Replay, read
from livevote.replay.playhead import Playhead
from livevote.server import Server, serve
from livevote.verify import Verdict, verify
from livevote.web.addresses import base_urls, public_url


def _option(setting: Setting) -> Callable[[Any], Any]:
    if isinstance(setting.default, bool):
        flag = f"--{setting.name.replace('_', '-')}"
        both = f"{flag}/--no-{flag[2:]}" if setting.default else flag
        kind: dict[str, Any] = {"is_flag": True}
    else:
        both = setting.flag
        is_path = setting.name in ("data", "tls_cert", "tls_key")
        kind = {"type": click.Path(path_type=Path) if is_path else type(setting.default)}
    return click.option(
        both,
        setting.name,
        default=setting.default,
        envvar=setting.variable,
        help=setting.text,
        show_default=True,
        **kind,
    )


def _settings(*names: str) -> Callable[[Any], Any]:
    chosen = [setting for setting in SETTINGS if not names or setting.name in names]

    def decorate(command: Any) -> Any:
        for setting in reversed(chosen):
            command = _option(setting)(command)
        return command

    return decorate


@click.group()
@click.version_option(__version__)
def cli() -> None:
    """Self-hosted live voting: an acknowledged vote is on disk, counted once and can be checked."""


@cli.command()
@_settings()
def run(**values: Any) -> None:
    """Serve until stopped with Ctrl-C or SIGTERM."""
    if values["url"]:
        values["url"] = public_url(values["url"])
    config = Config(**values)
    if (config.tls_cert is None) != (config.tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together.")
    asyncio.run(serve(config, announce=_announce))


@cli.command("export")
@_settings("data")
@click.argument("code")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="File to write; standard output without it.")
def export_(data: Path, code: str, output: Path | None) -> None:
    """Write the ballots of room CODE as CSV, also while the server runs."""
    asyncio.run(_export(Config(data=data), code.upper(), output))


async def _export(config: Config, code: str, output: Path | None) -> None:
    reader = await open_reader(f"sqlite:{config.database}")
    if (await reader.head(code)).index == 0:
        raise NoSuchRoomError(f"There is no room {code} in {config.data}. 'livevote rooms' lists them.")
    if output is None:
        async for rows in export.ballots_csv(reader, code):
            sys.stdout.buffer.write(rows)
        sys.stdout.buffer.flush()
        return
    # Under another name until it is whole: half a file looks like a result.
    unfinished = output.with_name(f".{output.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            async for rows in export.ballots_csv(reader, code):
                file.write(rows)
        unfinished.replace(output)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise DataDirectoryError(
            f"Cannot write {output}: {error.strerror}. Name another file with --output."
        ) from error


@cli.command()
@_settings("data")
def rooms(data: Path) -> None:
    """List the rooms of the data directory: code, records, title."""
    asyncio.run(_rooms(Config(data=data)))


async def _rooms(config: Config) -> None:
    reader = await open_reader(f"sqlite:{config.database}")
    for code, title, records in export.rooms(reader):
        click.echo(f"{code}  {records:>9}  {title}")


@cli.command("replay")
@_settings("data")
@click.argument("code")
@click.option("--at", "at", metavar="TIME", help="Print that moment and exit: HH:MM:SS of the evening, or ISO 8601.")
@click.option("--as-of", type=int, metavar="N", help="Print the moment after record N and exit.")
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), default=16, show_default=True, metavar="X")
def replay_(data: Path, code: str, at: str | None, as_of: int | None, speed: float) -> None:
    """Play the evening of room CODE once more, X times as fast; also while the server runs.

    Times are those of this machine's time zone. Pauses of more than 5 s are shown as 5 s. Where the output is no
    terminal, the moments at which something happened are printed without waiting. Ctrl-C ends it.
    """
    if at is not None and as_of is not None:
        raise click.UsageError("--at and --as-of name one moment each: use one of them.")
    document = asyncio.run(_replay(Config(data=data), code.upper()))
    if as_of is not None and not 1 <= as_of <= document.as_of:
        raise click.BadParameter(f"room {code.upper()} has the records 1 to {document.as_of}.", param_hint="--as-of")
    console = Console()
    if as_of is not None:
        terminal.say(document, Playhead(document).to_index(as_of), console)
    elif at is not None:
        begins = document.marks[0].at if document.marks else SystemClock().now_ms()
        try:
            instant = terminal.instant(at, begins=begins)
        except ValueError:
            raise click.BadParameter(
                f"{at!r} is no time: use 20:15:00 or 2026-09-21T20:15:00.", param_hint="--at"
            ) from None
        terminal.say(document, Playhead(document).to_instant(instant), console)
    elif console.is_terminal:
        with contextlib.suppress(KeyboardInterrupt):
            terminal.play(document, console, speed=speed, clock=SystemClock())
    else:
        terminal.tell(document, console)


async def _replay(config: Config, code: str) -> Replay:
    reader = await open_reader(f"sqlite:{config.database}")
    head = await reader.head(code)
    if head.index == 0:
        raise NoSuchRoomError(f"There is no room {code} in {config.data}. 'livevote rooms' lists them.")
    try:
        return (await read(reader, code, upto=head.index)).document("host")
    except BrokenLogError as error:
        raise CorruptError(f"The log does not add up: {error}. Restore a backup; keep the damaged file.") from error


@cli.command("verify")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@_settings("data")
def verify_(data: Path, path: Path | None) -> None:
    """Check the log at PATH (a database or a data directory): nothing changed, dropped or reordered. Writes nothing.

    Exit code 0: intact; 1: tampered with, the first bad record is named; 2: cannot be read.
    """
    chosen = data if path is None else path
    database = Config(data=chosen).database if chosen.is_dir() else chosen
    try:
        for verdict in _verdicts(database):
            _print_verdict(verdict)
    except TamperedError as error:
        click.echo(f"TAMPERED  {error}", err=True)
        sys.exit(1)
    except FailureError as error:
        click.echo(f"livevote: {error}", err=True)
        sys.exit(2)


def _verdicts(database: Path) -> list[Verdict]:
    reader = asyncio.run(open_reader(f"sqlite:{database}"))
    hidden = not sys.stderr.isatty()
    with click.progressbar(
        reader.scan(), length=reader.count(), label="Checking", file=sys.stderr, hidden=hidden
    ) as bar:
        return list(verify(bar))


def _print_verdict(verdict: Verdict) -> None:
    room = verdict.room
    click.echo(f"INTACT  {room.code}  {room.title}")
    click.echo(f"  {verdict.records} records, {verdict.ballots} of them ballots")
    click.echo(f"  root  {verdict.root.hex()}\n  chain {verdict.chain.hex()}")
    for result in verdict.results:
        question = room.questions[result.question]
        click.echo(f"  {question.text} (round {result.round}, {result.voters} voted)")
        for option, count in zip(question.options, result.counts, strict=False):
            click.echo(f"    {count:>9}  {option}")


@cli.command("host-link")
@_settings("data")
@click.argument("code", required=False)
def host_link(data: Path, code: str | None) -> None:
    """Print the link for hosting room CODE, or for creating rooms. It holds a secret."""
    config = Config(data=data)
    if not config.keys.is_dir():
        raise NoSuchRoomError(f"There are no keys in {config.data}. Name the server's data directory with --data.")
    keyring = Keyring(config.keys, create=False)
    try:
        base = config.address.read_text().strip()
    except FileNotFoundError:
        base = base_urls(config, config.port)[0]  # not running: where it will be with the settings it has by default
    if code is None:
        click.echo(f"{base}/host#{keyring.operator_key}")
    elif not (config.keys / "rooms" / f"{code.upper()}.key").exists():
        raise NoSuchRoomError(f"There is no room {code.upper()} in {config.data}. 'livevote rooms' lists them.")
    else:
        click.echo(f"{base}/host/{code.upper()}#{keyring.room(code.upper()).host_token}")


def _announce(server: Server) -> None:
    """Say where the server is. Links that hold a secret go to a terminal only: elsewhere, this is a log file."""
    secret = sys.stdout.isatty()
    listed = server.registry.all()
    newest = listed[-1] if listed else None
    data = server.services.config.data.resolve()
    click.echo(f"livevote {__version__} is listening on port {server.port}. Data: {data}")
    for url in server.urls:
        click.echo(f"  {url}/")
    if newest is not None:
        join = server.join_url(newest.code)
        click.echo(f"\nRoom '{newest.state.title}', code {newest.code}. Join at\n  {join}\n")
        segno.make(join, micro=False).terminal(compact=True)
        command = f"{_host_link_command(server)} {newest.code}"
        link = server.host_url(newest.code) if secret else f"run '{command}' to see it"
        click.echo(f"\nHost this room:   {link}")
    link = server.new_room_url() if secret else f"run '{_host_link_command(server)}' to see it"
    click.echo(f"Create a room:    {link}")
    if not server.services.config.secure:
        click.echo("Plain HTTP: fine on a network you trust; use --tls-cert and --tls-key, or a proxy, elsewhere.")
    click.echo("Stop with Ctrl-C. Votes are kept.")
    sys.stdout.flush()


def _host_link_command(server: Server) -> str:
    """What to type for the links, as this process was started."""
    program = sys.argv[0] if Path(sys.argv[0]).name == "livevote" else "livevote"
    data = server.services.config.data
    return f"{program} host-link" + ("" if data == Config().data else f" --data {data}")


def main() -> None:
    """The ``livevote`` command."""
    try:
        cli(standalone_mode=True)
    except FailureError as failure:
        click.echo(f"livevote: {failure}", err=True)
        sys.exit(failure.exit_code)


if __name__ == "__main__":
    main()
