"""The commands of whoever runs the server: start it, find its links."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click
import segno

from livevote import __version__
from livevote.cli.program import as_typed
from livevote.cli.settings import cli, settings
from livevote.config import Config
from livevote.domain.text import plain
from livevote.failures import NoSuchRoomError
from livevote.keys import Keyring
from livevote.server import Server, serve
from livevote.web.addresses import base_urls, public_url


@cli.command()
@settings()
def run(**values: Any) -> None:
    """Serve until stopped with Ctrl-C or SIGTERM."""
    if values["url"]:
        values["url"] = public_url(values["url"])
    config = Config(**values)
    if (config.tls_cert is None) != (config.tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together.")
    asyncio.run(serve(config, announce=_announce))
    if sys.stdout.isatty():
        click.echo("Stopped. Every counted vote is on the disk.")


@cli.command("host-link")
@settings("data")
@click.argument("code", required=False)
def host_link(data: Path, code: str | None) -> None:
    """Print the link for hosting room CODE, or for creating rooms. It holds a secret."""
    config = Config(data=data)
    if not config.keys.is_dir():
        raise NoSuchRoomError(f"There are no keys in {config.data}. Name the server's data directory with --data.")
    keyring = Keyring(config.keys, create=False)
    base = base_of(config)
    if code is None:
        click.echo(f"{base}/host#{keyring.operator_key}")
    elif not (config.keys / "rooms" / f"{code.upper()}.key").exists():
        raise config.no_such_room(code.upper())
    else:
        click.echo(f"{base}/host/{code.upper()}#{keyring.room(code.upper()).host_token}")


def base_of(config: Config) -> str:
    """The address that a running server noted, or where it will be with the settings that it has by default."""
    try:
        base = config.address.read_text().strip()
    except FileNotFoundError:
        base = ""
    return base or base_urls(config, config.port)[0]  # a power cut can leave the note empty


def _announce(server: Server) -> None:
    """Say where the server is. Links that hold a secret go to a terminal only: elsewhere, this is a log file."""
    secret = sys.stdout.isatty()
    listed = server.registry.all()
    newest = listed[-1] if listed else None
    config = server.services.config
    click.echo(f"livevote {__version__} is listening on port {server.port}. Data: {config.data.resolve()}")
    for url in server.urls:
        click.echo(f"  {url}/")
    if newest is not None:
        join = server.join_url(newest.code)
        click.echo(f"\nRoom '{plain(newest.state.title)}', code {newest.code}. Join at\n  {join}\n")
        segno.make(join, micro=False).terminal(compact=True)
        command = as_typed(config.command(f"host-link {newest.code}"))
        link = server.host_url(newest.code) if secret else f"run {command} to see it"
        click.echo(f"\nHost this room:   {link}")
    link = server.new_room_url() if secret else f"run {as_typed(config.command('host-link'))} to see it"
    click.echo(f"Create a room:    {link}")
    if not config.secure:
        click.echo("Plain HTTP: fine on a network you trust; use --tls-cert and --tls-key, or a proxy, elsewhere.")
    click.echo("Stop with Ctrl-C. Votes are kept.")
    sys.stdout.flush()
