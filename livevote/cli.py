"""The command line: parses, calls, prints. Every failure is one sentence on stderr and a documented exit code."""

import asyncio
import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import aclosing, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click
import segno
from rich.console import Console

from livevote import __version__, backup, doctor, export
from livevote.bundle import Bundle, NoBundleError
from livevote.clock import SystemClock
from livevote.config import SETTINGS, Config, Setting
from livevote.domain.audit import TamperedError
from livevote.domain.checker import ContradictedError
from livevote.domain.note import NoteError, Verifier
from livevote.domain.receipt import ReceiptError, check, parse
from livevote.domain.room import BrokenLogError
from livevote.export import FORMATS, Format, Source
from livevote.failures import CorruptError, DataDirectoryError, FailureError, NoSuchRoomError
from livevote.keys import Keyring, missing
from livevote.log import open_reader
from livevote.maintenance import accept_recovery, erase, import_bundle
from livevote.replay import terminal
from livevote.replay.document import Replay, read
from livevote.replay.playhead import Playhead
from livevote.server import Server, serve
from livevote.verify import Sought, Verdict, kind_of, verify_bundle, verify_database
from livevote.web.addresses import base_urls, public_url

if TYPE_CHECKING:
    from rich.progress import TaskID


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
@click.option(
    "--format",
    "-f",
    "name",
    type=click.Choice(list(FORMATS)),
    default="ballots.csv",
    show_default=True,
    help="; ".join(f"{format_.name}: {format_.text}" for format_ in FORMATS.values()) + ".",
)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="File to write; standard output without it.")
def export_(data: Path, code: str, name: str, output: Path | None) -> None:
    """Write room CODE as a file, also while the server runs."""
    asyncio.run(_export(Config(data=data), code.upper(), FORMATS[name], output))


async def _export(config: Config, code: str, format_: Format, output: Path | None) -> None:
    reader = await open_reader(f"sqlite:{config.database}")
    source = await Source.now(reader, code, config.checkpoints)
    if source.head.index == 0:
        raise NoSuchRoomError(f"There is no room {code} in {config.data}. 'livevote rooms' lists them.")
    if output is None:
        await _write(format_, source, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    output = output.resolve()  # noqa: ASYNC240 - nobody else runs on this loop
    if output.exists() and not output.is_file():
        # A pipe or a device: nothing to replace.
        with output.open("wb") as file:
            await _write(format_, source, file)
        return
    # Under another name until it is whole: half a file looks like a result.
    unfinished = output.with_name(f".{output.name}.unfinished")
    try:
        with _watched(format_, source) as watched, unfinished.open("wb") as file:
            await _write(format_, watched, file)
        unfinished.replace(output)
    except OSError as error:
        raise DataDirectoryError(
            f"Cannot write {output}: {error.strerror}. Name another file with --output."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


async def _write(format_: Format, source: Source, file: BinaryIO) -> None:
    async with aclosing(format_.write(source)) as parts:
        async for part in parts:
            file.write(part)


@contextmanager
def _watched(format_: Format, source: Source) -> Iterator[Source]:
    """``source``, watched by a bar on stderr where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task(format_.name, total=source.head.index * format_.passes)
        yield replace(source, on_read=lambda records: progress.advance(task, records))


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
@click.option(
    "--speed", type=click.FloatRange(min=0, min_open=True, max=1e6), default=16, show_default=True, metavar="X"
)
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
@click.option("--receipt", type=click.Path(path_type=Path), help="A voter's receipt to look for in the log.")
@click.option("--key", help="The public key (name+id+key) that must have signed; without it, the one beside the log.")
@_settings("data")
def verify_(data: Path, path: Path | None, receipt: Path | None, key: str | None) -> None:
    """Check PATH (a bundle, a database or a data directory): nothing changed, dropped or reordered. Writes nothing.

    Exit code 0: intact; 1: tampered with, the first bad record is named; 2: cannot be read.
    """
    chosen = data if path is None else path
    # The fold makes millions of objects and no garbage, and this process ends after it.
    gc.disable()
    try:
        trusted = None if key is None else Verifier.parse(key)
        sought = None if receipt is None else _receipt(receipt, trusted)
        for verdict in _verdicts(Config(data=chosen).database if chosen.is_dir() else chosen, trusted, sought):
            if trusted is not None and verdict.newest is None:
                raise TamperedError(f"room {verdict.room.code}: no checkpoint of this log was signed by {trusted.vkey}")
            _print_verdict(verdict)
        if sought is not None:
            _print_sought(sought)
    except (FailureError, NoteError) as error:
        click.echo(f"livevote: {error}", err=True)
        sys.exit(2)


def _receipt(path: Path, trusted: Verifier | None) -> Sought:
    try:
        found = parse(path.read_bytes())
    except (OSError, ReceiptError) as error:
        raise NoBundleError(f"Cannot read the receipt {path}: {error}") from error
    try:
        checkpoint = check(found, trusted=trusted)
    except ReceiptError as error:
        raise TamperedError(f"the receipt: {error}") from error
    if checkpoint is None:
        click.echo("The receipt holds in itself. Nobody has signed it: it was saved before there was a checkpoint.")
    else:
        click.echo(
            f"The receipt holds in itself: record {found.index} stands under the checkpoint of {checkpoint.size} "
            f"records signed at {export.instant(checkpoint.at)}."
        )
    return Sought(found, checkpoint)


def _verdicts(path: Path, trusted: Verifier | None, sought: Sought | None) -> list[Verdict]:
    hidden = not sys.stderr.isatty()
    if kind_of(path) == "bundle":
        with closing(Bundle(path, trusted=trusted)) as bundle:
            size = path.stat().st_size
            with click.progressbar(length=size, label="Checking", file=sys.stderr, hidden=hidden) as bytes_read:
                done = verify_bundle(bundle, sought=sought, progress=bytes_read.update)
            return [done]
    reader = asyncio.run(open_reader(f"sqlite:{path}"))
    directory = path.parent / Config().checkpoints.name
    with click.progressbar(length=reader.count(), label="Checking", file=sys.stderr, hidden=hidden) as records_read:
        return list(verify_database(reader, directory, trusted=trusted, sought=sought, progress=records_read.update))


def _print_verdict(verdict: Verdict) -> None:
    room = verdict.room
    click.echo(f"INTACT  {room.code}  {_plain(room.title)}")
    click.echo(f"  {verdict.records} records, {verdict.ballots} of them ballots")
    click.echo(f"  root  {verdict.root.hex()}\n  chain {verdict.chain.hex()}")
    if verdict.newest is None:
        click.echo("  no checkpoints: whoever could write the file could have made all of it")
    else:
        click.echo(
            f"  {verdict.agreed} signed checkpoints agree, the newest over {verdict.newest.size} records at "
            f"{export.instant(verdict.newest.at)}\n  signed by {verdict.vkey}"
        )
        if behind := verdict.records - verdict.newest.size:
            click.echo(f"  {behind} records are newer than that: no signature covers them")
    for recovery in verdict.recoveries:
        click.echo(
            f"  RECOVERED at {export.instant(recovery.at)}: the log had {recovery.lost} records by its checkpoints, of "
            f"which those after {recovery.kept} may be lost or changed"
        )
    for result in verdict.results:
        question = room.questions[result.question]
        click.echo(f"  {_plain(question.text)} (round {result.round}, {result.voters} voted)")
        for option, count in zip(question.options, result.counts, strict=False):
            click.echo(f"    {count:>9}  {_plain(option)}")


def _plain(text: str) -> str:
    """``text`` from a file that anybody may have made, so that it can write nothing else to the terminal."""
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def _print_sought(sought: Sought) -> None:
    receipt = sought.receipt
    if not sought.found:
        raise TamperedError(
            f"room {receipt.room}: record {receipt.index}, the ballot of the receipt, is not in this log"
        )
    place = f"The ballot of the receipt is record {receipt.index} of room {receipt.room}"
    if sought.replaced_by is not None:
        click.echo(f"{place}. It does not count: its voter replaced it by record {sought.replaced_by}.")
    elif sought.erased_by is not None:
        click.echo(f"{place}. It does not count: its answer was erased by record {sought.erased_by}.")
    else:
        click.echo(f"{place}, and it counts.")


@cli.command("accept-recovery")
@_settings("data")
@click.argument("code")
@click.option("--yes", is_flag=True, help="Do not ask.")
def accept_recovery_(data: Path, code: str, yes: bool) -> None:
    """Go on with the log of room CODE although it contradicts its checkpoints, and record that in it.

    For when a start says that the log was changed or is an older copy, and there is no better backup.
    """
    code = code.upper()

    def agrees(error: ContradictedError) -> bool:
        click.echo(
            f"{error}.\nA checkpoint of {export.instant(error.lost.at)} has {error.lost.size} records. Up to record "
            f"{error.kept} the log is the same; what came after may be missing or changed."
        )
        return yes or click.confirm("Go on with the log as it is, and record that?")

    accepted = asyncio.run(accept_recovery(Config(data=data), code, SystemClock(), agrees=agrees))
    if accepted:
        click.echo(f"Recorded. Room {code} goes on; whoever verifies it is told.")
    else:
        click.echo("The log fits its checkpoints, or you did not agree: nothing was written.")


@cli.command()
@_settings("data")
@click.argument("code")
@click.argument("index", type=click.IntRange(min=1))
@click.option("--yes", is_flag=True, help="Do not ask.")
def redact(data: Path, code: str, index: int, yes: bool) -> None:
    """Erase the answer of the ballot at record INDEX of room CODE, for good. The log says so and still verifies.

    The server must be stopped. Backups and exports made before still have the answer.
    """
    code = code.upper()
    if yes or click.confirm(f"Erase the answer of record {index} in room {code}? It cannot be brought back."):
        done = asyncio.run(erase(Config(data=data), code, index, SystemClock()))
        click.echo(
            f"Erased, and recorded as record {done.recorded}. Backups and exports made before still have the answer."
        )
        if done.left_in is not None:
            click.echo(
                f"{done.left_in} has it as well, because another program has the database open. End that program, "
                "then start and stop livevote once."
            )


@cli.command("import")
@_settings("data")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--new-key", is_flag=True, help="Make a new key where voting is open: everybody can vote again.")
def import_(data: Path, bundle: Path, new_key: bool) -> None:
    """Take a room from its BUNDLE into the data directory, byte for byte. The server must be stopped."""
    verdict = asyncio.run(import_bundle(Config(data=data), bundle, SystemClock(), new_key=new_key))
    _print_verdict(verdict)
    click.echo(f"Imported into {data}.")


@cli.command("backup")
@_settings("data")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--with-keys", "keys", type=click.Path(path_type=Path), help="Copy the keys too, to this other place.")
def backup_(data: Path, directory: Path, keys: Path | None) -> None:
    """Copy the log into a new, dated directory below DIRECTORY, also while the server runs, and verify the copy.

    Exit code 1: the log was tampered with, and nothing was copied.
    """
    with _progress() as report:
        work = backup.back_up(Config(data=data), directory, clock=SystemClock(), keys=keys, report=report)
        made = asyncio.run(work)
    click.echo(f"{made.path}: verified, {len(made.rooms)} room(s), {made.records:,} records")
    if keys is None:
        click.echo(
            f"The keys are not in it: keep a copy of {data / 'keys'} elsewhere (--with-keys). Without them a restored "
            "server does not start, nobody can host these rooms, and whoever has voted could vote again."
        )
    else:
        click.echo(f"{keys / made.path.name}: the keys; keep them where the log is not")


@cli.command()
@_settings("data")
@click.argument("source", metavar="BACKUP", type=click.Path(path_type=Path))
@click.option("--keys", type=click.Path(path_type=Path), help="A copy of the keys, as --with-keys made it.")
def restore(data: Path, source: Path, keys: Path | None) -> None:
    """Bring BACKUP into the empty or missing data directory, after verifying it. Never overwrites anything.

    Exit code 1: the backup was tampered with, and nothing was restored.
    """
    config = Config(data=data)
    with _progress() as report:
        made = asyncio.run(backup.restore(config, source, keys=keys, report=report))
    click.echo(f"{data}: verified, {len(made.rooms)} room(s), {made.records:,} records")
    if lacking := missing(config.keys, made.rooms):
        click.echo(f"Put {len(lacking)} keys into {config.keys} before you start it, {lacking[0]} for example.")


@contextmanager
def _progress() -> Iterator[backup.Report]:
    """How far a step is, as a bar on a terminal and nothing elsewhere."""
    # Not at the top: a tenth of a second that every other command would take longer.
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        tasks: dict[str, TaskID] = {}

        def report(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step)
            bar.update(tasks[step], completed=done, total=max(done, total))

        yield report


@cli.command("doctor")
@_settings("data")
def doctor_(data: Path) -> None:
    """Check this machine and the data directory: what may lose votes or keep phones out, and what to do about it.

    Changes nothing. Exit code 0: no problem; 1: at least one.
    """
    checks = asyncio.run(doctor.examine(Config(data=data), clock=SystemClock()))
    if sys.stdout.isatty():
        _print_table(checks)
    else:
        click.echo(doctor.text(checks))
    if any(row.level is doctor.Level.PROBLEM for row in checks):
        sys.exit(1)


def _print_table(checks: list[doctor.Check]) -> None:
    # Not at the top: see _progress.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    styles = {doctor.Level.OK: "green", doctor.Level.WARNING: "yellow", doctor.Level.PROBLEM: "bold red"}
    table = Table("", "check", "found", "what to do", show_lines=True)
    for row in checks:
        table.add_row(Text(row.level.value, styles[row.level]), row.name, Text(row.found), Text(row.remedy))
    Console().print(table)


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
        base = ""
    # Not running, or a power cut left the note empty: where it will be with the settings it has by default.
    base = base or base_urls(config, config.port)[0]
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
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read the output has seen enough. Python would complain about it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except TamperedError as error:
        click.echo(f"TAMPERED  {error}", err=True)
        sys.exit(1)
    except PermissionError as error:
        click.echo(f"livevote: Cannot use {error.filename}: run this as the user whom the server runs as.", err=True)
        sys.exit(DataDirectoryError.exit_code)
    except FailureError as failure:
        click.echo(f"livevote: {failure}", err=True)
        sys.exit(failure.exit_code)


if __name__ == "__main__":
    main()
