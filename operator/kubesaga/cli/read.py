"""Reading a FILE for a command: errors go to standard error, all of them, and end the program."""

import sys
from collections.abc import Mapping
from typing import Final, NoReturn

import click

from kubesaga.cli.exit_code import ExitCode
from kubesaga.cli.manifest import Manifest, read_manifests
from kubesaga.cli.terminal_text import one_line
from kubesaga.engine.text import counted

_ERRORS_SHOWN_MAX: Final = 200
"""More than people read; the count is told."""


def read(file: str, params: Mapping[str, str]) -> list[Manifest]:
    """Every Workflow of FILE, or the end of the program."""
    reading = read_manifests(file, params)
    for note in reading.notes:
        click.echo(one_line(note), err=True)
    if reading.errors:
        refuse(reading.errors)
    return reading.manifests


def refuse(errors: list[str]) -> NoReturn:
    """Print every error, and end the program with the code for refused input."""
    for error in errors[:_ERRORS_SHOWN_MAX]:
        click.echo(one_line(error), err=True)
    if len(errors) > _ERRORS_SHOWN_MAX:
        click.echo(f"and {len(errors) - _ERRORS_SHOWN_MAX} more", err=True)
    click.echo(f"refused: {counted(len(errors), 'error')}", err=True)
    sys.exit(ExitCode.REFUSED)
