"""The commands that look whether all is well: with a log, a bundle or a receipt, and with the machine."""

import asyncio
import gc
import sys
from contextlib import closing
from pathlib import Path

import click

from livevote import doctor, export
from livevote.bundle import Bundle, NoBundleError
from livevote.cli.program import as_typed
from livevote.cli.settings import cli, settings
from livevote.clock import SystemClock
from livevote.config import Config
from livevote.domain.note import NoteError, Verifier
from livevote.domain.receipt import ReceiptError, check, parse
from livevote.domain.text import plain
from livevote.failures import FailureError
from livevote.log import open_reader
from livevote.sought import Sought
from livevote.verify import Verdict, kind_of, verify_bundle, verify_database

_NOT_SHOWN = 3  # exit code


@cli.command("verify")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--receipt", type=click.Path(path_type=Path), help="A voter's receipt to look for in the log.")
@click.option("--key", help="The public key (name+id+key) that must have signed; without it, the one beside the log.")
@settings("data")
def verify_(data: Path, path: Path | None, receipt: Path | None, key: str | None) -> None:
    """Check PATH (a bundle, a database or a data directory): nothing changed, dropped or reordered. Writes nothing.

    Exit code 0: intact; 1: tampered with, the first bad record is named; 2: cannot be read; 3: nothing contradicts the
    log, and what was asked for is not shown: the receipt's ballot, or a signature of the key.
    """
    chosen = data if path is None else path
    # The fold makes millions of objects and no garbage, and this process ends after it.
    gc.disable()
    try:
        trusted = None if key is None else Verifier.parse(key)
        sought = None if receipt is None else _receipt(receipt, trusted)
        doubts: list[str] = []
        for verdict in _verdicts(Config(data=chosen).database if chosen.is_dir() else chosen, trusted, sought):
            print_verdict(verdict)
            if trusted is not None and verdict.unsigned:
                doubts.append(_unsigned(verdict, trusted))
        if sought is not None:
            _print_sought(sought)
            doubts += sought.doubts
    except (FailureError, NoteError) as error:
        click.echo(f"livevote: {as_typed(plain(str(error)))}", err=True)
        sys.exit(2)
    if doubts:
        click.echo("".join(f"NOT SHOWN  {plain(doubt)}\n" for doubt in doubts), err=True, nl=False)
        sys.exit(_NOT_SHOWN)


def _unsigned(verdict: Verdict, trusted: Verifier) -> str:
    """Why the key that somebody insists on does not speak for all of a room's log."""
    first = verdict.records - verdict.unsigned + 1
    return (
        f"Room {verdict.room.code}: no checkpoint by {trusted.vkey} covers the records {first} to {verdict.records}: "
        "whoever could write the file could have made them. A server signs within a second, and whenever it exports or "
        "stops: check what it made then."
    )


def _receipt(path: Path, trusted: Verifier | None) -> Sought:
    try:
        found = parse(path.read_bytes())
        checkpoint = check(found)
    except (OSError, ReceiptError) as error:
        # Nor does one that contradicts itself say anything about a log.
        raise NoBundleError(f"Cannot read the receipt {path}: {error}") from error
    sought = Sought(found, checkpoint)
    if checkpoint is None or found.proof is None:
        click.echo("The receipt holds in itself. Nobody has signed it: it was saved before there was a checkpoint.")
        return sought
    click.echo(
        f"The receipt holds in itself: record {found.index} stands under the checkpoint of {checkpoint.size} "
        f"records signed at {export.instant(checkpoint.at)}\n  by {plain(found.proof.vkey)}"
    )
    if trusted is not None and found.proof.vkey != trusted.vkey:
        sought.doubts.append(f"The receipt was signed by another key than {trusted.vkey}.")
    return sought


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


def print_verdict(verdict: Verdict) -> None:
    room = verdict.room
    click.echo(f"INTACT  {plain(room.code)}  {plain(room.title)}")
    click.echo(f"  {verdict.records} records, {verdict.ballots} of them ballots")
    click.echo(f"  root  {verdict.root.hex()}\n  chain {verdict.chain.hex()}")
    if verdict.newest is None:
        click.echo("  no checkpoints: whoever could write the file could have made all of it")
    else:
        click.echo(
            f"  {verdict.agreed} signed checkpoints agree, the newest over {verdict.newest.size} records at "
            f"{export.instant(verdict.newest.at)}\n  signed by {plain(verdict.vkey)}"
        )
        if verdict.unsigned:
            click.echo(f"  {verdict.unsigned} records are newer than that: no signature covers them")
    for recovery in verdict.recoveries:
        click.echo(f"  RECOVERED at {export.instant(recovery.at)}: {export.recovered(recovery)}")
    if room.erased_at is not None:
        click.echo(f"  ERASED at {export.instant(room.erased_at)}: the host deleted all answers; the records are here")
        if verdict.left:
            click.echo(f"  {verdict.left} of these answers are still here: a server ends that when it starts")
    if room.code_lists:
        click.echo(f"  {verdict.issued} one-time codes were issued, {len(room.used_codes)} entered, each once")
    for issued in room.code_lists:
        click.echo(f"    list {issued.list}: {issued.count}, issued at {export.instant(issued.at)}, root {issued.root}")
    for result in verdict.results:
        question = room.questions[result.question]
        asked = question.rounds[result.round - 1]
        wording = asked.wording
        by = ", each with a code" if question.level == "code" else ""
        click.echo(f"  {plain(wording.text)} (round {result.round}, {result.voters} voted{by})")
        bins = question.kind.bins(wording.options, wording.rules)
        for option, count in zip(bins, result.counts, strict=True):
            click.echo(f"    {count:>9}  {plain(option)}")
        for term in asked.tally.terms():
            click.echo(
                f"    {term.count:>9}  {plain(term.text)}" + (f" ({term.standing})" * (term.standing != "shown"))
            )
        for name, value in question.kind.told(result.figures, wording.options, wording.rules):
            click.echo(f"    {name}: {plain(str(value))}")


def _print_sought(sought: Sought) -> None:
    receipt = sought.receipt
    if not sought.found:
        return
    place = f"The ballot of the receipt is record {receipt.index} of room {plain(receipt.room)}"
    if sought.replaced_by is not None:
        click.echo(f"{place}. It does not count: its voter replaced it by record {sought.replaced_by}.")
    elif sought.erased_by is not None:
        click.echo(f"{place}. It does not count: its answer was erased by record {sought.erased_by}.")
    else:
        click.echo(f"{place}, and it counts.")
    click.echo(f"  It answers: {plain(sought.question)} (round {sought.round})")
    if sought.chosen is None:
        click.echo("  The log does not say any more what it chose.")
    else:
        click.echo(f"  It chose: {plain(sought.chosen) or 'none of the options'}")


@cli.command("doctor")
@settings("data")
def doctor_(data: Path) -> None:
    """Check this machine and the data directory: what may lose votes or keep phones out, and what to do about it.

    Changes nothing. Exit code 0: no problem; 1: at least one.
    """
    checks = asyncio.run(doctor.examine(Config(data=data), clock=SystemClock()))
    if sys.stdout.isatty():
        _print_table(checks)
    else:
        click.echo(as_typed(doctor.text(checks)))
    if any(row.level is doctor.Level.PROBLEM for row in checks):
        sys.exit(1)


def _print_table(checks: list[doctor.Check]) -> None:
    # Not at the top: a tenth of a second that every other command would take longer.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    styles = {
        doctor.Level.OK: "green",
        doctor.Level.NOTE: "cyan",
        doctor.Level.WARNING: "yellow",
        doctor.Level.PROBLEM: "bold red",
    }
    table = Table("", "check", "found", "what to do", show_lines=True)
    for row in checks:
        found, remedy = Text(as_typed(row.found)), Text(as_typed(row.remedy))
        table.add_row(Text(row.level.value, styles[row.level]), row.name, found, remedy)
    Console().print(table)
