"""The commands that are about whole rooms: made from files, checked, saved as files, deleted.

They work on the data directory, or ask the server that runs on it.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from livevote.cli import remote
from livevote.cli.program import as_typed
from livevote.cli.settings import cli, settings
from livevote.clock import SystemClock
from livevote.config import Config
from livevote.domain.room import BrokenLogError
from livevote.domain.state import Room
from livevote.domain.tally import fold
from livevote.domain.text import plain
from livevote.failures import BadFileError, CorruptError, DataDirectoryError
from livevote.keys import Keyring, random_code
from livevote.log import open_reader
from livevote.maintenance import create_room, delete_room
from livevote.plan import Problem, Reading, Trial, decoded, is_sheet, read_room, room_yaml, sheet_csv, try_out

_MOST_BYTES = 1024 * 1024  # far more than 200 questions with 50 options each
_DELETED_WITHIN_S = 10.0
_LOOK_AGAIN_S = 0.2


@cli.group()
def room() -> None:
    """Rooms as files: make one, check it, save it, delete what was voted."""


@room.command("new")
@settings("data")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--title", default="", help="The room's title, in place of the file's. A sheet has none.")
@click.option("--open", "open_first", is_flag=True, help="Open the first question at once.")
def new(data: Path, file: Path, title: str, open_first: bool) -> None:
    """Make a room from FILE (YAML, or CSV with its questions), also while the server runs.

    Exit code 64: the file has mistakes, each is printed with its line, and nothing was made.
    """
    config = Config(data=data)
    text = _text(file)
    code = random_code()
    reading, trial = _trial(file, text, title, code, open_first=open_first)
    _show(file, reading.warnings)
    _refuse(file, reading, trial)
    base = remote.server_of(config)
    if base is None:
        asyncio.run(create_room(config, trial.commands, SystemClock()))
    else:
        key = Keyring(config.keys, create=False).operator_key
        answer = remote.post(
            base, "/api/rooms/from-file", key=key, body={"name": file.name, "text": text, "title": title}
        )
        code = answer["made"]["code"]
        if open_first and trial.commands:
            opening = {"type": "open", "question": "q1"}
            remote.post(base, f"/api/rooms/{code}/commands", key=answer["made"]["host_token"], body=opening)
    click.echo(f"{code}  {len(reading.plan.questions)} questions  {plain(reading.plan.title)}")
    click.echo(as_typed(f"{config.command(f'host-link {code}')} prints the link for hosting it."))


@room.command("check")
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Look for mistakes in FILE (YAML, or CSV with questions) and make nothing."""
    text = _text(file)
    # A sheet is for a room that has a title.
    reading, trial = _trial(file, text, "-" if is_sheet(file.name) else "", "CHECK", open_first=False)
    _show(file, reading.warnings)
    _refuse(file, reading, trial)
    click.echo(f"{plain(str(file))}: {len(reading.plan.questions)} questions, no mistakes")


@room.command("save")
@settings("data")
@click.argument("code")
@click.argument("file", type=click.Path(path_type=Path), required=False)
def save(data: Path, code: str, file: Path | None) -> None:
    """Write room CODE as a file that makes it again: YAML, or its questions as CSV where FILE ends so.

    Without FILE, as YAML to standard output. Votes are in no such file.
    """
    state = asyncio.run(_read(Config(data=data), code.upper()))
    if file is None:
        click.echo(room_yaml(state), nl=False)
        return
    try:
        file.write_bytes(sheet_csv(state) if is_sheet(file.name) else room_yaml(state))
    except OSError as error:
        raise DataDirectoryError(f"Cannot write {file}: {error.strerror}. Name another file.") from error


@room.command("delete")
@settings("data")
@click.argument("code")
@click.option("--yes", "typed", metavar="CODE", help="Do not ask: the code once more.")
def delete(data: Path, code: str, typed: str | None) -> None:
    """Delete all answers of room CODE, for good, also while the server runs.

    The room is closed, and its log still verifies. What the host wrote (title, questions) stays, and when somebody
    voted. Backups and exports made before keep the answers.
    """
    config, code = Config(data=data), code.upper()
    if typed is None:
        click.echo(f"All answers in room {code} will be deleted. They cannot be brought back.")
        typed = click.prompt("Type the code of the room to go on", default="", show_default=False)
    if typed.upper() != code:
        raise click.UsageError(f"This is not the code {code}: nothing was deleted.")
    base = remote.server_of(config)
    if base is None:
        done = asyncio.run(delete_room(config, code, SystemClock()))
        click.echo(
            f"Deleted, and recorded as record {done.recorded}. Backups and exports made before have the answers."
        )
        if done.left_in is not None:
            click.echo(
                f"{done.left_in} has some as well, because another program has the database open. End that program, "
                "then start and stop livevote once."
            )
        return
    if not (config.keys / "rooms" / f"{code}.key").exists():
        raise config.no_such_room(code)
    token, path = Keyring(config.keys, create=False).room(code).host_token, f"/api/rooms/{code}/delete"
    answer = remote.post(base, path, key=token, body={"code": code})
    click.echo(f"Recorded as record {answer['as_of']}; the server takes the answers out of its files now.")
    give_up_s = time.monotonic() + _DELETED_WITHIN_S
    while not answer["done"] and time.monotonic() < give_up_s:
        time.sleep(_LOOK_AGAIN_S)
        answer = remote.get(base, path, key=token)
    click.echo(_how_far(config, answer))


def _how_far(config: Config, answer: Mapping[str, Any]) -> str:
    """What a running server has done of a deletion, and what is left for the operator to do."""
    if answer["done"]:
        return (
            "None are left in its files. Its memory may have copies until it ends: where that matters, stop it and "
            "start it again. Backups and exports made before have them."
        )
    if answer["traces"]:
        return (
            f"{config.database}-wal still has some, because another program has the database open. End that program: "
            "the server tries again every second, and they are gone at the latest when it ends and no other program "
            "has the database open. The same command says whether they are."
        )
    return "It is not done yet. The same command says whether it is; if the server ends before, its next start goes on."


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            found = decoded(opened.read(_MOST_BYTES + 1))
            is_long = opened.tell() > _MOST_BYTES
    except OSError as error:
        raise DataDirectoryError(f"Cannot read {file}: {error.strerror}.") from error
    if is_long:
        raise BadFileError(f"{file} is longer than a megabyte. A room file is not.")
    if isinstance(found, Problem):
        raise BadFileError(f"{file}, {found}")
    return found


def _trial(file: Path, text: str, title: str, code: str, *, open_first: bool) -> tuple[Reading, Trial]:
    reading = read_room(file.name, text, title=title)
    return reading, try_out(reading.plan, code, at=SystemClock().now_ms(), open_first=open_first)


def _show(file: Path, warnings: Iterable[Problem]) -> None:
    for warning in warnings:
        click.echo(f"{plain(str(file))}, {plain(str(warning))} (a warning)", err=True)


def _refuse(file: Path, reading: Reading, trial: Trial) -> None:
    if errors := sorted({*reading.errors, *trial.errors}):
        for error in errors:
            click.echo(f"{plain(str(file))}, {plain(str(error))}", err=True)
        raise BadFileError(f"{file} has {len(errors)} mistake(s). Nothing was made.")


async def _read(config: Config, code: str) -> Room:
    reader = await open_reader(f"sqlite:{config.database}")
    try:
        found = fold(reader.scan(code))
    except BrokenLogError as error:
        raise CorruptError(f"The log does not add up: {error}. Restore a backup; keep the damaged file.") from error
    if found is None:
        raise config.no_such_room(code)
    return found
