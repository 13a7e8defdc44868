"""The commands that show what is in a log: rooms and exports. They also run beside a server."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import click

from livevote import export
from livevote.cli.settings import cli, settings
from livevote.config import Config
from livevote.domain.text import plain
from livevote.export import FORMATS, Format, Source
from livevote.failures import DataDirectoryError
from livevote.log import open_reader


@cli.command()
@settings("data")
def rooms(data: Path) -> None:
    """List the rooms of the data directory: code, records, title."""
    asyncio.run(_rooms(Config(data=data)))


async def _rooms(config: Config) -> None:
    reader = await open_reader(f"sqlite:{config.database}")
    for code, title, records in export.rooms(reader):
        click.echo(f"{plain(code)}  {records:>9}  {plain(title)}")


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
        raise config.no_such_room(code)
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
    # Not at the top: a tenth of a second that every other command would take longer.
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task(format_.name, total=source.head.index * format_.passes)
        yield replace(source, on_read=lambda records: progress.advance(task, records))
