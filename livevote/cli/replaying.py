"""The command that plays an evening once more. It also runs beside a server."""

import asyncio
import contextlib
from pathlib import Path

import click
from rich.console import Console

from livevote.cli.settings import cli, settings
from livevote.clock import SystemClock
from livevote.config import Config
from livevote.domain.room import BrokenLogError
from livevote.failures import CorruptError
from livevote.log import open_reader
from livevote.replay import terminal
from livevote.replay.document import Replay, read
from livevote.replay.playhead import Playhead


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
        raise config.no_such_room(code)
    try:
        return (await read(reader, code, upto=head.index)).document("host")
    except BrokenLogError as error:
        raise CorruptError(f"The log does not add up: {error}. Restore a backup; keep the damaged file.") from error
