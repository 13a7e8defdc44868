"""The commands for one-time codes: make or bring along a list of them, and print them."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import click

from livevote.cli.serving import base_of
from livevote.cli.settings import cli, settings
from livevote.clock import SystemClock
from livevote.config import Config
from livevote.domain.codes import MAX_COUNT
from livevote.domain.records import CodesIssued
from livevote.failures import DataDirectoryError
from livevote.live.codebook import draw
from livevote.maintenance import issue_codes
from livevote.web import code_sheet
from livevote.web.addresses import public_url
from livevote.web.assets import Assets
from livevote.web.code_api import read_codes
from livevote.web.languages import DEFAULT, LANGUAGES


@cli.group("codes")
def codes_() -> None:
    """One-time codes for questions that take one ballot a code. 'make' and 'import' need the server stopped."""


@codes_.command("make")
@settings("data", "url")
@click.argument("code")
@click.argument("count", type=click.IntRange(1, MAX_COUNT))
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="The CSV file to write them to.")
def make(data: Path, url: str, code: str, count: int, output: Path) -> None:
    """Make COUNT codes for room CODE and write them to a new CSV file of mode 0600: nothing else keeps them."""
    config, code = Config(data=data), code.upper()
    made = draw(count)
    # First: codes that were issued and are nowhere to be read would be lost.
    _write_new(output, code_sheet.csv(_join_url(config, url, code), made))
    try:
        issued = asyncio.run(issue_codes(config, code, made, SystemClock()))
    except BaseException:
        output.unlink(missing_ok=True)
        raise
    _print(issued, code)


@codes_.command("import")
@settings("data")
@click.argument("code")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
def import_codes(data: Path, code: str, file: TextIO) -> None:
    """Issue the codes in FILE to room CODE: its first column, or one code a line."""
    code = code.upper()
    _print(asyncio.run(issue_codes(Config(data=data), code, _read(file), SystemClock())), code)


@codes_.command("print")
@settings("data", "url")
@click.argument("code")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="The HTML page to write.")
@click.option("--title", default="", help="What stands above each code; the join address without it.")
@click.option("--language", type=click.Choice(list(LANGUAGES)), default=DEFAULT, help="In which language it is.")
def print_codes(data: Path, url: str, code: str, file: TextIO, output: Path, title: str, language: str) -> None:
    """Write the codes in FILE as a page to print and cut up, each with its QR code, mode 0600."""
    config, code = Config(data=data), code.upper()
    join_url, page = _join_url(config, url, code), Assets().code_sheet.find(language).body.decode()
    _write_new(output, code_sheet.sheet(page, title=title or f"Room {code}", join_url=join_url, codes=_read(file)))
    click.echo(f"Wrote {output}. Print it, then delete it: whoever has a code votes with it.")


def _join_url(config: Config, url: str, code: str) -> str:
    return f"{public_url(url) if url else base_of(config)}/{code}"


def _read(file: TextIO) -> list[str]:
    columns = [line.split(",")[0].split(";")[0].strip() for line in file]
    if columns and columns[0].lower() == "code":
        del columns[0]
    try:
        return read_codes(" ".join(columns))
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None


def _write_new(path: Path, parts: Iterable[str]) -> None:
    """Write a new file for its owner alone, durably. Nothing is overwritten."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise DataDirectoryError(f"Cannot write {path}: {error.strerror}. Name another file with --output.") from error


def _print(issued: CodesIssued, code: str) -> None:
    click.echo(f"Issued {issued.count} codes to room {code} as list {issued.list}, root {issued.root}")
