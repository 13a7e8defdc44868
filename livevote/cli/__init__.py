"""The command line: parses, calls, prints. Every failure is one sentence on stderr and a documented exit code."""

import os
import sys

import click

from livevote.cli.program import as_typed, program
from livevote.cli.settings import cli
from livevote.domain.audit import TamperedError
from livevote.domain.text import plain
from livevote.failures import DataDirectoryError, FailureError

__all__ = ["cli", "main"]


def main() -> None:
    """The ``livevote`` command."""
    try:
        cli(standalone_mode=False, prog_name=program())
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read the output has seen enough. Python would complain about it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except TamperedError as error:
        # Errors quote what they found, in files that anybody may have made.
        click.echo(f"TAMPERED  {plain(str(error))}", err=True)
        sys.exit(1)
    except PermissionError as error:
        click.echo(f"livevote: Cannot use {error.filename}: run this as the user whom the server runs as.", err=True)
        sys.exit(DataDirectoryError.exit_code)
    except FailureError as failure:
        click.echo(f"livevote: {as_typed(plain(str(failure)))}", err=True)
        sys.exit(failure.exit_code)
