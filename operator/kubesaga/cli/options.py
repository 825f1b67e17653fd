"""Options that several commands share; wrong commands get a suggestion."""

import math
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

import click

from kubesaga.cli.exit_code import ExitCode

_KIND: Final = re.compile(r"^(saga|sagas|workflow|workflows)(\.kubesaga\.dev)?/")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


class SuggestingGroup(click.Group):
    """Suggests the command that was meant, and shows nobody a traceback."""

    def __init__(self, *args: Any, sections: Mapping[str, Sequence[str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections or {}
        """Titles and commands, for the help."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """See click."""
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            click.echo(f"kubesaga: {error.strerror or error}", err=True)
            sys.exit(ExitCode.FAILED)
        except Exception as error:
            if "KUBESAGA_DEBUG" in os.environ:
                raise
            message = f"kubesaga: a defect, please report it: {type(error).__name__}: {error}"
            click.echo(f"{message} (KUBESAGA_DEBUG=1 shows where)", err=True)
            sys.exit(ExitCode.FAILED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See click: the commands by what they are for."""
        names = self.list_commands(ctx)
        width = max(map(len, names))
        for title, wanted in (*self.sections.items(), ("Others", ())):
            section = [name for name in (wanted or names) if name in names]
            names = [name for name in names if name not in section]
            if section:
                with formatter.section(title):
                    formatter.write_dl([(f"{n:<{width}}", self.commands[n].get_short_help_str(90)) for n in section])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """See click."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f' Did you mean "{close[0]}"?' if close and "Did you mean" not in error.message else ""
            raise click.UsageError(f"{error.message}{hint}", ctx) from None


class Seconds(click.FloatRange):
    """A number of seconds that there is: no infinity, and no "not a number"."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click."""
        seconds = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            self.fail(f"{value} is no number of seconds", param, ctx)
        return seconds


def workflow_argument(command: Any) -> Any:
    """The WORKFLOW of a command, as a name or as kubectl writes it."""
    return click.argument("name", metavar="WORKFLOW", callback=_workflow_name)(command)


def _workflow_name(ctx: click.Context, param: click.Parameter, value: str) -> str:
    name = _KIND.sub("", value)
    if not _SUBDOMAIN.fullmatch(name):
        raise click.BadParameter(f"{value!r} is no name of a Workflow", ctx, param)
    return name


def file_argument(command: Any) -> Any:
    """The FILE of a command."""
    return click.argument("file", metavar="FILE")(command)


def param_option(command: Any) -> Any:
    """--param NAME=VALUE, any number of times."""
    return pairs_option("-p", "--param", "params", "Set a parameter of the Workflow. May be repeated.")(command)


def pairs_option(*names_and_help: str) -> Callable[[Any], Any]:
    """An option NAME=VALUE, any number of times."""
    *names, text = names_and_help
    return click.option(*names, multiple=True, metavar="NAME=VALUE", callback=_pairs, help=text)


def output_option(*formats: str) -> Callable[[Any], Any]:
    """-o FORMAT."""
    text = " (text by default)" if "text" in formats else ": the final Workflow and nothing else"
    return click.option("-o", "--output", type=click.Choice(formats), help=f"What to print to standard output{text}.")


def cluster_options(command: Any) -> Any:
    """-n, --context and --timeout of a command that asks something of a cluster."""
    timeout = click.option(
        "--timeout",
        metavar="SECONDS",
        type=Seconds(0),
        default=30.0,
        show_default=True,
        help="Longest wait for the operator's answer; 0 does not wait.",
    )
    return place_options(timeout(command))


def place_options(command: Any) -> Any:
    """-n and --context: where in which cluster a Workflow is."""
    for option in (
        click.option("--context", metavar="NAME", help="Context of the kubeconfig; the current one by default."),
        click.option("-n", "--namespace", metavar="NAME", help="Namespace; that of the context by default."),
    ):
        command = option(command)
    return command


def _pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for name, separator, _ in pairs:
        if not separator or not name:
            raise click.BadParameter(f'"{name}" is not NAME=VALUE', ctx, param)
    for name, _, value in pairs:
        if not _is_unicode(name + value):
            raise click.BadParameter(f"{name!a}: the value is not valid Unicode in this locale", ctx, param)
    return {name: value for name, _, value in pairs}


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
