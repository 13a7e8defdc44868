"""The commands that show what is in a log: rooms, exports, the replay. They also run beside a server."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
from rich.console import Console

from livevote import export
from livevote.clock import SystemClock
from livevote.config import Config
from livevote.domain.room import BrokenLogError
from livevote.export import FORMATS, Format, Source
from livevote.failures import CorruptError, DataDirectoryError, NoSuchRoomError
from livevote.log import open_reader
from livevote.replay import terminal
from livevote.replay.document import Replay, read
from livevote.replay.playhead import Playhead

if TYPE_CHECKING:
    pass
from livevote.cli.settings import cli, settings


@cli.command()
@settings("data")
def rooms(data: Path) -> None:
    """List the rooms of the data directory: code, records, title."""
    asyncio.run(_rooms(Config(data=data)))


async def _rooms(config: Config) -> None:
    reader = await open_reader(f"sqlite:{config.database}")
    for code, title, records in export.rooms(reader):
        click.echo(f"{code}  {records:>9}  {title}")


@cli.command("export")
@settings("data")
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
        # What a killed export left may have another mode.
        unfinished.unlink(missing_ok=True)
        with _watched(format_, source) as watched, _private(unfinished) as file:
            await _write(format_, watched, file)
        unfinished.replace(output)
    except OSError as error:
        raise DataDirectoryError(
            f"Cannot write {output}: {error.strerror}. Name another file with --output."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _private(path: Path) -> BinaryIO:
    """A new file for its owner alone: it holds ballots."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


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


@cli.command("replay")
@settings("data")
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
