"""The command line: parses, calls, prints. Every failure is one sentence on stderr and a documented exit code."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import segno

from livevote import __version__, export
from livevote.bundle import Bundle, NoBundleError
from livevote.config import SETTINGS, Config, Setting
from livevote.domain.audit import TamperedError
from livevote.domain.note import NoteError, Verifier
from livevote.domain.receipt import ReceiptError, check, parse
from livevote.failures import DataDirectoryError, FailureError, NoSuchRoomError
from livevote.keys import Keyring
from livevote.log import open_reader
from livevote.server import Server, serve
from livevote.verify import Sought, Verdict, kind_of, verify_bundle, verify_database
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
    try:
        trusted = None if key is None else Verifier.parse(key)
        sought = None if receipt is None else _receipt(receipt, trusted)
        for verdict in _verdicts(Config(data=chosen).database if chosen.is_dir() else chosen, trusted, sought):
            _print_verdict(verdict)
        if sought is not None:
            _print_sought(sought)
    except TamperedError as error:
        click.echo(f"TAMPERED  {error}", err=True)
        sys.exit(1)
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
    return Sought(found)


def _verdicts(path: Path, trusted: Verifier | None, sought: Sought | None) -> list[Verdict]:
    hidden = not sys.stderr.isatty()
    if kind_of(path) == "bundle":
        with closing(Bundle(path, trusted=trusted)) as bundle:
            size = path.stat().st_size
            with click.progressbar(length=size, label="Checking", file=sys.stderr, hidden=hidden) as bytes_read:
                done = verify_bundle(bundle, sought=sought, progress=bytes_read.update)
            return [done]
    reader = asyncio.run(open_reader(f"sqlite:{path}"))
    with click.progressbar(
        reader.scan(), length=reader.count(), label="Checking", file=sys.stderr, hidden=hidden
    ) as bar:
        directory = path.parent / Config().checkpoints.name
        return list(verify_database(reader, directory, trusted=trusted, sought=sought, scan=bar))


def _print_verdict(verdict: Verdict) -> None:
    room = verdict.room
    click.echo(f"INTACT  {room.code}  {room.title}")
    click.echo(f"  {verdict.records} records, {verdict.ballots} of them ballots")
    click.echo(f"  root  {verdict.root.hex()}\n  chain {verdict.chain.hex()}")
    if verdict.newest is None:
        click.echo("  no checkpoints: whoever could write the file could have made all of it")
    else:
        click.echo(
            f"  {verdict.agreed} signed checkpoints agree, the newest over {verdict.newest.size} records at "
            f"{export.instant(verdict.newest.at)}\n  signed by {verdict.vkey}"
        )
    for recovery in verdict.recoveries:
        click.echo(
            f"  RECOVERED at {export.instant(recovery.at)}: the log had {recovery.lost} records by its checkpoints, of "
            f"which those after {recovery.kept} may be lost or changed"
        )
    for result in verdict.results:
        question = room.questions[result.question]
        click.echo(f"  {question.text} (round {result.round}, {result.voters} voted)")
        for option, count in zip(question.options, result.counts, strict=False):
            click.echo(f"    {count:>9}  {option}")


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
