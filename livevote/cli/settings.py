"""The group of commands, and the settings as options: made from the one table in ``config``."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livevote import __version__
from livevote.config import SETTINGS, Setting

if TYPE_CHECKING:
    pass


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


@click.group()
@click.version_option(__version__)
def cli() -> None:
    """Self-hosted live voting: an acknowledged vote is on disk, counted once and can be checked."""
