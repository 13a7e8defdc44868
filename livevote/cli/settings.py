"""The group of commands, and the settings as options: made from the one table in ``config``."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from livevote import __version__
from livevote.config import SETTINGS, Setting

COMMANDS = {
    "accept-recovery": "upkeep",
    "backup": "upkeep",
    "codes": "codes",
    "doctor": "checking",
    "export": "reading",
    "host-link": "serving",
    "import": "upkeep",
    "redact": "upkeep",
    "replay": "replaying",
    "restore": "upkeep",
    "room": "planning",
    "rooms": "reading",
    "run": "serving",
    "verify": "checking",
}
"""Each command and the module that has it."""


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


def settings(*names: str) -> Callable[[Any], Any]:
    chosen = [setting for setting in SETTINGS if not names or setting.name in names]

    def decorate(command: Any) -> Any:
        for setting in reversed(chosen):
            command = _option(setting)(command)
        return command

    return decorate


class _Commands(click.Group):
    """Imports the module of a command when it is wanted: most commands start in half the time without the server."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if module := COMMANDS.get(cmd_name):
            importlib.import_module(f"livevote.cli.{module}")
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands)
@click.version_option(__version__)
def cli() -> None:
    """Self-hosted live voting: an acknowledged vote is on disk, counted once and can be checked."""
