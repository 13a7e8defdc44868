"""The commands that change or copy data: recoveries, erasures, imports, backups."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livevote import backup, export
from livevote.clock import SystemClock
from livevote.config import Config
from livevote.domain.checker import ContradictedError
from livevote.domain.text import plain
from livevote.keys import missing
from livevote.maintenance import accept_recovery, erase, import_bundle

if TYPE_CHECKING:
    from rich.progress import TaskID
from livevote.cli.checking import print_verdict
from livevote.cli.settings import cli, settings


@cli.command("accept-recovery")
@settings("data")
@click.argument("code")
@click.option("--yes", is_flag=True, help="Do not ask.")
def accept_recovery_(data: Path, code: str, yes: bool) -> None:
    """Go on with the log of room CODE although it contradicts its checkpoints, and record that in it.

    For when a start says that the log was changed or is an older copy, and there is no better backup.
    """
    code = code.upper()

    def agrees(error: ContradictedError) -> bool:
        click.echo(
            f"{plain(str(error))}.\nA checkpoint of {export.instant(error.lost.at)} has {error.lost.size} records. Up "
            f"to record {error.kept} the log is the same; what came after may be missing or changed."
        )
        return yes or click.confirm("Go on with the log as it is, and record that?")

    accepted = asyncio.run(accept_recovery(Config(data=data), code, SystemClock(), agrees=agrees))
    if accepted:
        click.echo(f"Recorded. Room {code} goes on; whoever verifies it is told.")
    else:
        click.echo("The log fits its checkpoints, or you did not agree: nothing was recorded.")


@cli.command()
@settings("data")
@click.argument("code")
@click.argument("index", type=click.IntRange(min=1))
@click.option("--yes", is_flag=True, help="Do not ask.")
def redact(data: Path, code: str, index: int, yes: bool) -> None:
    """Erase what a voter wrote at record INDEX of room CODE, for good: a ballot's answer, a post's text or a name.

    The log says so and still verifies.

    The server must be stopped. Backups and exports made before still have it.
    """
    code = code.upper()
    if yes or click.confirm(f"Erase what was written at record {index} of room {code}? It cannot be brought back."):
        done = asyncio.run(erase(Config(data=data), code, index, SystemClock()))
        click.echo(f"Erased, and recorded as record {done.recorded}. Backups and exports made before still have it.")
        if done.left_in is not None:
            click.echo(
                f"{done.left_in} has it as well, because another program has the database open. End that program, "
                "then start and stop livevote once."
            )


@cli.command("import")
@settings("data")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--new-key", is_flag=True, help="Where voting is open: import without its voters' keys. Everybody can vote again."
)
def import_(data: Path, bundle: Path, new_key: bool) -> None:
    """Take a room from its BUNDLE into the data directory, byte for byte. The server must be stopped."""
    verdict = asyncio.run(import_bundle(Config(data=data), bundle, SystemClock(), new_key=new_key))
    print_verdict(verdict)
    click.echo(f"Imported into {data}.")


@cli.command("backup")
@settings("data")
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
@settings("data")
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
